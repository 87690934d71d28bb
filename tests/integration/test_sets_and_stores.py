"""OME-TIFF sets, a dataset's own OME-Zarr, and size bombs, through a whole run."""

from __future__ import annotations

import filecmp
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import zarr
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import MB, Settings
from sparc_fuse_core.sources import open_source
from tests.samples.dicom import dataset as dicom_dataset
from tests.samples.dicom import save as save_dicom
from tests.samples.ome_zarr import write_store
from tests.samples.tiff import write_ome_set
from tests.schemas import check

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.convert.receipt import Receipt


def convert(dataset: Path, out: Path, settings: Settings | None = None) -> dict[str, Receipt]:
    """Convert a folder; return the receipts by the last part of the file's path."""
    chosen = settings or Settings()
    source = open_source(str(dataset), settings=chosen)
    run = convert_dataset(source, out, Schemes(), chosen, n_workers=1)
    return {receipt.path.removeprefix("files/primary/"): receipt for receipt in run.receipts}


@pytest.fixture
def primary(tmp_path: Path) -> Path:
    folder = tmp_path / "dataset" / "primary"
    folder.mkdir(parents=True)
    return folder


def test_a_set_is_one_result_and_follows_its_parts(primary: Path, tmp_path: Path) -> None:
    dataset, out = primary.parent, tmp_path / "out"
    pixels = write_ome_set(primary)
    first = convert(dataset, out)
    leader, part = first["set_z0.ome.tif"], first["set_z1.ome.tif"]
    assert leader.status == "converted", leader.message
    assert [file["path"] for file in leader.files] == [
        "files/primary/set_z0.ome.tif",
        "files/primary/set_z1.ome.tif",
    ]
    assert part.status == "unsupported"
    assert part.error == "PartOfSetError"
    assert "set_z0.ome.tif" in part.message
    store = out / "dataset" / "local" / leader.output
    np.testing.assert_array_equal(zarr.open_group(store, mode="r")["0"][:], pixels)
    assert convert(dataset, out)["set_z0.ome.tif"].status == "unchanged"

    pixels = write_ome_set(primary, seed=9)
    changed = convert(dataset, out)["set_z0.ome.tif"]
    assert changed.status == "converted", "a part that changed makes the set new"
    np.testing.assert_array_equal(zarr.open_group(store, mode="r")["0"][:], pixels)

    (primary / "set_z1.ome.tif").unlink()
    lost = convert(dataset, out)["set_z0.ome.tif"]
    assert lost.error == "MissingCompanionError"
    assert "set_z1.ome.tif" in lost.message
    assert not store.exists(), "nothing of the set that was reads as a result"


def test_a_part_whose_leader_is_absent_fails(primary: Path, tmp_path: Path) -> None:
    write_ome_set(primary)
    (primary / "set_z0.ome.tif").unlink()
    receipt = convert(primary.parent, tmp_path / "out")["set_z1.ome.tif"]
    assert receipt.status == "failed"
    assert receipt.error == "MissingCompanionError"
    assert "set_z0.ome.tif" in receipt.message


@pytest.mark.parametrize("described_by", ["set.companion.ome", "set_z1.ome.tif"])
def test_parts_without_a_description_of_their_own(
    primary: Path, tmp_path: Path, described_by: str
) -> None:
    pixels = write_ome_set(primary, described_by=described_by)
    out = tmp_path / "out"
    found = convert(primary.parent, out)
    assert set(found) == {"set_z0.ome.tif", "set_z1.ome.tif"}
    assert found["set_z0.ome.tif"].status == "converted", found["set_z0.ome.tif"].message
    assert found["set_z1.ome.tif"].error == "PartOfSetError"
    store = out / "dataset" / "local" / found["set_z0.ome.tif"].output
    np.testing.assert_array_equal(zarr.open_group(store, mode="r")["0"][:], pixels)


def test_a_renamed_single_file_is_no_set(primary: Path, tmp_path: Path) -> None:
    path = primary / "before.ome.tif"
    pixels = np.arange(30, dtype=np.uint16).reshape(5, 6)
    tifffile.imwrite(path, pixels, ome=True, photometric="minisblack")
    with tifffile.TiffFile(path) as file:
        text = file.ome_metadata or ""
    uuid = text.partition('UUID="')[2].partition('"')[0]
    if not uuid:
        uuid = "urn:uuid:00000000-0000-0000-0000-000000000007"
        text = text.replace("<OME ", f'<OME UUID="{uuid}" ', 1)
    data = (
        f'<TiffData IFD="0" PlaneCount="1"><UUID FileName="before.ome.tif">{uuid}</UUID></TiffData>'
    )
    head, _, tail = text.partition("<TiffData")
    text = head + data + tail.partition("/>")[2]
    path.unlink()
    tifffile.imwrite(primary / "after.ome.tif", pixels, description=text.encode(), metadata=None)
    receipt = convert(primary.parent, tmp_path / "out")["after.ome.tif"]
    assert receipt.status == "converted", receipt.message


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_own_ome_zarr_is_copied_byte_for_byte_but_for_free_text(
    primary: Path, tmp_path: Path, version: str
) -> None:
    store, _ = write_store(primary, version)
    out = tmp_path / "out"
    (receipt,) = convert(primary.parent, out).values()
    assert receipt.status == "converted", receipt.message
    assert receipt.verification == "verified"
    assert receipt.output == "primary/slab.ome.zarr"
    copy = out / "dataset" / "local" / receipt.output
    files = {file.relative_to(store) for file in store.rglob("*") if file.is_file()}
    assert {file.relative_to(copy) for file in copy.rglob("*") if file.is_file()} == files
    assert not any(file.is_symlink() for file in copy.rglob("*"))
    _, mismatch, errors = filecmp.cmpfiles(store, copy, list(files), shallow=False)
    assert errors == []
    # a description is free text, kept where the tables state another species than human: here is no table
    assert {file.name for file in mismatch} <= {"zarr.json", ".zattrs", ".zmetadata"}
    for file in mismatch:
        stated = json.loads((store / file).read_text())
        root = stated.get("metadata", {}).get(".zattrs", stated)
        image = root.get("attributes", {}).get("ome", root)
        del image["multiscales"][0]["metadata"]["description"]
        assert json.loads((copy / file).read_text()) == stated
    (again,) = convert(primary.parent, out).values()
    assert again.status == "unchanged"


