"""Which staged files a reader opened: a data file of a set that nobody read is said, not lost.

Python tells an audit hook of every file that it opens. One hook serves the whole process; it looks at nothing
while no set is being opened. A library that opens files by itself, outside of Python, is not seen: the
formats that are read so are left out.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Files of sets that hold samples, spikes or events; indexes, settings and logs are none.
_DATA = (
    *(".eeg", ".dat", ".seg", ".avg", ".fdt", ".tev", ".sev", ".nev"),
    *(".continuous", ".spikes", ".events", ".npy", ".bin", ".raw"),
    *(f".ns{n}" for n in range(1, 10)),
)
#: Of these only whole folders count: a format writes more of them than a reader needs.
_BY_FOLDER = ".npy"
_MOST_NAMED = 10

_watching: dict[int, tuple[str, set[str]]] = {}
_lock = threading.Lock()
_hooks: list[str] = []  # a hook cannot be removed, so there is one for the process


def _hook(event: str, args: tuple[object, ...]) -> None:
    if not _watching or event != "open":
        return
    target = args[0]
    if isinstance(target, bytes):
        target = os.fsdecode(target)
    if isinstance(target, str):
        # a reader may lay out links for its library, and staged files may be links themselves
        names = {target, os.path.realpath(target)} if os.path.islink(target) else {target}  # noqa: PTH114
        for folder, seen in list(_watching.values()):
            seen.update(name for name in names if name.startswith(folder))


@contextmanager
def files_opened(folder: Path) -> Iterator[set[str]]:
    """Collect the paths that this process opens below ``folder`` while the context lasts."""
    with _lock:
        if not _hooks:
            sys.addaudithook(_hook)
            _hooks.append("open")
        seen: set[str] = set()
        key = id(seen)
        _watching[key] = (f"{os.fspath(folder)}{os.sep}", seen)
    try:
        yield seen
    finally:
        with _lock:
            _watching.pop(key, None)


def unread(companions: Iterable[Path], opened: set[str]) -> Evidence | None:
    """Say which data files among the ``companions`` of a set were not read; None if all were."""
    folders = {name.rpartition(os.sep)[0] for name in opened}
    left = []
    for file in sorted(companions):
        suffix = file.suffix.lower()
        if suffix not in _DATA or os.fspath(file) in opened:
            continue
        if not file.exists() or not file.stat().st_size:
            continue
        if suffix == _BY_FOLDER and os.fspath(file.parent) in folders:
            continue
        left.append(file)
    if not left:
        return None
    names = [
        str(PurePosixPath(*file.parts[-2:])) if file.suffix == _BY_FOLDER else file.name
        for file in left[:_MOST_NAMED]
    ]
    more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
    sentence = (
        f"{len(left)} data file(s) of the set were not read, as what leads the set does not describe them: "
        f"{', '.join(names)}{more}."
    )
    return Evidence("content", "missing", sentence)
