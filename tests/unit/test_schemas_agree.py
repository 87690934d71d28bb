"""The schemas of requests and mapping schemes take just what the code takes."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sparc_fuse_core.cloud.request import as_input, parse_request
from sparc_fuse_core.errors import RequestError, SchemeError
from sparc_fuse_core.formats.registry import FORMATS
from sparc_fuse_core.schemes.options import OPTIONS
from sparc_fuse_core.schemes.schemes import default_schemes_folder
from tests.schemas import check, validator

if TYPE_CHECKING:
    from pathlib import Path

NODE = "N:dataset:5bd7ba0d-4d3f-4a0e-8a0e-5a1a4f1ed0c2"
WORDS = st.sampled_from(
    ["", "a", "s", "utf-16", ".", "224", "uploads/x", "uploads/7", "10.26275/x"]
)
SIMPLE = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 5), st.sampled_from([0.5, -1.5]), WORDS
)
ANY = st.one_of(SIMPLE, st.lists(SIMPLE, max_size=2), st.dictionaries(WORDS, SIMPLE, max_size=2))
DATASETS = st.one_of(
    st.sampled_from(["uploads/a b", NODE, "https://doi.org/10.1/x", 224, " 224 "]), ANY
)
REQUESTS = {
    "version": st.one_of(st.sampled_from(["2", "02", "0", 1]), ANY),
    "paths": ANY,
    "file_format": st.sampled_from([None, "zarr", "npz", "zip", 3]),
    "profile": st.sampled_from([None, "default", "dense", "thick"]),
    "reader": st.sampled_from([None, "own", "neo", "other"]),
    "overwrite": SIMPLE,
    "salvage": SIMPLE,
    "verify": st.sampled_from(
        [
            None,
            "independent",
            "sample:5%",
            "sample:0%",
            "sample:100%",
            "sample:100.5%",
            "sample:0.5%",
            "5%",
        ]
    ),
    "cost_limit_usd": SIMPLE,
    "max_concurrency": SIMPLE,
    "dry_run": SIMPLE,
}


@given(st.fixed_dictionaries({"dataset_id": DATASETS}, optional=REQUESTS))
@example({"dataset_id": "uploads/x", "version": 2})
@example({"dataset_id": NODE, "version": 2})
@example({"dataset_id": NODE, "reader": "neo"})
@example({"dataset_id": 224, "verify": "sample:000%"})
def test_a_request_is_taken_by_both_or_by_none(values: dict[str, Any]) -> None:
    try:
        request = parse_request(values)
    except RequestError:
        request = None
    assert validator("request").is_valid(values) == (request is not None)
    if request is not None:
        check("request", as_input(request))


def test_the_schema_knows_each_key_of_a_request() -> None:
    with pytest.raises(RequestError, match="known: ") as refused:
        parse_request({"dataset_id": 224, "no such": 1})
    known = str(refused.value).partition("known: ")[2].split(", ")
    assert set(known) == set(validator("request").schema["properties"])


OF_OPTIONS = st.dictionaries(st.sampled_from([*OPTIONS, "other"]), ANY, max_size=3)
NAMED = st.sampled_from([*(row.name for row in FORMATS if row.options), "edf", "", "none", 3])
SCHEMES = {
    "dataset": st.one_of(st.sampled_from([[224, "a"], [], 5, ""]), ANY),
    "files": SIMPLE,
    "notes": SIMPLE,
    "metadata": st.one_of(st.dictionaries(WORDS, SIMPLE, max_size=2), SIMPLE),
    "other": SIMPLE,
}


def taken(table: dict[str, Any]) -> bool:
    from sparc_fuse_core.schemes import schemes

    try:
        schemes._scheme("x", table, "x.toml")
    except SchemeError:
        return False
    return True


@given(
    st.fixed_dictionaries(
        {"format": NAMED, "options": st.one_of(OF_OPTIONS, SIMPLE)}, optional=SCHEMES
    )
)
@example({"format": "text", "options": {"header": True, "time_column": 0}})
@example({"files": "*.csv", "options": {"header": True}})
@example({"dataset": 3, "metadata": {"a": 1}})
def test_a_scheme_is_taken_by_both_or_by_none(table: dict[str, Any]) -> None:
    assert validator("scheme").is_valid(table) == taken(table)


@pytest.mark.parametrize(
    "path", sorted(default_schemes_folder().glob("*.toml")), ids=lambda p: p.stem
)
def test_the_schemes_that_come_with_it_are_as_the_schema_says(path: Path) -> None:
    check("scheme", tomllib.loads(path.read_text(encoding="utf-8")))


def test_each_kind_of_option_is_taken_with_a_right_value() -> None:
    """So that the two above do not agree on refusing everything."""
    right: dict[str, Any] = {
        "text": "s",
        "texts": ["a"],
        "boolean": True,
        "count": 3,
        "number": 2.5,
    }
    right |= {
        "decimal": -1,
        "column": "a",
        "columns": [0, "b"],
        "table": {"a": "b"},
        "numbers": {"a": 2},
    }
    for row in FORMATS:
        for name in row.options if row.reader else ():
            option = OPTIONS[name]
            value = option.choices[0] if option.choices else right[option.kind]
            table = {"format": row.name, "options": {name: value}}
            assert taken(table), table
            check("scheme", table)
            assert not validator("scheme").is_valid({**table, "options": {name: [[]]}})
