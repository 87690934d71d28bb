"""EGI's .mff: a folder of samples and XML. MNE is given links to what describes the samples, never the subject.

Events are read here: MNE makes a channel of each code and rounds times to samples.
"""

from __future__ import annotations

import re
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import (
    CorruptFileError,
    MissingCompanionError,
    TruncatedFileError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.model import Event, EventTable, Evidence

if TYPE_CHECKING:
    from contextlib import ExitStack

    from sparc_fuse_core.readers.mne.found import Found

_LINKED = re.compile(r"(signal\d+\.bin|info\d*\.xml|(epochs|sensorLayout|coordinates|pnsSet)\.xml)")
_NEEDED = ("info.xml", "info1.xml", "epochs.xml", "sensorLayout.xml", "signal1.bin")
_EVENTS = re.compile(r"Events_.*\.xml")
_MOST_XML_BYTES = 64_000_000
_MOST_EVENTS = 5_000_000
_BLOCK_HEAD = struct.Struct("<4i")


def mff_for_mne(path: Path, stack: ExitStack) -> Path:
    """Return a folder of links to the parts that MNE reads.

    Raises
    ------
    UnsupportedFeatureError
        If the recording was cut into segments, or averaged.
    MissingCompanionError
        If one of them is absent.
    CorruptFileError
        If an XML declares a document type, whose entities may name other files.
    """
    if (path.parent / "categories.xml").exists():
        message = (
            f"{path.name}: its recording was cut into segments or averaged (categories.xml); export the "
            "continuous one"
        )
        raise UnsupportedFeatureError(message)
    for name in _NEEDED:
        if not (path.parent / name).is_file():
            message = f"{path.name}: {name} is not there; add it"
            raise MissingCompanionError(message, (name,))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "recording.mff"
    folder.mkdir()
    for other in sorted(path.parent.iterdir()):
        if not (_LINKED.fullmatch(other.name) and other.is_file()):
            continue
        if other.suffix == ".xml":
            _check_xml(other, path.name)
        else:
            _check_blocks(other, path.name)
        (folder / other.name).symlink_to(other.absolute())
    return folder


def _check_xml(path: Path, name: str) -> None:
    if path.stat().st_size > _MOST_XML_BYTES:
        message = f"{name}: {path.name} is too long for a part of an .mff"
        raise CorruptFileError(message)
    data = path.read_bytes().replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        message = f"{name}: {path.name} declares a document type, which a part of an .mff has not"
        raise CorruptFileError(message)


def _check_blocks(path: Path, name: str) -> None:
    """Refuse blocks of samples that do not fit into their file; mffpy reads what is there of them.

    A block begins with 1, the sizes of its header and its samples in bytes, and the number of channels; with 0
    if it is like the one before.

    Raises
    ------
    TruncatedFileError
        If the last one ends early.
    CorruptFileError
        If a size cannot be.
    """
    size, at, n_bytes = path.stat().st_size, 0, 0
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(_BLOCK_HEAD.size)
            version = int.from_bytes(head[:4], "little")
            n_header = 4
            if version == 1 and len(head) == _BLOCK_HEAD.size:
                _, n_header, n_bytes, n_channels = _BLOCK_HEAD.unpack(head)
                if n_header < _BLOCK_HEAD.size or n_channels < 1 or n_bytes % (4 * n_channels):
                    n_bytes = -1
            if version not in (0, 1) or n_bytes <= 0:
                message = f"{name}: a block of {path.name} has a size that cannot be; it is damaged"
                raise CorruptFileError(message)
            at += n_header + n_bytes
    if at > size:
        message = f"{name}: {path.name} ends within a block of samples; upload it again"
        raise TruncatedFileError(message)


def mff(found: Found) -> None:
    """Put gaps where the epochs have them; take events with their times and durations."""
    extra = found.raw._raw_extras[0]
    firsts, lasts = (
        [int(one) for one in extra["first_samps"]],
        [int(one) for one in extra["last_samps"]],
    )
    found.gaps = [
        (last, first - last)
        for last, first in zip([0, *lasts], firsts, strict=False)
        if first > last
    ]
    if "pns_sample_blocks" in extra:
        n_samples = int(extra["samples_block"].sum())
        if int(extra["pns_sample_blocks"]["samples_block"].sum()) == n_samples - 1:
            found.gaps.append((lasts[-1] - 1, 1))
            sentence = "The last sample is left out: the physiological channels end one sample before the EEG."
            found.evidence.append(Evidence("completeness", "file", sentence))
    if any(re.fullmatch(r"E\d+", one) for one in found.names):
        sentence = (
            "Sensors have numbers in the file; they are written E1, E2 …, as EGI's programs do."
        )
        found.evidence.append(Evidence("names", "inferred", sentence))
    found.events = _events(found.path.parent, found.path.name)


def _events(folder: Path, name: str) -> EventTable:
    from mffpy.xml_files import XML

    start = XML.from_file(str(folder / "info.xml")).recordTime
    found: list[Event] = []
    for path in sorted(folder.iterdir()):
        if not (_EVENTS.fullmatch(path.name) and path.is_file()):
            continue
        _check_xml(path, name)
        track: Any = XML.from_file(str(path))
        for one in track.events:
            label = str(one.get("label") or "")
            code = str(one["code"])
            found.append(
                Event(
                    (one["beginTime"] - start).total_seconds(),
                    float(one["duration"]) / 1e9,
                    f"{code} {label}" if label and label != code else code,
                    kind="event",
                )
            )
        if len(found) > _MOST_EVENTS:
            message = f"{name}: holds more than {_MOST_EVENTS} events; it is damaged"
            raise CorruptFileError(message)
    return EventTable.from_events(sorted(found, key=lambda one: one.time_s))
