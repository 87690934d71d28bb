"""Every shared real DM3 and DM4 file equals its stated truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.readers.dm import reader as dm
from tests.pixels import sha256_tczyx

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "dm3/multi_signal.dm3": "yx",
    "dm3/test-1.dm3": "zyx",
    "dm3/test_STEM_image.dm3": "yx",
    "dm3/test_diffraction_pattern.dm3": "yx",
    "dm4/EELS_SI.dm4": "cyx",
    "dm4/test-1.dm4": "yx",
    "dm4/test-MonarcCL_mono-image.dm4": "yx",
}
UNITS = {"nm": "nanometer", "µm": "micrometer"}


def test_every_shared_file_is_listed(shared_samples: Path) -> None:
    root = shared_samples / "imaging"
    found = {str(path.relative_to(root)) for path in root.glob("dm?/*.dm?")}
    assert found == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_dm_equals_truth(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging" / name
    truth = json.loads(path.with_name(f"{path.name}.expected.json").read_text("utf-8"))
    own = [entry for entry in truth["native"][0]["images"] if len(entry["meta"]["shape"]) > 1]
    with dm.read(path, {}) as contents:
        (image,) = contents.images
        (expected,) = own
        assert image.name == expected["meta"]["title"]
        assert image.axes == FILES[name]
        assert sha256_tczyx(image) == expected["stats"]["sha256_tczyx"]
        assert str(image.pixels.dtype) == expected["dtype"]
        stated = image.metadata["axis_calibrations_x_first"][::-1]
        for axis, (_, unit, step, _), kept in zip(
            image.axes, expected["meta"]["axes"], stated, strict=True
        ):
            assert kept["unit"] == unit
            assert kept["scale"] == pytest.approx(step, rel=1e-7)
            if unit in UNITS:
                assert image.scale[axis] == pytest.approx(step, rel=1e-7)
                assert image.axis_units[axis] == UNITS[unit]
            else:  # 1/nm, eV and nothing: no scale that OME-Zarr could state
                assert axis not in image.scale


def test_a_curve_beside_an_image_is_said_and_left_out(shared_samples: Path) -> None:
    with dm.read(shared_samples / "imaging/dm3/multi_signal.dm3", {}) as contents:
        assert ["'Plot'" in e.sentence for e in contents.evidence] == [True]


def test_energies_name_the_channels(shared_samples: Path) -> None:
    with dm.read(shared_samples / "imaging/dm4/EELS_SI.dm4", {}) as contents:
        names = contents.images[0].channel_names
        assert (len(names), names[0], names[-1]) == (2048, "300 eV", "2347 eV")
