"""Propose a mapping scheme for a file: what it states as options, what is open as comments.

Nothing is decided for the user: an option that the file does not state is proposed as a comment.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import shlex
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import (
    MissingDependencyError,
    OutputNotWritableError,
    SourceFileNotFoundError,
    UnsupportedFormatError,
)
from sparc_fuse_core.formats.extras import install_hint
from sparc_fuse_core.formats.neighbours import neighbours
from sparc_fuse_core.formats.signatures import format_of
from sparc_fuse_core.paths import expanded
from sparc_fuse_core.readers.guarded import refused_by_name
from sparc_fuse_core.schemes.options import OPTIONS
from sparc_fuse_core.storage.results import writing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.readers.shared.findings import Choice, Findings

#: Formats that can be inspected → module in `sparc_fuse_core.readers` with a function ``inspect``.
_INSPECTORS = {
    "text": "text.proposal",
    "mat": "mat.proposal",
    "hdf5": "hdf5.proposal",
    "raw": "raw.proposal",
}


def propose(path: Path) -> str:
    """Return the TOML text of a scheme for ``path``, with what was seen and why as comments.

    Raises
    ------
    SourceFileNotFoundError
        If there is no such file.
    UnsupportedFormatError
        If the format takes no options, or the file states all.
    MissingDependencyError
        If its library is not installed.
    CorruptFileError
        If the file cannot be decoded.
    """
    path = expanded(path)
    if not path.is_file():
        what = "a folder; name one file of it" if path.is_dir() else "no such file"
        message = f"{path}: {what}"
        raise SourceFileNotFoundError(message)
    row = format_of(path)
    beside = neighbours(other.as_posix() for other in path.parent.iterdir())
    row = beside.get(path.as_posix(), row)
    if row.reader is None:
        message = f"{path.name}: {row.title}: {row.reason}"
        raise UnsupportedFormatError(message)
    if row.name not in _INSPECTORS:
        message = f"{path.name}: {row.title} states what it holds; it takes no scheme"
        raise UnsupportedFormatError(message)
    findings = _inspector(row)(path)
    if not findings.choices:
        message = f"{path.name}: {'; '.join(findings.remarks)}"
        raise UnsupportedFormatError(message)
    lines = [
        f"# Proposed for {_one_line(path.name)}.",
        "# Go through every line, save it as my_schemes/NAME.toml, then:",
        "#   sparc-fuse scheme check my_schemes",
        f"#   sparc-fuse convert {_one_line(shlex.quote(str(path)))} --schemes my_schemes",
        "# What is commented out the file does not state: remove the # where you know it to be so.",
        "#",
        "# Seen in the file:",
        *(f"#   {_one_line(remark)}" for remark in findings.remarks),
        "",
        "# dataset = 0  # its id on SPARC (or the name of a local folder), if this is for one dataset",
        f"files = {_toml('**/*' + path.suffix.lower())}  # which files of it",
        f"format = {_toml(row.name)}",
        'notes = ""  # what is known, and from where',
        "",
        *_options(findings),
        "",
        f"# All options of this format: {', '.join(row.options)}",
    ]
    return "\n".join(lines).rstrip() + "\n"


def write_proposal(path: Path, place: Path) -> Path:
    """Write the proposal for ``path`` to a new file, or to one in the folder ``place``; return where it is.

    Raises
    ------
    OutputNotWritableError
        If the file exists, or cannot be written; and the errors of `propose`.
    """
    place = expanded(place)
    if place.is_dir() or place.suffix != ".toml":
        place = place / f"{re.sub(r'[^A-Za-z0-9_]+', '_', path.name).strip('_') or 'scheme'}.toml"
    text = propose(path)
    with writing(str(place)):
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with place.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            message = f"{place}: exists; name another file"
            raise OutputNotWritableError(message) from None
    return place


def _inspector(row: Format) -> Callable[[Path], Findings]:
    module = _INSPECTORS[row.name]
    try:
        found: Callable[[Path], Findings] = importlib.import_module(
            f"sparc_fuse_core.readers.{module}"
        ).inspect
    except ImportError as err:
        message = f"reading {row.title} needs {row.library}: {install_hint(row.extra)} ({err})"
        raise MissingDependencyError(message) from err

    def inspect(path: Path) -> Findings:
        with refused_by_name(path):
            return found(path)

    return inspect


def _options(findings: Findings) -> list[str]:
    """Return the option table: plain options first, as TOML wants, then tables."""
    plain = [choice for choice in findings.choices if not isinstance(choice.value, dict)]
    tables = [choice for choice in findings.choices if isinstance(choice.value, dict)]
    if plain and not any(choice.is_stated for choice in plain):
        # a scheme without any option would say nothing, and not load
        plain[0] = dataclasses.replace(plain[0], is_stated=True)
    lines = ["[options]"]
    for choice in plain:
        lines += _explained(choice)
        mark = "" if choice.is_stated else "# "
        lines.append(f"{mark}{choice.key} = {_toml(choice.value)}")
    for choice in tables:
        lines += ["", *_explained(choice)]
        mark = "" if choice.is_stated else "# "
        lines.append(f"{mark}[options.{choice.key}]")
        lines += [f"{mark}{_toml(key)} = {_toml(value)}" for key, value in choice.value.items()]
    return lines


def _explained(choice: Choice) -> list[str]:
    return [f"# {OPTIONS[choice.key].does} Here: {_one_line(choice.why)}."]


def _toml(value: Any) -> str:
    """Write a value as TOML; JSON's texts and lists are TOML's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
