"""What MNE states of each format, and what of it does not come from the file.

A row names MNE's function. MNE gives every file channel types, volts, a start in UTC and a pass band, whether
the file states them or not: what is a format's own is said here, all else is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Kind:
    """How one format comes out of MNE.

    Attributes
    ----------
    function
        Name of the function in ``mne.io``.
    arguments
        What it is given besides the file.
    suffix
        Extension without which it refuses a file, in this very spelling; ``""``: it takes any name.
    stored
        Type of the stored samples where their scale is MNE's ``cal`` alone: they are kept as stored.
    is_utc
        The format's start is in UTC; of all others the zone is unknown.
    states_band
        The file states a pass band.
    """

    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    suffix: str = ""
    stored: str = ""
    is_utc: bool = False
    states_band: bool = False


#: By the row of the formats table.
KINDS = {
    "fif": Kind("read_raw_fif", {"allow_maxshield": "yes"}, is_utc=True, states_band=True),
    "egi-mff": Kind("read_raw_egi", is_utc=True),
    "neuroscan": Kind("read_raw_cnt", suffix=".cnt"),
    "nihon": Kind("read_raw_nihon", {"encoding": "latin-1"}),
    "persyst": Kind("read_raw_persyst", suffix=".lay"),
    "nicolet": Kind("read_raw_nicolet", {"ch_type": "eeg"}, suffix=".data", stored="int16"),
}
