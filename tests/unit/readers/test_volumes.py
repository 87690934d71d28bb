"""Every shared real NIfTI and NRRD file equals its stated truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.readers import nifti
from sparc_fuse_core.readers.nrrd import reader as nrrd
from tests.pixels import sha256_tczyx

if TYPE_CHECKING:
    from pathlib import Path

NIFTI = ("example4d.nii.gz", "example_nifti2.nii.gz", "functional.nii")
#: Axes and scale; neither file states a unit. The 1 × 1 × 1 × 1 file has no axis but the last two.
NRRD = {
    "BallBinary30x30x30_gz.nrrd": ("zyx", {"z": 1.0, "y": 1.0, "x": 1.0}),
    "test_simple4d_raw.nrrd": ("yx", {"y": 1.5, "x": 1.5}),
}


def test_every_shared_file_is_listed(shared_samples: Path) -> None:
    root = shared_samples / "imaging"
    assert {path.name for path in root.glob("nii/*.nii*") if path.suffix != ".json"} == set(NIFTI)
    assert {path.name for path in root.glob("nrrd/*.nrrd")} == set(NRRD)


@pytest.mark.parametrize("name", NIFTI)
def test_nifti_equals_truth(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging/nii" / name
    truth = json.loads(path.with_name(f"{name}.expected.json").read_text("utf-8"))
    own = truth["native"][0]["images"][0]
    with nifti.read(path, {}) as contents:
        (image,) = contents.images
        assert image.axes == "tzyx"
        assert sha256_tczyx(image) == own["stats"]["sha256_tczyx"]
        assert image.pixels.dtype.name == own["dtype"]
        assert [image.scale[axis] for axis in "xyzt"] == pytest.approx(own["meta"]["zooms"])
        assert own["meta"]["units"] == ["mm", "sec"]
        assert dict(image.axis_units) == dict.fromkeys("zyx", "millimeter") | {"t": "second"}
        assert image.metadata["scl_slope"] == pytest.approx(float(own["meta"]["slope"]))
        assert image.metadata["scl_inter"] == pytest.approx(float(own["meta"]["inter"]))


@pytest.mark.parametrize("name", NRRD)
def test_nrrd_equals_truth(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging/nrrd" / name
    truth = json.loads(path.with_name(f"{name}.expected.json").read_text("utf-8"))
    own = truth["native"][0]["images"][0]
    with nrrd.read(path, {}) as contents:
        (image,) = contents.images
        assert (image.axes, dict(image.scale)) == NRRD[name]
        assert not image.axis_units
        assert sha256_tczyx(image) == own["stats"]["sha256_tczyx"]
        assert image.pixels.dtype.name == own["dtype"]
