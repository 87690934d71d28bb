"""Draw an image: every channel with its contrast from the data, a scale bar, and what is not shown said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.opening.drawing.canvas import figure, note, plain
from sparc_fuse_core.opening.images import open_image
from sparc_fuse_core.opening.ome import images_of, ome_of
from sparc_fuse_core.opening.places import open_group, store_of

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

_MOST_PANELS = 12
_WIDTH_PIXELS = 1024
#: Shares of pixels that a panel may show as black or white.
_DARK, _BRIGHT = 0.5, 99.5


def draw_image(target: str, name: str, out: Path) -> str:
    """Draw the first image's channels; return what the store holds, in words."""
    root = open_group(store_of(target))
    paths = images_of(root)
    image = paths[0]
    full = open_image(target, image=image)
    shown = _fitting(target, image, full)
    at = {axis: shown.sizes[axis] // 2 for axis in "tz" if axis in shown["image"].dims}
    plane = shown["image"].isel(at)
    left_out = [
        f"{axis} {n + 1} of {shown.sizes[axis]} is drawn"
        for axis, n in at.items()
        if shown.sizes[axis] > 1
    ]
    group = root[image] if image else root
    is_labels = "image-label" in ome_of(group)  # type: ignore[arg-type]
    panels = _panels(plane, shown, is_labels=is_labels)
    if len(panels) > _MOST_PANELS:
        left_out.append(f"{_MOST_PANELS} of {len(panels)} channels are drawn")
    if len(paths) > 1:
        left_out.append(
            f"image {image!r} of {len(paths)} is drawn; open one as open_image(…, image=…)"
        )
    panels = panels[:_MOST_PANELS]
    columns = min(4, math.ceil(math.sqrt(len(panels))))
    n_rows = math.ceil(len(panels) / columns)
    height = plane.sizes["y"] * _aspect(shown) / max(plane.sizes["x"], 1)
    size = 3.2 if len(panels) > 1 else 6.0
    with figure(
        out, size * columns, min(size * n_rows * min(max(height, 0.2), 4) + 0.9, 40), name
    ) as drawn:
        axes = drawn.subplots(n_rows, columns, squeeze=False)
        for panel in axes.ravel()[len(panels) :]:
            panel.set_axis_off()
        for panel, (title, values) in zip(axes.ravel(), panels, strict=False):
            _draw(panel, title, values, shown, is_labels=is_labels)
        note(drawn, "; ".join(left_out))
    return "\n".join([*_words(full, paths), *left_out])


def _fitting(target: str, image: str, full: xr.Dataset) -> xr.Dataset:
    """Return the finest level that is not larger than the picture."""
    for level in range(full.attrs["n_levels"]):
        opened = full if level == 0 else open_image(target, image=image, level=level)
        if max(opened.sizes["y"], opened.sizes["x"]) <= _WIDTH_PIXELS:
            return opened
    return opened


def _panels(plane: xr.DataArray, shown: xr.Dataset, *, is_labels: bool) -> list[tuple[str, Any]]:
    """Return (title, pixels) of each panel: one a channel, or one in colours."""
    values = _read(plane)
    if "c" not in plane.dims:
        return [("", values)]
    values = np.moveaxis(values, plane.dims.index("c"), 0)
    names = (
        [str(name) for name in shown["channel_name"].values]
        if "channel_name" in shown.coords
        else [f"channel {i}" for i in range(values.shape[0])]
    )
    colours = [name.lower() for name in names[:3]]
    if colours in (["red", "green", "blue"], ["r", "g", "b"]) and not is_labels:
        return [("", np.moveaxis(values[:3], 0, -1))]
    return list(zip(names, values, strict=True))


def _read(plane: xr.DataArray) -> Any:
    """Read a plane; of one that no level makes small only every n-th pixel is kept."""
    step = max(1, math.ceil(max(plane.sizes["y"], plane.sizes["x"]) / (4 * _WIDTH_PIXELS)))
    return np.asarray(plane.isel(y=slice(None, None, step), x=slice(None, None, step)).values)


def _draw(panel: Any, title: str, values: Any, shown: xr.Dataset, *, is_labels: bool) -> None:
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (
        (float(np.percentile(finite, _DARK)), float(np.percentile(finite, _BRIGHT)))
        if finite.size
        else (0.0, 1.0)
    )
    if high <= low:
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        high = high if high > low else low + 1
    if values.ndim == 3:
        if values.dtype != np.uint8:
            values = np.clip((values.astype(float) - low) / (high - low), 0, 1)
        panel.imshow(values, aspect=_aspect(shown))
    elif is_labels:
        panel.imshow(values, aspect=_aspect(shown), cmap="nipy_spectral", interpolation="nearest")
    else:
        panel.imshow(values, aspect=_aspect(shown), cmap="gray", vmin=low, vmax=high)
        title = f"{title}  {low:g} to {high:g}".strip()
    panel.set_title(plain(title, 60), fontsize=7)
    panel.set_axis_off()
    _scale_bar(panel, shown, values.shape[1])


def _aspect(shown: xr.Dataset) -> float:
    """Return how much taller than wide a pixel is."""
    y, x = _step(shown, "y"), _step(shown, "x")
    same = shown["y"].attrs.get("units") == shown["x"].attrs.get("units")
    return y / x if same and y > 0 and x > 0 and 0.05 < y / x < 20 else 1.0


def _step(shown: xr.Dataset, axis: str) -> float:
    values = shown[axis].values
    return float(values[1] - values[0]) if values.size > 1 else 0.0


def _scale_bar(panel: Any, shown: xr.Dataset, n_pixels: int) -> None:
    """Draw a bar of a round length, at most a quarter of the width, where the unit is known."""
    unit, step = shown["x"].attrs.get("units"), _step(shown, "x")
    if not unit or step <= 0:
        return
    step *= shown.sizes["x"] / n_pixels
    longest = n_pixels * step / 4
    power = 10 ** math.floor(math.log10(longest))
    length = max(n * power for n in (1, 2, 5) if n * power <= longest)
    text = f"{length:g} {'µm' if unit == 'um' else unit}"
    if unit == "um" and length >= 1000:
        text = f"{length / 1000:g} mm"
    box = {"facecolor": "black", "alpha": 0.5, "edgecolor": "none", "pad": 1.5}
    wide = length / step / n_pixels
    panel.plot([0.04, 0.04 + wide], [0.04, 0.04], transform=panel.transAxes, color="white", lw=3)
    panel.text(
        0.04,
        0.07,
        text,
        transform=panel.transAxes,
        color="white",
        fontsize=7,
        va="bottom",
        bbox=box,
    )


def _words(full: xr.Dataset, paths: list[str]) -> list[str]:
    image = full["image"]
    shape = ", ".join(
        f"{axis} {length}" for axis, length in zip(image.dims, image.shape, strict=True)
    )
    lines = [f"image: {shape}, {image.dtype}, {full.attrs['n_levels']} levels"]
    steps = []
    for axis in image.dims:
        if axis != "c" and full.sizes[axis] > 1:
            unit = full[axis].attrs.get("units")
            shown = (
                {"um": "micrometer", "s": "second"}.get(unit, unit) if unit else "no unit stated"
            )
            steps.append(f"{axis} {_step(full, str(axis)):g} ({shown})")
    lines.append(f"  step {', '.join(steps) or 'of no axis'}")
    if "channel_name" in full.coords:
        lines.append(f"  channels {', '.join(map(str, full['channel_name'].values[:20]))}")
    if len(paths) > 1:
        lines.append(
            f"{len(paths)} images: {', '.join(paths[:10])}{', …' if len(paths) > 10 else ''}"
        )
    return lines
