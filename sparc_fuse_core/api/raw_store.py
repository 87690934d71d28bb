"""A store that xarray opens, from a raw one of ``signals`` and ``time``."""

from __future__ import annotations

from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec
from zarr.storage import ObjectStore

from sparc_fuse_core.api.buckets import consolidate_s3_metadata, settings_of
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.opening.recordings import EVEN_TIME
from sparc_fuse_core.storage.bucket import s3_store
from sparc_fuse_core.writers.dense_arrays import dense_codec

#: Values copied at once from a raw store.
_COPY_VALUES = 4_000_000


@dense_codec()
def create_xarray_zarr_from_raw(
    bucket: str, raw_zarr_path: str, xarray_zarr_path: str, region: str = "eu-north-1"
) -> None:
    """Write an xarray-readable store from one that holds ``signals`` and ``time``.

    Dimensions are (``channel``, ``time``) with a ``time`` coordinate; ``channel`` is 0 … n-1; attributes
    are carried over. Values are copied block by block as they are stored, so memory is bounded.

    Raises
    ------
    FileNotFoundError
        If there is no raw store.
    KeyError
        If it holds no ``signals`` or no ``time``.
    ValueError
        If ``signals`` is not two-dimensional or ``time`` has another length.
    """
    settings = settings_of(region)
    source = ObjectStore(s3_store(bucket, raw_zarr_path.strip("/"), settings), read_only=True)
    raw = zarr.open_group(source, mode="r")
    for name in ("signals", "time"):
        if name not in raw:
            message = f"s3://{bucket}/{raw_zarr_path}: no array {name!r} in the store"
            raise KeyError(message)
    signals, time = raw["signals"], raw["time"]
    if not isinstance(signals, zarr.Array) or not isinstance(time, zarr.Array):
        message = f"s3://{bucket}/{raw_zarr_path}: signals and time must be arrays"
        raise RequestError(message)
    if signals.ndim != 2 or time.shape != signals.shape[-1:]:
        message = f"s3://{bucket}/{raw_zarr_path}: signals {signals.shape} with time {time.shape}"
        raise RequestError(message)
    target = ObjectStore(s3_store(bucket, xarray_zarr_path.strip("/"), settings))
    own = {"streams", "layout", "profile", "coordinates", "kind", "n_events"}
    attributes = {name: value for name, value in raw.attrs.items() if name not in own}
    root = zarr.open_group(target, mode="w", zarr_format=3, attributes=attributes)
    _copy(signals, root, "signals", ("channel", "time"), (1, 65_536))
    copied = _copy(time, root, "time", ("time",), (1_000_000,))
    even = _even(time)
    if even is not None:
        copied.attrs.update(zip(EVEN_TIME, even, strict=True))
    channel = np.arange(signals.shape[0])
    root.create_array("channel", data=channel, dimension_names=("channel",))
    consolidate_s3_metadata(bucket, xarray_zarr_path, region)


def _copy(
    source: zarr.Array[Any],
    root: zarr.Group,
    name: str,
    dimensions: tuple[str, ...],
    chunk: tuple[int, ...],
) -> zarr.Array[Any]:
    dtype = np.dtype(source.dtype).newbyteorder("=")
    shape = source.shape
    chunks = tuple(max(1, min(c, n)) for c, n in zip(chunk, shape, strict=True))
    integer = dtype.kind in "iu"
    codec = BloscCodec(
        cname="zstd",
        clevel=3 if integer else 1,
        shuffle="bitshuffle" if integer else "shuffle",
        typesize=dtype.itemsize,
    )
    array = root.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=chunks,
        compressors=[codec],
        dimension_names=dimensions,
        attributes={key: value for key, value in source.attrs.items() if key != "coordinates"},
    )
    rows = shape[0] if len(shape) == 2 else 1
    span = max(chunks[-1], _COPY_VALUES // max(rows, 1) // chunks[-1] * chunks[-1])
    for start in range(0, shape[-1], span):
        array[..., start : start + span] = source[..., start : start + span]
    return array


def _even(time: zarr.Array[Any]) -> tuple[float, float] | None:
    """Return (start, step) in seconds where every time lies within a millionth of a step of an even grid."""
    attributes = {str(name): value for name, value in time.attrs.items()}
    if attributes.get("units", "s") not in ("s", "seconds") or time.shape[0] < 2:
        return None
    scale = float(str(attributes.get("scale_factor", 1.0)))
    offset = float(str(attributes.get("add_offset", 0.0)))

    def seconds(start: int, stop: int) -> np.ndarray[Any, Any]:
        return np.asarray(time[start:stop], dtype=float) * scale + offset

    n_times = time.shape[0]
    first, last = seconds(0, 1)[0], seconds(n_times - 1, n_times)[0]
    step = (last - first) / (n_times - 1)
    if not np.isfinite(step) or step <= 0:
        return None
    for start in range(0, n_times, _COPY_VALUES):
        values = seconds(start, min(start + _COPY_VALUES, n_times))
        grid = first + step * np.arange(start, start + values.size)
        if not np.all(np.abs(values - grid) <= 1e-6 * step):
            return None
    return float(first), float(step)
