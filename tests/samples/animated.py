"""GIF and WebP: stills by giflib and libwebp (imagecodecs), films by Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
from PIL import Image

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RGB = ("R", "G", "B")
_COLOURS = np.array([[200, 60, 40], [30, 160, 90], [20, 40, 220]], np.uint8)


def _still_webp(folder: Path) -> Truth:
    pixels = np.random.default_rng(3).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    path = folder / "still.webp"
    path.write_bytes(imagecodecs.webp_encode(pixels, lossless=True))
    truth = ImageTruth(np.moveaxis(pixels, -1, 0), "cyx", {}, {}, _RGB, "rgb")
    return Truth(path, images=(truth,))


def _still_gif(folder: Path) -> Truth:
    gray = np.random.default_rng(5).integers(0, 256, (9, 11), dtype=np.uint8)
    path = folder / "still.gif"
    path.write_bytes(imagecodecs.gif_encode(gray))
    return Truth(path, images=(ImageTruth(np.stack([gray] * 3), "cyx", {}, {}, _RGB, "rgb"),))


def _film(folder: Path, suffix: str, durations: list[int]) -> Truth:
    frames = np.broadcast_to(_COLOURS[:, None, None], (3, 6, 8, 3)).copy()
    path = folder / f"film{suffix}"
    first, *rest = (Image.fromarray(frame) for frame in frames)
    how = {"lossless": True} if suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=rest, duration=durations, loop=0, **how)
    even = len(set(durations)) == 1
    scale, units = ({"t": durations[0] / 1000}, {"t": "second"}) if even else ({}, {})
    pixels = np.moveaxis(frames, -1, 1)
    return Truth(path, images=(ImageTruth(pixels, "tcyx", scale, units, _RGB, "rgb"),))


def _cut(folder: Path, suffix: str) -> Truth:
    path = _still_gif(folder).path if suffix == ".gif" else _still_webp(folder).path
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return Truth(path, error="CorruptFileError")


def _bomb(folder: Path) -> Truth:
    """Write a GIF that announces 65,535 by 65,535 pixels (bytes 6 to 9 of its screen, 5 to 8 of its frame)."""
    path = _still_gif(folder).path
    data = bytearray(path.read_bytes())
    data[6:10] = b"\xff" * 4
    frame = data.rindex(b",\0\0\0\0")
    data[frame + 5 : frame + 9] = b"\xff" * 4
    path.write_bytes(data)
    return Truth(path, error="SizeLimitError", error_says="size bomb")


SAMPLES = [
    Sample("animated-still.webp", "animated", _still_webp),
    Sample("animated-still.gif", "animated", _still_gif),
    *(
        Sample(f"animated-film{s}", "animated", lambda f, s=s: _film(f, s, [120] * 3))
        for s in (".gif", ".webp")
    ),
    Sample("animated-uneven", "animated", lambda f: _film(f, ".gif", [100, 300, 100])),
    Sample("animated-bomb", "animated", _bomb),
    *(Sample(f"animated-cut{s}", "animated", lambda f, s=s: _cut(f, s)) for s in (".gif", ".webp")),
]
