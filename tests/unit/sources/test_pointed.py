"""What words on the command line name: files, folders, patterns, zips; which dataset they are parts of."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core import errors
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import fetch_file
from sparc_fuse_core.sources.local import LocalSource
from sparc_fuse_core.sources.pointed import point_at
from sparc_fuse_core.sources.zipped import ZipSource

if TYPE_CHECKING:
    from sparc_fuse_core.plan.items import Plan


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"0       ")
    return folder


def plans(*words: str | Path) -> list[Plan]:
    pointed = point_at([str(word) for word in words], settings=Settings())
    return [plan_dataset(p.source, Schemes(), Settings(), paths=p.paths) for p in pointed]


def outputs(*words: str | Path) -> list[str]:
    return sorted(f"{plan.folder}/{item.output}" for plan in plans(*words) for item in plan.items)


def test_files_at_the_top_are_data_and_only_sds_tables_are_tables(tmp_path: Path) -> None:
    flat = put(tmp_path / "my data", "a.edf", "B.EDF", "samples.csv", "docs/c.edf")
    assert [o.rpartition("/")[2] for o in outputs(flat)] == [
        "B.EDF.zarr",
        "a.edf.zarr",
        "c.edf.zarr",
        "samples.csv.zarr",
    ], "a folder of one's own has no tables and no folders of the SPARC Dataset Structure"
    sds = put(tmp_path / "sds", "primary/a.edf", "top.edf", "samples.xlsx", "code/x.csv")
    assert outputs(sds) == ["sds/local/primary/a.edf.zarr", "sds/local/top.edf.zarr"]
    assert outputs(sds, "code") == ["sds/local/code/x.csv.zarr"], "what is named is converted"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["set/primary"], ["primary/sub-1/night 1.edf", "primary/sub-1/other.edf"]),
        (["set/primary/sub-1/night 1.edf"], ["primary/sub-1/night 1.edf"]),
        (["SET/primary/*/NIGHT*.EDF"], ["primary/sub-1/night 1.edf"]),
        (["set", "night 1.edf"], ["primary/sub-1/night 1.edf"]),
        (["set", "Sub-1/Night 1.EDF"], ["primary/sub-1/night 1.edf"]),
        (["set", "NIGHT*"], ["primary/sub-1/night 1.edf"]),
        (["set", "**/night*"], ["primary/sub-1/night 1.edf"]),
        (["./set/../set/", "./primary"], ["primary/sub-1/night 1.edf", "primary/sub-1/other.edf"]),
    ],
)
def test_a_part_of_a_dataset_stays_a_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], expected: list[str]
) -> None:
    put(tmp_path / "set", "primary/sub-1/night 1.edf", "primary/sub-1/other.edf")
    put(tmp_path / "elsewhere", "x.edf")
    monkeypatch.chdir(tmp_path)
    assert outputs(*words) == [f"set/local/{path}.zarr" for path in expected]


def test_several_files_are_named_after_the_folder_that_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "lab", "one/a.edf", "two/a.edf", "two/not asked.edf", "three.edf")
    monkeypatch.chdir(tmp_path)
    assert outputs("lab/one/a.edf", "lab/two/a.edf") == [
        "lab/local/one/a.edf.zarr",
        "lab/local/two/a.edf.zarr",
    ]
    assert outputs("lab/one", "lab/three.edf") == [
        "lab/local/one/a.edf.zarr",
        "lab/local/three.edf.zarr",
    ]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert outputs("~/lab/three.edf") == ["lab/local/three.edf.zarr"]


def test_a_file_brings_what_belongs_to_it(tmp_path: Path) -> None:
    put(tmp_path, "rec/x.vhdr", "rec/x.eeg", "rec/x.vmrk", "rec/y.edf", "rec/sub/z.edf")
    (plan,) = plans(tmp_path / "rec/x.vhdr")
    assert [sorted(Path(f.path).name for f in item.files) for item in plan.items] == [
        ["x.eeg", "x.vhdr", "x.vmrk"]
    ]


def test_datasets_side_by_side_are_datasets(tmp_path: Path) -> None:
    put(tmp_path, "one/primary/a.edf", "two/primary/b.edf")
    assert outputs(tmp_path / "one", tmp_path / "two") == [
        "one/local/primary/a.edf.zarr",
        "two/local/primary/b.edf.zarr",
    ]
    put(tmp_path, "copy/one/primary/a.edf")
    with pytest.raises(errors.RequestError, match="one: two of the datasets"):
        plans(tmp_path / "one", tmp_path / "copy" / "one")


def test_wrong_words_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "set", "primary/a.edf")
    monkeypatch.chdir(tmp_path)
    for words in (["nowhere"], ["nowhere.edf"], ["no*where"], ["~nobody-here/x"], ["a\x00b"]):
        with pytest.raises(errors.DatasetNotFoundError):
            plans(*words)
    with pytest.raises(errors.RequestError, match=r"gone\.edf"):
        plans("set/primary/a.edf", "gone.edf")
    with pytest.raises(errors.SourceFileNotFoundError, match=r"gone\.edf"):
        plans("set", "gone.edf")
    with pytest.raises(errors.RequestError, match="version 3"):
        point_at(["set"], version=3, settings=Settings())


def test_a_link_that_is_named_is_followed(tmp_path: Path) -> None:
    put(tmp_path, "store/a.edf", "work/b.edf")
    (tmp_path / "work/a.edf").symlink_to(tmp_path / "store/a.edf")
    assert outputs(tmp_path / "work") == ["work/local/b.edf.zarr"], "the link leaves the folder"
    assert outputs(tmp_path / "work/a.edf") == ["work/local/a.edf.zarr"]


def test_results_are_never_read_as_input(tmp_path: Path) -> None:
    put(tmp_path, "set/primary/a.edf", "set/out/.sparc-fuse/x", "set/out/set/local/b.edf")
    # results beside the data: `-o .`; and above it: `-o ..`, whose folder is the dataset's own
    put(tmp_path, "set/set/local/.sparc-fuse/x", "set/set/local/c.edf", "set/set/latest.json")
    put(tmp_path, "set/local/.sparc-fuse/x", "set/local/d.edf", "set/latest.json")
    put(tmp_path, "set/kept results/e.edf")
    manifest = tmp_path / "set/kept results/manifest.json"
    manifest.write_text('{\n "converter": {\n  "name": "sparc-fuse"\n }\n}')
    assert [f.path for f in LocalSource(tmp_path / "set").list_files()] == ["files/primary/a.edf"]
    with pytest.raises(errors.DatasetNotFoundError, match="holds results"):
        plans(tmp_path / "set/kept results")


def test_a_folder_called_files_is_discovers_only_beside_its_records(tmp_path: Path) -> None:
    put(tmp_path / "224", "files/primary/a.edf", "manifest.json", "readme.md", "banner.jpg")
    assert outputs(tmp_path / "224") == ["224/local/primary/a.edf.zarr"]
    assert outputs(tmp_path / "224/files/primary") == ["224/local/primary/a.edf.zarr"]
    put(tmp_path / "own", "files/a.edf", "b.edf")
    assert outputs(tmp_path / "own") == ["own/local/b.edf.zarr", "own/local/files/a.edf.zarr"]


def test_a_zip_is_a_dataset(tmp_path: Path) -> None:
    packed = tmp_path / "my set.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("my set/primary/sub-1/a.edf", b"0       " * 100)
        archive.writestr("my set/primary/sub-1/.hidden", b"")
        archive.writestr("__MACOSX/my set/primary/sub-1/._a.edf", b"")
        archive.writestr("my set/primary/../../../b.edf", b"0       ")
    (plan,) = plans(packed)
    assert [item.output for item in plan.items] == ["primary/sub-1/a.edf.zarr"]
    assert [entry.error for entry in plan.skipped] == ["UnsafePathError"]
    file = plan.items[0].files[0]
    fetched = fetch_file(file, tmp_path / "here", Settings())
    assert fetched.read_bytes() == b"0       " * 100
    assert outputs(packed, "sub-1") == ["my set/local/primary/sub-1/a.edf.zarr"]
    packed.unlink()
    with pytest.raises(errors.SourceFileNotFoundError, match=r"a\.edf"):
        fetch_file(file, tmp_path / "again", Settings())


def test_a_damaged_zip_is_named(tmp_path: Path) -> None:
    packed = tmp_path / "set.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.edf", os.urandom(1000))
    (file,) = ZipSource(packed).list_files()
    whole = bytearray(packed.read_bytes())
    whole[200] ^= 0xFF
    packed.write_bytes(whole)
    with pytest.raises(errors.IntegrityError, match=r"a\.edf"):
        fetch_file(file, tmp_path / "here", Settings())
    packed.write_bytes(whole[:-40])
    with pytest.raises(errors.SparcFuseError):
        list(ZipSource(packed).list_files())
