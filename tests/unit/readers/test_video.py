"""Every shared real video equals its stated truth: frame count, size, rate and RGB sum."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.readers.video import reader as video
from tests.samples import video as samples

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("avi/gen_raw_gray.avi", "avi/testout.avi", "mp4/realshort.mp4")


def test_every_shared_file_is_listed(shared_samples: Path) -> None:
    root = shared_samples / "imaging"
    found = [*root.glob("avi/*.avi"), *root.glob("mp4/*.mp4")]
    assert {str(path.relative_to(root)) for path in found} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_video_equals_truth(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging" / name
    truth = json.loads(path.with_name(f"{path.name}.expected.json").read_text("utf-8"))
    own = truth["native"][0]["images"][0]["meta"]
    with video.read(path, {}) as contents:
        (image,) = contents.images
        pixels = np.asarray(image.pixels[(slice(None),) * len(image.axes)])
        assert image.scale["t"] == pytest.approx(float(1 / Fraction(own["fps"])), rel=1e-12)
        assert image.axis_units == {"t": "second"}
        if own["pix_fmt"] == "gray":
            assert image.axes == "tyx"
            pixels = np.repeat(pixels[..., None], 3, axis=-1)  # the truth states gray as RGB
        else:
            assert image.axes == "tcyx"
            assert [e.basis for e in contents.evidence if "yuv420p" in e.sentence] == ["inferred"]
            pixels = np.moveaxis(pixels, 1, -1)
        assert pixels.shape == (own["n"], *own["shape"])
        assert (pixels.min(), pixels.max()) == (own["min"], own["max"])
        assert int(pixels.astype(np.int64).sum()) == own["sum"]
        sha = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
        assert sha.startswith(own["sha"])


def test_going_back_shows_the_same_pixels(
    shared_samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "_KEPT_BYTES", 1)  # nothing is kept: each step back starts anew
    with video.read(shared_samples / "imaging/mp4/realshort.mp4", {}) as contents:
        pixels = contents.images[0].pixels
        whole = pixels[:, :, :, :]
        for t in (30, 5, 35, 0):
            np.testing.assert_array_equal(
                pixels[t : t + 1, :, 100:120], whole[t : t + 1, :, 100:120]
            )


def test_uneven_frames_state_their_times(tmp_path: Path) -> None:
    (sample,) = [sample for sample in samples.SAMPLES if sample.name == "video-uneven"]
    with video.read(sample.write(tmp_path).path, {}) as contents:
        assert contents.images[0].metadata["frame_times_s"] == pytest.approx([0, 0.04, 0.08, 0.5])
        assert [e.fact for e in contents.evidence] == ["time"]
