"""Names of files' parts as names in a store: the file's own where a key can hold them."""

from __future__ import annotations

import re

#: What no key may hold: the separator of keys, what some file systems refuse, what cannot be seen.
_NOT_IN_A_KEY = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f\ud800-\udfff]')

#: Objects that a store has of its own.
_RESERVED = frozenset({"zarr.json", ".zarray", ".zattrs", ".zgroup", ".zmetadata"})

#: A file system takes 255 bytes; the rest is for what tells two names apart.
_MAX_BYTES = 200


def key_of(name: str, taken: set[str]) -> str:
    """Return a key for ``name`` that is not in ``taken``, and add it there.

    Zarr reserves keys that begin with two underscores; ``.`` and ``..`` are no names.
    """
    key = _NOT_IN_A_KEY.sub("_", name).strip(" ")
    key = key.encode()[:_MAX_BYTES].decode("utf-8", "ignore").rstrip(" .")
    if key.startswith("__"):
        key = "_" + key.lstrip("_")
    if key in _RESERVED:
        key = f"_{key}"
    key = key.strip(".") or "unnamed"
    chosen, n = key, 1
    while chosen in taken:
        n += 1
        chosen = f"{key.rstrip('_')}_{n}"
    taken.add(chosen)
    return chosen
