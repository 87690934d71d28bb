"""Where a format's file says more, or other, than MNE makes of it: checks and corrections, one a format."""

from __future__ import annotations

import struct
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, MissingCompanionError, UnsupportedFeatureError
from sparc_fuse_core.model import EventTable, Evidence

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

_MOST_LAY_BYTES = 64_000_000


@dataclass(slots=True)
class Found:
    """What MNE found in a file, and what is to be said otherwise.

    Attributes
    ----------
    raw, path
        MNE's raw with its header read, and the leading file.
    names, units, scale
        Of the channels, where they are not MNE's; empty ``units`` and ``scale`` leave MNE's.
    gaps
        Further stretches without samples.
    events
        In place of MNE's annotations.
    states_start
        MNE's start is the file's.
    wanted_bytes, there_bytes
        Of samples: what the header announces, what is there.
    evidence
        What users are told.
    identity
        What is known of the subject besides what MNE says.
    """

    raw: Any
    path: Path
    names: list[str]
    units: list[str] = field(default_factory=list)
    scale: list[float] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    events: EventTable | None = None
    states_start: bool = True
    wanted_bytes: int = 0
    there_bytes: int = 0
    evidence: list[Evidence] = field(default_factory=list)
    identity: list[str] = field(default_factory=list)


# ------------------------------------------------------------------------------------------- GDF

#: Decimal factors of ISO/IEEE 11073-10101 units: the five low bits of a GDF code.
_FACTORS = {0: "", 3: "k", 18: "m", 19: "u", 20: "n", 21: "p"}
#: Its units by the other bits, as far as they are certain here (GDF 2.51, "Physical dimensions").
_UNITS = {544: "%", 4256: "V", 4288: "Ohm"}


def gdf(found: Found) -> None:
    """Take units from the file's codes, events on their own clock; refuse what MNE would resample.

    MNE knows two codes and calls everything volts.
    """
    path, extra = found.path, found.raw._raw_extras[0]
    sizes = np.asarray(extra["n_samps"]).ravel()
    if len({int(one) for one in sizes}) > 1:
        message = f"{path.name}: its channels have several rates, which mne would resample; export it as EDF"
        raise UnsupportedFeatureError(message)
    n_channels = len(found.names)
    with path.open("rb") as file:
        head = file.read(256)
        version = float(head[4:8])
        file.seek(256 + n_channels * (96 if version < 1.9 else 102))
        stated = file.read(n_channels * (8 if version < 1.9 else 2))
    units = np.asarray(extra["units"], float).ravel()
    if version < 1.9:
        texts = [
            stated[8 * i : 8 * i + 8].decode("latin-1").strip("\0 ") for i in range(n_channels)
        ]
    else:
        codes = struct.unpack(f"<{n_channels}H", stated)
        texts = [_gdf_unit(code) for code in codes]
    found.units = texts
    found.scale = [1.0 / float(one) for one in units]
    found.wanted_bytes = int(extra["bytes_tot"]) * int(extra["n_records"])
    found.there_bytes = path.stat().st_size - int(extra["data_offset"])
    found.events = _gdf_events(found)


def _gdf_unit(code: int) -> str:
    prefix, unit = _FACTORS.get(code & 31), _UNITS.get(code & ~31)
    return "" if prefix is None or unit is None else prefix + unit


def _gdf_events(found: Found) -> EventTable:
    """Return the event table: codes as labels; durations of one sample are what MNE puts where none is."""
    extra = found.raw._raw_extras[0]
    if not extra.get("events"):
        return EventTable()
    n, positions, codes, channels, durations = extra["events"]
    stated = float(extra.get("event_sfreq") or 0)
    rate_hz = stated if np.isfinite(stated) and stated > 0 else float(found.raw.info["sfreq"])
    if len(np.ravel(positions)) != int(n):
        message = f"{found.path.name}: its table of events is cut off; upload it again"
        raise CorruptFileError(message)
    order = np.argsort(positions, kind="stable")
    of = [int(channels[i]) for i in order]
    return EventTable(
        time_s=[float(positions[i]) / rate_hz for i in order],
        duration_s=[
            float(durations[i]) / rate_hz if durations[i] > 1 else float("nan") for i in order
        ],
        label=[str(int(codes[i])) for i in order],
        channel=[found.names[one - 1] if 0 < one <= len(found.names) else "" for one in of],
        kind=["event"] * len(of),
    )


