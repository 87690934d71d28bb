"""Formats that this project reads itself, read with NEO where somebody asks for it (``--reader neo``)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.readers.neo.reader import opened, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Contents


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a file with NEO; see `sparc_fuse_core.readers.Reader`."""
    del options
    with opened(path, row_of(path)) as contents:
        yield contents
