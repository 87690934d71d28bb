"""Lists of datasets: what is taken, what is refused by its entry, what is the same list."""

from __future__ import annotations

from typing import Any

import pytest

from sparc_fuse_core import errors
from sparc_fuse_core.cloud.many import (
    MOST_DATASETS,
    datasets_and_paths,
    list_input,
    list_name,
    parse_list,
    read_list,
)
from sparc_fuse_core.cloud.request import execution_name, parse_request


def test_entries_take_what_the_list_states_unless_they_state_another() -> None:
    found = parse_list(
        {
            "datasets": [224, "10.26275/abcd-1234", {"dataset_id": 7, "paths": ["derivative"]}],
            "paths": ["primary"],
            "salvage": True,
            "cost_limit_usd": 5,
            "max_concurrency": 40,
        }
    )
    assert [r.dataset_id for r in found.requests] == ["224", "10.26275/abcd-1234", "7"]
    assert [r.paths for r in found.requests] == [("primary",), ("primary",), ("derivative",)]
    assert all(request.options.salvage for request in found.requests)
    assert (found.cost_limit_usd, found.max_concurrency) == (5, 40)
    assert [request.cost_limit_usd for request in found.requests] == [None, None, None]
    assert parse_list(list_input(found)) == found


def test_a_dataset_that_is_there_twice_is_one() -> None:
    found = parse_list(
        {"datasets": [224, "224", {"dataset_id": "224"}, {"dataset_id": 224, "version": 1}]}
    )
    assert [(r.dataset_id, r.version) for r in found.requests] == [("224", None), ("224", "1")]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([224], "a JSON object"),
        ({"datasets": 224}, "a JSON object"),
        ({"datasets": []}, "0 entries"),
        ({"datasets": list(range(1, MOST_DATASETS + 2))}, f"{MOST_DATASETS + 1} entries"),
        ({"datasets": [224, True]}, "true: expected a dataset"),
        ({"datasets": [224, None]}, "null: expected a dataset"),
        ({"datasets": [224, 2.5]}, "2.5: expected a dataset"),
        ({"datasets": [224, "the heart one"]}, "the heart one"),
        ({"datasets": [224, {"dataset_id": 7, "path": []}]}, "path: no such option"),
        ({"datasets": [{"dataset_id": 7, "max_concurrency": 2}]}, "holds for the whole list"),
        ({"datasets": [7], "version": 1}, "version: no such option of a list"),
        ({"datasets": [7], "cost_limit_usd": "5"}, "cost_limit_usd='5'"),
        ({"datasets": [7], "cost_limit_usd": float("nan")}, "cost_limit_usd=nan"),
        ({"datasets": [7], "max_concurrency": 0}, "max_concurrency=0"),
        ({"datasets": [7], "max_concurrency": True}, "max_concurrency=True"),
        ({"datasets": [{"dataset_id": 7, "paths": ["x" * 100_001]}]}, "bytes of requests"),
    ],
)
def test_what_is_no_list_is_refused_and_says_which_entry(values: Any, says: str) -> None:
    with pytest.raises(errors.RequestError, match=says):
        parse_list(values)


def test_the_name_is_that_of_the_work() -> None:
    one = parse_list({"datasets": [224, 225]})
    assert list_name(one) == list_name(parse_list({"datasets": ["224", "225"]}))
    faster = parse_list({"datasets": [224, 225], "max_concurrency": 3})
    assert list_name(faster) == list_name(one), "how fast is no part of what"
    others = [
        {"datasets": [225, 224, 226]},
        {"datasets": [224, 225], "paths": ["primary"]},
        {"datasets": [224, 225], "cost_limit_usd": 1},
    ]
    assert len({list_name(parse_list(values)) for values in others} | {list_name(one)}) == 4
    assert list_name(one).startswith("list-2-")


def test_how_fast_a_dataset_is_converted_is_no_part_of_its_executions_name() -> None:
    plain = parse_request({"dataset_id": 224})
    slow = parse_request({"dataset_id": 224, "max_concurrency": 1})
    assert execution_name(plain) == execution_name(slow)


def test_a_file_has_lines_or_json() -> None:
    text = "\ufeff# first\n224\n\n364 primary/sub-1 derivative  # two folders\nuploads/trial\n"
    assert read_list(text.removeprefix("\ufeff"), "f") == [
        "224",
        {"dataset_id": "364", "paths": ["primary/sub-1", "derivative"]},
        "uploads/trial",
    ]
    assert read_list("[224, 225]", "f") == [224, 225]
    assert read_list('{"datasets": [224]}', "f") == [224]
    for text, says in (
        ("# none\n\n", "names no dataset"),
        ("[224,", "not JSON"),
        ('{"dataset_id": 224}', "expected a list"),
        ('{"datasets": [1], "cost_limit_usd": 1}', "expected a list"),
        ("[" * 100_000, "not JSON"),
    ):
        with pytest.raises(errors.RequestError, match=f"f: {says}"):
            read_list(text, "f")


@pytest.mark.parametrize(
    ("words", "datasets", "paths"),
    [
        ("224", ["224"], []),
        ("224 225 7", ["224", "225", "7"], []),
        ("224 primary/sub-1 225", ["224", "225"], ["primary/sub-1"]),
        ("224 10.txt ./12 sub-10", ["224"], ["10.txt", "./12", "sub-10"]),
        ("10.26275/a-1 uploads/mine", ["10.26275/a-1", "uploads/mine"], []),
        ("anything primary", ["anything"], ["primary"]),
    ],
)
def test_words_that_look_like_datasets_are_datasets(
    words: str, datasets: list[str], paths: list[str]
) -> None:
    assert datasets_and_paths(words.split()) == (datasets, paths)
