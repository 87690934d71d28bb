"""Arrays of the dense profile: pcodec, smaller by a fifth, for readers that have its package.

tensorstore has no pcodec, so zarr-python writes these, through numcodecs. The codec's name in the metadata
is ``numcodecs.pcodec``, which zarr-python knows once the package ``pcodec`` is installed.
"""

from __future__ import annotations

import warnings
from concurrent.futures import Future
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import zarr
import zarr.errors
from numcodecs.errors import UnknownCodecError

from sparc_fuse_core.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np

Profile = Literal["default", "dense"]

#: Types that pcodec compresses; arrays of others are as in the default profile.
PCODEC_TYPES = frozenset(
    {"uint16", "uint32", "uint64", "int16", "int32", "int64", "float16", "float32", "float64"}
)

#: Measured on 192 MB of 16-bit noise with spikes: level 4 gives 88.0 MB, 8 gives 83.7 MB in the same time.
_LEVEL = 8


def check_pcodec() -> None:
    """Fail clearly, before anything is read or written, where the codec's package is not installed.

    Raises
    ------
    MissingDependencyError
        Names what to install.
    """
    if find_spec("pcodec") is None:
        message = (
            "the dense profile needs the package pcodec: pip install '.[dense]' "
            "(or 'pcodec<0.4'); without it, convert with the default profile"
        )
        raise MissingDependencyError(message)


def check_readable(attributes: Mapping[str, Any]) -> None:
    """Fail when a store is opened, not when its values are read; ``attributes`` are its root's.

    Raises
    ------
    MissingDependencyError
        If the store is of the dense profile and pcodec is not installed.
    """
    if attributes.get("profile") == "dense":
        check_pcodec()


@contextmanager
def dense_codec() -> Iterator[None]:
    """Work on a store that may be of the dense profile; also a decorator.

    Zarr remarks each time that the codec is not in its specification; the README says so once.

    Raises
    ------
    MissingDependencyError
        If values are read and pcodec is not installed.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Numcodecs codecs are not in the Zarr")
        try:
            yield
        except (UnknownCodecError, zarr.errors.UnknownCodecError):
            check_pcodec()
            raise


class DenseArray:
    """An open array that is written chunk by chunk or shard by shard."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def start_writing(self, key: tuple[slice, ...], values: np.ndarray[Any, Any]) -> Future[None]:
        """Write whole chunks or shards; they are written when this returns."""
        self._array[key] = values
        done: Future[None] = Future()
        done.set_result(None)
        return done


@dense_codec()
def create_dense_array(
    path: Path,
    *,
    shape: Sequence[int],
    dtype: np.dtype[Any],
    chunk: Sequence[int],
    shard: Sequence[int] | None,
    dimensions: Sequence[str],
    attributes: Mapping[str, Any],
    zarr_format: Literal[2, 3],
) -> DenseArray:
    """Create an array; see `sparc_fuse_core.writers.zarr_arrays.create_bulk_array`.

    Raises
    ------
    MissingDependencyError
        If pcodec is not installed.
    """
    check_pcodec()
    from numcodecs.pcodec import PCodec as PCodecV2  # not there without the package
    from zarr.codecs.numcodecs import PCodec

    options: dict[str, Any] = {
        "shape": tuple(shape),
        "dtype": dtype,
        "chunks": tuple(chunk),
        "filters": None,
        "zarr_format": zarr_format,
        # chunks of zeros are stored too, as in every array
        "config": {"write_empty_chunks": True},
    }
    if zarr_format == 2:
        options["compressors"] = PCodecV2(_LEVEL)
        options["chunk_key_encoding"] = {"name": "v2", "separator": "/"}
        options["attributes"] = {**attributes, "_ARRAY_DIMENSIONS": list(dimensions)}
        # as in the default profile: xarray takes any other value in v2 for "missing"
        options["fill_value"] = None
    else:
        options["shards"] = None if shard is None else tuple(shard)
        options["serializer"] = PCodec(level=_LEVEL)
        options["compressors"] = None
        options["dimension_names"] = list(dimensions)
        options["attributes"] = dict(attributes)
        options["fill_value"] = 0
    return DenseArray(zarr.create_array(path, **options))
