"""One series of a TIFF file as images: its axes in the order t, c, z, y, x, its samples as channels.

Pages without a stated axis are slices (z), which is said; a further axis that OME-Zarr does not have
(wavelength, phase, angle …), or channels of RGB pixels, make an image for each of its positions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, UncertainMappingError
from sparc_fuse_core.model import Evidence, Image
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane
from sparc_fuse_core.readers.tiff.libtiff import shows_colours
from sparc_fuse_core.readers.tiff.page_facts import (
    ALPHA,
    JPEG,
    colours_of,
    is_cmyk,
    kind_of,
    page_metadata,
)
from sparc_fuse_core.readers.tiff.pages import DECODE_ERRORS, is_plain, native

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import tifffile

    from sparc_fuse_core.model import ImageKind
    from sparc_fuse_core.readers.shared.palettes import Palette
    from sparc_fuse_core.readers.shared.planes import ReadPlane
    from sparc_fuse_core.readers.tiff.facts import ImageFacts
    from sparc_fuse_core.readers.tiff.pages import Bounds, PageReader

#: More images than this are not made of the positions of an axis that OME-Zarr does not have.
_MAX_IMAGES = 64
_UNNAMED = "QI"


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of a series longer than 1, or y or x.

    ``role`` says where it lies: ``"pages"``, or in a page ``"separate"`` (sample planes), ``"depth"``,
    ``"y"``, ``"x"`` or ``"samples"``.
    """

    letter: str
    length: int
    role: str


def series_images(
    reader: PageReader,
    name: str,
    series: tifffile.TiffPageSeries,
    facts: ImageFacts,
    evidence: list[Evidence],
) -> list[Image]:
    """Return the images of one series; what is concluded is added to ``evidence``.

    Raises
    ------
    CorruptFileError
        If pages and stated axes contradict each other.
    UncertainMappingError
        If further axes would make too many images.
    """
    axes = _axes_of(name, series)
    chosen, further = _choose(axes, series.name or name, evidence, facts.pages)
    n_images = math.prod(axes[i].length for i in further)
    if n_images > _MAX_IMAGES:
        shown = ", ".join(f"{axes[i].letter} of {axes[i].length}" for i in further)
        message = (
            f"{name}: axes {series.axes} {series.shape} would make {n_images} images ({shown}); "
            "OME-Zarr has only t, c, z, y, x: export the file with fewer axes"
        )
        raise UncertainMappingError(message)
    if shows_colours(series.keyframe):
        sentence = f"{series.name or name}: RGB computed from stored YCbCr with subsampled chroma"
        evidence.append(Evidence("content", "inferred", sentence))
    images = []
    for position in product(*(range(axes[i].length) for i in further)):
        fixed = dict(zip(further, position, strict=True))
        label = " ".join(f"{axes[i].letter.lower()}{at}" for i, at in fixed.items())
        images.append(_image(reader, name, series, facts, axes, chosen, fixed, label))
    return images


def _axes_of(name: str, series: tifffile.TiffPageSeries) -> list[_Axis]:
    key = series.keyframe
    shape, letters = tuple(series.shape), series.axes
    roles: list[str] = []
    for letter in key.axes:
        if letter == "S":
            roles.append("samples" if key.axes.endswith("S") else "separate")
        else:
            roles.append({"Y": "y", "X": "x", "Z": "depth"}.get(letter, "unknown"))
    n_page = len(key.shape)
    n_leading = len(shape) - n_page
    if n_leading < 0 or shape[n_leading:] != tuple(key.shape) or "unknown" in roles:
        message = f"{name}: axes {letters} {shape} do not fit pages of {key.axes} {key.shape}"
        raise CorruptFileError(message)
    roles = ["pages"] * n_leading + roles
    return [_Axis(*parts) for parts in zip(letters, shape, roles, strict=True)]


