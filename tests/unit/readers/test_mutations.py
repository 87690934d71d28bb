"""Damaged files of all formats: only results and errors of this package, in bounded time and memory.

A few of each here; ``python -m tests.mutations 20000`` is the campaign.
"""

from __future__ import annotations

from sparc_fuse_core.formats.registry import FORMATS, format_named
from tests.mutations import campaign, mutated, samples_to_mutate

#: Formats of several files, or of none that is written by the tests.
_NOT_MUTATED = {"ome-zarr"}


def test_damaged_files_of_all_formats_are_named_errors() -> None:
    samples = samples_to_mutate(set())
    tasks = [
        (names[0], 1000 + i)
        for name, names in samples.items()
        for i in range(1 if format_named(name).may_crash else 6)
    ]
    found = list(campaign(tasks))
    assert len(found) == len(tasks)
    assert not [one for one in found if one[2].startswith("FAULT")]
    assert len({outcome for _, _, outcome in found}) > 2
    readable = {row.name for row in FORMATS if row.reader} - _NOT_MUTATED
    assert len(readable & samples.keys()) > 0.7 * len(readable), readable - samples.keys()


def test_mutants_are_the_same_each_time_and_differ() -> None:
    data = bytes(range(256)) * 40 + b"rate 1000 Hz"
    assert [mutated(data, i) for i in range(50)] == [mutated(data, i) for i in range(50)]
    assert len({mutated(data, i) for i in range(50)}) > 40
