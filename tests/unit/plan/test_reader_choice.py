"""NEO in place of this project's own reader, where somebody asks for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr

from sparc_fuse_core.cloud.many import parse_list
from sparc_fuse_core.cloud.request import as_input, parse_request
from sparc_fuse_core.command.display import missing_libraries
from sparc_fuse_core.command.main import main
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.formats import extras
from sparc_fuse_core.formats.choice import NEO_TOO, read_by
from sparc_fuse_core.formats.registry import format_named
from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source
from tests.samples import abf, edf

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.plan.items import Plan


def _dataset(folder: Path) -> Path:
    place = folder / "data" / "primary"
    for module, name in ((edf, "edf"), (abf, "abf")):
        (place / name).mkdir(parents=True)
        next(one for one in module.SAMPLES if one.format == name).write(place / name)
    (place / "table.csv").write_text("time (s),a (mV)\n0,1\n0.1,2\n0.2,3\n")
    return folder / "data"


def _plan(folder: Path, reader: str) -> Plan:
    source = open_source(str(folder), settings=Settings())
    return plan_dataset(source, Schemes(), Settings(), options=ConvertOptions(reader=reader))


def test_only_the_work_of_what_neo_reads_is_another(tmp_path: Path) -> None:
    folder = _dataset(tmp_path)
    own, neo = _plan(folder, "own"), _plan(folder, "neo")
    changed = {a.format for a, b in zip(own.items, neo.items, strict=True) if a.key != b.key}
    assert changed == {"abf"}
    assert {item.runner for item in own.items} == {"lambda"}
    assert {item.format: item.runner for item in neo.items} == {
        "abf": "fargate",
        "edf": "lambda",
        "text": "lambda",
    }


def test_the_command_reads_with_neo_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("neo")
    folder = _dataset(tmp_path)
    stores = {}
    for reader in ("own", "neo"):
        out = tmp_path / reader
        assert main(["convert", str(folder), "-o", str(out), "--reader", reader]) == 0
        (path,) = out.rglob("manifest.json")
        manifest = json.loads(path.read_text())
        assert manifest["options"]["reader"] == reader
        rows = {row["format"]: row for row in manifest["items"]}
        assert ("neo" in rows["abf"]["libraries"]) == (reader == "neo")
        assert any("neo" in text for text in rows["abf"]["explanation"]) == (reader == "neo")
        assert "neo" not in rows["text"]["libraries"]
        assert "neo" not in rows["edf"]["libraries"]
        stores[reader] = zarr.open_group(str(path.parent / rows["abf"]["output"]), mode="r")
    capsys.readouterr()
    own, neo = (stores[name]["signals"] for name in ("own", "neo"))
    np.testing.assert_array_equal(own[0, :50], neo[0, :50])


def test_what_is_not_installed_is_told_for_the_reader_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = _plan(_dataset(tmp_path), "neo").items
    monkeypatch.setattr(extras, "_is_installed", lambda package: package != "neo")
    assert not missing_libraries(items)
    (line,) = missing_libraries(items, "neo")
    assert "1 file " in line
    assert "'.[neo]'" in line


def test_a_request_states_it() -> None:
    request = parse_request({"dataset_id": 224, "reader": "neo"})
    assert request.options.reader == "neo"
    assert as_input(request) == {"dataset_id": "224", "reader": "neo"}
    (one,) = parse_list({"datasets": [224], "reader": "neo"}).requests
    assert one.options.reader == "neo"
    with pytest.raises(RequestError, match="choose one of own, neo"):
        parse_request({"dataset_id": 224, "reader": "mne"})


def test_the_own_reader_stays_where_neo_has_none() -> None:
    assert read_by(format_named("text"), "neo") is format_named("text")
    assert read_by(format_named("edf"), "own") is format_named("edf")
    for name in NEO_TOO:
        assert read_by(format_named(name), "neo").extra == "neo"
