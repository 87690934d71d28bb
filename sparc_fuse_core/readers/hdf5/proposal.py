"""What the datasets of an HDF5 file offer for a mapping scheme."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.hdf5.arrays import damage_told, open_hdf5
from sparc_fuse_core.readers.hdf5.facts import attributes_of, datasets
from sparc_fuse_core.readers.hdf5.rows import is_samples
from sparc_fuse_core.readers.shared.findings import Findings

if TYPE_CHECKING:
    from pathlib import Path

_MOST_DATASETS = 200
_LONG = 16


def inspect(path: Path) -> Findings:
    """List the datasets and what they may be."""
    findings = Findings()
    with open_hdf5(path) as file, damage_told(path):
        found = list(itertools.islice(datasets(file), _MOST_DATASETS + 1))
        long = []
        for name, dataset in found[:_MOST_DATASETS]:
            size = " x ".join(map(str, dataset.shape or ())) or "empty"
            facts = ", ".join(
                f"{key} = {value!r}"[:80] for key, value in attributes_of(dataset).items()
            )
            findings.remarks.append(
                f"{name}: {dataset.dtype} {size}" + (f" ({facts})" if facts else "")
            )
            if is_samples(dataset) and max(dataset.shape) >= _LONG:
                long.append((name, dataset.shape))
        if len(found) > _MOST_DATASETS:
            findings.remarks.append("… and more")
    _offer(findings, long)
    return findings


def _offer(findings: Findings, long: list[tuple[str, tuple[int, ...]]]) -> None:
    if not long:
        findings.remarks.append("no dataset of numbers is long enough to be a signal")
        return
    depth = long[0][0].count("/")
    same = [name for name, _ in long if name.count("/") == depth]
    if depth:
        levels = "/".join(f"{{level{i + 1}}}" for i in range(depth))
        why = "groups that hold the datasets; write a level's name instead of braces where it is fixed"
        findings.offer("group_path", levels, why, is_stated=True)
        findings.offer(
            "time_level", f"level{depth}", "if the last level is named by a time (ISO 8601)"
        )
        findings.offer("separate_levels", ["level1"], "levels whose groups never share a stream")
    names = list(dict.fromkeys(name.rpartition("/")[2] for name in same))
    findings.offer("signal_datasets", names, "long datasets of numbers", is_stated=True)
    tables = [shape for _, shape in long if len(shape) == 2]
    if tables:
        first = "samples_first" if tables[0][0] >= tables[0][1] else "channels_first"
        findings.offer("orientation", first, "the longer axis is mostly time: confirm it")
    why = "samples per second of each dataset, where its attributes do not state it"
    findings.offer("dataset_rates_hz", dict.fromkeys(names, 1000), why)
