"""Where a format's file says more, or other, than MNE makes of it: a module each, and here their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparc_fuse_core.readers.mne.mff import mff, mff_for_mne
from sparc_fuse_core.readers.mne.neuroscan import neuroscan, neuroscan_arguments
from sparc_fuse_core.readers.mne.nicolet import nicolet, nicolet_for_mne
from sparc_fuse_core.readers.mne.nihon import nihon, nihon_for_mne
from sparc_fuse_core.readers.mne.persyst import persyst, persyst_for_mne

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack
    from pathlib import Path

    from sparc_fuse_core.readers.mne.found import Found

#: By row: what is corrected once MNE has read the header.
AMEND: dict[str, Callable[[Found], None]] = {
    "egi-mff": mff,
    "neuroscan": neuroscan,
    "nicolet": nicolet,
    "nihon": nihon,
    "persyst": persyst,
}
#: What is laid out for MNE, in place of the file itself.
PREPARE: dict[str, Callable[[Path, ExitStack], Path]] = {
    "egi-mff": mff_for_mne,
    "nicolet": nicolet_for_mne,
    "nihon": nihon_for_mne,
    "persyst": persyst_for_mne,
}
#: What MNE is told besides the file.
ARGUMENTS: dict[str, Callable[[Path], Mapping[str, Any]]] = {"neuroscan": neuroscan_arguments}
