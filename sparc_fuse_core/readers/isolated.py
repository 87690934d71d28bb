"""Readers whose libraries may crash, run in a child: its arrays are read there and handed over.

What such a reader yields is the same, but that its arrays are asked for block by block. If the child ends
without an answer, another one tries the same once more; then the file is damaged, by name.
"""

from __future__ import annotations

import importlib
import io
import itertools
import pickle
import signal
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import bounds_of
from sparc_fuse_core.child import Child
from sparc_fuse_core.errors import (
    CrashedError,
    OutOfMemoryError,
    ReaderCrashedError,
    TimeLimitError,
)
from sparc_fuse_core.readers.guarded import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.readers import Reader

_HERE = "readers.isolated"
OPEN_TIMEOUT_S = 600.0
READ_TIMEOUT_S = 300.0


def isolated(module: str) -> Reader:
    """Return a reader that runs ``read`` of ``module`` (below this package) in a child."""

    @contextmanager
    def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
        """Open a file in a child; see `sparc_fuse_core.readers.Reader`."""
        with _Remote(module, path, options) as remote:
            yield remote.contents

    return read


class _Remote:
    """One file that is open in a child."""

    def __init__(self, module: str, path: Path, options: Mapping[str, Any]) -> None:
        self._arguments = (module, path, dict(options))
        self._name = path.name
        self._child = Child()

    def __enter__(self) -> _Remote:
        try:
            opened = self._twice("open_file", OPEN_TIMEOUT_S, *self._arguments)
        except BaseException:
            self._child.close()
            raise
        self.contents: Contents = _Unpickler(io.BytesIO(opened), self).load()
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def block(self, number: int, bounds: tuple[tuple[int, int], ...]) -> Any:
        """Read one block of one array."""
        return self._twice("read_block", READ_TIMEOUT_S, number, bounds)

    def _twice(self, function: str, timeout_s: float, *arguments: Any) -> Any:
        for attempt in (1, 2):
            try:
                if attempt == 2 and function != "open_file":
                    self._child.call(
                        f"{_HERE}:open_file", *self._arguments, timeout_s=OPEN_TIMEOUT_S
                    )
                return self._child.call(f"{_HERE}:{function}", *arguments, timeout_s=timeout_s)
            except CrashedError as err:
                fault = err
            except TimeLimitError as err:
                message = f"{self._name}: not decoded within {timeout_s:.0f} s; it may be damaged"
                raise TimeLimitError(message) from err
        if fault.code == -signal.SIGKILL:
            message = (
                f"{self._name}: what reads it was killed at both tries, mostly for lack of memory"
            )
            raise OutOfMemoryError(message) from fault
        message = (
            f"{self._name}: the library that reads it was {fault} at both tries: the file is damaged, or of "
            "a kind that the library does not bear; export it again from the program that wrote it"
        )
        raise ReaderCrashedError(message) from fault


class RemoteBlocks:
    """An array that a child reads."""

    def __init__(
        self, remote: _Remote, number: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._remote = remote
        self._number = number

    def __len__(self) -> int:
        """Return the length of the first axis."""
        return self.shape[0]

    def __getitem__(self, key: Any, /) -> np.ndarray[Any, Any]:
        """Read one block."""
        block: np.ndarray[Any, Any] = self._remote.block(self._number, bounds_of(key, self.shape))
        return block


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, remote: _Remote) -> None:
        super().__init__(file)
        self._remote = remote

    def persistent_load(self, pid: Any) -> RemoteBlocks:
        return RemoteBlocks(self._remote, *pid)


# ------------------------------------------------------------------------------------ in the child

_blocks: list[Any] = []
_open = ExitStack()


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        """Return what stands for an array that is read block by block, None for anything else."""
        if isinstance(obj, np.ndarray | np.generic | type) or not all(
            hasattr(obj, name) for name in ("shape", "dtype", "__getitem__")
        ):
            return None
        _blocks.append(obj)
        return len(_blocks) - 1, tuple(obj.shape), np.dtype(obj.dtype)


def open_file(module: str, path: Path, options: Mapping[str, Any]) -> bytes:
    """Open a file and return its contents, arrays replaced by numbers."""
    reader = guarded(importlib.import_module(f"sparc_fuse_core.{module}").read)
    _open.close()
    _blocks.clear()
    contents = _open.enter_context(reader(path, options))
    out = io.BytesIO()
    _Pickler(out, protocol=5).dump(contents)
    return out.getvalue()


def read_block(number: int, bounds: tuple[tuple[int, int], ...]) -> Any:
    """Read one block of an array of the open file."""
    key = tuple(itertools.starmap(slice, bounds))
    return np.ascontiguousarray(_blocks[number][key])
