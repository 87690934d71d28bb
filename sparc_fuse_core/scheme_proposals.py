"""Propose a mapping scheme for a file: what it holds, what could be what, explained; for a person to finish."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import h5py
from scipy.io import whosmat
from scipy.io.matlab import MatReadError

from sparc_fuse_core.errors import CorruptFileError, SourceFileNotFoundError, UnsupportedFormatError
from sparc_fuse_core.formats import find_format
from sparc_fuse_core.signatures import container_of, recognise

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: Names that time, rate and unit variables often have; a candidate is a comment, never a decision.
_TIME_WORDS = ("time", "t", "ts", "timestamp", "timestamps")
_RATE_WORDS = ("fs", "rate", "samplerate", "sampling_rate", "sr", "frequency", "freq")
_LONG = 100
_MAX_SHOWN = 60
_HEAD_LINES = 8


def propose(path: Path) -> str:
    """Return a scheme in TOML with what was found as comments.

    Raises
    ------
    SourceFileNotFoundError
        If there is no such file.
    UnsupportedFormatError
        If its format takes no options.
    CorruptFileError
        If it cannot be looked into.
    """
    if not path.is_file():
        message = f"{path}: no such file"
        raise SourceFileNotFoundError(message)
    row = recognise(path, find_format(path.name))
    if not row.options:
        message = f"{path.name}: {row.title} states what it holds; it takes no scheme"
        raise UnsupportedFormatError(message)
    found = _inspect(path, row.name)
    lines = [
        f"# Proposed for {path.name}; look at every line, then put the file into the folder of schemes.",
        "# dataset = 224                 # the dataset it is for",
        f'files = "**/*{path.suffix}"',
        f"format = {json.dumps(row.name)}",
        'notes = "where these facts come from"',
        "",
        *(f"# {line}" for line in found),
        "",
        "[options]",
        *_suggestions(row.name),
        "",
        f"# options of this format: {', '.join(row.options)}",
    ]
    return "\n".join(lines)


def _inspect(path: Path, name: str) -> list[str]:
    with path.open("rb") as file:
        head = file.read(4096)
    if container_of(head) == "hdf5":
        return _inspect_hdf5(path)
    if name == "mat":
        return _inspect_mat(path)
    if name == "text":
        return _inspect_text(head)
    return [f"{path.stat().st_size} bytes"]


def _inspect_mat(path: Path) -> list[str]:
    try:
        variables = whosmat(str(path))
    except (ValueError, OSError, TypeError, KeyError, NotImplementedError, MatReadError) as err:
        message = f"{path.name}: not a readable MAT file ({err})"
        raise CorruptFileError(message) from err
    return _told((name, tuple(shape), kind) for name, shape, kind in variables)


def _inspect_hdf5(path: Path) -> list[str]:
    found: list[tuple[str, tuple[int, ...], str]] = []

    def note(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("#refs#"):
            found.append((name, tuple(item.shape or ()), str(item.dtype)))

    try:
        with h5py.File(path, "r") as file:
            file.visititems(note)
    except (OSError, RuntimeError) as err:
        message = f"{path.name}: not a readable HDF5 file ({err})"
        raise CorruptFileError(message) from err
    return _told(found)


def _told(variables: Iterable[tuple[str, tuple[int, ...], str]]) -> list[str]:
    lines = ["what it holds (name, shape, type), and what that could be:"]
    for name, shape, kind in list(variables)[:_MAX_SHOWN]:
        lines.append(
            f"  {name}  {' x '.join(map(str, shape)) or 'scalar'}  {kind}{_guess(name, shape)}"
        )
    if len(lines) > _MAX_SHOWN:
        lines.append("  …")
    return lines


def _guess(name: str, shape: tuple[int, ...]) -> str:
    word = name.rpartition("/")[2].lower()
    longest = max(shape, default=0)
    if word in _TIME_WORDS and longest >= _LONG:
        return "  <- time? by its name and length; state its unit"
    if word in _RATE_WORDS and longest <= 1:
        return "  <- rate? by its name, one number"
    if longest >= _LONG:
        return "  <- signal? by its length"
    return ""


def _inspect_text(head: bytes) -> list[str]:
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = head.decode(encoding, "replace")
    lines = text.splitlines()[:_HEAD_LINES]
    counts = {mark: text.count(mark) for mark in ("\t", ";", ",", "|")}
    mark = max(counts, key=lambda key: counts[key])
    return [
        f"read as {encoding}; the most frequent separator is {json.dumps(mark)} ({counts[mark]} times)",
        "first lines:",
        *(f"  {line[:150]}" for line in lines),
    ]


def _suggestions(name: str) -> list[str]:
    """Return example options; the first is in force so that the scheme says something."""
    if name == "mat":
        return ['time_unit = "s"', '# time_variable = "t"', '# signal_variables = ["ecg"]']
    if name == "text":
        return ["header = true", '# time_column = "Time"', '# time_unit = "s"']
    if name == "hdf5":
        return ['signal_datasets = ["*"]', '# group_path = "{subject}/{start}"']
    if name == "raw":
        return ['dtype = "<i2"', "n_channels = 1", "# sampling_rate_hz = 1000"]
    return []
