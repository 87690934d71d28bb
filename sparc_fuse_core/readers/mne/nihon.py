"""Nihon Kohden's .EEG, with names of channels in a .21E, a start in a .PNT and events in a .LOG."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import UnsupportedFeatureError
from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from contextlib import ExitStack

    from sparc_fuse_core.readers.mne.found import Found

_BESIDE = (".21E", ".PNT", ".LOG")
_PNT_BYTES = 0x1000
#: Number, name and date of birth.
_PATIENT = ((0x604, 0x610), (0x62E, 0x644), (0x660, 0x66C))


def nihon_for_mne(path: Path, stack: ExitStack) -> Path:
    """Return the file in a folder of links whose extensions are written as MNE looks for them."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    for other in path.parent.iterdir():
        suffix = other.suffix.upper()
        if other.stem.lower() == path.stem.lower() and suffix in _BESIDE and other.is_file():
            (folder / f"{path.stem}{suffix}").symlink_to(other.absolute())
    target = folder / f"{path.stem}.EEG"
    target.symlink_to(path.absolute())
    return target


def _patient(path: Path) -> list[str]:
    """Return number, name and date of birth of the patient from a .PNT."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        data = file.read(_PNT_BYTES)
    texts = [data[low:high].split(b"\0")[0].decode("latin-1").strip() for low, high in _PATIENT]
    return [text for text in texts if text]


def nihon(found: Found) -> None:
    """Refuse interrupted recordings, whose parts MNE puts together; say where names are the device's own."""
    extra = found.raw._raw_extras[0]
    blocks = extra["header"]["controlblocks"][0]["datablocks"]
    if len(blocks) != 1:
        message = (
            f"{found.path.name}: the recording was interrupted {len(blocks) - 1} times, and mne does not say "
            "for how long; export it as EDF"
        )
        raise UnsupportedFeatureError(message)
    first = int(blocks[0]["address"]) + 0x27 + 10 * int(blocks[0]["n_channels"])
    # each sample has a word of marks behind its channels
    found.wanted_bytes = int(blocks[0]["n_samples"]) * (int(blocks[0]["n_channels"]) + 1) * 2
    found.there_bytes = found.path.stat().st_size - first
    found.units = ["" if one.startswith("Mark") else "V" for one in found.names]
    found.identity = _patient(Path(found.raw.filenames[0]).with_suffix(".PNT"))
    named = Path(found.raw.filenames[0]).with_suffix(".21E")
    if not named.exists():
        found.evidence.append(
            Evidence(
                "names",
                "inferred",
                "There is no .21E with the names of channels: they are those that the device gives its inputs.",
            )
        )
