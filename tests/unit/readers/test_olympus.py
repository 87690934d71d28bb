"""Shared real OIB and OIF files against their stated truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.shared_images import check_images

if TYPE_CHECKING:
    from pathlib import Path

# Bio-Formats gives a z step of 1 µm and a time step of 1 s for one slice and one time point: defaults
_EXPECTED = {
    "axes": "cyx",
    "scale": {"x": 0.177, "y": 0.177},
    "units": {"x": "micrometer", "y": "micrometer"},
    "names": ("CH1", "CH2", "TD1"),
}


@pytest.mark.parametrize("name", ["oib/test.oib", "oif/Cell 1 mitoEGFP.oif"])
def test_shared_file_equals_its_truth(shared_samples: Path, name: str) -> None:
    assert not check_images(shared_samples / "imaging" / name, "olympus", [_EXPECTED])
