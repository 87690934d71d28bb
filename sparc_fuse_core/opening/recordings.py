"""Open converted recordings lazily, in physical units, with dimensions (``channel``, ``time``).

Time is an index made from start and rate, so that ``.sel(time=slice(1.0, 2.0))`` works without reading a
single time value. Three layouts are accepted: this project's own, the one with a ``time`` dimension that
`create_xarray_zarr_from_raw` writes, and raw stores of older releases.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr
import zarr
from xarray.core.indexing import IndexSelResult, LazilyIndexedArray
from xarray.indexes import RangeIndex
from zarr.storage import ObjectStore, ZipStore

from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.opening.remote_store import RemoteStore, ShardedArray, has_plain_shards
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage.bucket import s3_store
from sparc_fuse_core.writers.dense_arrays import check_readable, dense_codec

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

#: Attributes of ``time`` in a store that `create_xarray_zarr_from_raw` wrote, where it found times even.
EVEN_TIME = ("even_start_s", "even_step_s")


class TimeIndex(RangeIndex):
    """An even time axis; scalars and lists select the nearest sample, as for any float axis."""

    def sel(
        self, labels: dict[Any, Any], method: Any = None, tolerance: Any = None
    ) -> IndexSelResult:
        """Select by time: a slice takes every sample within it, both ends included."""
        label = labels[self.dim]
        if isinstance(label, slice):
            if label.step is not None:
                message = "a time slice has no step"
                raise RequestError(message)
            first = 0 if label.start is None else self._ceiling(label.start)
            last = self.size if label.stop is None else self._floor(label.stop) + 1
            return IndexSelResult({self.dim: slice(max(first, 0), max(last, 0))})
        return super().sel(labels, method=method or "nearest", tolerance=tolerance)

    def isel(self, indexers: Mapping[Any, Any]) -> Any:
        """Keep this kind of index after a slice."""
        picked = super().isel(indexers)
        return TimeIndex(picked.transform) if isinstance(picked, RangeIndex) else picked

    def _ceiling(self, time: float) -> int:
        return math.ceil(round((float(time) - self.start) / self.step, 6))

    def _floor(self, time: float) -> int:
        return math.floor(round((float(time) - self.start) / self.step, 6))


def store_of(target: str | Path, settings: Settings | None = None) -> Any:
    """Return what zarr opens for a path, a ``.zarr.zip`` or an ``s3://`` URL."""
    text = str(target)
    if text.startswith("s3://"):
        bucket, _, prefix = text.removeprefix("s3://").partition("/")
        chosen = settings or Settings.from_environment()
        bare = ObjectStore(s3_store(bucket, prefix.strip("/"), chosen), read_only=True)
        return RemoteStore(bare)
    path = Path(text)
    if not path.exists():
        message = f"{text}: no such store"
        raise FileNotFoundError(message)
    return ZipStore(path, mode="r") if path.is_file() else str(path)


def open_zarr(target: str | Path, *, settings: Settings | None = None) -> xr.Dataset:
    """Open a converted recording lazily.

    Parameters
    ----------
    target
        Path of a store, of a ``.zarr.zip``, or ``s3://bucket/path``.

    Returns
    -------
    ``signals`` in physical units with dimensions (``channel``, ``time``), or (``channel``, ``sweep``,
    ``time``); further streams with their suffix.

    Raises
    ------
    FileNotFoundError
        If there is no store.
    """
    return open_store(store_of(target, settings))


@dense_codec()
def open_store(store: Any) -> xr.Dataset:
    """Open a zarr store object, a path or a mapping; see `open_zarr`."""
    root = open_root(store)
    streams: Any = root.attrs.get("streams")
    if streams is None and not _names_dimensions(root):
        return _open_raw(root)
    check_readable(root.attrs)
    dataset: xr.Dataset = xr.open_zarr(
        store,
        chunks=None,
        decode_cf=False,
        zarr_format=root.metadata.zarr_format,
        # said rather than left to be found out, which would probe for metadata of both versions
        consolidated=root.metadata.consolidated_metadata is not None,
        drop_variables=_not_read(root, streams),
    )
    dataset = xr.decode_cf(_planning_reads(dataset, root), decode_timedelta=False)
    if streams is None:
        return _open_older(dataset, even_times(root))
    for stream in streams:
        dataset = _with_time_dimension(dataset, stream)
    return dataset


def open_root(store: Any) -> zarr.Group:
    """Open the group of a store, Zarr v3 or else v2."""
    try:
        return zarr.open_group(store, mode="r", zarr_format=3)
    except FileNotFoundError:
        return zarr.open_group(store, mode="r", zarr_format=2)


def _planning_reads(dataset: xr.Dataset, root: zarr.Group) -> xr.Dataset:
    """Replace sharded arrays of a remote store by ones that plan each read."""
    if not isinstance(root.store, RemoteStore):
        return dataset
    variables: dict[Hashable, xr.Variable] = {}
    for name, variable in dataset.data_vars.items():
        array = root.get(str(name))
        if isinstance(array, zarr.Array) and has_plain_shards(array):
            lazy = LazilyIndexedArray(ShardedArray(array))
            variables[name] = xr.Variable(
                variable.dims, lazy, variable.attrs, variable.encoding, fastpath=True
            )
    return dataset.assign(variables)


def _not_read(root: zarr.Group, streams: Any) -> list[str]:
    """Names of the arrays that need not be read: channel numbers, even times."""
    if streams is None:
        return ["time"] if even_times(root) else []
    names = [f"channel{stream['suffix']}" for stream in streams]
    return names + [f"time{stream['suffix']}" for stream in streams if _is_even(stream)]