def _choose(
    axes: Sequence[_Axis], label: str, evidence: list[Evidence], pages: str = ""
) -> tuple[dict[str, int], list[int]]:
    """Return which axis becomes t, c, z, y, x, and which make further images."""
    chosen: dict[str, int] = {}
    rest = []
    for i, axis in enumerate(axes):
        letter = axis.role if axis.role in ("y", "x") else axis.letter.lower()
        if axis.role in ("samples", "separate") and letter == "s":
            letter = "c"
        if letter in "tczyx" and letter not in chosen:
            chosen[letter] = i
        elif axis.length > 1:
            rest.append(i)
    channel = chosen.get("c")
    samples = [i for i in rest if axes[i].role in ("samples", "separate")]
    if samples and channel is not None:
        # samples of a pixel (RGB) belong together; channels of such pixels are images of their own
        chosen["c"] = samples[0]
        rest = sorted([i for i in rest if i != samples[0]] + [channel])
    unnamed = [i for i in rest if axes[i].letter in _UNNAMED]
    if "z" in chosen and axes[chosen["z"]].length == 1 and unnamed:
        del chosen["z"]
    if len(unnamed) == 1 and pages and pages not in chosen:
        chosen[pages] = unnamed[0]
        rest.remove(unnamed[0])
    elif unnamed and "z" not in chosen:
        chosen["z"] = unnamed[-1]
        rest.remove(unnamed[-1])
        evidence.append(
            Evidence(
                "axes",
                "inferred",
                f"{label}: the file does not say what its {axes[chosen['z']].length} pages are "
                "(slices, time points, channels); they are taken as slices (z)",
            )
        )
    return chosen, rest


