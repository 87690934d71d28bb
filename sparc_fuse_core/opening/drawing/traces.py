"""Draw a recording: every stream and channel on one clock, events as lines through all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.opening.drawing.canvas import MOST_POINTS, figure, note, plain
from sparc_fuse_core.opening.layouts import streams_of
from sparc_fuse_core.opening.recordings import open_zarr, overview

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

_MOST_TRACES = 24
_MOST_SWEEPS = 50
_MOST_EVENTS = 2000
_MOST_LABELS = 25
#: Values of a channel without overview that are read for a picture.
_MOST_VALUES = 1_000_000


def draw_recording(target: str, name: str, out: Path) -> str:
    """Draw all streams, channels and events; return what the recording holds, in words."""
    dataset = open_zarr(target)
    streams = streams_of(dataset.attrs)
    if streams is None:
        streams = [_foreign(dataset)]
    rows = _rows([stream["shape"][0] for stream in streams])
    n_rows = sum(rows) or 1
    n_events = dataset.sizes.get("event", 0)
    left_out = _left_out(streams, rows)
    with figure(out, 10, 1.4 + 0.95 * n_rows, f"{name}{_when(dataset)}") as drawn:
        axes = drawn.subplots(n_rows, 1, sharex=True, squeeze=False)[:, 0]
        first = 0
        for stream, n_shown in zip(streams, rows, strict=True):
            part = dataset if stream is streams[0] else open_zarr(target, stream=stream["name"])
            _draw_stream(target, part, stream, axes[first : first + n_shown])
            first += n_shown
        if n_events:
            left_out += _draw_events(dataset, axes, alone=not streams)
        has_clock = any(stream["sampling_rate_hz"] or stream["uneven"] for stream in streams)
        axes[-1].set_xlabel("time [s]" if has_clock or n_events else "sample", fontsize=8)
        note(drawn, "; ".join(left_out))
    return "\n".join([*_words(dataset, streams), *left_out])


def _foreign(dataset: xr.Dataset) -> dict[str, Any]:
    """Return what a stream of ours would say of a store of another release."""
    has_time = "time" in dataset.coords or "time_s" in dataset.coords
    return {
        "name": "",
        "shape": list(dataset["signals"].shape),
        "sampling_rate_hz": None,
        "uneven": has_time,
        "dtype": str(dataset["signals"].dtype),
    }


def _rows(n_channels: list[int]) -> list[int]:
    """Return how many channels of each stream are drawn: all, or a fair part."""
    rows = list(n_channels)
    while sum(rows) > _MOST_TRACES:
        largest = max(rows)
        if largest <= 1:
            return [1] * _MOST_TRACES + [0] * (len(rows) - _MOST_TRACES)
        rows[rows.index(largest)] -= 1
    return rows


def _left_out(streams: list[dict[str, Any]], rows: list[int]) -> list[str]:
    said = [
        f"{stream['name']}: {n} of {stream['shape'][0]} channels are drawn"
        for stream, n in zip(streams, rows, strict=True)
        if n < stream["shape"][0]
    ]
    return said if len(said) < 5 else [*said[:4], f"… {len(said) - 4} further streams in part"]


def _when(dataset: xr.Dataset) -> str:
    start = dataset.attrs.get("start_time")
    return f"\nbegan {start}" if start else ""


def _draw_stream(target: str, part: xr.Dataset, stream: dict[str, Any], axes: Any) -> None:
    level = overview(target, stream=stream["name"]) if stream.get("name") else None
    names = part["channel_name"].values if "channel_name" in part.variables else [""] * len(axes)
    units = part["units"].values if "units" in part.variables else [""] * len(axes)
    rate_hz = stream["sampling_rate_hz"]
    for i, axis in enumerate(axes):
        if level is not None:
            _draw_envelope(part, level, i, axis)
        else:
            _draw_values(part, i, axis)
        unit = f"\n[{units[i]}]" if str(units[i]) else ""
        axis.set_ylabel(
            plain(f"{names[i]}{unit}", 40), fontsize=7, rotation=0, ha="right", va="center"
        )
        axis.tick_params(labelsize=7)
        if i == 0:
            about = f"{stream['name']} {rate_hz:g} Hz" if rate_hz else f"{stream['name']}"
            axis.set_title(plain(about), fontsize=7, loc="right", pad=2)


def _draw_envelope(part: xr.Dataset, level: xr.Dataset, channel: int, axis: Any) -> None:
    low, high = level["minimum"].values[channel], level["maximum"].values[channel]
    positions = np.arange(low.size) * int(level.attrs["samples_per_bin"])
    x = _times(part, positions)
    low, high, x = _broken(low.astype(float), high.astype(float), x)
    axis.fill_between(x, low, high, linewidth=0.4, edgecolor="face")
    axis.plot(x, low, linewidth=0.4, color="tab:blue")


def _draw_values(part: xr.Dataset, channel: int, axis: Any) -> None:
    signals = part["signals"]
    n_sweeps = min(signals.shape[1], _MOST_SWEEPS) if signals.ndim == 3 else 1
    n_samples = min(signals.shape[-1], max(1, _MOST_VALUES // n_sweeps))
    values = (
        signals[channel, ..., :n_samples]
        if signals.ndim == 2
        else signals[channel, :n_sweeps, :n_samples]
    )
    lines = np.atleast_2d(np.asarray(values.values, float))
    step = max(1, n_samples // MOST_POINTS)
    x = _times(part, np.arange(0, n_samples, step))
    for line in lines:
        axis.plot(x, line[::step], linewidth=0.6, marker="." if n_samples < 30 else "")


def _times(part: xr.Dataset, positions: Any) -> Any:
    """Return the times of sample positions in seconds, or the positions where there is no clock."""
    for name in ("time", "time_s"):
        if name in part.coords and part[name].ndim == 1:
            dim = part[name].dims[0]
            inside = np.clip(positions, 0, part.sizes[dim] - 1)
            return np.asarray(part[name].isel({dim: inside}).values, float)
    return positions


def _broken(low: Any, high: Any, x: Any) -> tuple[Any, Any, Any]:
    """Part an envelope where time leaps: at gaps nothing was recorded."""
    if x.size < 3:
        return low, high, x
    steps = np.diff(x)
    gaps = np.flatnonzero(steps > 1.5 * np.median(steps)) + 1
    return (
        np.insert(low, gaps, np.nan),
        np.insert(high, gaps, np.nan),
        np.insert(x, gaps, x[gaps - 1]),
    )


def _draw_events(dataset: xr.Dataset, axes: Any, *, alone: bool) -> list[str]:
    """Draw events as lines through all axes; return what is not drawn."""
    times_s = np.asarray(dataset["event_time_s"].values, float)
    durations_s = np.asarray(dataset["event_duration_s"].values, float)
    labels = [str(label) for label in dataset["event_label"].values]
    known = np.flatnonzero(np.isfinite(times_s))[:_MOST_EVENTS]
    for axis in axes:
        for at in known:
            if durations_s[at] > 0:
                axis.axvspan(
                    times_s[at], times_s[at] + durations_s[at], color="tab:orange", alpha=0.15
                )
        axis.vlines(
            times_s[known],
            0,
            1,
            transform=axis.get_xaxis_transform(),
            color="tab:red",
            lw=0.5,
            alpha=0.6,
        )
    for at in known[:_MOST_LABELS]:
        axes[0].annotate(
            plain(labels[at], 24),
            (times_s[at], 1),
            xycoords=axes[0].get_xaxis_transform(),
            rotation=60,
            fontsize=5,
            ha="left",
            va="bottom",
            annotation_clip=False,
        )
    if alone:
        axes[0].set_yticks([])
        axes[0].set_ylabel("events", fontsize=7)
    said = []
    if len(known) < len(times_s):
        said.append(f"{len(known)} of {len(times_s)} events are drawn")
    if len(known) > _MOST_LABELS:
        said.append(f"labels of the first {_MOST_LABELS} events are shown")
    return said


def _words(dataset: xr.Dataset, streams: list[dict[str, Any]]) -> list[str]:
    lines = []
    for stream in streams:
        shape = " x ".join(str(length) for length in stream["shape"])
        rate_hz = stream["sampling_rate_hz"]
        clock = (
            f"{rate_hz:g} Hz, {stream['shape'][-1] / rate_hz:g} s"
            if rate_hz
            else "uneven times"
            if stream["uneven"]
            else "no rate stated: the axis is the sample number"
        )
        lines.append(f"stream {stream['name']}: {shape} {stream.get('dtype', '')}, {clock}")
        channels = zip(
            stream.get("channel_names") or (), stream.get("channel_units") or (), strict=False
        )
        named = [f"{name or '(no name)'} [{unit or 'no unit'}]" for name, unit in channels]
        if named:
            lines.append(f"  {', '.join(named[:20])}{', …' if len(named) > 20 else ''}")
    n_events = dataset.sizes.get("event", 0)
    if n_events:
        found = dict.fromkeys(str(label) for label in dataset["event_label"].values)
        kinds = ", ".join(list(found)[:8]) + (", …" if len(found) > 8 else "")
        lines.append(f"{n_events} events: {kinds}")
    if dataset.attrs.get("start_time"):
        lines.append(f"began {dataset.attrs['start_time']}")
    notes = dataset.attrs.get("mapping_explanation") or ()
    lines += [f"note: {one}" for one in ([notes] if isinstance(notes, str) else notes)]
    return lines
