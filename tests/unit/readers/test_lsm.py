"""A shared real LSM file against its stated truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.shared_images import check_images

if TYPE_CHECKING:
    from pathlib import Path


def test_shared_file_equals_its_truth(shared_samples: Path) -> None:
    # Bio-Formats' z step of 1e-4 fm is a placeholder of the file, and there is one slice: no z
    step = 0.41513291048191956
    expected = {
        "axes": "cyx",
        "scale": {"x": step, "y": step},
        "units": {"x": "micrometer", "y": "micrometer"},
        "names": ("Ch1-T1", "ChS1-T2", "Ch2-T3"),
    }
    evidence = check_images(shared_samples / "imaging" / "lsm" / "test.lsm", "lsm", [expected])
    assert ["thumbnails" in part.sentence for part in evidence] == [True]
