"""A store as anybody sees it: opened by plain xarray and zarr, with nothing of this package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr

from sparc_fuse_core.proof.seen import Channel, Seen

if TYPE_CHECKING:
    from pathlib import Path


def look(store: Path) -> Seen:
    """Return what a store shows: channels and events, images, or arrays."""
    root = zarr.open_group(store, mode="r")
    attributes: dict[str, Any] = dict(root.attrs)
    if attributes.get("kind") == "signal":
        return _recording(store, attributes)
    if "ome" in attributes or "multiscales" in attributes or "bioformats2raw.layout" in attributes:
        return Seen(images=tuple(_images(root)))
    arrays = {
        name: np.asarray(member[...])
        for name, member in root.members(max_depth=None)
        if isinstance(member, zarr.Array)
    }
    return Seen(arrays=arrays)


def _recording(store: Path, attributes: dict[str, Any]) -> Seen:
    channels = []
    for stream in json.loads(attributes["streams"]):
        with xr.open_zarr(store, group=stream["group"] or None, chunks=None) as opened:
            values = np.asarray(opened["signals"].values)
            starts = opened["start_s"].values if "start_s" in opened else None
            for n, (name, unit) in enumerate(
                zip(opened["channel_name"].values, opened["units"].values, strict=True)
            ):
                start_s = stream["start_s"] if starts is None else float(starts[n])
                rate_hz = stream["sampling_rate_hz"]
                channels.append(Channel(values[n].ravel(), str(name), str(unit), rate_hz, start_s))
    with xr.open_zarr(store, chunks=None) as opened:
        events: tuple[tuple[float, str], ...] = ()
        if "event_time_s" in opened:
            times, labels = opened["event_time_s"].values, opened["event_label"].values
            events = tuple((float(t), str(text)) for t, text in zip(times, labels, strict=True))
    return Seen(tuple(channels), events=events)


def _images(root: zarr.Group) -> list[np.ndarray[Any, Any]]:
    """Return the full resolution of each image, in the file's order."""
    if isinstance(root.get("0"), zarr.Array):
        return [np.asarray(root["0"][...])]  # type: ignore[index]
    found, n = [], 0
    while isinstance(member := root.get(f"{n}/0"), zarr.Array):
        found.append(np.asarray(member[...]))
        n += 1
    return found
