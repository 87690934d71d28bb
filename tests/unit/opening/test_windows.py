"""Windows are exact samples of their recordings, cut nowhere across a gap, labelled by events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import sparc_fuse_core as sf
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.model import Contents, Event, EventTable, Recording, Segment
from sparc_fuse_core.writers import zarr_signals

if TYPE_CHECKING:
    from pathlib import Path

VALUES = np.arange(2 * 1000, dtype=np.int16).reshape(2, 1000)
EVENTS = EventTable.from_events(
    [Event(0.95, label="edge"), Event(1.0, duration_s=2.5, label="long"), Event(5.0, label="late")]
)


def write(out: Path, signals: np.ndarray = VALUES, **facts: Any) -> Path:
    events = facts.pop("events", EVENTS)
    n = len(signals)
    one = Recording("r", signals, ("a", "b")[:n], ("mV", "")[:n], 100.0, **facts)
    zarr_signals.write(Contents((one,), events=events), out, {}, budget_bytes=10**6)
    return out


def test_windows_tile_every_recording(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.zarr"), write(tmp_path / "b.zarr", VALUES[:, :450] + 7)]
    found = sf.windows(paths, 1.0)
    assert len(found) == 10 + 4
    for n, window in enumerate(found):
        place = window.place
        assert (place.recording, place.start_sample) == (
            (0, n * 100) if n < 10 else (1, (n - 10) * 100)
        )
        expected = VALUES[:, place.start_sample : place.start_sample + 100] + 7 * place.recording
        np.testing.assert_array_equal(window.signals, expected)
        assert place.start_s == pytest.approx(place.start_sample / 100)
    assert [w.labels for w in found[:4]] == [("edge",), ("long",), ("long",), ("long",)]
    assert found[5].labels == ("late",)
    np.testing.assert_array_equal(found[-1].signals, found[13].signals)
    with pytest.raises(IndexError):
        found[14]
    overlapping = sf.windows(paths[:1], 1.0, step_s=0.5, channels=[1])
    assert len(overlapping) == 19
    np.testing.assert_array_equal(overlapping[1].signals, VALUES[1:, 50:150])
    assert sorted(found.chosen(14, seed=3)) == list(range(14))
    assert found.chosen(5, seed=1) == found.chosen(5, seed=1)
    with pytest.raises(RequestError, match="15 windows"):
        found.chosen(15)


def test_no_window_spans_a_gap_or_two_sweeps(tmp_path: Path) -> None:
    segments = (Segment(0, 250, 0.0), Segment(250, 750, 100.0))
    found = sf.windows([write(tmp_path / "gaps.zarr", segments=segments)], 1.0)
    assert [(w.place.run, w.place.start_sample) for w in found][:3] == [(0, 0), (0, 100), (1, 0)]
    assert found[2].place.start_s == 100.0
    np.testing.assert_array_equal(found[2].signals, VALUES[:, 250:350])
    events = EventTable.from_events([Event(0.1, label="second", sweep=1)])
    sweeps = write(tmp_path / "s.zarr", VALUES.reshape(2, 4, 250), events=events)
    found = sf.windows([sweeps], 1.0)
    assert len(found) == 8
    assert [w.labels for w in found[1:4]] == [(), ("second",), ()]
    np.testing.assert_array_equal(found[2].signals, VALUES[:, 250:350])


def test_lengths_are_whole_samples(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zarr")
    with pytest.raises(RequestError, match="whole samples"):
        sf.windows([path], 0.505)
    with pytest.raises(RequestError, match="whole samples"):
        sf.windows([path], 1.0, step_s=0.0)
    uneven = Recording("r", VALUES, ("a", "b"), ("", ""), None, times=np.arange(1000.0) ** 2)
    zarr_signals.write(Contents((uneven,)), tmp_path / "u.zarr", {}, budget_bytes=10**6)
    with pytest.raises(RequestError, match="no rate"):
        sf.windows([tmp_path / "u.zarr"], 1.0)


def test_a_selection_keeps_its_clock(tmp_path: Path) -> None:
    opened = sf.open_zarr(write(tmp_path / "a.zarr")).sel(time=slice(2.0, 5.995))
    window = sf.windows([opened], 1.0)[1]
    assert window.place.start_s == pytest.approx(3.0)
    np.testing.assert_array_equal(window.signals, VALUES[:, 300:400])
    with pytest.raises(RequestError, match="channel"):
        sf.windows([opened.isel(channel=0)], 1.0)
    with pytest.raises(RequestError, match="not an opened recording"):
        sf.windows([xr.Dataset()], 1.0)


def test_dataframe(tmp_path: Path) -> None:
    frame = sf.open_zarr(write(tmp_path / "a.zarr", start_s=1.0)).fuse.to_dataframe()
    assert frame.columns.tolist() == ["a", "b"]
    assert frame.index.name == "time"
    assert frame.attrs["units"] == ["mV", ""]
    np.testing.assert_allclose(frame.index.to_numpy()[[0, -1]], [1.0, 10.99])
    np.testing.assert_array_equal(frame["b"].to_numpy(), VALUES[1])
    sweeps = write(tmp_path / "s.zarr", VALUES.reshape(2, 4, 250))
    frame = sf.to_dataframe(sf.open_zarr(sweeps))
    np.testing.assert_array_equal(frame.loc[(2, slice(None)), "a"].to_numpy(), VALUES[0, 500:750])
