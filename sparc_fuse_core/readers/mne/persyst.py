"""Persyst: a .lay that describes the samples of a .dat; MNE writes names large, and fails without a patient."""

from __future__ import annotations

import tempfile
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError, MissingCompanionError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from sparc_fuse_core.readers.mne.found import Found

_MOST_LAY_BYTES = 64_000_000
#: No file system takes longer ones; asking for one is an error.
_MOST_NAME_BYTES = 255


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


def persyst_for_mne(path: Path, stack: ExitStack) -> Path:
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
    if len(names[0].encode()) > _MOST_NAME_BYTES or not samples.is_file():
        message = f"{path.name}: its samples, {names[0][:100]}, are not there; add them"
        raise MissingCompanionError(message, (names[0],))
    with samples.open("rb"):
        pass  # said to be read; MNE opens it when samples are asked for
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
