"""HDF5 datasets as `Blocks`: chunk-aligned reads, filters by name, errors that name the dataset."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import h5py
import hdf5plugin
import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, bounds_of, transposed
from sparc_fuse_core.errors import (
    CorruptFileError,
    OutsideFileError,
    SparcFuseError,
    TruncatedFileError,
    UnsupportedFormatError,
)
from sparc_fuse_core.readers.hdf5.chunks import deflated_chunks
from sparc_fuse_core.readers.hdf5.confined import ConfinedFile, open_confined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CUT = re.compile(r"truncated file: eof = (\d+).*stored_eof = (\d+)")
#: What h5py raises on files that are damaged. Not a blind list: each was seen on altered bytes.
HDF5_ERRORS = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    OverflowError,
    MemoryError,
    UnicodeDecodeError,
    AttributeError,
    IndexError,
)

#: Filters that need a vendor's library; hdf5plugin brings the public ones.
_FILTER_NAMES = {401: "MaxWell's own compression (filter 401)"}
_BUILT_IN = frozenset({1, 2, 3, 4, 5, 6})
#: Importing hdf5plugin registers its filters; the set is only named here so that the import has a use.
SHIPPED_FILTERS: frozenset[int] = frozenset(hdf5plugin.FILTERS.values())


class StoredBlocks:
    """An HDF5 dataset as Blocks; a read that fails says which dataset and why.

    The dataset is opened for each read and closed after it: an open one keeps a cache of chunks, and a file
    may hold thousands of datasets.

    Parameters
    ----------
    dataset
        Of a file that has to stay open until the last read.
    """

    def __init__(self, dataset: h5py.Dataset) -> None:
        self.shape: tuple[int, ...] = tuple(dataset.shape)
        self.dtype: np.dtype[Any] = dataset.dtype
        self._file: h5py.File = dataset.file
        # what only a reference leads to has no name; a virtual one would be looked through at each opening
        self._dataset = dataset if dataset.name is None or dataset.is_virtual else None
        self._name = dataset.name
        self._chunks = deflated_chunks(dataset)

    def __len__(self) -> int:
        """Return the length of the first axis."""
        return self.shape[0]

    def __getitem__(self, key: Any, /) -> np.ndarray[Any, Any]:
        """Read one block."""
        bounds = bounds_of(key, self.shape)
        try:
            dataset = self._file[self._name] if self._dataset is None else self._dataset
            if self._chunks is not None:
                return self._chunks.read(dataset, bounds)
            block = dataset[tuple(slice(*pair) for pair in bounds)]
        except SparcFuseError:
            raise
        except HDF5_ERRORS as err:
            name = PurePosixPath(str(self._file.filename)).name if self._file else "closed file"
            message = f"{name}: dataset {self._name} cannot be read ({err})"
            raise CorruptFileError(message) from err
        return np.asarray(block)


def turned(table: StoredBlocks) -> FunctionBlocks:
    """Turn a stored table (n_samples, n_channels) into (n_channels, n_samples), one read a block.

    Each piece of a compressed table is then decompressed once.
    """

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = table[(slice(start, stop), slice(first, last))]
        return np.asarray(transposed(block)[:, :])

    n_samples, n_channels = table.shape
    return FunctionBlocks((n_channels, n_samples), table.dtype, read)


def missing_filter(dataset: h5py.Dataset) -> str:
    """Return the name of the first compression filter that no installed library knows, or ``""``."""
    if dataset.chunks is None:
        return ""
    creation = dataset.id.get_create_plist()
    for i in range(creation.get_nfilters()):
        code, _, _, label = creation.get_filter(i)
        if code in _BUILT_IN or code in SHIPPED_FILTERS or h5py.h5z.filter_avail(code):
            continue
        text = label.decode("utf-8", "replace").split(":")[0].strip() or "unnamed"
        return _FILTER_NAMES.get(code, f"filter {code} ({text})")
    return ""


def check_filter(dataset: h5py.Dataset, path: Path) -> None:
    """Fail clearly before samples are read with a filter that is not installed.

    Raises
    ------
    UnsupportedFormatError
        If a library that only a vendor has is needed.
    """
    name = missing_filter(dataset)
    if name:
        message = (
            f"{path.name}: dataset {dataset.name} is compressed with {name}, for which no open library "
            "exists here; save it with gzip (or without compression) by the vendor's software"
        )
        raise UnsupportedFormatError(message)


def open_hdf5(path: Path, **cache: int) -> ConfinedFile:
    """Open an HDF5 file for reading; nothing outside of it is followed (`confined`).

    Parameters
    ----------
    cache
        h5py's settings of the cache of chunks.

    Raises
    ------
    CorruptFileError
        If it is none, or is truncated.
    """
    try:
        return open_confined(path, **cache)
    except FileNotFoundError:
        raise
    except HDF5_ERRORS as err:
        if cut := _CUT.search(str(err)):
            message = (
                f"{path.name}: truncated: it holds {cut[1]} of {cut[2]} bytes; upload it again (which arrays "
                "are whole cannot be told from a part of an HDF5 file, so `--salvage` does not help)"
            )
            raise TruncatedFileError(message) from err
        message = f"{path.name}: not a readable HDF5 file ({err}); upload the original again"
        raise CorruptFileError(message) from err


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Turn what h5py raises on damaged bytes into an error that names the file.

    Raises
    ------
    CorruptFileError
        If the file is damaged.
    """
    try:
        yield
    except SparcFuseError:
        raise
    except HDF5_ERRORS as err:
        message = f"{path.name}: damaged HDF5 file ({type(err).__name__}: {err}); upload it again"
        raise CorruptFileError(message) from err


def member(group: h5py.Group, name: str) -> Any:
    """Return a member that lies in this file with its values, else None.

    For what is worth having and can be done without. Where leaving it out would change what is read
    (times, conversions), take ``group[name]``, which raises `OutsideFileError`.
    """
    try:
        return group[name]
    except OutsideFileError:
        return None
    except KeyError:
        if isinstance(group.get(name, getlink=True), h5py.SoftLink):
            return None  # it leads nowhere
        raise
