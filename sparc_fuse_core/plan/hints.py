"""What a user is told to do next, as commands that work when they are pasted."""

from __future__ import annotations

import os
import shlex
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.sources.local import path_of

if TYPE_CHECKING:
    from sparc_fuse_core.sources import SourceFile


def scheme_hint(file: SourceFile) -> str:
    """Return the sentence that says how a file can be told what it does not state."""
    return (
        "say --rate HZ (and --unit UNIT) if that is all, or write a mapping scheme: "
        f"`sparc-fuse scheme new --from {name_here(file)}`"
    )


def name_here(file: SourceFile) -> str:
    """Return how a shell on this machine names a file; of one elsewhere, the name of a copy.

    Paths that go up name no home: what is told is published.
    """
    if not file.uri.startswith("file:"):
        return shlex.quote(PurePosixPath(file.path).name)
    path, home = path_of(file), Path.home()
    if not path.is_relative_to(Path.cwd()) and path.is_relative_to(home):
        return f"~/{shlex.quote(path.relative_to(home).as_posix())}"
    return shlex.quote(os.path.relpath(path))
