"""What every reader has in common when a file is damaged: one named error, while opening and while reading.

Readers refuse the damage they know with words of their own. What is left are errors of libraries, of numpy and
of the model, which refuses contents that contradict themselves; here, and only here, they become
`CorruptFileError`. The log (``-v``) holds where they came from.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, SizeLimitError, SparcFuseError
from sparc_fuse_core.privacy.texts import told_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Blocks, Contents
    from sparc_fuse_core.model.arrays import ArrayGroup
    from sparc_fuse_core.readers import Reader

_LOG = logging.getLogger(__name__)

#: An array that is asked for at once is no more than this many times the bytes that are there.
_MOST_INFLATION = 1000


def guarded(reader: Reader) -> Reader:
    """Return ``reader`` with what damaged files raise told as errors of this package."""

    @contextmanager
    def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
        """Open a file; see `sparc_fuse_core.readers.Reader`."""
        with ExitStack() as stack:
            with refused_by_name(path):
                contents = stack.enter_context(reader(path, options))
                seen = _with_blocks(contents, lambda blocks: _GuardedBlocks(blocks, path))
            yield seen

    return read


@contextmanager
def refused_by_name(path: Path) -> Iterator[None]:
    """Turn what is raised for a damaged file into an error that names it.

    Raises
    ------
    CorruptFileError, SizeLimitError
        If anything but an error of this package, of the machine, or for lack of memory is raised.
    """
    try:
        yield
    except SparcFuseError:
        raise
    except MemoryError as err:
        if _wanted_bytes(err) > _MOST_INFLATION * max(_size_of(path), 1):
            message = f"{path.name}: announces an array of {_wanted_bytes(err) / 1e9:.0f} GB: {err}"
            raise SizeLimitError(message) from err
        raise
    except OSError as err:
        if err.errno is not None:
            raise
        raise _damaged(path, err) from err
    except Exception as err:  # whatever a library meets in damaged bytes
        raise _damaged(path, err) from err


def _damaged(path: Path, err: Exception) -> CorruptFileError:
    _LOG.info("%s: cannot be read", path.name, exc_info=True)
    return CorruptFileError(
        f"{path.name}: cannot be read ({type(err).__name__}: {told_by(err)[:300]}); it is damaged, or written "
        "in a way that is not known here: if the program it came from opens it, please report that"
    )


def _wanted_bytes(err: MemoryError) -> int:
    """Return how much numpy was asked for, 0 if it was something else."""
    shape, dtype = getattr(err, "shape", None), getattr(err, "dtype", None)
    if not isinstance(shape, tuple) or not isinstance(dtype, np.dtype):
        return 0
    return math.prod(shape) * dtype.itemsize


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


class _GuardedBlocks:
    """Blocks whose reading fails by name."""

    def __init__(self, blocks: Blocks, path: Path) -> None:
        self.shape = tuple(blocks.shape)
        self.dtype = np.dtype(blocks.dtype)
        self._blocks = blocks
        self._path = path

    def __len__(self) -> int:
        """Return the length of the first axis."""
        return self.shape[0]

    def __getitem__(self, key: Any, /) -> Any:
        """Read one block."""
        with refused_by_name(self._path):
            return self._blocks[key]


def _with_blocks(contents: Contents, change: Callable[[Blocks], Any]) -> Contents:
    """Return ``contents`` with every array that is still to be read replaced."""

    def changed(blocks: Any) -> Any:
        return blocks if blocks is None or isinstance(blocks, np.ndarray) else change(blocks)

    def group(one: ArrayGroup) -> ArrayGroup:
        return dataclasses.replace(
            one,
            arrays=tuple(dataclasses.replace(a, values=changed(a.values)) for a in one.arrays),
            groups=tuple(map(group, one.groups)),
        )

    return dataclasses.replace(
        contents,
        recordings=tuple(
            dataclasses.replace(one, signals=changed(one.signals), times=changed(one.times))
            for one in contents.recordings
        ),
        images=tuple(
            dataclasses.replace(one, pixels=changed(one.pixels)) for one in contents.images
        ),
        arrays=None if contents.arrays is None else group(contents.arrays),
        tables=tuple(
            dataclasses.replace(
                one,
                columns=tuple(
                    dataclasses.replace(column, values=changed(column.values))
                    for column in one.columns
                ),
            )
            for one in contents.tables
        ),
    )
