"""Open a file with MNE: header at once, samples when they are sliced.

What its header announces is compared with the bytes that are there; what it raises on damage is told by
`guarded`. Nothing that is known of the subject leaves this module but as what is to be cut from texts.
"""

from __future__ import annotations

import dataclasses
import errno
import gc
import io
import tempfile
import traceback
import warnings
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    FormatMismatchError,
    MissingDependencyError,
    TruncatedFileError,
)
from sparc_fuse_core.formats.extras import install_hint
from sparc_fuse_core.formats.neighbours import neighbours
from sparc_fuse_core.formats.signatures import format_of
from sparc_fuse_core.model import Contents
from sparc_fuse_core.readers.mne.amended import AMEND, ARGUMENTS, PREPARE
from sparc_fuse_core.readers.mne.fif import fif
from sparc_fuse_core.readers.mne.found import Found
from sparc_fuse_core.readers.mne.header import (
    events_of,
    gaps_of,
    identity_of,
    recording_of,
    runs_without,
    start_of,
)
from sparc_fuse_core.readers.mne.kinds import KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a file that MNE reads; see `sparc_fuse_core.readers.Reader`."""
    del options
    beside = neighbours([str(other) for other in path.parent.iterdir()]).get(str(path))
    row = beside.name if beside is not None else format_of(path).name
    kind = KINDS.get(row)
    if kind is None:
        message = f"{path.name}: mne has no reader for this format ({row or 'unknown'})"
        raise FormatMismatchError(message)
    mne = _library()
    with ExitStack() as stack:
        stack.callback(gc.collect)
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), mne.use_log_level("ERROR"):
            warnings.simplefilter("ignore")  # they quote the file, as what it prints and logs does
            try:
                if row == "fif":
                    contents = fif(path, kind, mne, stack)
                else:
                    contents = _contents(path, row, kind, mne, stack)
            except OSError as err:
                if err.errno != errno.EINVAL:
                    raise
                # a place before the beginning of the file
                message = f"{path.name}: names a place that cannot be; it is damaged"
                raise CorruptFileError(message) from err
            except BaseException as err:
                # what was opened is held by the frames of the error
                traceback.clear_frames(err.__traceback__)
                raise
        yield contents
        del contents


def _library() -> Any:
    try:
        import mne
    except ImportError as err:
        message = f"reading this format needs mne: {install_hint('mne')} ({err})"
        raise MissingDependencyError(message) from err
    return mne


def _contents(path: Path, row: str, kind: Kind, mne: Any, stack: ExitStack) -> Contents:
    prepare = PREPARE.get(row)
    at = _as_named(path, kind, stack) if prepare is None else prepare(path, stack)
    tell = ARGUMENTS.get(row)
    more = {**kind.arguments, **(tell(path) if tell is not None else {})}
    raw = getattr(mne.io, kind.function)(str(at), preload=False, verbose="ERROR", **more)
    n_samples = int(raw.n_times)
    if n_samples < 1 or not raw.ch_names:
        message = f"{path.name}: holds no sample; upload the original again"
        raise EmptyFileError(message)
    found = Found(raw, path, names=[str(one) for one in raw.ch_names])
    change = AMEND.get(row)
    if change is not None:
        change(found)
    if found.wanted_bytes > found.there_bytes:
        message = (
            f"{path.name}: announces {found.wanted_bytes} bytes of samples, and {found.there_bytes} "
            "are there; it ends early: upload it again"
        )
        raise TruncatedFileError(message)
    runs = runs_without(gaps_of(raw) if found.gaps is None else found.gaps, n_samples, path)
    stored = kind.stored or found.stored
    recording = recording_of(raw, path, runs, stored=stored, names=found.names)
    if found.units:
        recording = dataclasses.replace(recording, channel_units=tuple(found.units))
    if found.scale:
        # MNE gives volts; a unit that is none of them stays the file's
        recording = dataclasses.replace(
            recording, gain=tuple(found.scale), offset=(0.0,) * len(found.scale)
        )
    events = events_of(raw, path) if found.events is None else found.events
    return Contents(
        recordings=(recording,),
        events=events,
        start_time=start_of(raw.info, is_utc=kind.is_utc) if found.states_start else found.start,
        evidence=tuple(found.evidence),
        metadata=identity_of(raw.info, found.identity),
    )


def _as_named(path: Path, kind: Kind, stack: ExitStack) -> Path:
    """Return the file under a name that MNE takes: beside its companions, in a folder of links."""
    if not kind.suffix or path.name.endswith(kind.suffix):
        return path
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    for other in path.parent.iterdir():
        if other.is_file() and other != path:
            (folder / other.name).symlink_to(other.absolute())
    named = folder / f"{path.stem}{kind.suffix}"
    if not named.exists():
        named.symlink_to(path.absolute())
    return named