def even_times(root: zarr.Group) -> tuple[float, float, int] | None:
    """Return (start, step, number) of ``time`` where `create_xarray_zarr_from_raw` found it even."""
    time = root.get("time")
    if not isinstance(time, zarr.Array) or not set(EVEN_TIME) <= time.attrs.keys():
        return None
    start_s, step_s = (float(str(time.attrs[name])) for name in EVEN_TIME)
    return start_s, step_s, time.shape[0]


def _is_even(stream: dict[str, Any]) -> bool:
    """Whether start and rate say all about a stream's time."""
    return not (stream["sampling_rate_hz"] is None or stream["uneven"] or stream["n_segments"] > 1)


def _names_dimensions(root: zarr.Group) -> bool:
    """Whether ``signals`` says what its dimensions are, as xarray needs."""
    signals = root.get("signals")
    if not isinstance(signals, zarr.Array):
        message = (
            "the store holds no array 'signals': it is not a converted recording; an image is opened "
            "level by level, as zarr.open_group(store)['0']"
        )
        raise RequestError(message)
    if root.metadata.zarr_format == 2:
        return "_ARRAY_DIMENSIONS" in signals.attrs
    return getattr(signals.metadata, "dimension_names", None) is not None


def _open_raw(root: zarr.Group) -> xr.Dataset:
    """Open a raw store of an older release, whose arrays name no dimensions, through dask."""
    variables = {}
    for name, dims in (("signals", ("channel", "time")), ("time", ("time",))):
        array = root.get(name)
        if isinstance(array, zarr.Array) and array.ndim == len(dims):
            lazy = da.from_array(array, chunks=array.chunks)  # type: ignore[no-untyped-call]
            variables[name] = (dims, lazy, dict(array.attrs))
    if "signals" not in variables:
        message = "'signals' of the store is not two-dimensional"
        raise RequestError(message)
    time = variables.pop("time", None)
    dataset = xr.Dataset(variables, attrs=dict(root.attrs))
    if time is not None:
        # not as an index: that would read every time value now
        dataset = dataset.assign_coords(time_s=time)
    return dataset.assign_coords(channel=np.arange(dataset.sizes["channel"]))


def _with_time_dimension(dataset: xr.Dataset, stream: dict[str, Any]) -> xr.Dataset:
    """Rename ``sample`` to ``time`` and index it by start and rate, where one rate describes it."""
    suffix = stream["suffix"]
    sample, time = f"sample{suffix}", f"time{suffix}"
    dataset = dataset.assign_coords({f"channel{suffix}": np.arange(stream["shape"][0])})
    if not _is_even(stream):
        # real times or gaps: a lazy coordinate along the dimension; `.set_xindex` reads it when asked
        lazy = dataset[time].variable
        lazy.dims = (time,)
        dataset = dataset.drop_vars(time).rename_dims({sample: time})
        return dataset.assign_coords(xr.Coordinates({time: lazy}, indexes={}))
    dataset = dataset.rename_dims({sample: time})
    step_s = 1.0 / stream["sampling_rate_hz"]
    return _with_index(dataset, time, float(stream["start_s"]), step_s, stream["shape"][-1])


def _with_index(
    dataset: xr.Dataset, time: str, start_s: float, step_s: float, n_samples: int
) -> xr.Dataset:
    stop_s = start_s + n_samples * step_s
    index = TimeIndex.arange(start_s, stop_s, step_s, dim=time)
    if index.size != n_samples:
        index = TimeIndex.linspace(start_s, stop_s, n_samples, endpoint=False, dim=time)
    dataset = dataset.assign_coords(xr.Coordinates.from_xindex(index))
    dataset[time].attrs["units"] = "s"
    return dataset


def _open_older(dataset: xr.Dataset, times: tuple[float, float, int] | None) -> xr.Dataset:
    """Give stores of older releases their dimensions and channel numbers."""
    dims = dataset["signals"].dims
    pairs = zip((dims[0], dims[-1]), ("channel", "time"), strict=True)
    renames: dict[Hashable, Hashable] = {
        found: wanted for found, wanted in pairs if found != wanted
    }
    if renames:
        dataset = dataset.rename_dims(renames)
    if "channel" not in dataset.coords:
        dataset = dataset.assign_coords(channel=np.arange(dataset.sizes["channel"]))
    return dataset if times is None else _with_index(dataset, "time", *times)


@dense_codec()
def overview(target: str | Path, *, settings: Settings | None = None) -> xr.Dataset | None:
    """Return the coarsest minimum and maximum of a recording, in few requests; None if it is short.

    Dimensions (``channel``, ``bin``); the attribute ``samples_per_bin`` is the factor.
    """
    root = open_root(store_of(target, settings))
    streams: Any = root.attrs.get("streams", [])
    factors = streams[0]["overview_factors"] if streams else []
    if not factors:
        return None
    names = ("minimum", "maximum")
    with ThreadPoolExecutor(len(names)) as pool:
        pair = list(pool.map(_read_level, (root[f"overview/{factors[-1]}/{n}"] for n in names)))
    level = xr.Dataset(dict(zip(names, pair, strict=True)), attrs={"samples_per_bin": factors[-1]})
    return xr.decode_cf(level)


def _read_level(array: Any) -> xr.Variable:
    return xr.Variable(("channel", "bin"), array[...], _attributes_of(array))


def _attributes_of(array: zarr.Array[Any]) -> dict[str, Any]:
    """Attributes of an array without the one by which Zarr v2 names its dimensions."""
    return {name: value for name, value in array.attrs.items() if name != "_ARRAY_DIMENSIONS"}
