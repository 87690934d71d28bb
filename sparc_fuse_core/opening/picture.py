"""Describe a result in words and draw its overview as a PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from sparc_fuse_core.errors import MissingDependencyError, RequestError
from sparc_fuse_core.opening.layouts import streams_of
from sparc_fuse_core.opening.places import store_of
from sparc_fuse_core.opening.recordings import open_zarr, overview
from sparc_fuse_core.writers.dense_arrays import dense_codec

if TYPE_CHECKING:
    import xarray as xr

_MAX_TRACES = 16


@dense_codec()
def describe_and_draw(target: str, picture: Path | None = None) -> tuple[str, Path]:
    """Return (what the store holds, where its picture is).

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    RequestError
        If the store is neither a recording nor an image.
    """
    out = picture or Path(f"{target.rstrip('/').rpartition('/')[2]}.png")
    root = zarr.open_group(store_of(target), mode="r")
    ome: Any = root.attrs.get("ome", root.attrs)
    if "multiscales" in ome:
        return _image(root, ome, out)
    if "bioformats2raw.layout" in ome:
        series: Any = root["OME"].attrs.get("ome", root["OME"].attrs)
        first = root[series["series"][0]]
        if not isinstance(first, zarr.Group):
            message = f"{target}: a collection without images"
            raise RequestError(message)
        return _image(first, first.attrs.get("ome", first.attrs), out)
    if "signals" not in root:
        message = f"{target}: neither a recording nor an image; it holds {sorted(root.keys())}"
        raise RequestError(message)
    dataset = open_zarr(target)
    _draw_recording(dataset, overview(target), out)
    return str(dataset), out


def _pyplot() -> Any:
    try:
        import matplotlib as mpl
        from matplotlib import pyplot as plt
    except ImportError as err:
        message = "drawing needs matplotlib: pip install 'sparc-fuse[plot]'"
        raise MissingDependencyError(message) from err
    mpl.use("Agg")
    return plt


def _draw_recording(dataset: xr.Dataset, level: xr.Dataset | None, out: Path) -> None:
    plt = _pyplot()
    signals = dataset["signals"]
    n_shown = min(signals.shape[0], _MAX_TRACES)
    figure, axes = plt.subplots(
        n_shown, 1, figsize=(10, 0.8 + 1.1 * n_shown), sharex=True, squeeze=False
    )
    names = dataset["channel_name"].values if "channel_name" in dataset else [""] * n_shown
    units = dataset["units"].values if "units" in dataset else [""] * n_shown
    stream = (streams_of(dataset.attrs) or [{}])[0]
    rate_hz = stream.get("sampling_rate_hz")
    factor = stream["overview_factors"][-1] if level is not None else 1
    for i, axis in enumerate(axes[:, 0]):
        if level is not None:
            low, high = level["minimum"].values[i], level["maximum"].values[i]
            position = np.arange(low.size) * factor
            axis.fill_between(_seconds(position, stream), low, high, linewidth=0.4)
        else:
            values = np.atleast_2d(signals[i].values)
            for sweep in values[:50]:
                axis.plot(_seconds(np.arange(sweep.size), stream), sweep, linewidth=0.6)
        axis.set_ylabel(f"{names[i]}\n[{units[i]}]" if units[i] else str(names[i]), fontsize=7)
        axis.tick_params(labelsize=7)
    axes[-1, 0].set_xlabel("time [s]" if rate_hz else "sample", fontsize=8)
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    plt.close(figure)


def _seconds(position: np.ndarray[Any, Any], stream: dict[str, Any]) -> np.ndarray[Any, Any]:
    rate_hz = stream.get("sampling_rate_hz")
    if not rate_hz:
        return position
    seconds: np.ndarray[Any, Any] = stream.get("start_s", 0.0) + position / rate_hz
    return seconds


def _image(root: zarr.Group, ome: Any, out: Path) -> tuple[str, Path]:
    plt = _pyplot()
    multiscale = ome["multiscales"][0]
    axes = "".join(axis["name"] for axis in multiscale["axes"])
    lines = [f"OME-Zarr image, axes {axes}"]
    arrays = [root[dataset["path"]] for dataset in multiscale["datasets"]]
    for dataset, array in zip(multiscale["datasets"], arrays, strict=True):
        scale = dataset["coordinateTransformations"][0]["scale"]
        lines.append(f"  {dataset['path']}: {array.shape} {array.dtype}, step {scale}")  # type: ignore[union-attr]
    units = [f"{axis['name']}: {axis['unit']}" for axis in multiscale["axes"] if "unit" in axis]
    lines.append(f"  units: {', '.join(units) or 'not stated by the source'}")
    level = next((a for a in arrays if max(a.shape[-2:]) <= 1024), arrays[-1])  # type: ignore[union-attr]
    values = np.asarray(level[...])  # type: ignore[index]
    for axis in "tz":
        if axis in axes:
            at = axes.index(axis)
            values = values.take(values.shape[at] // 2, axis=at)
            axes = axes.replace(axis, "")
    if axes == "cyx":
        values = np.moveaxis(values[:3], 0, -1) if values.shape[0] == 3 else values[0]
    figure, panel = plt.subplots(figsize=(6, 6))
    if values.ndim == 3 and values.dtype != np.uint8:
        values = values / max(float(values.max()), 1.0)
    panel.imshow(values, cmap=None if values.ndim == 3 else "gray")
    panel.set_axis_off()
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    plt.close(figure)
    return "\n".join(lines), out
