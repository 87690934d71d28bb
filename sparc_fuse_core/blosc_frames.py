"""A zarr store that hands no Blosc frame to the decoder which claims more bytes than there are.

c-blosc reads as many bytes as a frame's header says it has (`blosc_cbuffer_validate` exists for callers to
check it; numcodecs does not): a frame that is cut short or overwritten is read past its end, which ends the
process. Header: "Blosc 1 chunk format", c-blosc's README_CHUNK_FORMAT.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from zarr.abc.store import SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import WrapperStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from zarr.abc.store import ByteRequest, Store
    from zarr.core.buffer import Buffer, BufferPrototype

#: Keys of chunks: versions 3 and 2, with any separator.
CHUNK = re.compile(r"(.*?/)?(?:c(?:[./]\d+)*|\d+(?:[./]\d+)*)")

_HEADER_BYTES = 16
#: Where a header holds the length of its frame, little-endian.
_LENGTH = slice(12, 16)
#: Of a chunk that is not in its shard (sharding codec 1.0).
_ABSENT = np.iinfo(np.uint64).max
_CRC_BYTES = 4


class FramesStore(WrapperStore[Any]):
    """Raises ValueError for chunks that are no whole Blosc frames where the metadata call them such.

    Parameters
    ----------
    like
        A store, wrapped or not, of the same arrays: what is known of them there is known here.
    """

    def __init__(self, store: Store, like: Store | None = None) -> None:
        super().__init__(store)
        while isinstance(like, WrapperStore) and not isinstance(like, FramesStore):
            like = like._store
        #: Chunks a shard of each array whose chunks are Blosc frames; 0 without shards, None for other arrays.
        self._framed: dict[str, int | None] = like._framed if isinstance(like, FramesStore) else {}

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return an object or a part of it.

        Raises
        ------
        ValueError
            If a frame in it claims more bytes than there are.
        """
        answer: Buffer | None = await self._store.get(key, prototype, byte_range)
        match = CHUNK.fullmatch(key)
        # what is asked for from the end is the index of a shard
        if answer is None or match is None or isinstance(byte_range, SuffixByteRequest):
            return answer
        n_chunks = await self._chunks_a_shard((match[1] or "").rstrip("/"))
        if n_chunks is None:
            return answer
        content = answer.as_numpy_array().view(np.uint8)
        frames = np.array([[0, len(content)]], np.uint64)
        if n_chunks and byte_range is None:
            frames = _frames_of_shard(content, n_chunks)
        _refuse_cut(key, content, frames)
        return answer

    async def get_ranges(
        self,
        key: str,
        byte_ranges: Sequence[ByteRequest | None],
        *,
        prototype: BufferPrototype,
        **bounds: Any,
    ) -> AsyncIterator[Sequence[tuple[int, Buffer | None]]]:
        """Yield parts of an object, as zarr-python from 3.2 on asks for the chunks of a shard."""
        framed = CHUNK.fullmatch(key)
        n_chunks = await self._chunks_a_shard((framed[1] or "").rstrip("/")) if framed else None
        store: Any = self._store
        async for group in store.get_ranges(key, byte_ranges, prototype=prototype, **bounds):
            for _, part in group:
                if n_chunks and part is not None:
                    content = part.as_numpy_array().view(np.uint8)
                    _refuse_cut(key, content, np.array([[0, len(content)]], np.uint64))
            yield group

    async def _chunks_a_shard(self, path: str) -> int | None:
        if path not in self._framed:
            self._framed[path] = _framed(await self._metadata_of(path))
        return self._framed[path]

    async def _metadata_of(self, path: str) -> Any:
        """Return an array's document, from the root's copies where it has them."""
        own = f"{path}/zarr.json".lstrip("/")
        root = await self._document("zarr.json")
        copies = (root.get("consolidated_metadata") or {}).get("metadata", {})
        found = copies.get(path) or await self._document(own)
        if found:
            return found
        own = f"{path}/.zarray".lstrip("/")
        copies = (await self._document(".zmetadata")).get("metadata", {})
        return copies.get(own) or await self._document(own)

    async def _document(self, key: str) -> Any:
        held: Buffer | None = await self._store.get(key, default_buffer_prototype())
        if held is None:
            return {}
        document = json.loads(held.to_bytes())
        return document if isinstance(document, dict) else {}


def _framed(metadata: Any) -> int | None:
    """Return how many frames a shard of an array has, 0 without shards, None where chunks are no frames."""
    if metadata.get("zarr_format") == 2:
        return 0 if (metadata.get("compressor") or {}).get("id") == "blosc" else None
    codecs = metadata.get("codecs") or [{}]
    if codecs[-1].get("name") == "blosc":
        return 0
    if codecs[-1].get("name") != "sharding_indexed":
        return None
    settings = codecs[-1]["configuration"]
    index = [codec["name"] for codec in settings.get("index_codecs", ())]
    is_plain = settings.get("index_location", "end") == "end" and index == ["bytes", "crc32c"]
    if (settings["codecs"] or [{}])[-1].get("name") != "blosc" or not is_plain:
        return None
    shard = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    parts = [whole // part for whole, part in zip(shard, settings["chunk_shape"], strict=True)]
    return int(math.prod(parts))


def _frames_of_shard(content: np.ndarray[Any, Any], n_chunks: int) -> np.ndarray[Any, Any]:
    """Return offset and length of each chunk in a shard; of one that is no shard, a frame that is none."""
    n_bytes = n_chunks * 16 + _CRC_BYTES
    if len(content) < n_bytes:
        return np.array([[0, 2**32]], np.uint64)
    index = content[len(content) - n_bytes : len(content) - _CRC_BYTES]
    frames: np.ndarray[Any, Any] = index.copy().view("<u8").reshape(-1, 2)
    there: np.ndarray[Any, Any] = frames[frames[:, 0] != _ABSENT]
    return there


def _refuse_cut(key: str, content: np.ndarray[Any, Any], frames: np.ndarray[Any, Any]) -> None:
    if not _are_whole(content, frames):
        message = f"{key} is cut short or overwritten"
        raise ValueError(message)


def _are_whole(content: np.ndarray[Any, Any], frames: np.ndarray[Any, Any]) -> bool:
    size = np.uint64(len(content))
    starts, lengths = frames[:, 0], frames[:, 1]
    if (lengths < _HEADER_BYTES).any() or (lengths > size).any() or (starts > size - lengths).any():
        return False
    places = starts.astype(np.int64)[:, None] + np.arange(_LENGTH.start, _LENGTH.stop)
    claimed = content[places].copy().view("<u4")[:, 0]
    return not (claimed > lengths).any()
