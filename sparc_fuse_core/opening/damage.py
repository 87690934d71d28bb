"""What cannot be decoded is said to be damaged, by the name of the store and the array."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr
import zarr.errors
from numcodecs.errors import UnknownCodecError
from xarray.backends import BackendArray, ZarrStore
from xarray.core.indexing import LazilyIndexedArray
from zarr.storage import WrapperStore

from sparc_fuse_core.errors import IncompleteResultError, SparcFuseError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: That of the dense profile, of a package of its own.
DENSE_CODEC = "pcodec"
#: What zarr-python, numcodecs and numpy raise at metadata or bytes that are not what was written.
_UNREADABLE = (RuntimeError, ValueError, TypeError, KeyError, AttributeError)


@contextmanager
def told_as_damage(what: str) -> Iterator[None]:
    """Raise errors of a decoder as `IncompleteResultError`, which begins with ``what``."""
    try:
        yield
    except (SparcFuseError, NotImplementedError):
        raise
    except _UNREADABLE as err:
        is_codec = isinstance(err, UnknownCodecError | zarr.errors.UnknownCodecError)
        if is_codec and DENSE_CODEC in str(err):
            # a package that is absent is no damage
            raise
        first = (str(err) or type(err).__name__).partition("\n")[0][:200]
        message = f"{what} cannot be decoded ({first}): damaged; convert or copy it again"
        raise IncompleteResultError(message) from err


def innermost(store: Any) -> Any:
    """Return the store that wrappers of stores wrap."""
    while isinstance(store, WrapperStore) and not hasattr(store, "uri"):
        store = store._store
    return store


def place_of(store: Any) -> str:
    """Return what a user calls a zarr store: its URL or path."""
    inner = innermost(store)
    where = next(
        (getattr(inner, name) for name in ("uri", "root", "path") if hasattr(inner, name)), inner
    )
    return str(where)


class SoundArray(BackendArray):
    """An array as xarray's lazy indexing wants it, whose reads say what is damaged.

    Parameters
    ----------
    inner
        What reads it: xarray's own wrapper, or one that plans its reads.
    array
        The array itself, for its name.
    """

    def __init__(self, inner: Any, array: zarr.Array[Any]) -> None:
        self._inner = inner
        self._what = f"{place_of(array.store)}: {array.path}"
        self.shape = inner.shape
        self.dtype = np.dtype(inner.dtype)

    def __getitem__(self, key: Any) -> Any:
        """Read what an explicit indexer selects."""
        with told_as_damage(self._what):
            return self._inner[key]

    async def async_getitem(self, key: Any) -> Any:
        """Read what an explicit indexer selects."""
        with told_as_damage(self._what):
            return await self._inner.async_getitem(key)


class SoundStore(ZarrStore):
    """A group of arrays as xarray opens it, whose reads say what is damaged."""

    def open_store_variable(self, name: str) -> xr.Variable:
        """Return one array, not yet read."""
        variable: xr.Variable = super().open_store_variable(name)  # type: ignore[no-untyped-call]
        lazily: Any = variable._data
        inner = lazily.array
        lazy = LazilyIndexedArray(SoundArray(inner, inner.get_array()))
        return xr.Variable(variable.dims, lazy, variable.attrs, variable.encoding, fastpath=True)
