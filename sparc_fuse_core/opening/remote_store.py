"""Read Zarr from a bucket in few requests: what zarr-python asks for one by one is fetched together.

`RemoteStore` remembers metadata objects and answers small coordinate arrays from the copies that the
writer put into the consolidated metadata. `ShardedArray` tells the store which chunks of a shard it is
going to read; with the shard's index their byte ranges are known and near ones come in one request.
Decoding stays with zarr-python.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from xarray.backends import BackendArray
from xarray.core.indexing import IndexingSupport, explicit_indexing_adapter
from zarr.abc.store import RangeByteRequest, SuffixByteRequest
from zarr.abc.store import Store as StoreClass
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec
from zarr.core.metadata import ArrayV3Metadata
from zarr.storage import StorePath, WrapperStore

from sparc_fuse_core.blosc_frames import FramesStore
from sparc_fuse_core.errors import SourceError, SourceRefusedError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from zarr.abc.store import ByteRequest, Store
    from zarr.core.buffer import Buffer, BufferPrototype

_METADATA_NAMES = frozenset({"zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata"})

#: Offset and length of a chunk that is not in its shard (Zarr sharding codec 1.0).
_ABSENT = 2**64 - 1

#: Chunks of a shard that lie no further apart come in one request.
_NEAR_BYTES = 64 * 1024

#: At most so many requests for the chunks of one shard; beyond, gaps are fetched too, small ones first.
_MOST_REQUESTS = 64


#: What S3's codes mean for who asks.
_REFUSALS = {
    "SignatureDoesNotMatch": "the secret key is not that of the access key: check AWS_SECRET_ACCESS_KEY",
    "InvalidAccessKeyId": "there is no such access key: check AWS_ACCESS_KEY_ID",
    "ExpiredToken": "the credentials have expired: log in again",
    "InvalidToken": "the session token is not of these credentials: check AWS_SESSION_TOKEN",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
}


class RemoteStore(WrapperStore[Any]):
    """A read-only store that asks for each metadata object once, and not for inlined chunks.

    Attributes
    ----------
    uri
        What users call it; errors name it.
    """

    def __init__(self, store: Store, uri: str = "") -> None:
        super().__init__(store)
        self.uri = uri
        self._known: dict[str, bytes | None] = {}

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return an object or a part of it, from memory where it is known."""
        if key not in self._known:
            try:
                answer: Buffer | None = await self._store.get(key, prototype, byte_range)
            except BaseError as err:
                raise named(err, self.uri) from err
            if byte_range is not None or key.rpartition("/")[2] not in _METADATA_NAMES:
                return answer
            self._known[key] = None if answer is None else answer.to_bytes()
            if key == "zarr.json" and answer is not None:
                self._known.update(inlined_chunks(answer.to_bytes()))
        known = self._known[key]
        if known is None:
            return None
        return prototype.buffer.from_bytes(known[_slice_of(byte_range)])

    async def get_ranges(
        self, key: str, byte_ranges: Any, *, prototype: BufferPrototype, **bounds: Any
    ) -> AsyncIterator[Any]:
        """Yield parts of an object, as zarr-python from 3.2 on asks for the chunks of a shard.

        It would fetch all that lies within 1 MB too: whole shards for a short window.
        """
        bounds["max_gap_bytes"] = min(bounds.get("max_gap_bytes") or _NEAR_BYTES, _NEAR_BYTES)
        bounds["max_concurrency"] = _MOST_REQUESTS
        store: Any = super()
        async for group in store.get_ranges(key, byte_ranges, prototype=prototype, **bounds):
            yield group


def named(error: BaseError, where: str) -> SourceError:
    """Return the error of this package for a refusal or silence of a bucket or web server."""
    text = str(error)
    first = text.partition("\n")[0][:300]
    why = next((said for code, said in _REFUSALS.items() if code in text), "")
    if why or isinstance(error, PermissionDeniedError | UnauthenticatedError):
        message = f"{where}: refused; {why or 'check credentials, bucket and region'} ({first})"
        return SourceRefusedError(message)
    message = f"{where}: does not answer as it should; check the address, then try again ({first})"
    return SourceUnavailableError(message)


def _slice_of(byte_range: ByteRequest | None) -> slice:
    if isinstance(byte_range, RangeByteRequest):
        return slice(byte_range.start, byte_range.end)
    if isinstance(byte_range, SuffixByteRequest):
        return slice(-byte_range.suffix, None)
    return slice(byte_range.offset if byte_range else 0, None)


