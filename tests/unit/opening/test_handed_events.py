"""Which run of a recording an event is handed over with, and what a table says of events and channels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import sparc_fuse_core as sf
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.model import Contents, Event, EventTable, Recording, Segment
from sparc_fuse_core.opening.handed_events import by_run
from sparc_fuse_core.opening.runs import runs_of, shifts_of
from sparc_fuse_core.writers import zarr_signals

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

STORED = np.arange(3 * 600, dtype=np.int16).reshape(3, 600)


def opened(folder: Path, events: list[Event], **facts: Any) -> xr.Dataset:
    signals = facts.pop("signals", STORED)
    one = Recording("r", signals, ("a", "a", ""), ("mV", "", "\u00b5V"), 100.0, **facts)
    contents = Contents((one,), events=EventTable.from_events(events))
    zarr_signals.write(contents, folder / "x.zarr", {}, budget_bytes=10**7)
    return sf.open_zarr(folder / "x.zarr")


def texts(ds: xr.Dataset) -> tuple[list[list[str]], list[str]]:
    inside, outside = by_run(ds, runs_of(ds))
    return [[one.text for one in events] for events in inside], [one.text for one in outside]


def test_gaps(tmp_path: Path) -> None:
    segments = (Segment(0, 200, 0.0), Segment(200, 400, 50.0))
    events = [
        Event(1.0, label="first"),
        Event(2.0, label="at its end"),
        Event(20.0, label="gap"),
        Event(1.5, duration_s=49.0, label="over the gap"),
        Event(-1.0, duration_s=1.0, label="ends as it begins"),
        Event(53.0, kind="marker"),
    ]
    ds = opened(tmp_path, events, segments=segments)
    inside, outside = texts(ds)
    assert inside == [["first", "over the gap"], ["over the gap", "marker"]]
    assert outside == ["at its end", "gap", "ends as it begins"]


@pytest.mark.parametrize("starts_s", [(0.0, 10.0, 20.0), ()])
def test_sweeps(tmp_path: Path, starts_s: tuple[float, ...]) -> None:
    events = [
        Event(0.3, label="named", sweep=2),
        Event(10.3, label="by time"),
        Event(5.0, label="no"),
    ]
    ds = opened(tmp_path, events, signals=STORED.reshape(3, 3, 200), sweep_start_s=starts_s)
    timed = ["by time"] if starts_s else []
    assert texts(ds)[0] == [[], timed, ["named"]]
    # of a selection the numbers stay those that events name
    assert texts(ds.isel(sweep=[2, 0])) == ([["named"], []], ["by time", "no"])
    frame = sf.to_dataframe(ds.isel(sweep=[2, 0]))
    assert frame.index.get_level_values("sweep").unique().tolist() == [2, 0]
    assert frame.loc[2].iloc[0].tolist() == [400, 1000, 1600]


def test_a_table_tells_events_units_and_starts(tmp_path: Path) -> None:
    events = [Event(0.5, label="x", channel="a"), Event(1.0, duration_s=0.25, kind="k")]
    ds = opened(tmp_path, events, channel_start_s=(0.0, 0.0025, 0.005))
    frame = sf.to_dataframe(ds)
    assert list(frame.columns) == ["a", "a 2", "channel 2"]
    said = json.loads(json.dumps(frame.attrs))  # as a Parquet file keeps it
    assert said["units"] == ["mV", "", "\u00b5V"]
    assert said["start_s"] == [0.0, 0.0025, 0.005]
    assert [one["duration_s"] for one in said["events"]] == [None, 0.25]
    assert [one["text"] for one in said["events"]] == ["x", "k"]
    np.testing.assert_allclose(shifts_of(ds, 100.0, "X"), [0.0, 0.25, 0.5])


def test_what_has_no_samples_or_channels(tmp_path: Path) -> None:
    ds = opened(tmp_path, [Event(0.5, label="x")])
    with pytest.raises(RequestError, match="no sample"):
        runs_of(ds.isel(time=slice(0, 0)))
    assert sf.to_dataframe(ds.isel(channel=slice(0, 0))).shape == (600, 0)
    assert sf.to_dataframe(ds.isel(time=slice(0, 0))).shape == (0, 3)
    with pytest.raises(RequestError, match="events only"):
        runs_of(ds.drop_vars("signals"))
