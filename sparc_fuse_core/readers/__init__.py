"""Readers: one module for each family of formats, each exporting one function, ``read``.

A reader opens one file (its companions lie beside it), reads the header at once and samples when they
are sliced. `sparc_fuse_core.formats.registry.load_reader` imports a module on first use; nobody imports one
by name. To add a format see CONTRIBUTING.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sparc_fuse_core.model import Contents


class Reader(Protocol):
    """Opens one file and yields what it holds.

    Blocks are valid until the ``with`` block ends, when every handle is closed. ``options`` come from
    a mapping scheme; a reader takes only those that its row in
    `sparc_fuse_core.formats.registry.FORMATS` names.

    Raises
    ------
    CorruptFileError
        If the format is right but the file cannot be decoded.
    EmptyFileError
        If the file holds no channel, sample, event, pixel or shape.
    MissingCompanionError
        If a file of the set is absent.
    SchemeError
        If ``options`` name a column or variable the file lacks.
    """

    def __call__(
        self, path: Path, options: Mapping[str, Any], /
    ) -> AbstractContextManager[Contents]:
        """Open ``path``."""
