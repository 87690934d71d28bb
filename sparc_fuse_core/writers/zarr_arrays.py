"""Create Zarr arrays on local disk: explicit codecs, chunks and shards, one writer for each shard.

Bulk arrays are written with tensorstore (measured: 10 % off hand-written compression, lowest memory);
groups, attributes and small arrays with zarr-python, which also reads everything back.
"""

from __future__ import annotations

import base64
import json
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import tensorstore
import zarr

from sparc_fuse_core.writers.dense_arrays import (
    PCODEC_TYPES,
    DenseArray,
    Profile,
    create_dense_array,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

ZarrFormat = Literal[2, 3]

#: No read cache (each shard is written once), two threads: one machine converts several files at once.
_CONTEXT = {
    "cache_pool": {"total_bytes_limit": 0},
    "data_copy_concurrency": {"limit": 2},
    "file_io_concurrency": {"limit": 2},
}

#: Arrays of up to so many values are copied into the consolidated metadata, so many bytes in all.
_INLINE_VALUES = 1024
_INLINE_BYTES = 4096


#: Bytes that Blosc shuffles and compresses at once. Its automatic choice (a whole chunk for zstd-3) mixes
#: planes of noise with planes that repeat, and zstd then misses the repeats by chance: 1.02 to 1.86 of one
#: recording's chunks. Small blocks give 1.78 throughout, at more than the speed.
_INTEGER_BLOCK_BYTES = 16_384

#: The same for pixels, byte by byte: 25 % faster than Blosc's choice for the same size.
_IMAGE_BLOCK_BYTES = 65_536

#: Codec of an even time axis: 25 kB for 3 M samples.
TIME_GRID_CODEC = {
    "cname": "zstd",
    "clevel": 5,
    "shuffle": "bitshuffle",
    "typesize": 8,
    "blocksize": 0,
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how the arrays of one store are written.

    Attributes
    ----------
    budget_bytes
        What the buffers of one call may hold.
    profile
        ``"dense"``: pcodec for signals and overview.
    """

    folder: Path
    budget_bytes: int
    zarr_format: ZarrFormat
    profile: Profile


def blosc(dtype: np.dtype[Any], *, image: bool = False) -> dict[str, Any]:
    """Return the codec: bit shuffle for integer samples, byte shuffle for pixels and floats.

    Measured on a recording of 16-bit noise with spikes: 1.78:1 at 380 MB/s against 1.30:1 for Zarr's default;
    on microscopy zstd-1 with byte shuffle 2.14:1 at 576 MB/s.
    """
    integer = dtype.kind in "iub" and not image
    return {
        "cname": "zstd",
        "clevel": 1,
        "shuffle": "bitshuffle" if integer else "shuffle",
        "typesize": dtype.itemsize,
        "blocksize": _INTEGER_BLOCK_BYTES if integer else _IMAGE_BLOCK_BYTES if image else 0,
    }


def create_bulk_array(
    path: Path,
    *,
    shape: Sequence[int],
    dtype: np.dtype[Any],
    chunk: Sequence[int],
    shard: Sequence[int] | None,
    dimensions: Sequence[str],
    attributes: Mapping[str, Any],
    zarr_format: ZarrFormat = 3,
    image: bool = False,
    codec: Mapping[str, Any] | None = None,
    profile: Profile = "default",
) -> Any:
    """Create an array and return what `start_writing` takes.

    Parameters
    ----------
    path
        Folder of the new array; must not exist.
    chunk, shard
        Shape of a chunk and of the shard that holds whole chunks; None for no sharding (always in v2).
    dimensions
        Name of each axis.
    codec
        Configuration of Blosc; None for `blosc`.
    profile
        ``"dense"``: pcodec instead of Blosc, for the types it knows.
    """
    dtype = dtype.newbyteorder("=")
    if profile == "dense" and dtype.name in PCODEC_TYPES:
        return create_dense_array(
            path,
            shape=shape,
            dtype=dtype,
            chunk=chunk,
            shard=shard,
            dimensions=dimensions,
            attributes=attributes,
            zarr_format=zarr_format,
        )
    codec = codec or blosc(dtype, image=image)
    kvstore = {"driver": "file", "path": str(path)}
    if zarr_format == 2:
        metadata: dict[str, Any] = {
            "shape": list(shape),
            "chunks": list(chunk),
            "dtype": dtype.newbyteorder("<").str,
            "compressor": {
                "id": "blosc",
                "cname": codec["cname"],
                "clevel": codec["clevel"],
                "shuffle": 2 if codec["shuffle"] == "bitshuffle" else 1,
                "blocksize": codec["blocksize"],
            },
            "order": "C",
            "filters": None,
            # null: xarray would take any other value in v2 for "missing" and mask true samples
            "fill_value": (False if dtype.kind == "b" else 0) if image else None,
            "dimension_separator": "/",
        }
        store = _open({"driver": "zarr", "kvstore": kvstore, "metadata": metadata})
        array = zarr.open_array(path, mode="r+", zarr_format=2)
        array.attrs.update({**attributes, "_ARRAY_DIMENSIONS": list(dimensions)})
        return store
    inner = [
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "blosc", "configuration": dict(codec)},
    ]
    codecs = inner
    if shard is not None:
        index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
        configuration = {"chunk_shape": list(chunk), "codecs": inner, "index_codecs": index}
        codecs = [{"name": "sharding_indexed", "configuration": configuration}]
    metadata = {
        "shape": list(shape),
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(shard or chunk)}},
        "codecs": codecs,
        "dimension_names": list(dimensions),
        "attributes": dict(attributes),
        "fill_value": {"b": False, "c": [0, 0]}.get(dtype.kind, 0),
    }
    return _open({"driver": "zarr3", "kvstore": kvstore, "metadata": metadata})


def _open(spec: dict[str, Any]) -> Any:
    # chunks of zeros are stored too: then a missing object is a lost object, never silence
    options = {"create": True, "store_data_equal_to_fill_value": True, "context": _CONTEXT}
    return tensorstore.open({**spec, **options}).result()


def start_writing(array: Any, key: tuple[slice, ...], values: np.ndarray[Any, Any]) -> Any:
    """Write whole chunks or shards; ``result()`` of what is returned waits for it.

    ``values`` must not change afterwards: they are compressed from where they lie, not from a copy.
    """
    if isinstance(array, DenseArray):
        return array.start_writing(key, values)
    return array[key].write(values, can_reference_source_data_indefinitely=True)


def create_group(
    path: Path, attributes: Mapping[str, Any], zarr_format: ZarrFormat = 3
) -> zarr.Group:
    """Create a group with ``attributes``; nothing may exist at ``path`` but an empty folder."""
    return zarr.open_group(path, mode="w-", zarr_format=zarr_format, attributes=dict(attributes))


def put_small_array(
    group: zarr.Group,
    name: str,
    values: np.ndarray[Any, Any] | Sequence[str],
    dimensions: Sequence[str],
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write an array that fits in memory; texts become variable-length UTF-8."""
    array = values if isinstance(values, np.ndarray) else text_array(values)
    chunk = tuple(min(length, 1_000_000) or 1 for length in array.shape)
    version = group.metadata.zarr_format
    options: dict[str, Any] = {}
    if version == 3:
        options["dimension_names"] = list(dimensions)
    target = group.create_array(
        name,
        shape=array.shape,
        dtype=array.dtype,
        chunks=chunk,
        attributes={
            **(attributes or {}),
            **({"_ARRAY_DIMENSIONS": list(dimensions)} if version == 2 else {}),
        },
        # as in `create_bulk_array`; an empty text would come back as "missing" too
        fill_value=None if version == 2 else _zero(array.dtype),
        # as there: zarr-python leaves chunks of the fill value out, and where that is null readers of
        # version 2 show whatever was in memory
        config={"write_empty_chunks": True},
        **options,
    )
    if array.size:
        target[...] = array


def _zero(dtype: np.dtype[Any]) -> Any:
    return "" if dtype.kind == "T" else dtype.type(0)


def text_array(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """Return texts as an array of variable-length UTF-8."""
    return np.array(list(texts), dtype=np.dtypes.StringDType())


def consolidate(path: Path, zarr_format: ZarrFormat = 3) -> None:
    """Put all metadata of the store at ``path`` into its root, so that it opens with one request."""
    with warnings.catch_warnings():
        # zarr-python: consolidated metadata is not yet in the v3 specification. zarr, xarray and GDAL
        # read it; readers that do not know it fall back to the arrays' own metadata.
        warnings.filterwarnings("ignore", message="Consolidated metadata", category=UserWarning)
        # OME/METADATA.ome.xml of a collection
        warnings.filterwarnings("ignore", message="Object at .* is not recognized")
        zarr.consolidate_metadata(path, zarr_format=zarr_format)
    if zarr_format == 3:
        root = path / "zarr.json"

        def read(key: str) -> bytes | None:
            chunk = path / key
            return chunk.read_bytes() if chunk.is_file() else None

        root.write_bytes(with_inline_chunks(root.read_bytes(), read))


def with_inline_chunks(root: bytes, read: Callable[[str], bytes | None]) -> bytes:
    """Return a consolidated ``zarr.json`` that also holds the chunks of small one-dimensional arrays.

    Channel names, units and gains are a few dozen bytes each and would cost a request each. The copies
    lie in ``consolidated_metadata``, so that consolidating again renews or drops them; other readers
    pass over them. Written without white space where any are found, else as it came.

    Parameters
    ----------
    read
        Returns the object of a key below the root, or None.
    """
    document = json.loads(root)
    consolidated = document["consolidated_metadata"]
    chunks: dict[str, str] = {}
    free = _INLINE_BYTES
    for path, node in consolidated["metadata"].items():
        if node["node_type"] != "array" or len(node["shape"]) != 1:
            continue
        fits = node["shape"][0] <= _INLINE_VALUES
        grid = node["chunk_grid"]["configuration"]["chunk_shape"]
        separator = node["chunk_key_encoding"].get("configuration", {}).get("separator", "/")
        plain = node["chunk_key_encoding"]["name"] == "default" and separator == "/"
        sharded = any(codec["name"] == "sharding_indexed" for codec in node["codecs"])
        if not fits or not plain or sharded or grid[0] < node["shape"][0]:
            continue
        data = read(f"{path}/c/0")
        if data is not None and len(data) <= free:
            chunks[f"{path}/c/0"] = base64.b64encode(data).decode("ascii")
            free -= len(data)
    if not chunks:
        return root
    for node in consolidated["metadata"].values():
        for name in ("attributes", "storage_transformers"):  # optional where empty
            if not node.get(name, True):
                del node[name]
    consolidated["inline_chunks"] = chunks
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def chunk_and_shard(
    n_channels: int, n_samples: int, itemsize: int, budget_bytes: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Choose chunk and shard of a stream (n_channels, n_samples).

    A chunk holds 65,536 samples of one channel, so that a slice of one channel costs few bytes; a shard
    holds whole chunks of all channels over one span of time, as many as a quarter of the
    budget holds: a block, its scaled copy and two shards being compressed are alive at once. Streams
    below 256 kB are one chunk.
    """
    if n_channels * n_samples * itemsize <= 256 * 1024:
        whole = (max(n_channels, 1), max(n_samples, 1))
        return whole, whole
    span_bytes = budget_bytes // 4
    chunk_samples = 65_536
    while chunk_samples > 4096 and n_channels * chunk_samples * itemsize > span_bytes:
        chunk_samples //= 2
    chunk_samples = min(chunk_samples, n_samples)
    rows = max(1, min(n_channels, span_bytes // (chunk_samples * itemsize)))
    n_chunks = max(1, span_bytes // (rows * chunk_samples * itemsize))
    n_chunks = min(n_chunks, math.ceil(n_samples / chunk_samples))
    return (1, chunk_samples), (rows, n_chunks * chunk_samples)


def folder_size(path: Path) -> tuple[int, int]:
    """Return (n_objects, n_bytes) of all files below ``path`` (or of the file itself)."""
    if path.is_file():
        return 1, path.stat().st_size
    sizes = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    return len(sizes), sum(sizes)