def test_an_ome_zarr_may_leave_out_chunks_of_the_fill_value(primary: Path, tmp_path: Path) -> None:
    store, _ = write_store(primary, "0.5")
    stated = json.loads((store / "zarr.json").read_text())["attributes"]["ome"]
    level = store / stated["multiscales"][0]["datasets"][0]["path"]
    next(file for file in sorted(level.rglob("*")) if file.is_file() and file.suffix == "").unlink()
    (receipt,) = convert(primary.parent, tmp_path / "out").values()
    assert receipt.status == "converted", receipt.message


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_invalid_ome_zarr_fails_and_leaves_nothing(
    primary: Path, tmp_path: Path, version: str
) -> None:
    store, _ = write_store(primary, version)
    file = store / ("zarr.json" if version == "0.5" else ".zattrs")
    document = json.loads(file.read_text())
    ome: Any = document["attributes"]["ome"] if version == "0.5" else document
    ome["multiscales"][0]["datasets"][1]["coordinateTransformations"][0]["scale"][-1] = 0.0
    file.write_text(json.dumps(document))
    out = tmp_path / "out"
    (receipt,) = convert(primary.parent, out).values()
    assert receipt.error == "CorruptFileError"
    assert "not a valid OME-Zarr" in receipt.message
    assert "scale" in receipt.message, "the reason is told"
    assert not (out / "dataset" / "local" / receipt.output).exists()


def test_a_zarr_store_that_is_no_image_is_one_entry(primary: Path, tmp_path: Path) -> None:
    group = zarr.open_group(primary / "table.zarr", mode="w")
    group.create_array("x", data=np.arange(4))
    (receipt,) = convert(primary.parent, tmp_path / "out").values()
    assert receipt.status == "unsupported"
    assert "table.zarr" in receipt.message


def _png_bomb(path: Path, side: int) -> None:
    """Write a PNG of ``side`` x ``side`` black pixels in a few hundred kB."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    packer = zlib.compressobj(9)
    row = b"\0" * (side + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def test_a_size_bomb_is_refused_by_ratio_and_the_setting_is_named(
    primary: Path, tmp_path: Path
) -> None:
    tifffile.imwrite(
        primary / "bomb.tif",
        np.zeros((3000, 4000), np.uint16),
        compression="zlib",
        photometric="minisblack",
        rowsperstrip=64,
    )
    assert (primary / "bomb.tif").stat().st_size < 24_000 * 1.5
    limit = Settings(max_inflated_bytes=20 * MB, max_inflation=500.0)
    refused = convert(primary.parent, tmp_path / "out", limit)["bomb.tif"]
    assert refused.error == "SizeLimitError"
    assert "SPARC_FUSE_MAX_INFLATED_BYTES" in refused.message
    small = convert(primary.parent, tmp_path / "out")["bomb.tif"]
    assert small.status == "converted", "24 MB are no danger, whatever the ratio"


def test_a_header_that_announces_terabytes_is_refused(primary: Path, tmp_path: Path) -> None:
    _png_bomb(primary / "x.png", 64)
    data = bytearray((primary / "x.png").read_bytes())
    data[16:24] = struct.pack(">II", 2_000_000, 2_000_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    (primary / "x.png").write_bytes(bytes(data))
    receipt = convert(primary.parent, tmp_path / "out")["x.png"]
    assert receipt.status == "failed"
    assert receipt.error in ("SizeLimitError", "CorruptFileError"), receipt.message
    assert receipt.seconds < 60


@pytest.mark.parametrize("harm", ["cut", "pixels"])
def test_the_slice_that_is_damaged_is_marked_among_the_files_of_its_series(
    primary: Path, tmp_path: Path, harm: str
) -> None:
    rng = np.random.default_rng(3)
    for number in range(3):
        sliced = dicom_dataset(
            rng.integers(0, 900, (6, 8), dtype=np.int16),
            InstanceNumber=number,
            ImagePositionPatient=[0.0, 0.0, 2.0 * number],
        )
        if harm == "pixels":
            sliced.compress(RLELossless, generate_instance_uid=False)
            if number == 1:
                sliced.PixelData = encapsulate([b"\xff" * 64])
        save_dicom(sliced, primary / f"im{number}.dcm")
    if harm == "cut":
        bad = primary / "im1.dcm"
        bad.write_bytes(bad.read_bytes()[:-40])
    receipt = convert(primary.parent, tmp_path / "out")["im0.dcm"]
    assert (receipt.status, receipt.error) == ("failed", "DamagedPartError")
    assert "im1.dcm" in receipt.message
    assert [file.get("fault") for file in receipt.files] == [None, "DamagedPartError", None]
    check("manifest", json.loads((tmp_path / "out/dataset/local/manifest.json").read_text()))
