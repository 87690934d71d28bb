"""Open converted recordings lazily, in physical units, with dimensions (``channel``, ``time``).

Time is an index made from start and rate, so that ``.sel(time=slice(1.0, 2.0))`` works without reading a
single time value. Accepted are this project's own layouts 1 and 2, the one with a ``time`` dimension that
`create_xarray_zarr_from_raw` writes, and raw stores of older releases.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr
import zarr
from xarray.core.indexing import LazilyIndexedArray

from sparc_fuse_core.errors import IncompleteResultError, RequestError
from sparc_fuse_core.opening import handover  # noqa: F401 - gives Datasets `ds.fuse`
from sparc_fuse_core.opening.damage import (
    SoundArray,
    SoundStore,
    innermost,
    place_of,
    told_as_damage,
)
from sparc_fuse_core.opening.dates import dated
from sparc_fuse_core.opening.layouts import choose_stream, layout_version, streams_of
from sparc_fuse_core.opening.places import open_group, store_of
from sparc_fuse_core.opening.remote_store import RemoteStore, ShardedArray, has_plain_shards
from sparc_fuse_core.opening.time_index import TimeIndex
from sparc_fuse_core.opening.whole_store import WholeStore
from sparc_fuse_core.writers.dense_arrays import check_readable, dense_codec

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from pathlib import Path

    from sparc_fuse_core.settings import Settings

#: Attributes of ``time`` in a store that `create_xarray_zarr_from_raw` wrote, where it found times even.
EVEN_TIME = ("even_start_s", "even_step_s")


def open_zarr(
    target: str | Path,
    *,
    stream: str = "",
    datetimes: bool = False,
    settings: Settings | None = None,
) -> xr.Dataset:
    """Open a converted recording lazily.

    Parameters
    ----------
    target
        Path of a store, of a ``.zarr.zip``, ``s3://bucket/path``, or ``http(s)://host/path``.
    stream
        Name of a further stream; by default the main one. The attribute ``streams`` lists them.
    datetimes
        Whether times are dates (UTC where the source states a zone) rather than seconds from the start; for
        sources that state when they began.

    Returns
    -------
    ``signals`` in physical units with dimensions (``channel``, ``time``), or (``channel``, ``sweep``,
    ``time``), and the recording's events. A store of layout 1 shows further streams beside the main one,
    with their suffix.

    Raises
    ------
    FileNotFoundError
        If there is no store.
    RequestError
        If it is no recording, has no such stream, or states no start that times could count from.
    IncompleteResultError
        If a part of it is absent or damaged; for samples, when they are read.
    UnknownLayoutError
        If a newer version wrote it.
    """
    dataset = open_store(store_of(target, settings), stream=stream)
    # how the values are stored is left behind: saved again as integers, a NaN of `where` would be a number
    dataset = _about_signals(dataset.drop_encoding())
    return dated(dataset) if datetimes else dataset


@dense_codec()
def open_store(store: Any, *, stream: str = "") -> xr.Dataset:
    """Open a zarr store object, a path or a mapping; see `open_zarr`."""
    root = open_group(store)
    streams = streams_of(root.attrs)
    if streams is None:
        if stream:
            choose_stream([], stream)
        return _open_foreign(store, root)
    check_readable(root.attrs)
    if streams and _dimensions(root.get("signals"))[-1:] == ("time",):
        return _open_rewritten(store, root, choose_stream(streams[:1], stream))
    root = open_group(WholeStore(root.store, left_out(root)))
    if not streams:
        return _decoded(root, root)
    chosen = choose_stream(streams, stream)
    if "suffix" in chosen:
        return _open_layout_1(root, streams, chosen if stream else None)
    return _open_stream(root, chosen)


def _about_signals(dataset: xr.Dataset) -> xr.Dataset:
    """Make coordinates of what is about the signals: events and segments are not masked with them."""
    about = [name for name in dataset.data_vars if not str(name).startswith("signals")]
    return dataset.set_coords(about) if len(about) < len(dataset.data_vars) else dataset


def _dimensions(array: Any) -> tuple[str, ...]:
    """Return the names of an array's dimensions; none if it states none, or is no array."""
    if not isinstance(array, zarr.Array):
        return ()
    if array.metadata.zarr_format == 2:
        stated: Any = array.attrs.get("_ARRAY_DIMENSIONS", ())
        return tuple(stated)
    return tuple(str(name) for name in getattr(array.metadata, "dimension_names", None) or ())


def _open_rewritten(store: Any, root: zarr.Group, stream: dict[str, Any]) -> xr.Dataset:
    """Open what xarray wrote of an opened recording: whole or a part of it, its times among the arrays."""
    dataset: xr.Dataset = xr.open_zarr(
        store,
        chunks=None,
        zarr_format=root.metadata.zarr_format,
        consolidated=root.metadata.consolidated_metadata is not None,
        decode_timedelta=False,
    )
    rate_hz = stream["sampling_rate_hz"]
    times = dataset["time"].values if "time" in dataset.coords else np.empty(0)
    if not _is_even(stream) or not times.size or times.dtype.kind != "f":
        return dataset
    index = TimeIndex.of(times, float(stream["start_s"]), rate_hz)
    return dataset if index is None else _indexed(dataset.drop_vars("time"), index, "time")


