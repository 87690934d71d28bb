"""EEGLAB's struct ``EEG`` saved in a MAT file of another name: read as a .set is."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.model import NO_SWEEP, Event
from sparc_fuse_core.readers.eeglab import Dataset
from sparc_fuse_core.readers.shared.tree import Numeric

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.claims import Mapped
    from sparc_fuse_core.readers.exports.scope import Scope

_FIELDS = frozenset(("srate", "data", "nbchan", "pnts"))


def map_place(scope: Scope, done: Mapped) -> bool:
    """Map an EEGLAB dataset whose samples are in the struct."""
    data = scope.members.get("data")
    if not scope.members.keys() >= _FIELDS or not isinstance(data, Numeric) or data.n_values < 2:
        return False
    try:
        with ExitStack() as stack:
            contents = Dataset(scope.members, Path(scope.path or "EEG"), [], stack).contents()
    except CorruptFileError:
        return False  # another program's fields of the same names
    done.recordings += contents.recordings
    table = contents.events
    done.events += [
        Event(
            table.time_s[i],
            table.duration_s[i],
            table.label[i],
            table.channel[i],
            table.kind[i],
            table.sweep[i] if len(table.sweep) else NO_SWEEP,
        )
        for i in range(len(table))
    ]
    for key, value in contents.metadata.items():
        done.metadata.setdefault(key, value)
    done.evidence += contents.evidence
    done.used.add(scope.path)
    done.used.update(scope.child(name) for name in scope.members)
    return True
