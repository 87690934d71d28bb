"""Files of other programs that carry an extension of ours, told by what lies beside them.

A ``.dat`` with a ``.hea`` beside it is a PhysioNet record, a ``.bin`` with a ``.meta`` one of SpikeGLX:
neither is raw samples of unknown layout; ``.lfp`` with ``.xml`` is of NeuroScope. A folder of EGI's has a few
names that no other program gives. What the first bytes tell
(HEKA, Axona) is a signature in the table of formats.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.formats.registry import format_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sparc_fuse_core.formats.format import Format

#: Extension → (extension of the header of the same stem, row of the program's format).
_BESIDE = {
    ".dat": (".hea", "wfdb"),
    ".bin": (".meta", "spikeglx"),
    ".meta": (".bin", "spikeglx"),
    ".lfp": (".xml", "neuroscope"),
    ".data": (".head", "nicolet"),
    ".head": (".data", "nicolet"),
}
#: What belongs to a file of another extension that tells the format: extension → (that one's, its row).
_WITH = {
    ".dat": (".lfp", "neuroscope"),
    ".eeg": (".lfp", "neuroscope"),
    ".xml": (".lfp", "neuroscope"),
}
#: What tells a folder of EGI's, led by its samples.
_EGI = frozenset(("signal1.bin", "info1.xml", "epochs.xml"))


def neighbours(paths: Iterable[str]) -> Mapping[str, Format]:
    """Return the format, by path, of files that another file of their folder gives away."""
    stems: dict[str, dict[str, str]] = defaultdict(dict)
    folders: dict[str, dict[str, str]] = defaultdict(dict)
    known = list(paths)
    lower = {path.lower() for path in known}
    found_elan = [path for path in known if f"{path.lower()}.ent" in lower]
    for path in known:
        pure = PurePosixPath(path)
        stems[str(pure.with_suffix(""))][pure.suffix.lower()] = path
        if pure.name in _EGI:
            folders[str(pure.parent)][pure.name] = path
    found = {}
    for members in stems.values():
        for suffix, path in members.items():
            for beside, name in (_BESIDE.get(suffix, ("", "")), _WITH.get(suffix, ("", ""))):
                if name and beside in members and _is_whole(name, members):
                    found[path] = format_named(name)
    for path in found_elan:
        found[path] = format_named("elan")
    for members in folders.values():
        if set(members) >= _EGI:
            found[members["signal1.bin"]] = format_named("egi-mff")
    return found


def _is_whole(name: str, members: Mapping[str, str]) -> bool:
    """Whether the header of a set is there, without which a name says nothing."""
    return name != "neuroscope" or ".xml" in members
