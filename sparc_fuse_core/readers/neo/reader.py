"""Open a file with NEO: rawio only, header at once, samples when they are sliced.

NEO's classes trust their files; what they raise on damage is told by `guarded`. What they announce is
compared with the bytes that are there before anything is read.
"""

from __future__ import annotations

import gc
import traceback
import warnings
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import (
    EmptyFileError,
    FormatMismatchError,
    MissingDependencyError,
)
from sparc_fuse_core.formats.extras import install_hint
from sparc_fuse_core.formats.neighbours import neighbours
from sparc_fuse_core.formats.signatures import format_of
from sparc_fuse_core.model import Contents, EventTable, Evidence
from sparc_fuse_core.readers.hdf5.reader import read as read_hdf5
from sparc_fuse_core.readers.neo.amended import amended, shift_of
from sparc_fuse_core.readers.neo.header import events_of, recordings_of, waveforms_of
from sparc_fuse_core.readers.neo.kinds import KINDS, SECOND, Kind
from sparc_fuse_core.readers.neo.layouts import arguments_of
from sparc_fuse_core.readers.neo.neuroscope import neuroscope
from sparc_fuse_core.readers.neo.nix import is_of_neo
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a file that NEO reads first; see `sparc_fuse_core.readers.Reader`."""
    row = row_of(path)
    # neo knows the names that it gives itself; what others keep in NIX states its own dimensions
    own = read_hdf5(path, options) if row == "nix" and not is_of_neo(path) else opened(path, row)
    with own as contents:
        yield contents


@contextmanager
def opened(path: Path, row: str) -> Iterator[Contents]:
    """Open any file that NEO reads, as this project's model.

    Parameters
    ----------
    path
        The leading file of its set.
    row
        Row of the formats table: one of `KINDS`, or of `SECOND` for what this project reads itself.

    Raises
    ------
    FormatMismatchError
        If NEO has no class for ``row``.
    MissingDependencyError
        If NEO is not installed.
    """
    kind = KINDS.get(row) or SECOND.get(row)
    if kind is None:
        message = f"{path.name}: neo has no reader for this format ({row or 'unknown'})"
        raise FormatMismatchError(message)
    readers: list[Any] = []
    with ExitStack() as stack:
        stack.callback(_closed, readers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote the file
            try:
                if row == "neuroscope":
                    contents = neuroscope(path, kind, _class(kind), readers)
                else:
                    readers.append(_parsed(path, row, kind, stack))
                    contents = _contents(readers[0], path, row, kind)
            except BaseException as err:
                # what was opened is held by the frames of the error
                traceback.clear_frames(err.__traceback__)
                raise
        yield contents
        del contents


def _closed(readers: list[Any]) -> None:
    """Let go of NEO's readers: they close what they opened when they are gone."""
    for neo in readers:
        file = getattr(neo, "file", None)
        if file is not None:
            file.close()
    readers.clear()
    gc.collect()


def row_of(path: Path) -> str:
    """Return the row of a file that is here, by what lies beside it, its name and its first bytes."""
    beside = neighbours([str(other) for other in path.parent.iterdir()]).get(str(path))
    return beside.name if beside is not None else format_of(path).name


def _class(kind: Kind) -> Any:
    try:
        from neo import rawio
    except ImportError as err:
        message = f"reading this format needs neo: {install_hint('neo')} ({err})"
        raise MissingDependencyError(message) from err
    return getattr(rawio, kind.rawio)


def _parsed(path: Path, row: str, kind: Kind, stack: ExitStack) -> Any:
    neo = _class(kind)(**arguments_of(path, row, kind, stack))
    neo.parse_header()
    return neo


def _contents(neo: Any, path: Path, row: str, kind: Kind) -> Contents:
    recordings = amended(row, neo, path, recordings_of(neo, kind, path))
    recordings += waveforms_of(neo) if kind.has_events else []
    events = events_of(neo, kind, path, shift_of(row, neo)) if kind.has_events else EventTable()
    if not recordings and not len(events):
        message = f"{path.name}: holds no sample and no event; upload the original again"
        raise EmptyFileError(message)
    evidence = [Evidence("content", "file", "Read with neo.")] if row in SECOND else []
    return Contents(
        recordings=tuple(recordings),
        start_time=_start_of(neo),
        evidence=tuple(evidence),
        events=events,
        metadata=_identity_of(neo),
    )


def _start_of(neo: Any) -> str:
    stated = neo.raw_annotations["blocks"][0].get("rec_datetime")
    return stated_start(stated.isoformat()) if hasattr(stated, "isoformat") else ""


def _identity_of(neo: Any) -> dict[str, str]:
    """Return who the file says was recorded: never published, and cut where the file's events repeat it."""
    stated = neo.raw_annotations["blocks"][0]
    names = [stated.get(key, b"") for key in ("firstname", "surname")]
    texts = [name.decode("latin-1") if isinstance(name, bytes) else str(name) for name in names]
    patient = " ".join(text.strip(" \0") for text in texts).strip()
    return {"patient": patient} if patient else {}
