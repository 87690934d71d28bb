"""Which files of a listing are data, and which of them the paths of a call name."""

from __future__ import annotations

import fnmatch
import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import SourceFileNotFoundError
from sparc_fuse_core.sources.names import SDS_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Folders of the SPARC Dataset Structure whose files are not data.
_NOT_DATA = {"code": "program code", "docs": "documentation", "protocol": "a protocol"}

#: Tables of the SPARC Dataset Structure at a dataset's top; these are read for the attributes of results.
_READ_TABLES = ("dataset_description", "subjects", "samples", "performances")
_OTHER_TABLES = (
    "code_description",
    "code_parameters",
    "curation",
    "manifest",
    "resources",
    "sites",
    "submission",
)
_TABLE_SUFFIXES = (".xlsx", ".xls", ".csv", ".tsv", ".json")
_TEXTS = ("changes", "changelog", "license", "licence", "readme")
_TEXT_SUFFIXES = ("", ".txt", ".md", ".rst", ".pdf", ".html")

_WILD = "*?["


def why_no_data(paths: Iterable[str]) -> dict[str, str]:
    """Return a sentence for each file that is no data of its dataset.

    Only a dataset in SPARC Dataset Structure has tables and folders of its own: what lies in any other
    folder is data.
    """
    paths = list(paths)
    is_sds = any(_is_sds(path) for path in paths)
    return {path: why for path in paths if (why := _why(path, is_sds=is_sds))}


def _is_sds(path: str) -> bool:
    parts = PurePosixPath(path).parts
    if len(parts) < 2 or parts[0] != "files":
        return False
    if len(parts) > 2:
        return parts[1] in SDS_FOLDERS
    return PurePosixPath(path).stem.lower() == "dataset_description"


def _why(path: str, *, is_sds: bool) -> str:
    parts = PurePosixPath(path).parts
    if parts[0] != "files":
        return f"{path}: a record of the published dataset, not data"
    if not is_sds:
        return ""
    if len(parts) > 2:
        what = _NOT_DATA.get(parts[1])
        return f"{path}: {what}, not data; name it to convert it all the same" if what else ""
    stem, suffix = PurePosixPath(path).stem.lower(), PurePosixPath(path).suffix.lower()
    if stem in _READ_TABLES and suffix in _TABLE_SUFFIXES:
        return f"{path}: a table of the dataset; results state what it says of their subject and sample"
    if (stem in _OTHER_TABLES and suffix in _TABLE_SUFFIXES) or (
        stem in _TEXTS and suffix in _TEXT_SUFFIXES
    ):
        return f"{path}: describes the dataset, not data"
    return ""


def chosen(known: set[str], paths: Sequence[str], dataset_id: str) -> set[str] | None:
    """Return the files that ``paths`` name, or None for all.

    A path may leave ``files/`` and ``primary/`` away and differ in letter case; a file's bare name and a
    pattern of names mean files of any folder.

    Raises
    ------
    SourceFileNotFoundError
        If one of ``paths`` names nothing.
    """
    if not paths:
        return None
    found: set[str] = set()
    folded: dict[str, list[str]] | None = None
    for wanted in paths:
        text = wanted.strip("/").removeprefix("./")
        if text in ("", "."):
            return None
        named = _exactly(text, known)
        if not named:
            if folded is None:
                folded = {}
                for path in known:
                    folded.setdefault(_folded(path), []).append(path)
            named = {path for name in _alike(_folded(text), folded) for path in folded[name]}
        if not named:
            message = f"{wanted}: dataset {dataset_id} has no such file or folder"
            raise SourceFileNotFoundError(message)
        found |= named
    return found


def _folded(text: str) -> str:
    """Letter case and the ways to write an accent do not matter."""
    return unicodedata.normalize("NFC", text).casefold()


def _exactly(text: str, known: set[str]) -> set[str]:
    for candidate in (text, f"files/{text}", f"files/primary/{text}"):
        if candidate in known:
            return {candidate}
        below = {path for path in known if path.startswith(f"{candidate}/")}
        if below:
            return below
    return set()


def _alike(text: str, known: Iterable[str]) -> set[str]:
    known = set(known)
    named = _exactly(text, known)
    if not named and any(letter in text for letter in _WILD):
        for candidate in (text, f"files/{text}", f"files/primary/{text}"):
            named = {path for path in known if fnmatch.fnmatchcase(path, candidate)}
            if named:
                break
    if not named and "/" not in text:
        named = {path for path in known if fnmatch.fnmatchcase(path.rpartition("/")[2], text)}
        named = named or {path for path in known if path.rpartition("/")[2] == text}
    return named
