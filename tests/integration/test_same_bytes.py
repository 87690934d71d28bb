"""The same input gives the same bytes: elsewhere, later, in another time zone, by other workers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.command.sample import write_sample
from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources.local import LocalSource
from sparc_fuse_core.writers import bundle
from tests.samples import all_samples
from tests.samples.dicom import _series as write_series
from tests.samples.tiff import write_ome_set

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.sources import SourceFile


def results_of(root: Path) -> dict[str, bytes]:
    """Return what lies below a dataset's folder and is a result."""
    files = {file.relative_to(root).as_posix(): file for file in root.rglob("*") if file.is_file()}
    return {
        name: file.read_bytes()
        for name, file in files.items()
        if ".sparc-fuse" not in name and not name.endswith(("manifest.json", "latest.json"))
    }


def converted(dataset: Path, out: Path, workers: int, **environment: str) -> Path:
    command = [sys.executable, "-m", "sparc_fuse_core.command.main", "convert", str(dataset)]
    command += ["-o", str(out), "--workers", str(workers)]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, check=False
    )
    assert done.returncode == 1, done.stderr  # one file of the sample is broken
    return out / dataset.name / "local"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one")
    write_sample(folder / "sample")
    return converted(folder / "sample", folder / "out", 1, TZ="UTC", PYTHONHASHSEED="1")


def test_two_runs_give_the_same_bytes(stores: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "deeper" / "sample"
    # a copy: spreadsheets written anew bear another second
    shutil.copytree(stores.parents[2] / "sample", dataset)
    for file in dataset.rglob("*"):
        os.utime(file, (1_000_000_000, 1_000_000_000))
    again = converted(dataset, tmp_path / "out", 2, TZ="Asia/Tokyo", PYTHONHASHSEED="77")
    first, second = results_of(stores), results_of(again)
    assert len(first) > 50
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


class _Backwards(LocalSource):
    """A folder whose files are listed in the opposite order, as another file system or bucket may."""

    def list_files(self) -> Iterator[SourceFile]:
        yield from reversed(list(super().list_files()))


def test_the_order_of_the_listing_changes_no_byte(tmp_path: Path) -> None:
    """Sets of files above all: a series of DICOM, planes of an OME-TIFF, a header with its data."""
    primary = tmp_path / "sets/primary"
    by_name = {sample.name: sample for sample in all_samples()}
    for name in (
        "brainvision-pybv-int16",
        "eeglab-fdt",
        "nrrd-pieces-numbered",
        "nrrd-pieces-listed",
    ):
        (primary / name).mkdir(parents=True)
        by_name[name].write(primary / name)
    write_series(primary)
    write_ome_set(primary)
    digests = []
    for kind, out in ((LocalSource, "one"), (_Backwards, "other")):
        run = convert_dataset(
            kind(tmp_path / "sets"),
            tmp_path / out,
            load_schemes(),
            Settings(),
            n_workers=1,
        )
        digests.append({r.output: (r.digest, r.zarr_checksum) for r in run.receipts if r.digest})
    assert len(digests[0]) == 7
    assert digests[0] == digests[1]


@pytest.mark.parametrize("file_format", ["zarr.zip", "npz", "mat"])
def test_packed_twice_gives_the_same_bytes(
    stores: Path, tmp_path: Path, file_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = {"zarr.zip": bundle.write_zip, "npz": bundle.write_npz, "mat": bundle.write_mat}
    store = stores / "primary/sub-1/sam-1/sleep.edf.zarr"
    packed = []
    for n, (zone, moment) in enumerate([("UTC", 1_100_000_000), ("Asia/Tokyo", 1_700_000_000)]):
        for file in store.rglob("*"):
            os.utime(file, (moment, moment))
            file.chmod(0o700 if n else 0o755 if file.is_dir() else 0o644)
        monkeypatch.setattr("time.time", lambda moment=moment: float(moment))
        monkeypatch.setattr("time.asctime", lambda *_, moment=moment: f"at {moment}")
        monkeypatch.setenv("TZ", zone)
        packed.append(tmp_path / f"{n}.{file_format}")
        write[file_format](store, packed[-1])
    assert packed[0].read_bytes() == packed[1].read_bytes()
    if file_format != "mat":
        with zipfile.ZipFile(packed[0]) as archive:
            assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
