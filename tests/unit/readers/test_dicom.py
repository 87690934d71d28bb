"""Every shared real DICOM and IMA file equals its stated truth, and nothing identifying is copied."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from sparc_fuse_core.privacy.screening import screen
from sparc_fuse_core.readers.dicom import reader as dicom
from sparc_fuse_core.readers.dicom.facts import COPIED_TAGS
from tests.pixels import in_tczyx, sha256_tczyx
from tests.samples.dicom import NAME, dataset, save

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

#: Axes, kind and step of z (mm) of each file read alone.
DCM = {
    "ExplVR_BigEnd.dcm": ("cyx", "rgb", None),
    "IM-0001-0001-0001.dcm": ("zyx", "intensity", 0.8999825),
    "dicom_file90.dcm": ("yx", "intensity", None),
    "examples_jpeg2k.dcm": ("cyx", "rgb", None),
    "liver.dcm": ("zyx", "label", 1.0),
}
IMA = {"T1.000{}.IMA": (1, 2, 3), "gen_{}.ima": (0, 1, 2)}


def _truth(path: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads(
        path.with_name(f"{path.name}.expected.json").read_text("utf-8")
    )
    return truth


def test_every_shared_file_is_listed(shared_samples: Path) -> None:
    assert {path.name for path in (shared_samples / "imaging/dcm").glob("*.dcm")} == set(DCM)
    found = {path.name for path in (shared_samples / "imaging/ima").glob("*.[iI][mM][aA]")}
    assert found == {name.format(i) for name, numbers in IMA.items() for i in numbers}


@pytest.mark.parametrize("name", DCM)
def test_dcm_equals_truth(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging/dcm" / name
    axes, kind, z_step_mm = DCM[name]
    own = _truth(path)["native"][0]["images"][0]
    with dicom.read(path, {}) as contents:
        (image,) = contents.images
        assert (image.axes, image.kind) == (axes, kind)
        assert sha256_tczyx(image) == own["stats"]["sha256_tczyx"]
        assert str(image.pixels.dtype) == own["dtype"]
        assert image.scale.get("z") == (pytest.approx(z_step_mm) if z_step_mm else None)
        if own["meta"]["ps"] != "None":
            row, column = json.loads(own["meta"]["ps"])
            assert (image.scale["y"], image.scale["x"]) == (row, column)
            assert image.axis_units["x"] == "millimeter"


@pytest.mark.parametrize("name", [n.format(i) for n, numbers in IMA.items() for i in numbers])
def test_single_ima_equals_truth(shared_samples: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copy(shared_samples / "imaging/ima" / name, path)
    own = _truth(shared_samples / "imaging/ima" / name)["native"][0]["images"][0]
    with dicom.read(path, {}) as contents:
        (image,) = contents.images
        assert image.axes == "yx"
        assert sha256_tczyx(image) == own["stats"]["sha256_tczyx"]
        row, column = json.loads(own["meta"]["ps"])
        assert (image.scale["y"], image.scale["x"]) == (row, column)


@pytest.mark.parametrize(("name", "z_step_mm"), [("T1.0002.IMA", 5.0), ("gen_2.ima", 4.5)])
def test_ima_series_is_one_volume(shared_samples: Path, name: str, z_step_mm: float) -> None:
    path = shared_samples / "imaging/ima" / name
    with dicom.read(path, {}) as contents:
        (image,) = contents.images
        assert image.axes == "zyx"
        assert image.scale["z"] == pytest.approx(z_step_mm)
        assert contents.metadata["n_files"] == 3
        if name.startswith("T1"):
            series = _truth(path)["bioformats_7.3.1"]["series"][0]
            assert sha256_tczyx(image) == series["stats"]["sha256_tczyx"]
        else:
            # file i holds i + a ramp; the truth's note places them at z = 4.5, 0 and 9 mm
            whole: np.ndarray = in_tczyx(image)[0, 0]
            assert [int(plane.min()) for plane in whole] == [1, 0, 2]


def test_nothing_identifying_is_copied(tmp_path: Path) -> None:
    pixels = dicom.np.zeros((4, 4), "uint8")
    path = save(
        dataset(pixels, PatientBirthDate="19700101", DeviceSerialNumber="77"), tmp_path / "a.dcm"
    )
    with dicom.read(path, {}) as contents:
        done = screen(contents, "dicom", free_text=True)
        text = json.dumps([done.contents.metadata, done.contents.images[0].metadata])
    assert done.counts["identity"] >= 6
    for secret in (NAME, "Jane", "4711", "Hospital", "1970", "2020", "77", "1.2.3"):
        assert secret not in text
    forbidden = ("Name", "ID", "Date", "UID", "Address", "Description", "Comments", "Serial")
    assert not [tag for tag in COPIED_TAGS if any(word in tag for word in forbidden)]
