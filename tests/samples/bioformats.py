"""What can be told of .vsi and .cxd files without Java: no true file of either can be made here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tifffile

from tests.samples import Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path


def _lone_vsi(folder: Path) -> Truth:
    path = folder / "slide.vsi"
    tifffile.imwrite(path, np.zeros((4, 4), np.uint8))
    (folder / "_slide_" / "stack1").mkdir(parents=True)
    return Truth(path, error="MissingCompanionError", error_says="_slide_")


def _text(folder: Path, suffix: str) -> Truth:
    path = folder / f"text{suffix}"
    path.write_text("not an image")
    return Truth(path, error="FormatMismatchError")


SAMPLES = [
    Sample("vsi-lone", "vsi", _lone_vsi),
    Sample("vsi-text", "vsi", lambda folder: _text(folder, ".vsi")),
    Sample("cxd-text", "cxd", lambda folder: _text(folder, ".cxd")),
]
