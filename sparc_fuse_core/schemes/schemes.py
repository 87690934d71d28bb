"""Mapping schemes: how signals, time, rate and units are found where a format alone does not say.

A scheme is data: one TOML file in ``mapping_schemes/``, checked when it is loaded. It names a dataset,
a path pattern, a format, or several of them; the scheme that names most wins, and two that would
win equally are an error. Nothing in a scheme is ever executed.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import SchemeError, UnsupportedFormatError
from sparc_fuse_core.formats.registry import FORMATS, format_named
from sparc_fuse_core.paths import expanded
from sparc_fuse_core.schemes.options import OPTIONS, fault_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sparc_fuse_core.formats.format import Format

_KEYS = ("dataset", "files", "format", "notes", "options", "metadata")
_WILD = ("*", "**")


@dataclass(frozen=True, slots=True)
class Scheme:
    """One mapping scheme.

    Attributes
    ----------
    name
        Stem of its file; ends up in the output as ``descriptor_id``.
    dataset
        Ids (or names of local folders) of the datasets it is for; empty for any.
    files
        Pattern of the paths it is for; ``""`` for any.
    format
        Row of `sparc_fuse_core.formats.registry.FORMATS` it is for; ``""`` for any.
    options
        What the reader is told.
    metadata
        Facts about these recordings that the files do not state.
    notes
        For people.
    source
        Path of its file.
    """

    name: str
    dataset: tuple[str, ...] = ()
    files: str = ""
    format: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notes: str = ""
    source: str = ""

    @property
    def rank(self) -> tuple[int, bool, bool, bool, int]:
        """How much it names: more first, then a dataset before a pattern before a format."""
        named = (bool(self.dataset), bool(self.files), bool(self.format))
        return (sum(named), *named, len(re.sub(r"[*?]", "", self.files)))

    def matches(self, dataset_id: str, path: str, format_name: str) -> bool:
        """Whether it is for the file ``path`` (relative to the dataset) of ``dataset_id``."""
        return (
            (not self.dataset or dataset_id in self.dataset)
            and (not self.files or _matches_pattern(self.files, path))
            and (not self.format or self.format == format_name)
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, e.g. to travel with an item to a worker."""
        return {
            "name": self.name,
            "dataset": list(self.dataset),
            "files": self.files,
            "format": self.format,
            "options": dict(self.options),
            "metadata": dict(self.metadata),
            "notes": self.notes,
            "source": self.source,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Scheme:
        """Return the scheme that `to_json` described, checked as when it was loaded."""
        table = {key: values[key] for key in _KEYS if values.get(key)}
        return _scheme(str(values["name"]), table, str(values.get("source", "")))


@dataclass(frozen=True, slots=True)
class Schemes:
    """All schemes of one folder; no two of them can win equally.

    Attributes
    ----------
    all
        Most specific first.
    """

    all: tuple[Scheme, ...] = ()

    def named(self, name: str) -> Scheme:
        """Return the scheme called ``name``.

        Raises
        ------
        SchemeError
            If there is none.
        """
        for scheme in self.all:
            if scheme.name == name:
                return scheme
        message = (
            f"no mapping scheme is called {name!r}{_nearest(name, (s.name for s in self.all))}"
        )
        raise SchemeError(message)


def default_schemes_folder() -> Path:
    """Return the folder of the schemes that come with the package.

    It lies beside the package in a checkout, in an installed wheel and in a Lambda zip alike.
    """
    return Path(__file__).parents[2] / "mapping_schemes"


def load_schemes(place: Path | None = None, *, with_built_in: bool = False) -> Schemes:
    """Load and check every ``.toml`` file of a folder, or one file (default: those of the package).

    Parameters
    ----------
    with_built_in
        Whether those of the package count too, after all of ``place``.

    Raises
    ------
    SchemeError
        If a file is not a scheme, or two schemes would win equally; the message names file and key.
    """
    own = [load_scheme(path) for path in _toml_files(place or default_schemes_folder())]
    if faults := _ties(own):
        raise SchemeError("; ".join(faults))
    schemes = tuple(sorted(own, key=lambda scheme: scheme.rank, reverse=True))
    if place is not None and with_built_in:
        schemes += load_schemes().all
    return Schemes(schemes)


def _toml_files(place: Path) -> list[Path]:
    """Return the files that may be schemes.

    Raises
    ------
    SchemeError
        If there are none.
    """
    place = expanded(place)
    if place.is_file():
        return [place]
    if not place.is_dir():
        message = f"{place}: no such folder of mapping schemes"
        raise SchemeError(message)
    found = sorted(place.glob("*.toml"))
    if not found:
        message = f"{place}: no mapping scheme (.toml) lies in it"
        raise SchemeError(message)
    return found


def load_scheme(path: Path) -> Scheme:
    """Load and check one scheme.

    Raises
    ------
    SchemeError
        If the file cannot be read or is not a scheme.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        message = f"{path.name}: not a readable TOML file ({err})"
        raise SchemeError(message) from err
    return _scheme(path.stem, table, path.name)


def check(place: Path) -> list[str]:
    """Return every fault of the schemes in a folder or one file, a sentence each; empty if all is well.

    Raises
    ------
    SchemeError
        If there is no such folder or file, or no scheme in it.
    """
    faults, schemes = [], []
    for path in _toml_files(place):
        try:
            schemes.append(load_scheme(path))
        except SchemeError as err:
            faults.append(str(err))
    return faults + _ties(schemes)


def find_scheme(
    schemes: Schemes, dataset_id: str, path: str, format_name: str | Format
) -> Scheme | None:
    """Return the scheme for a file, or None: the one that names most wins.

    Parameters
    ----------
    schemes
        As loaded.
    dataset_id
        Id of the dataset, or name of the local folder.
    path
        Of the file, relative to the dataset, with ``/``.
    format_name
        Row of `sparc_fuse_core.formats.registry.FORMATS`, or its name.
    """
    name = format_name if isinstance(format_name, str) else format_name.name
    for scheme in schemes.all:
        if scheme.matches(str(dataset_id), path, name):
            return scheme
    return None


def _scheme(name: str, table: Mapping[str, Any], source: str) -> Scheme:
    where = source or name
    _refuse_unknown(where, "key", table, _KEYS)
    for key in ("files", "format", "notes"):
        if not isinstance(table.get(key, ""), str):
            _refuse(where, f"{key} = {table[key]!r}: expected text")
    for key in ("options", "metadata"):
        if not isinstance(table.get(key, {}), dict):
            _refuse(where, f"{key}: expected a table, [{key}]")
    scheme = Scheme(
        name,
        _datasets(where, table.get("dataset", ())),
        table.get("files", ""),
        table.get("format", ""),
        table.get("options", {}),
        table.get("metadata", {}),
        table.get("notes", ""),
        source,
    )
    if not (scheme.dataset or scheme.files or scheme.format):
        _refuse(where, "names no dataset, no files and no format: it would fit everything")
    if not (scheme.options or scheme.metadata):
        _refuse(where, "has neither [options] nor [metadata]: it would say nothing")
    _check_options(where, scheme)
    return scheme


def _datasets(where: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(one, bool) or not isinstance(one, int | str) or one == "" for one in values):
        _refuse(where, f"dataset = {value!r}: expected an id, a folder's name, or a list of them")
    return tuple(str(one) for one in values)


def _check_options(where: str, scheme: Scheme) -> None:
    if scheme.format:
        try:
            row = format_named(scheme.format)
        except UnsupportedFormatError:
            near = _nearest(scheme.format, (row.name for row in FORMATS))
            _refuse(where, f"format = {scheme.format!r} is no format{near}")
        _refuse_unknown(where, f"option of format {row.name!r}:", scheme.options, row.options)
    elif scheme.options:
        _refuse(where, "[options] need a format, whose reader takes them")
    for key, value in scheme.options.items():
        if key in OPTIONS and (fault := fault_of(key, value)):
            _refuse(where, fault)


def _refuse_unknown(where: str, what: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
    known = tuple(known)
    for key in table:
        if key not in known:
            _refuse(where, f"unknown {what} {key!r}{_nearest(key, known)}")


def _refuse(where: str, why: str) -> None:
    message = f"{where}: {why}"
    raise SchemeError(message)


def _nearest(wrong: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(wrong, known := sorted(known), n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(known)}" if known else "; it takes none"


# ------------------------------------------------------------------------------- patterns and ties


def _ties(schemes: list[Scheme]) -> list[str]:
    """Return a sentence for each pair that could win equally for one file."""
    return [
        f"{one.source or one.name} and {other.source or other.name} would fit one file equally well; "
        "name more (dataset, files, format) in one of them"
        for one, other in itertools.combinations(schemes, 2)
        if one.rank == other.rank
        and one.format == other.format
        and (not one.dataset or set(one.dataset) & set(other.dataset))
        and _can_match_one_path(_tokens(one.files), _tokens(other.files))
    ]


@functools.lru_cache(maxsize=512)
def _tokens(pattern: str) -> tuple[str, ...]:
    """Cut a pattern into ``**/``, ``**``, ``*``, ``?`` and single letters; case does not matter."""
    whole = pattern.lower()
    if "/" not in whole and whole:
        whole = f"**/{whole}"
    return tuple(re.findall(r"\*\*/|\*\*|.", whole, re.DOTALL))


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    regex = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(regex.get(token, re.escape(token)) for token in _tokens(pattern)))


def _matches_pattern(pattern: str, path: str) -> bool:
    return _compiled(pattern).fullmatch(path.lower()) is not None


def _can_match_one_path(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether some path fits both patterns (an empty pattern fits every path)."""
    if not one or not other:
        return True
    # "**/" is "anything that ends in a slash, or nothing"; taken as "**" it can only report a tie too
    # many, never one too few
    one, other = (tuple("**" if t == "**/" else t for t in side) for side in (one, other))

    @functools.cache
    def meet(i: int, j: int) -> bool:
        if i == len(one) or j == len(other):
            return all(token in _WILD for token in one[i:] + other[j:])
        left, right = one[i], other[j]
        if left in _WILD and (meet(i + 1, j) or (_swallows(left, right) and meet(i, j + 1))):
            return True
        if right in _WILD and (meet(i, j + 1) or (_swallows(right, left) and meet(i + 1, j))):
            return True
        if left in _WILD or right in _WILD:
            return False
        return (left == right or ("?" in (left, right) and "/" not in (left, right))) and meet(
            i + 1, j + 1
        )

    return meet(0, 0)


def _swallows(star: str, token: str) -> bool:
    return star == "**" or token not in ("/", "**")
