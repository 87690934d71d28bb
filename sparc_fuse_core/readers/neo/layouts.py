"""How files are laid out for NEO: it takes folders, and numbers from their names; and what it reads wrong.

Files are shown to NEO as links in a folder of their own where those beside would mislead it.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import (
    CorruptFileError,
    MissingCompanionError,
    UnsupportedFeatureError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from sparc_fuse_core.readers.neo.kinds import Kind

#: Of a file of SpikeGadgets: its XML, and channels beyond those of any rig.
_MOST_HEADER_BYTES, _MOST_CHANNELS = 32_000_000, 100_000
_N_CHANNELS = re.compile(rb'numChannels\s*=\s*"\s*(\d{1,40})')


def arguments_of(path: Path, row: str, kind: Kind, stack: ExitStack) -> dict[str, Any]:
    """Return what NEO's class is made with.

    Raises
    ------
    MissingCompanionError
        If a part of the set is absent.
    UnsupportedFeatureError
        If NEO is known to read this file wrong, and this project's own reader does not.
    """
    special = _LAID_OUT.get(row)
    if special is not None:
        return special(path, stack)
    return {
        "dirname" if kind.takes_folder else "filename": str(
            path.parent if kind.takes_folder else path
        )
    }


def _folder(stack: ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory()))


def _spikeglx(path: Path, stack: ExitStack) -> dict[str, Any]:
    folder = _folder(stack)
    for file in (path.with_suffix(".bin"), path.with_suffix(".meta")):
        if not file.exists():
            message = f"{path.name}: {file.name} is not there; add it"
            raise MissingCompanionError(message, (file.name,))
        (folder / file.name).symlink_to(file.absolute())
    return {"dirname": str(folder)}


def _spikegadgets(path: Path, _stack: ExitStack) -> dict[str, Any]:
    """Check the number of channels that the header states: NEO goes through each of them."""
    with path.open("rb") as file:
        header = file.read(_MOST_HEADER_BYTES).partition(b"</Configuration>")[0]
    stated = [int(digits) for digits in _N_CHANNELS.findall(header)]
    if max(stated, default=0) > _MOST_CHANNELS:
        message = f"{path.name}: states {max(stated)} channels; it is damaged"
        raise CorruptFileError(message)
    return {"filename": str(path)}


def _neuralynx(path: Path, _stack: ExitStack) -> dict[str, Any]:
    return {
        "dirname": str(path.parent),
        "include_filenames": [path.name],
        "gap_tolerance_ms": 0.0,
    }


def _blackrock(path: Path, stack: ExitStack) -> dict[str, Any]:
    """Show samples without events beside them: NEO refuses signals beside events of another version."""
    with path.open("rb") as file:
        if file.read(8) == b"NEURALSG":
            _refuse(path, "drops the last sample of files of version 2.1")
    folder = _folder(stack)
    (folder / path.name).symlink_to(path.absolute())
    return {"filename": str(folder / path.name), "gap_tolerance_ms": 0.0}


def _openephys(path: Path, stack: ExitStack) -> dict[str, Any]:
    """Put the recording into folders whose numbers NEO takes for those of experiment and recording."""
    folder = _folder(stack)
    recording = folder / "experiment1/recording1"
    recording.mkdir(parents=True)
    for one in path.parent.iterdir():
        (recording / one.name).symlink_to(one.absolute())
    return {"dirname": str(folder)}


def _brainvision(path: Path, _stack: ExitStack) -> dict[str, Any]:
    with path.open("rb") as file:
        if b"IEEE_FLOAT" in file.read(_MOST_HEADER_BYTES):
            _refuse(path, "leaves the resolution of real numbers out")
    return {"filename": str(path)}


def _elan(path: Path, _stack: ExitStack) -> dict[str, Any]:
    for suffix in (".ent", ".pos"):
        name = f"{path.name}{suffix}"
        if not path.with_name(name).is_file():
            message = f"{path.name}: {name} is not there; add it"
            raise MissingCompanionError(message, (name,))
    return {"filename": str(path)}


def _refuse(path: Path, what: str) -> None:
    message = f"{path.name}: neo {what}; convert it without `--reader neo`"
    raise UnsupportedFeatureError(message)


_MOST_HEADER_BYTES = 16_000_000
_LAID_OUT: dict[str, Callable[[Path, ExitStack], dict[str, Any]]] = {
    "blackrock": _blackrock,
    "brainvision": _brainvision,
    "elan": _elan,
    "neuralynx": _neuralynx,
    "openephys": _openephys,
    "spikegadgets": _spikegadgets,
    "spikeglx": _spikeglx,
}
