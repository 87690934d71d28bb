"""The OME-TIFF files of a dataset in the bucket: a worker reads what its set names."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.run_objects import read_object, write_object
from sparc_fuse_core.run.work import each
from sparc_fuse_core.sources import SourceFile

if TYPE_CHECKING:
    from sparc_fuse_core.storage.destination import Destination

#: Files in one object.
_TOGETHER = 250


def write_siblings(
    destination: Destination, run_key: str, siblings: Mapping[str, SourceFile]
) -> int:
    """Put files by path into objects of a run; return how many objects."""
    n_parts = -(-len(siblings) // _TOGETHER)
    parts: list[dict[str, Any]] = [{} for _ in range(n_parts)]
    for path, file in siblings.items():
        parts[_part_of(path, n_parts)][path] = file.to_json()
    each(
        lambda number: write_object(destination, _key(run_key, number), parts[number]),
        range(n_parts),
    )
    return n_parts


class StoredSiblings(Mapping[str, SourceFile]):
    """Files by path, read from the bucket when they are asked for."""

    def __init__(self, destination: Destination, run_key: str, n_parts: int) -> None:
        self._n_parts = n_parts

        @functools.cache
        def read(number: int) -> dict[str, Any]:
            found: dict[str, Any] = read_object(destination, _key(run_key, number))
            return found

        self._read = read

    def __getitem__(self, path: str) -> SourceFile:
        """Return the file at ``path``."""
        if not self._n_parts:
            raise KeyError(path)
        return SourceFile.from_json(self._read(_part_of(path, self._n_parts))[path])

    def __iter__(self) -> Iterator[str]:
        """Yield all paths: reads every object."""
        for number in range(self._n_parts):
            yield from self._read(number)

    def __len__(self) -> int:
        """Return how many there are: reads every object."""
        return sum(len(self._read(number)) for number in range(self._n_parts))


def _part_of(path: str, n_parts: int) -> int:
    digest = hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % n_parts


def _key(run_key: str, number: int) -> str:
    return f"{run_key}/siblings/{number:04d}.json"