def _open_stream(root: zarr.Group, stream: dict[str, Any]) -> xr.Dataset:
    """Open a stream of layout 2 with the recording's events."""
    path = stream["group"]
    group = root.get(path) if path else root
    if not isinstance(group, zarr.Group) or "signals" not in group:
        message = (
            f"the signals of stream {stream['name']!r} are absent from the store: it is incomplete"
        )
        raise IncompleteResultError(message)
    dataset = _decoded(root, group, drop=_not_read([{**stream, "suffix": ""}]))
    if path:
        bare = {dim: str(dim).removesuffix(f"_{path}") for dim in dataset.dims}
        dataset = dataset.rename_dims({dim: name for dim, name in bare.items() if dim != name})
        events = [name for name in root.array_keys() if not name.startswith("event_")]
        dataset = dataset.merge(_decoded(root, root, drop=events))
        dataset.attrs = {**root.attrs, **group.attrs}
        dataset.attrs.pop("coordinates", None)
    return _with_time_dimension(dataset, {**stream, "suffix": ""})


def _open_layout_1(
    root: zarr.Group, streams: list[dict[str, Any]], chosen: dict[str, Any] | None
) -> xr.Dataset:
    """Open all streams of a store of layout 1, or ``chosen`` alone under plain names."""
    absent = [one["name"] for one in streams if f"signals{one['suffix']}" not in root]
    if absent:
        message = f"the signals of stream {absent[0]!r} are absent from the store: it is incomplete"
        raise IncompleteResultError(message)
    dataset = _decoded(root, root, drop=_not_read(streams))
    for stream in streams:
        dataset = _with_time_dimension(dataset, stream)
    if chosen is None:
        return dataset
    suffix = chosen["suffix"]
    others = {f"channel{one['suffix']}" for one in streams if one is not chosen}
    others |= {f"time{one['suffix']}" for one in streams if one is not chosen}
    others |= {f"segment{one['suffix']}" for one in streams if one is not chosen}
    others |= {f"sweep{one['suffix']}" for one in streams if one is not chosen}
    dataset = dataset.drop_dims(others & {str(dim) for dim in dataset.dims})
    names = [
        str(name) for name in (*dataset.variables, *dataset.dims) if str(name).endswith(suffix)
    ]
    plain = {name: name.removesuffix(suffix) for name in names if suffix}
    return dataset.rename(plain)


def _decoded(root: zarr.Group, group: zarr.Group, drop: list[str] | None = None) -> xr.Dataset:
    """Return the arrays of a group, scaled when read; all metadata come from ``root``."""
    backend = SoundStore(
        group, mode="r", use_zarr_fill_value_as_mask=False, close_store_on_close=True
    )
    dataset: xr.Dataset = xr.open_dataset(
        backend, engine="store", chunks=None, decode_cf=False, drop_variables=drop
    )
    return xr.decode_cf(_planning_reads(dataset, root, group), decode_timedelta=False)


def left_out(root: zarr.Group) -> frozenset[str]:
    """Return the arrays whose chunks may be absent: small ones of layout 1, where they held zeros."""
    if layout_version(root.attrs) > 1:
        return frozenset()
    bulk = ("signals", "time", "overview/")
    return frozenset(name for name in root.array_keys() if not name.startswith(bulk))


def _open_foreign(store: Any, root: zarr.Group) -> xr.Dataset:
    """Open a store that states no layout of ours: an older release's or another writer's."""
    if not _names_dimensions(root):
        return _open_raw(root)
    even = even_times(root)
    dataset: xr.Dataset = xr.open_zarr(
        store,
        chunks=None,
        decode_cf=False,
        zarr_format=root.metadata.zarr_format,
        # said rather than left to be found out, which would probe for metadata of both versions
        consolidated=root.metadata.consolidated_metadata is not None,
        drop_variables=["time"] if even else [],
    )
    return _open_older(
        xr.decode_cf(_planning_reads(dataset, root, root), decode_timedelta=False), even
    )


def _planning_reads(dataset: xr.Dataset, root: zarr.Group, group: zarr.Group) -> xr.Dataset:
    """Replace sharded arrays of a remote store by ones that plan each read."""
    if not isinstance(innermost(root.store), RemoteStore):
        return dataset
    variables: dict[Hashable, xr.Variable] = {}
    for name, variable in dataset.data_vars.items():
        array = group.get(str(name))
        if isinstance(array, zarr.Array) and has_plain_shards(array):
            lazy = LazilyIndexedArray(SoundArray(ShardedArray(array), array))
            variables[name] = xr.Variable(
                variable.dims, lazy, variable.attrs, variable.encoding, fastpath=True
            )
    return dataset.assign(variables)


