"""GIF and WebP: one picture, or frames along t with the durations that the file states.

Frames of a GIF are kept as shown: palettes as colours, parts drawn over the frames before them. Decoding runs
forward only; going back starts anew.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.Image

from sparc_fuse_core.errors import CorruptFileError, SizeLimitError
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.damage import DAMAGE
from sparc_fuse_core.readers.shared.pillow import any_size
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    Bounds = tuple[int, int]

_FORMATS = ("GIF", "WEBP")
_MOST_FRAMES = 100_000
_MOST_BYTES = 8_000_000_000
_MOST_TIMES = 10_000
_ERRORS = (*DAMAGE, EOFError, SyntaxError)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a GIF or WebP file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with _opened(path) as picture:
        frames = _Frames(path, picture)
        durations_s = frames.scan()
        yield _contents(frames, durations_s)


@contextmanager
def _opened(path: Path) -> Iterator[PIL.Image.Image]:
    try:
        # the limit is lifted for opening only: sizes are checked against the file's own before pixels are read
        with any_size():
            picture = PIL.Image.open(path, formats=_FORMATS)
    except FileNotFoundError:
        raise
    except _ERRORS as err:
        message = f"{path.name}: not a readable GIF or WebP file; upload it again"
        raise CorruptFileError(message) from err
    with picture:
        yield picture


class _Frames:
    """Decodes frames in order and keeps the latest."""

    def __init__(self, path: Path, picture: PIL.Image.Image) -> None:
        self._path = path
        self._picture = picture
        self._lock = Lock()
        self._at = -1
        self._pixels: np.ndarray[Any, Any] | None = None
        self.kind = str(picture.format)
        self.width, self.height = picture.size
        self.n_frames = 1
        self.n_samples = 4

    def scan(self) -> list[float | None]:
        """Count the frames, look for transparency; return how long each is shown, in seconds."""
        picture, see_through = self._picture, False
        durations: list[float | None] = []
        try:
            self.n_frames = int(getattr(picture, "n_frames", 1))
            self._check_size()
            for i in range(self.n_frames):
                picture.seek(i)
                if self.kind == "WEBP" and self.n_frames > 1:
                    picture.load()  # it tells the duration only then
                stated = picture.info.get("duration")
                see_through |= "transparency" in picture.info or picture.mode in ("RGBA", "LA")
                durations.append(stated / 1000 if isinstance(stated, int | float) else None)
        except SizeLimitError:
            raise
        except _ERRORS as err:
            raise self._damaged(len(durations)) from err
        self.n_samples = 4 if see_through else 3
        return durations

    def _check_size(self) -> None:
        of_one = self.width * self.height * 4
        # one frame is held at a time
        check_unpacked(self._path.name, self._path.stat().st_size, of_one)
        n_bytes = of_one * self.n_frames
        if self.n_frames > _MOST_FRAMES or n_bytes > _MOST_BYTES:
            message = f"{self._path.name}: {self.n_frames} frames, {n_bytes / 1e9:.1f} GB of pixels"
            raise SizeLimitError(message + "; save it as a video")

    def _damaged(self, number: int) -> CorruptFileError:
        message = f"{self._path.name}: frame {number} cannot be decoded; upload the original again"
        return CorruptFileError(message)

    def plane(self, index: tuple[int, ...], of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        """Return rows and columns of a frame: shape (y, x, c)."""
        number = index[0] if index else 0
        with self._lock:
            if self._at != number or self._pixels is None:
                try:
                    self._picture.seek(number)
                    mode = "RGBA" if self.n_samples == 4 else "RGB"
                    self._pixels = np.asarray(self._picture.convert(mode))
                except _ERRORS as err:
                    raise self._damaged(number) from err
                self._at = number
            return self._pixels[slice(*of_y), slice(*of_x)]


def _contents(frames: _Frames, durations_s: Sequence[float | None]) -> Contents:
    axes = "tcyx" if frames.n_frames > 1 else "cyx"
    lengths = {"t": frames.n_frames, "c": frames.n_samples, "y": frames.height, "x": frames.width}
    metadata: dict[str, Any] = {"format": frames.kind}
    evidence: list[Evidence] = []
    scale: dict[str, float] = {}
    if frames.n_frames > 1:
        # the last one's says when it begins anew
        stated = [one for one in durations_s[:-1] if one is not None and math.isfinite(one)]
        if len(stated) == frames.n_frames - 1 and len(set(stated)) == 1 and stated[0] > 0:
            scale["t"] = stated[0]
        else:
            metadata["frame_durations_s"] = list(durations_s[:_MOST_TIMES])
            sentence = "frames are shown for different times, or none is stated: no time step"
            evidence.append(Evidence("time", "missing", sentence))
    image = Image(
        "",
        by_plane(axes, tuple(lengths[a] for a in axes), np.uint8, frames.plane, samples=True),
        axes,
        scale,
        dict.fromkeys(scale, "second"),
        "rgb",
        (*RGB, "A")[: frames.n_samples],
        (*RGB_COLORS, "FFFFFF")[: frames.n_samples],
        metadata=metadata,
    )
    return Contents(images=(image,), evidence=tuple(evidence))
