"""A store of which every object was written: what is absent is lost, and said, not shown as zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zarr.storage import WrapperStore

from sparc_fuse_core.blosc_frames import CHUNK
from sparc_fuse_core.errors import IncompleteResultError

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest, Store
    from zarr.core.buffer import Buffer, BufferPrototype


class WholeStore(WrapperStore[Any]):
    """Refuses to answer for a chunk that is not there.

    Zarr takes an absent chunk for one that holds nothing but the fill value. The writer of these stores
    leaves none out, so an absent one was removed or never copied.

    Parameters
    ----------
    optional
        Arrays whose chunks may be absent, by path; layout 1 left small ones out.
    """

    def __init__(self, store: Store, optional: frozenset[str] = frozenset()) -> None:
        super().__init__(store)
        self._optional = optional

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return an object or a part of it.

        Raises
        ------
        IncompleteResultError
            If it is a chunk that is absent.
        """
        answer: Buffer | None = await self._store.get(key, prototype, byte_range)
        if answer is None:
            match = CHUNK.fullmatch(key)
            if match and (match[1] or "").rstrip("/") not in self._optional:
                message = (
                    f"{key} is absent from the store: it is incomplete; convert or copy it again"
                )
                raise IncompleteResultError(message)
        return answer
