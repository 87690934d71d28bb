"""Which optional libraries are here, and how the others are installed.

Nothing is imported: packages are looked up by their name.
"""

from __future__ import annotations

import functools
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparc_fuse_core.formats.format import Format

#: Names in the formats table that differ from those of the packages.
_PACKAGES = {
    "Bio-Formats in its own process": "jpype1",
    "PyAV (FFmpeg)": "av",
    "openslide": "openslide-python",
}


def install_hint(extra: str) -> str:
    """Return the command that installs an extra; it is run where the project was cloned."""
    return f"pip install '.[{extra}]' in the folder of the project"


def missing_extra(row: Format) -> str:
    """Return the extra that brings what reads a format, if it is not installed, else ``""``."""
    names = [name.strip() for name in row.library.split(",")]
    packages = [_PACKAGES.get(name, name) for name in names if name and not name.startswith("own ")]
    return row.extra if row.extra and not all(map(_is_installed, packages)) else ""


@functools.cache
def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):
        return False
    return True
