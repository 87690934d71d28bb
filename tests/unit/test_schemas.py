"""The published schemas take what is written and refuse what a reader could not rely on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest
import zarr

from sparc_fuse_core.model import Contents, Recording
from sparc_fuse_core.writers import zarr_signals
from sparc_fuse_core.writers.attributes import plain
from tests.schemas import check, check_store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    one = Recording("m", np.ones((2, 50)), ("a", ""), ("mV", ""), 10.0)
    facts = {
        "auto_mapped": True,
        "nested": {"a": [1, None]},
        "empty": [],
        "none": None,
        "mixed": [1, "a"],
    }
    out = tmp_path / "x.zarr"
    zarr_signals.write(Contents((one,), start_time="2021-03-04"), out, facts, budget_bytes=10**6)
    return out


def test_a_recording_is_as_its_schema_says(store: Path) -> None:
    check_store(store)
    attributes = zarr.open_group(store).attrs
    assert attributes["auto_mapped"] == 1
    assert json.loads(str(attributes["nested"])) == {"a": [1, None]}
    assert json.loads(str(attributes["mixed"])) == [1, "a"]
    assert not {"empty", "none"} & attributes.keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("other", {"nested": 1}),
        ("other", []),
        ("other", None),
        ("other", True),
        ("other", ["a", 1]),
        ("layout", "sparc-fuse-signals-1"),
        ("start_time", "4.3.2021"),
        ("streams", [{"name": "x"}]),
        ("kind", "picture"),
        ("mapping_score", 1.5),
    ],
)
def test_what_a_reader_could_not_rely_on_is_refused(store: Path, name: str, value: Any) -> None:
    attributes = dict(zarr.open_group(store).attrs)
    with pytest.raises(jsonschema.ValidationError):
        check("store", {**attributes, name: value})


@pytest.mark.parametrize("name", ["layout", "streams", "n_events", "Conventions"])
def test_what_is_announced_cannot_be_absent(store: Path, name: str) -> None:
    attributes = dict(zarr.open_group(store).attrs)
    del attributes[name]
    with pytest.raises(jsonschema.ValidationError):
        check("store", attributes)


def test_numbers_beyond_64_bits_become_text() -> None:
    assert plain({"a": 2**70, "b": [2**70], "c": 2**62}) == {
        "a": str(2**70),
        "b": f"[{2**70}]",
        "c": 2**62,
    }
