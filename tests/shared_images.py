"""Compare images of a shared real file with the truth stated beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.formats.signatures import recognise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.model import Evidence, Image


def stated_images(path: Path) -> list[dict[str, Any]]:
    """Return ``dtype``, ``shape_tczyx`` and ``stats`` of each image, as the truth file states."""
    truth = json.loads(Path(f"{path}.expected.json").read_text(encoding="utf-8"))
    native = truth["native"] if isinstance(truth["native"], list) else [truth["native"]]
    return list(native[0].get("images", [native[0]]))


def in_tczyx(image: Image, axes: str) -> np.ndarray:
    """Return all pixels with five axes, as if the image's axes were called ``axes``."""
    pixels = np.array(image.pixels[(slice(None),) * len(image.pixels.shape)])
    present = [letter for letter in "tczyx" if letter in axes]
    pixels = pixels.transpose([axes.index(letter) for letter in present])
    shape = [pixels.shape[present.index(a)] if a in present else 1 for a in "tczyx"]
    return pixels.reshape(shape)


def check_images(
    path: Path, format_name: str, expected: Sequence[dict[str, Any]]
) -> tuple[Evidence, ...]:
    """Assert that ``path`` reads as stated beside it and in ``expected``; return the evidence."""
    row = format_named(format_name)
    assert recognise(path, row) is row
    stated = stated_images(path)
    with load_reader(row)(path, {}) as contents:
        assert len(contents.images) == len(expected)
        for image, facts in zip(contents.images, expected, strict=True):
            assert image.axes == facts["axes"]
            assert dict(image.scale) == pytest.approx(facts.get("scale", {}), rel=1e-6)
            assert dict(image.axis_units) == facts.get("units", {})
            assert image.channel_names == facts.get("names", ())
            assert image.kind == facts.get("kind", "intensity")
        for image, facts, truth in zip(contents.images, expected, stated, strict=False):
            pixels = in_tczyx(image, facts.get("as_if", image.axes))
            stats = truth["stats"]
            assert pixels.dtype == truth.get("dtype", pixels.dtype)
            assert pixels.min() == stats["min"]
            assert pixels.max() == stats["max"]
            assert pixels.sum(dtype="float64" if pixels.dtype.kind == "f" else "uint64") == (
                pytest.approx(stats["sum"])
            )
            data = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).tobytes()
            assert hashlib.sha256(data).hexdigest() == stats["sha256_tczyx"]
        return contents.evidence
