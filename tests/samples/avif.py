"""AVIF by Pillow, and by imagecodecs where more than 8 bits are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import PIL.Image

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_RNG = np.random.default_rng(23)
_RGB = ("R", "G", "B")


def _smooth(*shape: int) -> np.ndarray:
    grid = np.add.outer(np.arange(shape[0]) * 3, np.arange(shape[1]) * 2) % 200
    return (grid[..., None] + np.arange(3) * 20).astype("u1")


def _color(folder: Path) -> Truth:
    path = folder / "a.avif"
    pixels = _smooth(30, 41)
    PIL.Image.fromarray(pixels).save(path, quality=100, subsampling="4:4:4")
    truth = ImageTruth(np.moveaxis(pixels, -1, 0), "cyx", {}, {}, _RGB, "rgb", tolerance=3)
    return Truth(path, images=(truth,))


def _alpha(folder: Path) -> Truth:
    path = folder / "a.avif"
    alpha = _RNG.integers(0, 255, (30, 41, 1)).astype("u1")
    pixels = np.concatenate([_smooth(30, 41), alpha], -1)
    PIL.Image.fromarray(pixels).save(path, quality=100, subsampling="4:4:4")
    truth = ImageTruth(np.moveaxis(pixels, -1, 0), "cyx", {}, {}, (*_RGB, "A"), "rgb", tolerance=3)
    return Truth(path, images=(truth,))


def _frames(folder: Path) -> Truth:
    path = folder / "a.avif"
    frames = [_smooth(30, 41) + np.uint8(5 * i) for i in range(3)]
    first, *rest = (PIL.Image.fromarray(frame) for frame in frames)
    first.save(path, quality=100, subsampling="4:4:4", save_all=True, append_images=rest)
    pixels = np.moveaxis(np.stack(frames), -1, 1)
    return Truth(path, images=(ImageTruth(pixels, "tcyx", {}, {}, _RGB, "rgb", tolerance=4),))


def _deep(folder: Path, bits: int) -> Truth:
    path = folder / "a.avif"
    pixels = _RNG.integers(0, 1 << bits, (30, 41, 3)).astype("u2")
    path.write_bytes(imagecodecs.avif_encode(pixels, level=100, bitspersample=bits))
    truth = ImageTruth(np.moveaxis(pixels, -1, 0), "cyx", {}, {}, _RGB, "rgb")
    return Truth(path, images=(truth,))


def _gray(folder: Path) -> Truth:
    path = folder / "a.avif"
    pixels = _RNG.integers(0, 255, (30, 41)).astype("u1")
    path.write_bytes(imagecodecs.avif_encode(pixels, level=100))
    return Truth(path, images=(ImageTruth(pixels, "yx"),))


def _whole() -> bytes:
    return imagecodecs.avif_encode(_smooth(30, 41), level=100)


def _refused(content: Callable[[], bytes], error: str, says: str) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / "bad.avif"
        path.write_bytes(content())
        return Truth(path, error=error, error_says=says)

    return write


def _huge() -> bytes:
    data = bytearray(_whole())
    at = data.index(b"ispe") + 8
    data[at : at + 8] = (60_000).to_bytes(4, "big") * 2
    return bytes(data)


SAMPLES = [
    Sample("avif-color", "avif", _color),
    Sample("avif-alpha", "avif", _alpha),
    Sample("avif-frames", "avif", _frames),
    Sample("avif-10", "avif", lambda folder: _deep(folder, 10)),
    Sample("avif-12", "avif", lambda folder: _deep(folder, 12)),
    Sample("avif-gray", "avif", _gray),
    Sample("avif-cut", "avif", _refused(lambda: _whole()[:-50], "CorruptFileError", "decoded")),
    Sample("avif-other", "avif", _refused(lambda: b"hello" * 9, "FormatMismatchError", "named as")),
    Sample("avif-huge", "avif", _refused(_huge, "SizeLimitError", "bomb")),
]
