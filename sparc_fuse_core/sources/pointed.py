"""What a user points at: a Discover id, a bucket, or files, folders, patterns and a zip of this machine.

The words of a call become sources and the paths to convert of each. A word that names something inside of the
first one is a path of that dataset; otherwise everything that exists here is converted, each file below the
dataset that it is a part of: the folder above ``primary``, else the folder that holds it.
"""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.paths import expanded
from sparc_fuse_core.sources.local import LocalSource, is_sds_folder
from sparc_fuse_core.sources.names import SDS_FOLDERS
from sparc_fuse_core.sources.opening import open_source
from sparc_fuse_core.sources.zipped import ZipSource, holds_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources.source import Source


@dataclass(frozen=True, slots=True)
class Pointed:
    """A dataset and what of it was asked for; everything if ``paths`` is empty."""

    source: Source
    paths: tuple[str, ...] = ()


def point_at(
    words: Sequence[str], *, version: str | int | None = None, settings: Settings
) -> list[Pointed]:
    """Return the datasets that the words of a call name, each with the paths to convert.

    Parameters
    ----------
    words
        A dataset (Discover id, DOI, ``s3://bucket/prefix``, folder or zip) and paths in it; or files and
        folders of this machine, with ``~`` and patterns that the shell left alone.

    Raises
    ------
    RequestError
        If a word names nothing, or a local path is asked for a published version.
    DatasetNotFoundError
        If the only word is neither a dataset nor anything here.
    """
    if not words:
        message = (
            "nothing is named: give a Discover id, a DOI, s3://bucket/prefix, files or a folder"
        )
        raise RequestError(message)
    first, *rest = words
    leading = [] if "://" in first else _local(first)
    if not leading:
        source = open_source(first, version=version, settings=settings)
        return [Pointed(source, tuple(rest))]
    if version not in (None, "local"):
        message = f"{first}: a local path has no version {version}; only published datasets have"
        raise RequestError(message)
    if len(leading) == 1 and rest:
        inside = _inside(leading[0], rest)
        if inside is not None:
            return [inside]
    found = list(leading)
    for word in rest:
        here = _local(word)
        if not here:
            where = f"neither in {first} nor " if leading[0].is_dir() else "not "
            message = f"{word}: {where}here; check the name (patterns and letter case are free)"
            raise RequestError(message)
        found += here
    return _by_dataset(list(dict.fromkeys(found)))


def _local(word: str) -> list[Path]:
    """Return what a word names on this machine: itself, or all that it matches in any letter case."""
    try:
        path = expanded(word)
        return [path] if path.exists() else _matching(path)
    except (OSError, ValueError):
        # a name that no file system takes
        return []


def _matching(pattern: Path) -> list[Path]:
    """Return what a path with ``*``, ``?``, ``[…]`` or ``**`` matches, part by part."""
    found = [Path(pattern.anchor)]
    for part in pattern.relative_to(pattern.anchor).parts:
        if part == "**":
            found = [folder for place in found for folder in (place, *_folders_below(place))]
            continue
        there = [place / part for place in found if (place / part).exists()]
        found = there or [
            child
            for place in found
            if place.is_dir()
            for child in sorted(place.iterdir())
            if child.name.startswith(".") == part.startswith(".")
            and fnmatch.fnmatchcase(child.name.casefold(), part.casefold())
        ]
    return found


def _folders_below(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_dir() and not path.is_symlink())


def _inside(dataset: Path, rest: Sequence[str]) -> Pointed | None:
    """Return the dataset with paths of it, if every other word may name something in it."""
    if dataset.is_dir():
        if _is_store(dataset):
            return None
        elsewhere = [word for word in rest if _local(word) and not _lies_in(dataset, word)]
        return None if elsewhere else Pointed(LocalSource(dataset), tuple(rest))
    if _is_archive(dataset) and not any(_local(word) for word in rest):
        return Pointed(ZipSource(dataset), tuple(rest))
    return None


def _lies_in(dataset: Path, word: str) -> bool:
    """Whether a word names something in the folder, rather than beside it."""
    text = word.strip("/")
    fronts = ("", "primary", "files", "files/primary")
    return not Path(word).is_absolute() and any(_local(str(dataset / f / text)) for f in fronts)


def _by_dataset(found: Sequence[Path]) -> list[Pointed]:
    """Return one source for each dataset that the paths are parts of."""
    whole: list[Pointed] = []
    parts: dict[Path, list[Path]] = {}
    loose: list[Path] = []
    for path in found:
        place = Path(os.path.abspath(path))  # noqa: PTH100 - a link counts where it stands, not where it leads
        root = _root_above(place)
        if root is not None:
            parts.setdefault(root, []).append(place)
        elif place.is_file() and _is_archive(place):
            whole.append(Pointed(ZipSource(place)))
        elif place.is_dir() and not _is_store(place) and (len(found) == 1 or is_sds_folder(place)):
            whole.append(Pointed(LocalSource(place)))
        else:
            loose.append(place)
    for root, places in parts.items():
        whole.append(_selection(root, places))
    if loose:
        common = Path(os.path.commonpath([place.parent for place in loose]))
        whole.append(_selection(common, loose))
    _refuse_namesakes(whole)
    return whole


def _selection(root: Path, places: Sequence[Path]) -> Pointed:
    """Return the dataset ``root`` of which only ``places`` are listed and converted."""
    inner = [PurePosixPath(place.relative_to(root).as_posix()) for place in places]
    if PurePosixPath(".") in inner:
        return Pointed(LocalSource(root))
    source = LocalSource(root, only=inner)
    return Pointed(source, tuple(f"{source.front}{path}" for path in inner))


def _root_above(place: Path) -> Path | None:
    """Return the SPARC dataset that holds ``place`` below one of its data folders, or None."""
    for folder in place.parents:
        inner = place.relative_to(folder).parts
        if inner[0] == "primary" or (inner[0] in SDS_FOLDERS and is_sds_folder(folder)):
            # Discover has one level more
            above = folder.parent if folder.name == "files" else folder
            return above if LocalSource(above).front == "" else folder
    return None


def _is_store(place: Path) -> bool:
    """Whether a folder is one thing: a Zarr store."""
    return place.is_dir() and place.name.lower().endswith(".zarr")


def _is_archive(place: Path) -> bool:
    """Whether a file is a zip of files, rather than a zip that a format is made of."""
    return place.name.lower().endswith(".zip") and holds_files(place)


def _refuse_namesakes(pointed: Sequence[Pointed]) -> None:
    """Two datasets of one name would share one output."""
    seen: set[str] = set()
    for one in pointed:
        if one.source.dataset_id in seen:
            message = (
                f"{one.source.dataset_id}: two of the datasets have this name and would share one "
                "result; convert them in two calls, each with an output folder of its own"
            )
            raise RequestError(message)
        seen.add(one.source.dataset_id)
