"""A store as anybody sees it: opened by plain xarray and zarr, with nothing of this package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr

from sparc_fuse_core.proof.seen import Channel, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_IN_UM = {
    "nanometer": 1e-3,
    "micrometer": 1.0,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "meter": 1e6,
    "angstrom": 1e-4,
}


def look(store: Path) -> Seen:
    """Return what a store shows: channels and events, images, or arrays."""
    root = zarr.open_group(store, mode="r")
    attributes: dict[str, Any] = dict(root.attrs)
    if attributes.get("kind") == "signal":
        return _recording(store, attributes)
    if "ome" in attributes or "multiscales" in attributes or "bioformats2raw.layout" in attributes:
        return Seen(
            images=tuple(_images(root)),
            steps_um=tuple(_steps(group) for group in _groups(root)),
            channel_names=tuple(_channel_names(next(_groups(root)))),
        )
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


def _groups(root: zarr.Group) -> Iterator[zarr.Group]:
    """Yield the group of each image, in the file's order."""
    if isinstance(root.get("0"), zarr.Array):
        yield root
        return
    n = 0
    while isinstance(root.get(f"{n}/0"), zarr.Array):
        yield root[str(n)]  # type: ignore[misc]
        n += 1


def _images(root: zarr.Group) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the full resolution of each image."""
    for group in _groups(root):
        yield np.asarray(group["0"][...])  # type: ignore[index]


def _ome(group: zarr.Group) -> dict[str, Any]:
    found: dict[str, Any] = dict(group.attrs)
    return found.get("ome", found)  # type: ignore[no-any-return]


def _steps(group: zarr.Group) -> dict[str, float]:
    """Return the steps of an image's axes of a stated length, in micrometres."""
    image = _ome(group)["multiscales"][0]
    scale = next(
        (
            one["scale"]
            for one in image["datasets"][0]["coordinateTransformations"]
            if "scale" in one
        ),
        [1.0] * len(image["axes"]),
    )
    return {
        axis["name"]: step * _IN_UM[axis["unit"]]
        for axis, step in zip(image["axes"], scale, strict=True)
        if axis.get("unit") in _IN_UM
    }


def _channel_names(group: zarr.Group) -> list[str]:
    return [str(one.get("label", "")) for one in _ome(group).get("omero", {}).get("channels", ())]