def _image(
    reader: PageReader,
    name: str,
    series: tifffile.TiffPageSeries,
    facts: ImageFacts,
    axes: Sequence[_Axis],
    chosen: Mapping[str, int],
    fixed: Mapping[int, int],
    label: str,
) -> Image:
    key = series.keyframe
    kept = "".join(
        letter
        for letter in "tczyx"
        if letter in chosen and (letter in "yx" or axes[chosen[letter]].length > 1)
    )
    together = "c" in kept and axes[chosen["c"]].role == "samples"
    looped = [chosen[letter] for letter in kept[:-2] if not (together and letter == "c")]
    read = _PlaneOfSeries(reader, name, series, axes)

    def read_plane(index: tuple[int, ...], of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        at = dict(fixed) | dict(zip(looped, index, strict=True))
        plane = read(at, of_y, of_x)
        return plane if together else plane[..., 0]

    shape = tuple(axes[chosen[letter]].length for letter in kept)
    palette = colours_of(key, series.kind) if "c" not in kept else None
    if palette is not None:
        return _coloured(name, series, facts, kept, shape, palette, read_plane, label)
    pixels = by_plane(kept, shape, native(key.dtype), read_plane, samples=together, kept=True)
    of_samples = "c" in kept and axes[chosen["c"]].role in ("samples", "separate")
    n_channels = shape[kept.index("c")] if "c" in kept else 1
    if of_samples and axes[chosen["c"]].letter == "S":
        kind, names, colors = _sample_channels(key, n_channels)
        if kind == "intensity" and not any(names) and len(facts.channel_names) == n_channels:
            names = facts.channel_names
    else:
        kind, names, colors = kind_of(key, series.kind), facts.channel_names, facts.channel_colors
        names = names if len(names) == n_channels else ()
        colors = colors if len(colors) == n_channels else ()
    scale = {axis: step for axis, step in facts.scale.items() if axis in kept}
    bits = key.bitspersample if key.bitspersample < native(key.dtype).itemsize * 8 else None
    return Image(
        _title(series, label),
        pixels,
        kept,
        scale,
        {axis: unit for axis, unit in facts.units.items() if axis in scale},
        kind,
        names,
        colors,
        facts.significant_bits or bits,
        {**facts.metadata, **page_metadata(key)},
    )


def _title(series: tifffile.TiffPageSeries, label: str) -> str:
    title = (series.name or "").strip()
    return " ".join(part for part in (title, label) if part)


def _coloured(
    name: str,
    series: tifffile.TiffPageSeries,
    facts: ImageFacts,
    kept: str,
    shape: tuple[int, ...],
    palette: Palette,
    read_indices: ReadPlane,
    label: str,
) -> Image:
    """Return a picture of palette indices as the colours that its palette shows."""

    def read_plane(index: tuple[int, ...], of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        try:
            return palette.colours(read_indices(index, of_y, of_x))
        except ValueError as err:
            message = f"{name}: {err}; upload the original again"
            raise CorruptFileError(message) from err

    at = 1 if kept.startswith("t") else 0
    axes = f"{kept[:at]}c{kept[at:]}"
    shape = (*shape[:at], palette.n_samples, *shape[at:])
    scale = {axis: step for axis, step in facts.scale.items() if axis in kept}
    return Image(
        _title(series, label),
        by_plane(axes, shape, palette.table.dtype, read_plane, samples=True),
        axes,
        scale,
        {axis: unit for axis, unit in facts.units.items() if axis in scale},
        "rgb",
        RGB,
        RGB_COLORS,
        metadata={**facts.metadata, **page_metadata(series.keyframe)},
    )


class _PlaneOfSeries:
    """Finds the page of a plane of a series and reads a region of it."""

    def __init__(
        self,
        reader: PageReader,
        name: str,
        series: tifffile.TiffPageSeries,
        axes: Sequence[_Axis],
    ) -> None:
        self._reader = reader
        self._name = name
        self._series = series
        self._axes = axes
        self._page_shape = tuple(axis.length for axis in axes if axis.role == "pages")
        key = series.keyframe
        self._plane_bytes = math.prod(key.shaped[2:]) * native(key.dtype).itemsize
        # pages that lie one after the other need no directory of their own (ImageJ writes only one)
        self._offset = series.dataoffset if is_plain(key) else None

    def __call__(self, at: Mapping[int, int], of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        index = []
        separate = depth = 0
        for i, axis in enumerate(self._axes):
            position = at.get(i, 0)
            if axis.role == "pages":
                index.append(position)
            elif axis.role == "separate":
                separate = position
            elif axis.role == "depth":
                depth = position
        number = int(np.ravel_multi_index(index, self._page_shape)) if index else 0
        key = self._series.keyframe
        if self._offset is not None:
            plane = number * key.shaped[0] + separate
            offset = self._offset + plane * self._plane_bytes
            return self._reader.rows(key, offset, of_y, of_x)
        try:
            page = self._series.pages[number]
        except DECODE_ERRORS as err:
            message = f"{self._name}: page {number} cannot be found ({err}); upload it again"
            raise CorruptFileError(message) from err
        if page is None:
            shape = (of_y[1] - of_y[0], of_x[1] - of_x[0], key.shaped[4])
            return np.zeros(shape, native(key.dtype))
        return self._reader.region(page, separate, depth, of_y, of_x)


def _sample_channels(
    key: tifffile.TiffPage, n_channels: int
) -> tuple[ImageKind, tuple[str, ...], tuple[str, ...]]:
    """Return kind, names and colours of the samples of a pixel."""
    extra = tuple(int(code) for code in key.extrasamples or ())
    tail = tuple("A" if code in ALPHA else "" for code in extra)
    photometric = int(key.photometric or 0)
    decoded_rgb = photometric == 6 and (int(key.compression) in JPEG or shows_colours(key))
    if photometric == 2 or decoded_rgb:
        names = (*RGB, *tail)[:n_channels]
        if len(names) != n_channels:
            names = (*names, *("",) * (n_channels - len(names)))
        is_rgb = n_channels == 3 or (n_channels == 4 and names[3] == "A")
        if is_rgb:
            return "rgb", names, (*RGB_COLORS, "FFFFFF")[:n_channels]
        return "intensity", names, ()
    if photometric == 5 and n_channels >= 4 and is_cmyk(key):
        return "intensity", ("C", "M", "Y", "K", *("",) * (n_channels - 4)), ()
    if photometric == 6 and n_channels == 3:
        return "intensity", ("Y", "Cb", "Cr"), ()
    if photometric in (8, 9, 10) and n_channels == 3:
        return "intensity", ("L*", "a*", "b*"), ()
    if tail and "A" in tail and n_channels == 1 + len(tail):
        return "intensity", ("L", *tail), ()
    return "intensity", (), ()
