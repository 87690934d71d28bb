"""The shared real LIF file equals its stated truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.readers.lif import reader as lif
from tests.pixels import sha256_tczyx

if TYPE_CHECKING:
    from pathlib import Path


def test_lif_equals_truth(shared_samples: Path) -> None:
    (path,) = (shared_samples / "imaging/lif").glob("*.lif")
    truth = json.loads(path.with_name(f"{path.name}.expected.json").read_text("utf-8"))
    with lif.read(path, {}) as contents:
        images = contents.images
        assert [image.name for image in images] == [
            entry["meta"]["name"] for entry in truth["native"][0]["images"]
        ]
        # the wavelength axis comes back as channels, not folded into time
        assert [image.axes for image in images] == ["cyx", "cyx", "tczyx"]
        assert images[1].channel_names[:2] == ("excitation 490 nm", "excitation 495 nm")
        assert len([e for e in contents.evidence if "wavelength axis" in e.sentence]) == 3
        for image, own in zip(images, truth["native"][0]["images"], strict=True):
            assert sha256_tczyx(image) == own["stats"]["sha256_tczyx"]
            assert str(image.pixels.dtype) == own["dtype"]
            for axis, (_, step) in own["meta"]["coords"].items():
                if axis.lower() in "xyz":
                    assert image.scale[axis.lower()] == pytest.approx(step * 1e6)
                    assert image.axis_units[axis.lower()] == "micrometer"
        assert images[2].scale["t"] == pytest.approx(80.91)
        assert images[2].axis_units["t"] == "second"
