"""Lower levels by the methods of ngff-zarr, in the same store layout as the pipeline's own means.

Level 0 is written by this project whatever the method; ngff-zarr computes the lower levels of y and x, plane
by plane: several of its methods take the channel or z axis for a spatial one. Scale factors and chunks are
always given: its defaults are driven by pixel counts and would halve one axis of two. Averages of integers
are computed in floating point and rounded once; its own are cut off in some methods, and 1-bit turns to 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore

from sparc_fuse_core.errors import MissingDependencyError, RequestError, UnsupportedFormatError
from sparc_fuse_core.writers.ome_metadata import averages, levels_of

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Image

#: The pipeline's own method: the mean of 2 x 2 pixels, rounded to nearest.
OWN_METHOD = "mean"

#: These choose among the pixels' values; all others average.
_CHOOSING = frozenset({"itkwasm_label_image", "dask_image_mode", "dask_image_nearest"})

#: A pixel of these lies where the first of its pixels of level 0 lies (measured on a ramp), not in the
#: middle of them.
_AT_FIRST = frozenset({"dask_image_gaussian", "dask_image_nearest", "itk_gaussian"})

_EXACT_IN_FLOAT64 = 2**53


def method_names() -> list[str]:
    """Return every method that `rewrite_levels` takes, and the own one."""
    from ngff_zarr import Methods

    return [OWN_METHOD, *(method.value for method in Methods)]


def check_method(method: str) -> None:
    """Refuse a method that does not exist.

    Raises
    ------
    RequestError
        If no method has this name.
    """
    if method != OWN_METHOD and method not in method_names():
        message = f"method {method!r}: choose one of {', '.join(method_names())}"
        raise RequestError(message)


def applies(image: Image, method: str) -> bool:
    """Whether the levels of an image are made by the method: averages of labels would mean nothing."""
    return method != OWN_METHOD and (averages(image) or method in _CHOOSING)


def rewrite_levels(image: Image, store: Path, method: str) -> None:
    """Replace the lower levels of the written ``store`` by those of an ngff-zarr method.

    One plane of level 0 and its lower levels are held.

    Raises
    ------
    MissingDependencyError
        If the method's package is not installed.
    UnsupportedFormatError
        If the method does not take the type of the pixels.
    """
    levels = levels_of(image, halve_z=False)
    if len(levels) == 1:
        return
    arrays = [tensorstore.open(_spec(store / str(n))).result() for n in range(len(levels))]
    for index in np.ndindex(levels[0].shape[:-2]):
        pixels = np.asarray(arrays[0][index].read().result())
        lower = _lower_levels(image, pixels, len(levels) - 1, method)
        for array, level, plane in zip(arrays[1:], levels[1:], lower, strict=True):
            n_y, n_x = level.shape[-2:]
            if plane.shape[0] < n_y or plane.shape[1] < n_x:
                message = f"{image.name}: {method} gives a level of {plane.shape}, not {(n_y, n_x)}"
                raise UnsupportedFormatError(message)
            array[index].write(_rounded(plane[:n_y, :n_x], pixels.dtype)).result()


def _lower_levels(
    image: Image, pixels: np.ndarray[Any, Any], n_levels: int, method: str
) -> list[np.ndarray[Any, Any]]:
    import dask.array as da
    import ngff_zarr

    # methods leave out what does not fill a block; repeated, the last row stands for itself
    block = 2**n_levels
    filled = np.pad(pixels, [(0, -n % block) for n in pixels.shape], mode="edge")
    plane = da.from_array(_as_computed(filled, method), chunks=(1024, 1024))  # type: ignore[no-untyped-call]
    source = ngff_zarr.to_ngff_image(plane, dims=("y", "x"), scale={"y": 1.0, "x": 1.0})
    factors = [{"y": 2**n, "x": 2**n} for n in range(1, n_levels + 1)]
    try:
        scales = ngff_zarr.to_multiscales(
            source, scale_factors=factors, method=ngff_zarr.Methods(method), chunks=1024
        )
        return [np.asarray(lower.data) for lower in scales.images[1:]]
    except ImportError as err:
        message = f"method {method!r} needs a package that is not installed: {err}"
        raise MissingDependencyError(message) from err
    except Exception as err:
        label = f"{image.name}: " if image.name else ""
        message = f"{label}method {method!r} does not take pixels of type {pixels.dtype} ({err})"
        raise UnsupportedFormatError(message) from err


def _as_computed(pixels: np.ndarray[Any, Any], method: str) -> np.ndarray[Any, Any]:
    """Return pixels in the type that the method is given."""
    if method in _CHOOSING:
        return pixels.astype(np.uint8) if pixels.dtype.kind == "b" else pixels
    if pixels.dtype.kind == "f":
        return pixels.astype(np.float32) if pixels.dtype.itemsize < 4 else pixels
    if pixels.dtype.itemsize < 4:
        return pixels.astype(np.float32)
    if pixels.dtype.itemsize == 8 and pixels.size:
        largest = max(abs(int(pixels.min())), abs(int(pixels.max())))
        if largest > _EXACT_IN_FLOAT64:
            message = (
                f"method {method!r} computes in floating point, which does not hold integers as "
                f"large as {largest}; choose {OWN_METHOD!r}"
            )
            raise UnsupportedFormatError(message)
    return pixels.astype(np.float64)


def _rounded(pixels: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Return a level in the image's own type: averages of integers to nearest, halves up."""
    if dtype.kind in "iu" and pixels.dtype.kind == "f":
        info = np.iinfo(dtype)
        # a kernel's rounding errors may lead beyond the range of what it averages
        pixels = np.clip(np.floor(pixels + 0.5), info.min, info.max)
    return pixels.astype(dtype)


def _spec(path: Path) -> dict[str, Any]:
    driver = "zarr3" if (path / "zarr.json").exists() else "zarr"
    return {"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}


def with_method(multiscale: dict[str, Any], method: str) -> dict[str, Any]:
    """Return a multiscale's metadata that names the method, and where its pixels lie, truly."""
    about = {
        "description": f"ngff-zarr method {method}, plane by plane; integers rounded to nearest",
        "method": f"ngff_zarr.Methods.{method}",
    }
    datasets = []
    whole = multiscale["datasets"][0]["coordinateTransformations"][0]["scale"]
    for n, dataset in enumerate(multiscale["datasets"]):
        transforms = [t for t in dataset["coordinateTransformations"] if t["type"] == "scale"]
        if n and method not in _AT_FIRST:
            steps = transforms[0]["scale"]
            shift = [(step - first) / 2 for step, first in zip(steps, whole, strict=True)]
            transforms.append({"type": "translation", "translation": shift})
        datasets.append({**dataset, "coordinateTransformations": transforms})
    return {**multiscale, "type": method, "metadata": about, "datasets": datasets}
