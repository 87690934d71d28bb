"""A version stands for its results: they change together, or old results would never be made again."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.version import CONVERTER_VERSION
from tests.release import RECORD, faults, libraries, results

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]


def test_the_package_and_the_converter_have_one_version() -> None:
    project: Mapping[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == CONVERTER_VERSION


def test_the_results_are_those_of_the_version(tmp_path: Path) -> None:
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    if record["libraries"] != libraries():
        pytest.skip(f"other libraries than those of the record: {libraries()}")
    found = results(tmp_path)
    assert len(found) >= 8
    assert faults(record, CONVERTER_VERSION, found) == []


def test_a_change_without_a_new_version_is_found() -> None:
    record = {"version": "1.0.0", "results": {"a": "1", "b": "2"}}
    assert faults(record, "1.0.0", {"a": "1", "b": "2"}) == []
    for found in ({"a": "1", "b": "3"}, {"a": "1"}, {"a": "1", "b": "2", "c": "3"}):
        (fault,) = faults(record, "1.0.0", found)
        assert "raise CONVERTER_VERSION" in fault
    (fault,) = faults(record, "1.1.0", {"a": "9", "b": "2"})
    assert "1.1.0 is not recorded" in fault
