"""Check a written OME-Zarr: two independent validators, rules that neither knows, and the pixels.

Measured on mutated stores: both validators accept a negative scale, a unit that is no NGFF unit and a level
whose shape contradicts its scale; so these are checked here.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import ome_zarr_models
import yaozarrs
import zarr

from sparc_fuse_core.errors import VerificationError
from sparc_fuse_core.readers.ome_zarr import image_paths
from sparc_fuse_core.storage.results import SCRATCH_PREFIX
from sparc_fuse_core.writers.ome_collection import series_paths
from sparc_fuse_core.writers.ome_metadata import averages, levels_of
from sparc_fuse_core.writers.pyramid import halve_mean, halve_nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sparc_fuse_core.model import Image
    from sparc_fuse_core.writers.pyramid import Level

#: Units that NGFF recommends for space and time.
_PREFIXES = (
    "yocto",
    "zepto",
    "atto",
    "femto",
    "pico",
    "nano",
    "micro",
    "milli",
    "centi",
    "deci",
    "",
    "hecto",
    "kilo",
    "mega",
    "giga",
    "tera",
    "peta",
    "exa",
    "zetta",
    "yotta",
)
NGFF_UNITS = {
    "space": frozenset(f"{prefix}meter" for prefix in _PREFIXES)
    | {"angstrom", "foot", "inch", "mile", "parsec", "yard"},
    "time": frozenset(f"{prefix}second" for prefix in _PREFIXES) | {"day", "hour", "minute"},
}

_STRATA = 6
#: Rows of each lower level that are made again from the level above.
_LEVEL_ROWS = 64


def validate(store: Path, *, written_here: bool = True) -> None:
    """Check an image, a collection or a plate.

    Parameters
    ----------
    written_here
        Whether this project wrote it: every object is there and each level's shape is rounded up. Other
        writers may leave out chunks of the fill value and round down.

    Raises
    ------
    VerificationError
        If a validator refuses it or one of this module's own rules is broken; all findings are named.
    """
    root = zarr.open_group(store, mode="r")
    ome: Any = root.attrs.get("ome", dict(root.attrs))
    if "multiscales" in ome:
        findings = _findings(store, written_here=written_here)
    else:
        # ome-zarr-models knows collections of numbered images only; each image is shown to both
        # and yaozarrs tells a version 0.4 collection from nothing: it states no version
        whole = "plate" in ome or "ome" in root.attrs
        findings = _yaozarrs(store) if whole else []
        for path in image_paths(store, ome):
            inner = _findings(store / path, written_here=written_here)
            findings += [f"{path}: {text}" for text in inner]
    if findings:
        message = f"{store.name}: not a valid OME-Zarr: {'; '.join(findings)}"
        raise VerificationError(message)


def _findings(store: Path, *, written_here: bool) -> list[str]:
    """Return what is wrong with one image."""
    findings = _yaozarrs(store)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ome_zarr_models.open_ome_zarr(zarr.open_group(store, mode="r"))
        except Exception as err:  # noqa: BLE001 - whatever it raises is its finding
            findings.append(f"ome-zarr-models: {_reason(store) or _first(err)}")
    return findings or _own_rules(store, written_here=written_here)


def _reason(store: Path) -> str:
    """Return why ome-zarr-models takes a store for no image: opening tells of every other kind first."""
    group = zarr.open_group(store, mode="r")
    models = ome_zarr_models.v05 if "ome" in group.attrs else ome_zarr_models.v04
    try:
        models.Image.from_zarr(group)
    except Exception as err:  # noqa: BLE001 - whatever it raises is its finding
        return _first(err)
    return ""


def _yaozarrs(store: Path) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with _plain_path(store) as plain:
                yaozarrs.validate_zarr_store(str(plain))
        except Exception as err:  # noqa: BLE001 - whatever it raises is its finding
            return [f"yaozarrs: {_first(err)}"]
    return []


@contextlib.contextmanager
def _plain_path(store: Path) -> Iterator[Path]:
    """Yield a path without characters that fsspec takes for a pattern or a chain: the store's, or a link."""
    if not set("*?[]:") & set(str(store)):
        yield store
        return
    with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX) as folder:
        link = Path(folder) / "store"
        link.symlink_to(store.resolve(), target_is_directory=True)
        yield link


def _first(err: Exception) -> str:
    return " ".join(str(err).split())[:300]


def _own_rules(store: Path, *, written_here: bool) -> list[str]:
    group = zarr.open_group(store, mode="r")
    ome: Any = group.attrs.get("ome", dict(group.attrs))
    multiscale = ome["multiscales"][0]
    findings = []
    for axis in multiscale["axes"]:
        unit, kind = axis.get("unit"), axis.get("type")
        if unit is not None and unit not in NGFF_UNITS.get(kind, ()):
            findings.append(f"unit {unit!r} of axis {axis['name']!r} is no NGFF unit")
    names = [axis["name"] for axis in multiscale["axes"]]
    arrays, scales = [], []
    for dataset in multiscale["datasets"]:
        array = group.get(dataset["path"])
        if not isinstance(array, zarr.Array):
            return [*findings, f"array {dataset['path']} is absent"]
        arrays.append(array)
        scales.append(dataset["coordinateTransformations"][0]["scale"])
    if any(not (math.isfinite(step) and step > 0) for scale in scales for step in scale):
        return [*findings, "a scale is not positive"]
    paths = [dataset["path"] for dataset in multiscale["datasets"]]
    findings += _level_rules(store, paths, arrays, scales, names, written_here=written_here)
    n_channels = arrays[0].shape[names.index("c")] if "c" in names else 1
    channels = ome.get("omero", {}).get("channels")
    if channels is not None and len(channels) != n_channels:
        findings.append(f"omero has {len(channels)} channels, the image {n_channels}")
    return findings


