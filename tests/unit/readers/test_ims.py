"""A shared IMS file against its stated truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.shared_images import check_images

if TYPE_CHECKING:
    from pathlib import Path


def test_shared_file_equals_its_truth(shared_samples: Path) -> None:
    expected = {
        "axes": "tczyx",
        "scale": {"x": 0.25, "y": 0.25, "z": 0.5, "t": 2.0},
        "units": {**dict.fromkeys("xyz", "micrometer"), "t": "second"},
        "names": ("Ch0", "Ch1"),
    }
    path = shared_samples / "imaging" / "ims" / "gen_t2c2z5.ims"
    assert not check_images(path, "ims", [expected])
