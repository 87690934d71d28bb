"""What grows with a dataset does not lie in memory: receipts are on a disk, sorted and counted from there."""

from __future__ import annotations

import dataclasses
import errno
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.cloud.metrics import RunMetrics
from sparc_fuse_core.convert.receipt import Receipt
from sparc_fuse_core.errors import DiskFullError
from sparc_fuse_core.run.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

N_ITEMS = 1000

#: As large as that of a recording of some channels.
ONE = Receipt(
    path="",
    files=({"path": "x", "size_bytes": 1, "identity": "a" * 64, "sha256": "b" * 64},),
    key="k" * 64,
    output="",
    status="converted",
    kind="signal",
    format="wav",
    verification="verified",
    things=tuple({"name": f"channel {n}", "unit": "mV", "rate_hz": 1000.0 + n} for n in range(30)),
    explanation=("It says so." * 10,) * 5,
)


def receipts() -> Iterator[Receipt]:
    # not in the order in which they are to come out
    for n in reversed(range(N_ITEMS)):
        yield dataclasses.replace(ONE, path=f"files/primary/{n:05d}.wav", output=f"{n:05d}")


def test_receipts_of_a_large_dataset_are_sorted_and_counted_without_being_held(
    tmp_path: Path,
) -> None:
    n_bytes = 0
    tracemalloc.start()
    try:
        spool = Spool(tmp_path)
        for receipt in receipts():
            values = dataclasses.asdict(receipt)
            n_bytes += len(json.dumps(values))
            spool.add(values)
        metrics = RunMetrics()
        paths = [receipt.path for receipt in metrics.counting(spool)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(spool) == N_ITEMS
    assert paths == sorted(paths)
    assert metrics.values()["ItemsConverted"] == N_ITEMS
    assert n_bytes > 2_000_000
    assert peak < n_bytes / 4, "all receipts were in memory"


def test_a_disk_that_is_full_at_the_end_of_the_receipts_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    spool.add(dataclasses.asdict(dataclasses.replace(ONE, path="files/primary/a.wav", output="a")))

    class Full:
        def __init__(self, file: BinaryIO) -> None:
            self._file = file

        def close(self) -> None:
            self._file.close()
            raise OSError(errno.ENOSPC, "No space left on device")

    assert spool._file is not None
    monkeypatch.setattr(spool, "_file", Full(spool._file))
    with pytest.raises(DiskFullError, match="no space left"):
        list(spool)