# ----------------------------------------------------------------------------------------- Persyst


def _sections(path: Path) -> dict[str, list[str]]:
    """Return the lines of each section of a .lay; a section may come twice."""
    if path.stat().st_size > _MOST_LAY_BYTES:
        message = f"{path.name}: is too long for a header of Persyst"
        raise CorruptFileError(message)
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in path.read_text(encoding="latin-1").splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            lines = found.setdefault(text.strip("[]").lower(), [])
        elif text:
            lines.append(text)
    return found


def persyst(found: Found) -> None:
    """Take names as the .lay has them (MNE writes them large, without their reference), and its rests.

    A date with slashes may begin with the day or the month: it is taken only if that makes no difference.
    """
    sections = _sections(found.path)
    names = [line.rpartition("=")[0] for line in sections.get("channelmap", []) if "=" in line]
    patient = {
        key.strip().lower(): value.strip()
        for key, _, value in (line.partition("=") for line in sections.get("patient", []))
    }
    found.identity = [value for key, value in patient.items() if value and "test" not in key]
    date = patient.get("testdate", "")
    if len(names) == len(found.names):
        found.names = names
    parts = date.split("/")
    if len(parts) == 3 and all(part.isdigit() and int(part) <= 12 for part in parts[:2]):
        found.states_start = parts[0] == parts[1]
    extra = found.raw._raw_extras[0]
    frame = int(extra["n_chs"]) * extra["dtype"].itemsize
    n_bytes = found.raw.filenames[0].stat().st_size
    if n_bytes % frame:
        message = f"{found.path.name}: {found.raw.filenames[0].name} ends within a sample; upload it again"
        raise CorruptFileError(message)


# ----------------------------------------------------------------------------------------- Nicolet


def nicolet(found: Found) -> None:
    """Compare the samples that the .head announces with the .data; its conversion factor gives microvolts."""
    found.wanted_bytes = 2 * len(found.names) * int(found.raw.n_times)
    found.there_bytes = found.path.with_suffix(".data").stat().st_size


AMEND: dict[str, Callable[[Found], None]] = {"gdf": gdf, "nicolet": nicolet, "persyst": persyst}


# ------------------------------------------------------------------------- before MNE sees the file


def _persyst_for_mne(path: Path, stack: ExitStack) -> Path:
    """Return a copy of the .lay that MNE can read: no folders of Windows, all fields of the patient, empty."""
    sections = _sections(path)
    names = [
        PureWindowsPath(line.partition("=")[2].strip()).name
        for line in sections.get("fileinfo", [])
        if line.lower().startswith("file=")
    ]
    if len(names) != 1 or not names[0]:
        message = f"{path.name}: names no file of samples; it is damaged"
        raise CorruptFileError(message)
    samples = path.parent / names[0]
    if not samples.is_file():
        message = f"{path.name}: its samples, {names[0]}, are not there; add them"
        raise MissingCompanionError(message, (names[0],))
    lines = ["[FileInfo]", f"File={names[0]}"]
    lines += [one for one in sections["fileinfo"] if not one.lower().startswith("file=")]
    # a dash is a date that it cannot read; without one it fails
    lines += ["[Patient]", "First=", "Last=", "Sex=", "Hand=", "ID=", "BirthDate=-"]
    lines += [one for one in sections.get("patient", []) if one.lower().startswith("test")]
    for section in ("ChannelMap", "Comments"):
        lines += [f"[{section}]", *sections.get(section.lower(), [])]
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    (folder / samples.name).symlink_to(samples.absolute())
    target = folder / f"{path.stem}.lay"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def _nicolet_for_mne(path: Path, stack: ExitStack) -> Path:
    """Return the samples, whose header has to be beside them."""
    del stack
    for suffix in (".head", ".data"):
        other = path.with_suffix(suffix)
        if not other.is_file():
            message = f"{path.name}: {other.name} is not there; add it"
            raise MissingCompanionError(message, (other.name,))
    return path.with_suffix(".data")


PREPARE: dict[str, Callable[[Path, ExitStack], Path]] = {
    "nicolet": _nicolet_for_mne,
    "persyst": _persyst_for_mne,
}
