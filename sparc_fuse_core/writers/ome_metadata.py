"""What an OME-Zarr says of its image: axes, levels, colours, whether its pixels are labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.writers.pyramid import plan_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.model import Image
    from sparc_fuse_core.writers.pyramid import Level

_AXIS_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_RGB = ("FF0000", "00FF00", "0000FF", "FFFFFF")
_CYCLE = ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF")


def levels_of(image: Image, *, halve_z: bool = True) -> list[Level]:
    """Return the levels that `write_image` gives an image."""
    units = image.axis_units if halve_z else {}
    return plan_levels(image.axes, image.pixels.shape, image.scale, units)


def averages(image: Image) -> bool:
    """Whether the pixels of lower levels are means; else, for labels and 1 bit, chosen pixels."""
    return image.kind != "label" and np.dtype(image.pixels.dtype).kind != "b"


def image_metadata(
    image: Image,
    name: str,
    version: str,
    levels: Sequence[Level],
    extremes: dict[int, tuple[float, float]],
) -> dict[str, Any]:
    """Return the metadata of one image as a version of OME-Zarr has them.

    Parameters
    ----------
    name
        What the image is called where the file gives it no name of its own.
    extremes
        (minimum, maximum) of each channel.
    """
    multiscale = _multiscale(image, image.name or name, levels)
    omero = _omero(image, np.dtype(image.pixels.dtype), extremes)
    metadata: dict[str, Any] = {"multiscales": [multiscale], "omero": omero}
    # the specification wants integers; a mask of one bit is kept as it is and called an image
    if image.kind == "label" and np.dtype(image.pixels.dtype).kind in "iu":
        metadata["image-label"] = {"version": version}
    if version == "0.4":
        multiscale["version"] = omero["version"] = version
        return metadata
    return {"ome": {"version": version, **metadata}}


def _multiscale(image: Image, name: str, levels: Sequence[Level]) -> dict[str, Any]:
    axes = []
    for letter in image.axes:
        axis = {"name": letter, "type": _AXIS_TYPES[letter]}
        if letter in image.axis_units:
            axis["unit"] = image.axis_units[letter]
        axes.append(axis)
    datasets = []
    steps = [image.scale.get(letter, 1.0) for letter in image.axes]
    means = averages(image)
    for n, level in enumerate(levels):
        scale = [s * factor for s, factor in zip(steps, level.factors, strict=True)]
        transforms: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
        if n and means:
            # the centre of a mean of 2 x 2 pixels lies half a pixel further
            shift = [(f - 1) / 2 * s for s, f in zip(steps, level.factors, strict=True)]
            transforms.append({"type": "translation", "translation": shift})
        datasets.append({"path": str(n), "coordinateTransformations": transforms})
    in_z = "z" in image.axes and levels[-1].factors[image.axes.index("z")] > 1
    if not means:
        description = "every second pixel" + (", every second plane where z is halved" * in_z)
    else:
        description = "mean of 2 x 2 pixels" + (" (2 x 2 x 2 where z is halved)" * in_z)
        description += ", integers rounded once to nearest, halves up"
    return {
        "name": json_safe(name),
        "axes": axes,
        "datasets": datasets,
        "type": "mean" if means else "nearest",
        "metadata": {"description": description, "method": "sparc_fuse_core.writers.pyramid"},
    }


def _omero(
    image: Image, dtype: np.dtype[Any], extremes: dict[int, tuple[float, float]]
) -> dict[str, Any]:
    n_channels = image.pixels.shape[image.axes.index("c")] if "c" in image.axes else 1
    low_limit, high_limit = _limits(image, dtype, extremes)
    channels = []
    for n in range(n_channels):
        low, high = extremes.get(n, (low_limit, high_limit))
        if image.channel_colors:
            color = image.channel_colors[n]
        elif image.kind == "rgb":
            color = _RGB[n]
        else:
            color = "FFFFFF" if n_channels == 1 else _CYCLE[n % len(_CYCLE)]
        # viewers need a text; where the source states no name it is the channel's number
        label = image.channel_names[n] if image.channel_names else ""
        channels.append(
            {
                "label": json_safe(label) or f"channel {n}",
                "color": color,
                "active": image.kind != "rgb" or n < 3,
                "coefficient": 1,
                "family": "linear",
                "inverted": False,
                "window": {
                    "min": low_limit,
                    "max": high_limit,
                    "start": 0.0 if image.kind == "rgb" else low,
                    "end": high_limit if image.kind == "rgb" else (high if high > low else low + 1),
                },
            }
        )
    model = "color" if n_channels > 1 else "greyscale"
    return {"channels": channels, "rdefs": {"model": model, "defaultT": 0, "defaultZ": 0}}


def _limits(
    image: Image, dtype: np.dtype[Any], extremes: dict[int, tuple[float, float]]
) -> tuple[float, float]:
    if dtype.kind == "b":
        return 0.0, 1.0
    if dtype.kind == "f":
        lows, highs = zip(*(extremes.values() or [(0.0, 1.0)]), strict=True)
        return min(lows), max(max(highs), min(lows) + 1e-12)
    info = np.iinfo(dtype)
    if image.significant_bits is not None and dtype.kind == "u":
        return 0.0, float(2**image.significant_bits - 1)
    return float(info.min), float(info.max)
