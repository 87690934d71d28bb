"""Identities planted in every format that can carry them: none is in any byte of what is published."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import zarr

from sparc_fuse_core.formats.registry import FORMATS
from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.privacy.beside import folder_beside
from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source
from tests.decoded import places_of
from tests.samples import abf
from tests.samples.canaries import CANARIES, EMAIL, NUMBER, PERSON, STEM

if TYPE_CHECKING:
    from pathlib import Path

#: Formats whose files have no place for an identity, or none that their reader ever opens.
NO_PLACE = {
    "raw": "samples only; all else is in the mapping scheme",
    "adicht": "its comments are events",
    "tdt": "names of stores only",
    "cxd": "read by Bio-Formats, which hands over pixels, names and steps only",
    "bioformats": "read by Bio-Formats, which hands over pixels, names and steps only",
    "pnm": "its comments are not read",
    "old-pictures": "pixels only; its texts are not read",
    "bioformats-compared": "read by Bio-Formats, which hands over pixels, names and steps only",
    "avif": "pixels only; its metadata are not read",
    "animated": "only the kind of file and durations are taken",
    "off": "its comments are dropped",
    "mgh": "numbers only; what stands behind the voxels is not read",
    "vsi": "read by Bio-Formats, which hands over pixels, names and steps only",
    **dict.fromkeys(
        ("axograph", "neuronexus", "neuroscope", "nix", "openephys-files", "winedr", "winwcp"),
        "read by neo, of which signals, their scale and events are taken",
    ),
    "slide-other": "read by OpenSlide, of which seven properties are taken",
}
#: Of which a file must say that something was left out: their readers look at what is planted.
SAID = {"edf", "text", "mat", "hdf5", "nwb", "eeglab", "abf", "acq", "igor", "intan", "dicom"}
PACKED = ("edf", "mat", "hdf5", "text", "igor", "abf")


def _run(source: Path, out: Path, **more: object):
    settings = Settings()
    opened = open_source(str(source), settings=settings)
    return convert_dataset(opened, out, load_schemes(), settings, **more)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "dataset"
    for number, canary in enumerate(CANARIES):
        place = folder / "files" / "primary" / f"{number:02}-{canary.format}"
        place.mkdir(parents=True)
        canary.write(place)
    return folder


def test_every_format_has_a_canary_or_no_place_for_one() -> None:
    read = {row.name for row in FORMATS if row.reader}
    assert read - {canary.format for canary in CANARIES} <= set(NO_PLACE)


def test_every_canary_is_there(planted: Path) -> None:
    found = {place.split("/")[2] for place in places_of(planted, STEM, NUMBER)}
    expected = {folder.name for folder in (planted / "files" / "primary").iterdir()}
    assert found >= expected


def test_nothing_planted_is_published(
    planted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = _run(planted, tmp_path / "out", keep_identity_beside=True)
    assert not places_of(tmp_path / "out", STEM, NUMBER)
    printed = capfd.readouterr()
    assert STEM not in (printed.out + printed.err).lower()
    by_format: dict[str, list[str]] = {}
    for receipt in run.receipts:
        by_format.setdefault(receipt.path.split("/")[2][3:], []).append(receipt.status)
        if receipt.format in SAID:
            assert receipt.left_out, receipt.path
    # a canary in a file that is not converted would prove nothing
    assert {name for name, statuses in by_format.items() if "converted" in statuses} == {
        canary.format for canary in CANARIES
    }
    _check_beside(folder_beside(tmp_path / "out"), run)


def _check_beside(beside: Path, run) -> None:
    """What was left out is beside the results, for the user's eyes only; the manifest says how much."""
    assert places_of(beside, STEM, NUMBER)
    assert beside.stat().st_mode & 0o077 == 0
    assert run.manifest["left_out"]["identity"] > 40
    by_key = {receipt.output: receipt for receipt in run.receipts}
    for output, receipt in by_key.items():
        if receipt.status != "converted":
            continue
        kept = json.loads((beside / "dataset" / "local" / f"{output}.json").read_text())
        assert len(kept["left_out"]) == sum(receipt.left_out.values())


@pytest.mark.parametrize("file_format", ["zarr.zip", "npz", "mat"])
def test_nothing_planted_is_packed(planted: Path, tmp_path: Path, file_format: str) -> None:
    chosen = tmp_path / "some" / "files" / "primary"
    for folder in (planted / "files" / "primary").iterdir():
        if folder.name[3:] in PACKED:
            shutil.copytree(folder, chosen / folder.name)
    options = ConvertOptions(file_format=file_format)
    run = _run(tmp_path / "some", tmp_path / "out", options=options)
    assert all(receipt.status == "converted" for receipt in run.receipts)
    assert not places_of(tmp_path / "out", STEM, NUMBER)


def _dataset(folder: Path, species: str) -> Path:
    files = folder / "files"
    header = (
        "subject id,species,sex,patient name,date of birth,medical record number,e-mail,remark\n"
    )
    row = f"{{}},{{}},F,{PERSON},1951-05-02,{NUMBER},{EMAIL},calm\n"
    for number in ("sub-1", "sub-2"):
        place = files / "primary" / number
        place.mkdir(parents=True, exist_ok=True)
        # a comment of an animal: nobody is named in it
        (place / "a.abf").write_bytes(abf.version_2(abf._raw(300), 3))
    text = header + row.format("sub-1", species) + row.format("sub-2", "Homo sapiens")
    (files / "subjects.csv").write_text(text)
    return folder


def test_comments_of_animals_stay_and_follow_the_tables(tmp_path: Path) -> None:
    source = _dataset(tmp_path / "study", "Mus musculus")
    run = _run(source, tmp_path / "out")
    results = tmp_path / "out" / "study" / "local" / "primary"
    stated = {
        name: json.dumps(dict(zarr.open_group(results / name / "a.abf.zarr", mode="r").attrs))
        for name in ("sub-1", "sub-2")
    }
    assert "a comment" in stated["sub-1"]
    assert "calm" in stated["sub-1"]
    assert "a comment" not in stated["sub-2"]
    assert "calm" not in stated["sub-2"]
    for text in stated.values():
        assert "sex" in text
        for secret in (STEM, "1951", str(NUMBER), "ramp.pro"):
            assert secret not in text.lower()
    counts = {receipt.path.split("/")[2]: receipt.left_out for receipt in run.receipts}
    # four columns and the protocol's path; of the human the remark and the comment too
    assert counts == {"sub-1": {"identity": 5}, "sub-2": {"identity": 5, "free text": 2}}
    assert not places_of(tmp_path / "out", STEM, NUMBER)
    assert str(tmp_path) not in json.dumps(run.manifest)
    # the animal turns out to be human: what is done already does not stay
    _dataset(source, "human")
    _run(source, tmp_path / "out")
    again = json.dumps(dict(zarr.open_group(results / "sub-1" / "a.abf.zarr", mode="r").attrs))
    assert "a comment" not in again
    assert "calm" not in again