def inlined_chunks(root: bytes) -> dict[str, bytes]:
    """Return the chunks that lie in the consolidated metadata of a root's ``zarr.json``, by key."""
    try:
        found = json.loads(root)["consolidated_metadata"]["inline_chunks"]
        return {key: base64.b64decode(text, validate=True) for key, text in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # a store of another writer


def ranges_together(extents: Iterable[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Return byte ranges by the request that fetches them, in the order of their bytes.

    Near ones come in one request, the gap between them too: a trip costs more than a few kilobytes. Far
    ones are asked for side by side, so that a short window of many channels is not a download of all.
    """
    ordered = sorted(extents)
    gaps = [after[0] - before[1] for before, after in itertools.pairwise(ordered)]
    far = [number for number, gap in enumerate(gaps) if gap > _NEAR_BYTES]
    if len(far) >= _MOST_REQUESTS:
        far = sorted(sorted(far, key=gaps.__getitem__)[-(_MOST_REQUESTS - 1) :])
    bounds = [0, *(number + 1 for number in far), len(ordered)]
    return [ordered[start:stop] for start, stop in itertools.pairwise(bounds) if start < stop]


def _end(run: Iterable[tuple[int, int]]) -> int:
    # a damaged index may let chunks overlap
    return max(end for _, end in run)


class _ShardReads(WrapperStore[Any]):
    """For one read: when a shard's index arrives, fetch all chunks that will be asked for next."""

    def __init__(self, store: Store, wanted: Mapping[str, Iterable[int]]) -> None:
        super().__init__(store)
        self._wanted = dict(wanted)
        self._held: dict[tuple[str, int, int], Buffer] = {}

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return a part of a shard; zarr asks for the index first, then for one chunk at a time."""
        if isinstance(byte_range, RangeByteRequest):
            held = self._held.pop((key, byte_range.start, byte_range.end), None)
            if held is not None:
                return held
        answer: Buffer | None = await self._store.get(key, prototype, byte_range)
        chunks = self._wanted.pop(key, None)
        if answer is not None and byte_range is not None and chunks is not None:
            # without the checksum, which zarr checks
            index = np.frombuffer(answer.to_bytes()[:-4], "<u8").reshape(-1, 2)
            extents = [
                (int(start), int(start) + int(n))
                for start, n in index[sorted(chunks)].tolist()
                if start != _ABSENT
            ]
            runs = ranges_together(extents)
            # `get_partial_values` would merge whatever lies within 1 MB: whole shards for a short window
            answers = await asyncio.gather(
                *(
                    self._store.get(key, prototype, RangeByteRequest(run[0][0], _end(run)))
                    for run in runs
                )
            )
            for run, part in zip(runs, answers, strict=True):
                if part is None:
                    continue
                for start, end in run:
                    self._held[key, start, end] = part[start - run[0][0] : end - run[0][0]]
        return answer


class ShardedArray(BackendArray):
    """A sharded array as xarray's lazy indexing wants it; each read is planned before it starts."""

    def __init__(self, array: zarr.Array[Any]) -> None:
        self._array = array
        self.shape = array.shape
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, key: Any) -> Any:
        """Read what an explicit indexer selects."""
        return explicit_indexing_adapter(key, self.shape, IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        array = self._array
        # outermost, so that it sees each chunk of what came in one request
        store = FramesStore(_ShardReads(array.store, _wanted_chunks(array, key)), like=array.store)
        metadata: Any = array.metadata
        planned: Any = zarr.Array(zarr.AsyncArray(metadata, StorePath(store, array.path)))
        if all(isinstance(part, int | np.integer | slice) for part in key):
            return planned[key]
        return planned.oindex[key]


#: Newer zarr-python asks for adjacent chunks of a shard in one request by itself.
_ZARR_COALESCES = hasattr(StoreClass, "get_ranges")


def has_plain_shards(array: zarr.Array[Any]) -> bool:
    """Whether reads of the array are worth planning: it is sharded, with an index as the default has it."""
    if _ZARR_COALESCES:
        return False
    if not isinstance(array.metadata, ArrayV3Metadata) or len(array.metadata.codecs) != 1:
        return False
    codec = array.metadata.codecs[0]
    if not isinstance(codec, ShardingCodec) or np.dtype(array.dtype).kind not in "biuf":
        return False
    if [type(step) for step in codec.index_codecs] != [BytesCodec, Crc32cCodec]:
        return False
    return codec.index_codecs[0].to_dict()["configuration"] == {"endian": "little"}


def _wanted_chunks(array: zarr.Array[Any], key: tuple[Any, ...]) -> dict[str, list[int]]:
    """Return, for each shard that ``key`` touches, the numbers of the chunks in it (C order)."""
    shards_shape = array.shards or array.chunks
    per_shard = [s // c for s, c in zip(shards_shape, array.chunks, strict=True)]
    by_axis: list[dict[int, list[int]]] = []
    for part, length, chunk, n in zip(key, array.shape, array.chunks, per_shard, strict=True):
        shards: dict[int, list[int]] = {}
        for number in _chunks_along(part, length, chunk):
            shards.setdefault(number // n, []).append(number % n)
        by_axis.append(shards)
    wanted = {}
    for shard in itertools.product(*by_axis):
        inner = itertools.product(*(axis[n] for axis, n in zip(by_axis, shard, strict=True)))
        numbers = [int(np.ravel_multi_index(position, per_shard)) for position in inner]
        # a whole shard is read as one object
        if len(numbers) < int(np.prod(per_shard)):
            wanted[f"{array.path}/{array.metadata.encode_chunk_key(shard)}".lstrip("/")] = numbers
    return wanted


def _chunks_along(part: Any, length: int, chunk: int) -> Iterable[int]:
    if isinstance(part, slice):
        selected = range(*part.indices(length))
        if not selected:
            return []
        if abs(selected.step) <= chunk:
            ends = sorted((selected[0] // chunk, selected[-1] // chunk))
            return range(ends[0], ends[1] + 1)
        return sorted({number // chunk for number in selected})
    numbers = np.atleast_1d(np.asarray(part))
    return [int(n) for n in np.unique(np.where(numbers < 0, numbers + length, numbers) // chunk)]