def _level_rules(
    store: Path,
    paths: list[str],
    arrays: list[Any],
    scales: list[list[float]],
    names: list[str],
    *,
    written_here: bool,
) -> list[str]:
    findings = []
    for n, (array, scale) in enumerate(zip(arrays, scales, strict=True)):
        if array.dtype != arrays[0].dtype:
            findings.append(f"level {n} is {array.dtype}, level 0 {arrays[0].dtype}")
        if n and math.prod(array.shape) >= math.prod(arrays[n - 1].shape):
            findings.append(f"level {n} is not smaller than level {n - 1}")
        for axis, name in enumerate(names):
            extent, whole = array.shape[axis] * scale[axis], arrays[0].shape[axis] * scales[0][axis]
            least = whole if written_here else whole - scale[axis]
            if not least - 1e-9 * whole <= extent < whole + scale[axis] + 1e-9 * whole:
                findings.append(f"level {n}: shape x scale on {name} is {extent}, not {whole}")
        if not written_here:
            continue
        n_lost = _n_objects(array) - sum(1 for _ in _objects(store / paths[n]))
        if n_lost:
            findings.append(f"level {n}: {n_lost} of its objects are absent")
    return findings


def _n_objects(array: Any) -> int:
    """Objects that a whole array has: one for each shard, or for each chunk without shards."""
    steps = array.shards or array.chunks
    return math.prod(-(-n // step) for n, step in zip(array.shape, steps, strict=True))


def _objects(folder: Path) -> Iterator[Path]:
    """Yield the files of an array but its metadata."""
    metadata = {"zarr.json", ".zarray", ".zattrs"}
    return (file for file in folder.rglob("*") if file.is_file() and file.name not in metadata)


def compare_images(
    images: Sequence[Image],
    out: Path,
    *,
    whole_bytes: int,
    halve_z: bool = True,
) -> list[str]:
    """Return what differs between the written images and their source."""
    differences = []
    for image, path in zip(images, series_paths(len(images)), strict=True):
        found = compare(
            image, out / path if path else out, whole_bytes=whole_bytes, halve_z=halve_z
        )
        differences += [f"{path}: {text}" if path else text for text in found]
    return differences


def compare(image: Image, store: Path, *, whole_bytes: int, halve_z: bool = True) -> list[str]:
    """Return what differs between one written image and its source.

    Level 0 is read with zarr-python and compared pixel by pixel: all planes of small images; the first,
    the last and some in each stratum of large ones, and of huge planes bands of rows. Each lower level is
    compared with the halved level above: the first rows of its first plane, middle rows of a middle one
    and the last rows of the last one.
    """
    group = zarr.open_group(store, mode="r")
    level0: Any = group["0"]
    dtype = np.dtype(image.pixels.dtype).newbyteorder("=")
    shape = tuple(image.pixels.shape)
    if tuple(level0.shape) != shape or level0.dtype != dtype:
        return [f"level 0 is {level0.shape} {level0.dtype}, the source {shape} {dtype}"]
    differences = []
    keys = list(_bands(shape, level0.chunks[-2]))
    if math.prod(shape) * dtype.itemsize > whole_bytes:
        last = len(keys) - 1
        chosen = {0, last, *(round((n + 0.5) * last / _STRATA) for n in range(_STRATA))}
        keys = [keys[n] for n in sorted(chosen)]
    for key in keys:
        expected = np.asarray(image.pixels[key])
        if not np.array_equal(np.asarray(level0[key]), expected, equal_nan=dtype.kind == "f"):
            where = ", ".join(f"{part.start}:{part.stop}" for part in key)
            differences.append(f"pixels differ in [{where}]")
            break
    if not differences:
        differences += _compare_levels(image, group, dtype, levels_of(image, halve_z=halve_z))
    return differences


def _compare_levels(
    image: Image, group: Any, dtype: np.dtype[Any], levels: Sequence[Level]
) -> list[str]:
    halve = halve_mean if averages(image) else halve_nearest
    for n in range(1, len(levels)):
        above: Any = group[str(n - 1)]
        array: Any = group.get(str(n))
        if not isinstance(array, zarr.Array) or tuple(array.shape) != levels[n].shape:
            return [f"level {n} has not the shape {levels[n].shape}"]
        by = [a // b for a, b in zip(levels[n].factors, levels[n - 1].factors, strict=True)]
        shape = array.shape
        starts = (0, shape[-2] // 2, max(0, shape[-2] - _LEVEL_ROWS))
        for part, start in enumerate(starts):
            index = tuple((0, length // 2, length - 1)[part] for length in shape[:-2])
            rows = slice(2 * start, 2 * (start + _LEVEL_ROWS))
            first = tuple(i * b for i, b in zip(index, by, strict=False))
            second = tuple(
                min(i * b + b - 1, length - 1)
                for i, b, length in zip(index, by, above.shape[:-2], strict=False)
            )
            pixels = np.asarray(above[(*first, rows)])
            further = None if first == second else np.asarray(above[(*second, rows)])
            expected = halve(pixels, further)
            key: Any = (*index, slice(start, start + _LEVEL_ROWS))
            written = np.asarray(array[key])
            if not np.array_equal(written, expected, equal_nan=dtype.kind == "f"):
                return [f"level {n} is not the halved level {n - 1} in plane {index}"]
    return []


def _bands(shape: tuple[int, ...], n_rows: int) -> Any:
    """Yield keys of bands of rows that cover the image, plane by plane."""
    for index in itertools.product(*(range(length) for length in shape[:-2])):
        leading = tuple(slice(i, i + 1) for i in index)
        for start in range(0, shape[-2], n_rows):
            yield (*leading, slice(start, min(start + n_rows, shape[-2])), slice(0, shape[-1]))
