"""Draw what is neither recording nor image: meshes, regions and skeletons; arrays and tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.opening.drawing.canvas import MOST_POINTS, figure, note, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import zarr

_MOST_PANELS = 8
_MOST_VALUES = 500_000
_MOST_SHAPES = 200
#: Columns of a box as regions store it.
_BOX = "box_left_top_right_bottom"


def draw_shapes(root: zarr.Group, name: str, out: Path) -> str:
    """Draw the points of every shape seen along z; return what the store holds, in words."""
    groups = [(key, group) for key, group in sorted(root.groups())]
    lines = [f"{len(groups)} shapes"]
    left_out = []
    with figure(out, 6, 6, name) as drawn:
        panel = drawn.subplots()
        for _, group in groups[:_MOST_SHAPES]:
            _draw_shape(panel, group)
        panel.set_aspect("equal", adjustable="datalim")
        if groups and groups[0][1].attrs.get("kind") == "roi":
            panel.invert_yaxis()  # as in the image that it is a region of
        panel.tick_params(labelsize=7)
        if len(groups) > _MOST_SHAPES:
            left_out.append(f"{_MOST_SHAPES} of {len(groups)} shapes are drawn")
        note(drawn, "; ".join(left_out))
    for key, group in groups[:20]:
        arrays = ", ".join(f"{n} {_shape(a)}" for n, a in sorted(group.arrays()))
        shown = str(group.attrs.get("name") or key)
        lines.append(f"  {shown} ({group.attrs.get('kind', 'shape')}): {arrays}")
    return "\n".join([*lines, *left_out])


def _draw_shape(panel: Any, group: zarr.Group) -> None:
    label = plain(str(group.attrs.get("name") or ""), 20)
    for name, array in sorted(group.arrays()):
        if name == _BOX or array.ndim != 2 or array.shape[1] not in (2, 3) or not array.shape[0]:
            continue
        if array.dtype.kind not in "iuf" or name in ("normals", "position_channel_slice_frame"):
            continue
        points = _sampled(array).astype(float)
        style = "-" if group.attrs.get("kind") == "roi" else ","
        panel.plot(points[:, 0], points[:, 1], style, linewidth=0.8, label=label)
    if _BOX in group:
        box: Any = group[_BOX]
        for left, top, right, bottom in np.asarray(box[:_MOST_SHAPES], float):
            panel.plot([left, right, right, left, left], [top, top, bottom, bottom, top], lw=0.6)


def draw_arrays(root: zarr.Group, name: str, out: Path) -> str:
    """Plot the first numeric arrays or columns; return what the store holds, in words."""
    arrays = list(_arrays(root))
    numeric = [
        (path, array)
        for path, array in arrays
        if array.dtype.kind in "biufc" and math.prod(array.shape) > 1 and array.ndim in (1, 2)
    ]
    shown = numeric[:_MOST_PANELS]
    left_out = (
        [] if len(shown) == len(arrays) else [f"{len(shown)} of {len(arrays)} arrays are drawn"]
    )
    with figure(out, 9, 1.2 + 1.3 * max(len(shown), 1), name) as drawn:
        panels = drawn.subplots(max(len(shown), 1), 1, squeeze=False)[:, 0]
        for panel, (path, array) in zip(panels, shown, strict=False):
            _draw_array(panel, path, array)
        if not shown:
            panels[0].set_axis_off()
            panels[0].text(0, 0.5, "no numeric array of more than one value", fontsize=8)
        note(drawn, "; ".join(left_out))
    kind = root.attrs.get("kind", "arrays")
    lines = [f"{kind}: {len(arrays)} {'columns' if kind == 'table' else 'arrays'}"]
    lines += [f"  {path}: {_shape(array)} {array.dtype}" for path, array in arrays[:30]]
    lines += ["  …"] if len(arrays) > 30 else []
    return "\n".join([*lines, *left_out])


def _draw_array(panel: Any, path: str, array: Any) -> None:
    values = _sampled(array)
    values = np.abs(values) if values.dtype.kind == "c" else values.astype(float)
    if values.ndim == 2 and min(values.shape) > 8:
        panel.imshow(values, aspect="auto", cmap="viridis")
    else:
        lines = values if values.ndim == 2 and values.shape[0] >= values.shape[1] else values.T
        step = max(1, lines.shape[0] // MOST_POINTS)
        panel.plot(np.arange(0, lines.shape[0], step), lines[::step], linewidth=0.6)
    unit = array.attrs.get("units")
    about = f"{path}{f' [{unit}]' if unit else ''}  {_shape(array)}"
    panel.set_title(plain(about, 90), fontsize=7, loc="left", pad=2)
    panel.tick_params(labelsize=6)


def _arrays(group: zarr.Group, front: str = "") -> Iterator[tuple[str, Any]]:
    for name, array in sorted(group.arrays()):
        yield f"{front}{name}", array
    for name, inner in sorted(group.groups()):
        yield from _arrays(inner, f"{front}{name}/")


def _sampled(array: Any) -> Any:
    """Read an array, of a large one its beginning."""
    rows = max(1, _MOST_VALUES // max(1, math.prod(array.shape[1:])))
    return np.asarray(array[:rows])


def _shape(array: Any) -> str:
    return " x ".join(map(str, array.shape)) or "one value"