def _not_read(streams: list[dict[str, Any]]) -> list[str]:
    """Names of the arrays that need not be read: channel numbers, even times."""
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
        message = f"the store holds no array 'signals': {_what_it_is(root.attrs)}"
        raise RequestError(message)
    if root.metadata.zarr_format == 2:
        return "_ARRAY_DIMENSIONS" in signals.attrs
    return getattr(signals.metadata, "dimension_names", None) is not None


def _what_it_is(attributes: Mapping[str, Any]) -> str:
    """Say in words what a store is that is no recording, and what opens it."""
    kind = attributes.get("kind")
    if kind in ("arrays", "table"):
        return f"it is of kind {kind!r}, which xarray.open_datatree opens"
    if "n_shapes" in attributes:
        return "it holds shapes, which zarr.open_group opens"
    ome: Any = attributes.get("ome", attributes)
    if "multiscales" in ome or "bioformats2raw.layout" in ome or "plate" in ome:
        return "it is an image, which open_image opens"
    return "it is not a converted recording"


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
    if f"sweep{suffix}" in dataset.dims:
        # events name sweeps by number, of a selection too
        sweeps = np.arange(dataset.sizes[f"sweep{suffix}"])
        dataset = dataset.assign_coords({f"sweep{suffix}": sweeps})
    if not _is_even(stream):
        # real times or gaps: a lazy coordinate along the dimension; `.set_xindex` reads it when asked
        lazy = dataset[time].variable
        lazy.dims = (time,)
        dataset = dataset.drop_vars(time).rename_dims({sample: time})
        return dataset.assign_coords(xr.Coordinates({time: lazy}, indexes={}))
    dataset = dataset.rename_dims({sample: time})
    index = TimeIndex.even(
        stream["shape"][-1], float(stream["start_s"]), float(stream["sampling_rate_hz"]), name=time
    )
    return _indexed(dataset, index, time)


def _with_index(
    dataset: xr.Dataset, time: str, start_s: float, step_s: float, n_samples: int
) -> xr.Dataset:
    rate_hz = 1.0 / step_s if step_s else 1.0
    return _indexed(dataset, TimeIndex.even(n_samples, start_s, rate_hz, name=time), time)


def _indexed(dataset: xr.Dataset, index: TimeIndex, time: str) -> xr.Dataset:
    dataset = dataset.assign_coords(xr.Coordinates.from_xindex(index))
    dataset[time].attrs.update(units="s", standard_name="time", axis="T")
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
def overview(
    target: str | Path, *, stream: str = "", settings: Settings | None = None
) -> xr.Dataset | None:
    """Return the coarsest minimum and maximum of a stream, in few requests; None if it is short.

    Dimensions (``channel``, ``bin``), of sweeps the envelope of all; the attribute ``samples_per_bin`` is
    the factor. Parameters and errors are those of `open_zarr`.
    """
    root = open_group(store_of(target, settings))
    streams = streams_of(root.attrs)
    if not streams:
        return None
    root = open_group(WholeStore(root.store, left_out(root)))
    chosen = choose_stream(streams, stream)
    factors, suffix = chosen.get("overview_factors"), chosen.get("suffix", "")
    if not factors:
        return None
    names = ("minimum", "maximum")
    folder = f"{chosen.get('group', '')}/overview/{factors[-1]}".lstrip("/")
    found = [root.get(f"{folder}/{name}{suffix}") for name in names]
    arrays = [array for array in found if isinstance(array, zarr.Array)]
    if len(arrays) != len(names):
        if "suffix" in chosen and len(chosen["shape"]) == 3:
            return None  # layout 1 announced overviews of sweeps and wrote none
        message = f"the overview {folder} is absent from the store: it is incomplete"
        raise IncompleteResultError(message)
    with ThreadPoolExecutor(len(names)) as pool:
        pair = list(pool.map(_read_level, arrays))
    first = arrays[0]
    bins = {
        name: first.attrs[name]
        for name in ("bin_start", "bin_step", "bin_units")
        if name in first.attrs
    }
    facts = {"samples_per_bin": factors[-1], **bins}
    level = xr.Dataset(dict(zip(names, pair, strict=True)), attrs=facts)
    return xr.decode_cf(level)


def _read_level(array: Any) -> xr.Variable:
    with told_as_damage(f"{place_of(array.store)}: {array.path}"):
        return xr.Variable(("channel", "bin"), array[...], _attributes_of(array))


def _attributes_of(array: zarr.Array[Any]) -> dict[str, Any]:
    """Attributes of an array without the one by which Zarr v2 names its dimensions."""
    hidden = ("_ARRAY_DIMENSIONS", "samples_per_bin", "bin_start", "bin_step", "bin_units")
    return {name: value for name, value in array.attrs.items() if name not in hidden}
