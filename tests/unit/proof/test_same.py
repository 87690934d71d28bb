"""Two stores of the same values are the same, however they are packed; each thing that differs is told."""

from __future__ import annotations

import shutil
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from sparc_fuse_core.model import Contents, Event, EventTable, Recording
from sparc_fuse_core.proof.same import value_differences
from sparc_fuse_core.writers import zarr_signals
from sparc_fuse_core.writers.bundle import write_npz, write_zip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = np.arange(2 * 9000, dtype=np.int16).reshape(2, 9000)
    one = Recording(
        "m", values, ("a", "b"), ("mV", "mV"), 100.0, gain=(0.5, 0.5), offset=(0.0, 0.0)
    )
    events = EventTable.from_events([Event(1.0, label="on"), Event(2.5, label="off")])
    out = tmp_path_factory.mktemp("same") / "x.zarr"
    zarr_signals.write(Contents((one,), events=events), out, {}, budget_bytes=10**6)
    return out


def change_value(root: zarr.Group) -> None:
    signals: Any = root["signals"]
    signals[1, 8999] += 1


def change_scale(root: zarr.Group) -> None:
    root["signals"].attrs["scale_factor"] = 0.25


def change_unit(root: zarr.Group) -> None:
    root["units"][...] = np.array(["mV", "V"], dtype=np.dtypes.StringDType())  # type: ignore[index]


def change_event(root: zarr.Group) -> None:
    times: Any = root["event_time_s"]
    times[0] = 1.5


def change_rate(root: zarr.Group) -> None:
    root.attrs["streams"] = str(root.attrs["streams"]).replace("100.0", "101.0")


def lose_array(root: zarr.Group) -> None:
    del root["event_label"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (change_value, "signals: "),
        (change_scale, "signals: "),
        (change_unit, "units: "),
        (change_event, "event_time_s: 1.5, made again 1.0 (1 of 2 values differ)"),
        (change_rate, "streams of the root"),
    ],
)
def test_each_difference_is_told(
    store: Path, tmp_path: Path, change: Callable[[zarr.Group], None], says: str
) -> None:
    wrong = tmp_path / "wrong.zarr"
    shutil.copytree(store, wrong)
    change(zarr.open_group(wrong, mode="r+"))
    with warnings.catch_warnings(action="ignore"):
        zarr.consolidate_metadata(wrong)
    assert says in "; ".join(value_differences(wrong, store))


def test_what_is_lost_is_told_and_what_came_to_it_is_not(store: Path, tmp_path: Path) -> None:
    less = tmp_path / "less.zarr"
    shutil.copytree(store, less)
    lose_array(zarr.open_group(less, mode="r+"))
    with warnings.catch_warnings(action="ignore"):
        zarr.consolidate_metadata(less)
    assert value_differences(store, less) == ["event_label is not made any more"]
    assert value_differences(less, store) == []


def test_packed_results_are_compared_too(store: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.zarr"
    shutil.copytree(store, wrong)
    change_value(zarr.open_group(wrong, mode="r+"))
    for write, end in ((write_zip, "zarr.zip"), (write_npz, "npz")):
        pair = [tmp_path / f"right.{end}", tmp_path / f"wrong.{end}"]
        write(store, pair[0])
        write(wrong, pair[1])
        assert value_differences(pair[0], pair[0]) == []
        assert "signals" in "; ".join(value_differences(pair[1], pair[0]))
    (tmp_path / "x.mat").write_bytes(b"MATLAB 5.0")
    with pytest.raises(ValueError, match=r"\.mat are not compared"):
        value_differences(tmp_path / "x.mat", tmp_path / "x.mat")
