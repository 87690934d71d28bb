"""Lower levels by the methods of ngff-zarr, in the same store layout as the pipeline's own means.

Level 0 is written by this project whatever the method; ngff-zarr computes the lower levels. Scale factors
and chunks are always given: its defaults are driven by pixel counts and would halve one axis of two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore

from sparc_fuse_core.errors import MissingDependencyError, RequestError, UnsupportedFormatError
from sparc_fuse_core.writers.pyramid import level_sizes

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Image

#: The pipeline's own method: the mean of 2 x 2 pixels, rounded to nearest.
OWN_METHOD = "mean"


def method_names() -> list[str]:
    """Return every method that `rewrite_levels` takes, and the own one."""
    from ngff_zarr import Methods

    return [OWN_METHOD, *(method.value for method in Methods)]


def rewrite_levels(image: Image, store: Path, method: str) -> None:
    """Replace the lower levels of the written ``store`` by those of an ngff-zarr method.

    Level 0 of the image and its lower levels are held by dask chunk by chunk.

    Raises
    ------
    RequestError
        If no method has this name.
    MissingDependencyError
        If the method's package is not installed.
    UnsupportedFormatError
        If the method gives levels of another shape or type.
    """
    if method == OWN_METHOD:
        return
    if method not in method_names():
        message = f"method {method!r}: choose one of {', '.join(method_names())}"
        raise RequestError(message)
    import dask.array as da
    import ngff_zarr

    shape = tuple(image.pixels.shape)
    sizes = level_sizes(shape[-2], shape[-1])
    if len(sizes) == 1:
        return
    level0 = tensorstore.open(_spec(store / "0")).result()
    for index in np.ndindex(shape[:-2]):
        # plane by plane: several methods mistake the channel or z axis for a spatial one
        pixels = np.asarray(level0[index].read().result())
        plane = da.from_array(pixels, chunks=(1024, 1024))  # type: ignore[no-untyped-call]
        source = ngff_zarr.to_ngff_image(plane, dims=("y", "x"), scale={"y": 1.0, "x": 1.0})
        factors = [{"y": 2**n, "x": 2**n} for n in range(1, len(sizes))]
        try:
            scales = ngff_zarr.to_multiscales(
                source, scale_factors=factors, method=ngff_zarr.Methods(method), chunks=1024
            )
        except ImportError as err:
            message = f"method {method!r} needs a package that is not installed: {err}"
            raise MissingDependencyError(message) from err
        for n, lower in enumerate(scales.images[1:], start=1):
            _replace(image, store / str(n), index, np.asarray(lower.data), sizes[n], method)


def _replace(
    image: Image,
    path: Path,
    index: tuple[int, ...],
    pixels: np.ndarray[Any, Any],
    size: tuple[int, int],
    method: str,
) -> None:
    """Write one plane of one level; methods round a half pixel down, the layout up."""
    array = tensorstore.open(_spec(path)).result()
    if any(abs(a - b) > 1 for a, b in zip(pixels.shape, size, strict=True)):
        message = f"{image.name}: {method} gives a level of {pixels.shape} instead of {size}"
        raise UnsupportedFormatError(message)
    pad = [(0, max(0, b - a)) for a, b in zip(pixels.shape, size, strict=True)]
    fitted = np.pad(pixels, pad, mode="edge")[: size[0], : size[1]]
    dtype = np.dtype(array.dtype.numpy_dtype)
    array[index].write(fitted.astype(dtype)).result()


def _spec(path: Path) -> dict[str, Any]:
    driver = "zarr3" if (path / "zarr.json").exists() else "zarr"
    return {"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}


def with_method(multiscale: dict[str, Any], method: str) -> dict[str, Any]:
    """Return a multiscale's metadata that names the method truly."""
    about = {"description": f"ngff-zarr method {method}", "method": f"ngff_zarr.Methods.{method}"}
    return {**multiscale, "type": method, "metadata": about}
