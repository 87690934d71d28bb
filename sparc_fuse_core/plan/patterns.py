"""Numbered pictures that a mapping scheme declares one image: which files its ``series_pattern`` names."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import SchemeError, UnsupportedFormatError
from sparc_fuse_core.formats.file_patterns import places_of
from sparc_fuse_core.formats.registry import find_format
from sparc_fuse_core.schemes.schemes import Schemes, find_scheme

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sparc_fuse_core.sources import SourceFile

OPTION = "series_pattern"


def names_by_pattern(
    files: Iterable[SourceFile], schemes: Schemes, dataset_id: str
) -> dict[str, tuple[str, ...]]:
    """Return, by path of the first file of each image, the names of its others."""
    if not any(OPTION in scheme.options for scheme in schemes.all):
        return {}
    members: dict[tuple[str, str], list[str]] = defaultdict(list)
    for file in files:
        path = PurePosixPath(file.path)
        try:
            row = find_format(file.path)
        except UnsupportedFormatError:
            continue
        scheme = find_scheme(schemes, dataset_id, file.path, row) if OPTION in row.options else None
        pattern = str(scheme.options.get(OPTION, "")) if scheme is not None else ""
        try:
            fits = bool(pattern) and bool(places_of(pattern, [path.name]))
        except SchemeError:
            # told when the file is read
            fits = False
        if fits:
            members[str(path.parent), pattern].append(path.name)
    return {
        f"{folder}/{min(names)}": tuple(sorted(names)[1:])
        for (folder, _), names in members.items()
        if len(names) > 1
    }
