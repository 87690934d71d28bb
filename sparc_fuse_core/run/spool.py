"""Receipts on the disk: a dataset of 200,000 files has more of them than fit into memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sparc_fuse_core.convert.receipt import Receipt
from sparc_fuse_core.storage.results import writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any, BinaryIO


class Spool:
    """Receipts in the order of their paths, however they were added; only the paths are in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: list[tuple[str, int, int]] = []
        self._path = folder / "receipts"
        self._file: BinaryIO | None = None

    def add(self, receipt: Mapping[str, Any]) -> None:
        """Keep a receipt, as `Receipt.to_json` returns it."""
        with writing(str(self._path)):
            if self._file is None:
                self._file = self._path.open("ab")
            data = json.dumps(receipt, allow_nan=False).encode()
            self._places.append((receipt["path"], self._file.tell(), len(data)))
            self._file.write(data)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._places)

    def __iter__(self) -> Iterator[Receipt]:
        """Yield them, sorted by path."""
        return (Receipt.from_json(json.loads(line)) for line in self.lines())

    def lines(self) -> Iterator[bytes]:
        """Yield them as JSON on one line each, sorted by path."""
        if self._file is not None:
            # what is buffered is written only now
            with writing(str(self._path)):
                self._file.close()
            self._file = None
        if not self._places:
            return
        with self._path.open("rb") as file:
            for _, begin, n_bytes in sorted(self._places):
                file.seek(begin)
                yield file.read(n_bytes)
