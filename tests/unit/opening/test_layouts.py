"""Stores of layout 1, half-removed ones, newer and foreign ones: a clear word, never a wrong value."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
import zarr

import sparc_fuse_core as sf
from sparc_fuse_core.command.main import main
from sparc_fuse_core.convert.lift import lift
from sparc_fuse_core.errors import (
    IncompleteResultError,
    RequestError,
    SparcFuseError,
    UnknownLayoutError,
)
from sparc_fuse_core.model import Contents, Recording
from sparc_fuse_core.writers import zarr_signals
from tests.samples.layout_1 import GAIN, INTEGERS, MIXED, OFFSET, write_layout_1

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata")

PHYSICAL = MIXED * np.array(GAIN)[:, None] + np.array(OFFSET)[:, None]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    out = tmp_path / "old.zarr"
    write_layout_1(out)
    return out


@pytest.fixture
def new(tmp_path: Path) -> Path:
    values = np.arange(2 * 9000, dtype=np.int16).reshape(2, 9000)
    main_one = Recording("m", values, ("a", "b"), ("mV",) * 2, 1000.0)
    aux = Recording("aux", values[:1, :500], ("c",), ("V",), 10.0)
    out = tmp_path / "new.zarr"
    zarr_signals.write(Contents((main_one, aux)), out, {}, budget_bytes=1_000_000)
    return out


def test_layout_1_opens_as_before(old: Path) -> None:
    with sf.open_zarr(old) as ds:
        np.testing.assert_array_equal(ds["signals"].values, INTEGERS * 0.5 + 1.0)
        np.testing.assert_allclose(ds["signals_100_hz_int16_4"].values, PHYSICAL, rtol=1e-6)
        np.testing.assert_allclose(ds["time"].values[[0, 4000]], [0.0, 9.0])
    with sf.open_zarr(old, stream="100 Hz int16 4") as ds:
        assert ds["signals"].dims == ("channel", "time")
        np.testing.assert_allclose(ds["signals"].sel(time=2.01).values, PHYSICAL[:, 1], rtol=1e-6)
        assert ds["channel_name"].values.tolist() == ["c", "d"]
        assert "event_label" in ds
    level = sf.overview(old)
    assert level is not None
    assert level["minimum"].shape == (2, 375)


def test_lifting_keeps_every_value(old: Path) -> None:
    assert main(["lift", str(old)]) == 0
    with xr.open_zarr(old, chunks=None) as ds:
        assert ds.attrs["layout"] == "sparc-fuse-signals-2"
        assert ds.attrs["start_time"] == "2021-03-04T10:15:30"
        assert ds.attrs["auto_mapped"] == 1
        np.testing.assert_array_equal(ds["signals"].values, INTEGERS * 0.5 + 1.0)
        assert ds["event_sweep"].values.tolist() == [0, 2]
        assert ds["segment_n_samples"].values.tolist() == [4000, 2000]
    assert zarr.open_group(old)["signals"].dtype == np.int16  # type: ignore[union-attr]
    with xr.open_zarr(old, group="100_hz", chunks=None) as ds:
        assert ds["signals"].dtype == np.float32
        again = (ds["signals"].astype(float) - ds["stored_offset"]) / ds["stored_gain"]
        np.testing.assert_array_equal(np.rint(again.values), MIXED)
        np.testing.assert_allclose(ds["time"].values, 2.0 + np.arange(4) / 100)
    assert lift(str(old)).said.startswith("unchanged")


def test_a_folder_is_lifted_store_by_store(
    tmp_path: Path, old: Path, new: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.zarr"
    shutil.copytree(old, broken)
    shutil.rmtree(broken / "signals")
    before = sorted(file for file in broken.rglob("*") if file.is_file())
    assert main(["lift", str(tmp_path)]) == 1
    said = dict(line.split(".zarr: ") for line in capsys.readouterr().out.splitlines())
    assert "absent" in said[str(broken.with_suffix(""))]
    assert said[str(old.with_suffix(""))].startswith("lifted")
    assert said[str(new.with_suffix(""))].startswith("unchanged")
    assert sorted(file for file in broken.rglob("*") if file.is_file()) == before


@pytest.mark.parametrize("gone", ["signals/c", "channel_name/c", "aux/signals/c"])
def test_what_is_absent_is_said(new: Path, gone: str) -> None:
    shutil.rmtree(new / gone)
    stream = "aux" if gone.startswith("aux") else ""
    with pytest.raises(IncompleteResultError, match="absent"):
        sf.open_zarr(new, stream=stream).load()


def test_absent_groups_and_overviews_are_said(new: Path) -> None:
    shutil.rmtree(new / "overview")
    root = json.loads((new / "zarr.json").read_text())
    del root["consolidated_metadata"]
    (new / "zarr.json").write_text(json.dumps(root))
    with pytest.raises(IncompleteResultError, match="overview"):
        sf.overview(new)
    shutil.rmtree(new / "aux")
    with pytest.raises(IncompleteResultError, match="aux"):
        sf.open_zarr(new, stream="aux")
    assert sf.open_zarr(new)["signals"].shape == (2, 9000)


def _newer(attributes: dict[str, Any]) -> None:
    attributes["layout"] = "sparc-fuse-signals-3"


def _no_streams(attributes: dict[str, Any]) -> None:
    del attributes["streams"]


def _not_json(attributes: dict[str, Any]) -> None:
    attributes["streams"] = "[{"


def _other_streams(attributes: dict[str, Any]) -> None:
    attributes["streams"] = '[{"name": "x"}, 3]'


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_newer, UnknownLayoutError),
        (_no_streams, IncompleteResultError),
        (_not_json, IncompleteResultError),
        (_other_streams, IncompleteResultError),
    ],
)
def test_other_attributes(
    new: Path, change: Callable[[dict[str, Any]], None], error: type[SparcFuseError]
) -> None:
    root = json.loads((new / "zarr.json").read_text())
    change(root["attributes"])
    (new / "zarr.json").write_text(json.dumps(root))
    for opener in (sf.open_zarr, sf.overview, lambda path: lift(str(path))):
        if opener is not sf.open_zarr and error is not UnknownLayoutError:
            continue
        with pytest.raises(error):
            opener(new)


def test_foreign_attributes_are_no_layout(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "x.zarr", mode="w", attributes={"streams": [1], "layout": 7})
    root.create_array("signals", data=np.ones((2, 5)), dimension_names=("channel", "time"))
    assert sf.open_zarr(tmp_path / "x.zarr")["signals"].shape == (2, 5)
    assert lift(str(tmp_path / "x.zarr")).said.startswith("unchanged")
    with pytest.raises(RequestError, match="no stream"):
        sf.open_zarr(tmp_path / "x.zarr", stream="y")
