"""Nicolet's .data with its .head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.errors import MissingCompanionError

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from sparc_fuse_core.readers.mne.found import Found


def nicolet(found: Found) -> None:
    """Compare the samples that the .head announces with the .data; its conversion factor gives microvolts."""
    found.wanted_bytes = 2 * len(found.names) * int(found.raw.n_times)
    found.there_bytes = found.path.with_suffix(".data").stat().st_size


def nicolet_for_mne(path: Path, stack: ExitStack) -> Path:
    """Return the samples, whose header has to be beside them."""
    del stack
    for suffix in (".head", ".data"):
        other = path.with_suffix(suffix)
        if not other.is_file():
            message = f"{path.name}: {other.name} is not there; add it"
            raise MissingCompanionError(message, (other.name,))
    return path.with_suffix(".data")
