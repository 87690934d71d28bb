"""Videos through FFmpeg (PyAV): frames along t, decoded in order, a few kept.

The container is chosen from the first bytes, never by FFmpeg's own guess, which would follow playlists.
Frames are counted and timed from the packets before any is decoded. Decoding runs forward only: a
seek into the middle may show other pixels than playing from the start does, so going back starts anew.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.stream import Disposition

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, UnsupportedFeatureError
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane, unique_names
from sparc_fuse_core.readers.video.monochrome import is_monochrome
from sparc_fuse_core.readers.video.stream import (
    MAX_TIMES,
    Stream,
    display_facts,
    n_empty_chunks,
    stream_evidence,
)
from sparc_fuse_core.readers.video_containers import check_whole, container_of, ogg_says_its_end

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

#: Decoded frames that are kept, so that a frame's bands are not decoded one by one.
_KEPT_BYTES = 64_000_000
#: A clock of as many ticks in a frame rounds; a coarser one counts.
_FINE_TICKS = 8
_DEPTHS = (9, 10, 12, 14, 16)
_ABOUT_IT = Disposition.attached_pic | Disposition.timed_thumbnails
#: Containers that do not say how long they are.
_OF_NO_LENGTH = ("mpeg", "mpegts", "mpegvideo")


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a video; see `sparc_fuse_core.readers.Reader`."""
    del options
    container = container_of(path)
    check_whole(path, container)
    streams, n_audio = _streams(path, container)
    frames = [_Frames(path, container, stream) for stream in streams]
    try:
        yield _contents(frames, n_audio, _end(path, container))
    finally:
        for each in frames:
            each.close()


def _open(path: Path, container: str) -> Any:
    try:
        return av.open(str(path), format=container)
    except (av.FFmpegError, ValueError, OSError) as err:
        message = f"{path.name}: not a readable video ({err}); upload it again"
        raise CorruptFileError(message) from err


def _streams(path: Path, container: str) -> tuple[list[Stream], int]:
    with _open(path, container) as file:
        # cover art and thumbnails are pictures about the video: somebody's face, a slide's label
        videos = [video for video in file.streams.video if not video.disposition & _ABOUT_IT]
        if not videos:
            message = f"{path.name}: no video stream in it"
            raise EmptyFileError(message)
        times: dict[int, list[int | None]] = {video.index: [] for video in videos}
        n_hidden = dict.fromkeys(times, 0)
        try:
            for packet in file.demux(*videos):
                # the last, empty packet of each stream only ends it
                if not (packet.size or packet.dts is not None):
                    continue
                if packet.is_discard:
                    # cut off by an edit list: there, announced, and not shown
                    n_hidden[packet.stream.index] += 1
                else:
                    times[packet.stream.index].append(packet.pts)
        except (av.FFmpegError, ValueError) as err:
            message = f"{path.name}: damaged between its frames ({err}); upload it again"
            raise CorruptFileError(message) from err
        found = [
            _stream(path, container, video, times[video.index], n_hidden[video.index])
            for video in videos
        ]
        return found, len(file.streams.audio)


def _stream(
    path: Path, container: str, video: Any, times: Sequence[int | None], n_hidden: int
) -> Stream:
    codec = video.codec_context
    if codec is None:
        message = f"{path.name}: the video's codec is not known to FFmpeg; convert it first"
        raise UnsupportedFeatureError(message)
    if not codec.width or not codec.height or not codec.pix_fmt:
        message = f"{path.name}: the video's size or pixel format cannot be told; upload it again"
        raise CorruptFileError(message)
    n_dropped = video.frames - len(times) - n_hidden
    if n_dropped > 0 and not (
        container == "avi" and n_empty_chunks(path, video.index) == n_dropped
    ):
        message = (
            f"{path.name}: truncated: {len(times) + n_hidden} of {video.frames} announced frames are there; "
            "upload it again"
        )
        raise CorruptFileError(message)
    # packets may be fields, repeats or frames that are never shown: where the header does not confirm their
    # number, count frames
    if n_hidden or len(times) != video.frames:
        shown = _shown(path, container, video.index)
        times = times if len(shown) == len(times) else shown
    n_frames = len(times)
    if not n_frames:
        message = f"{path.name}: the video has no frame"
        raise EmptyFileError(message)
    step_s, times_s = _clock(times, n_frames, video)
    luma = codec.name == "h264" and is_monochrome(bytes(codec.extradata or b""))
    facts = {
        "codec": codec.name,
        "pixel_format": codec.pix_fmt,
        "average_rate_hz": float(video.average_rate) if video.average_rate else None,
    }
    ratio = codec.sample_aspect_ratio
    if ratio and ratio != 1:
        facts["pixel_aspect_ratio"] = float(ratio)
    if n_hidden:
        facts["n_hidden_frames"] = n_hidden
    if n_dropped > 0:
        facts["n_dropped_frames"] = n_dropped
    facts |= _display(path, container, video.index)
    if not step_s and times_s:
        facts["frame_times_s"] = list(times_s[:MAX_TIMES])
    return Stream(
        video.index,
        n_frames,
        codec.width,
        codec.height,
        codec.pix_fmt,
        *_target(path, codec.format, luma=luma),
        step_s,
        times_s,
        facts,
        luma,
    )


def _shown(path: Path, container: str, index: int) -> list[int | None]:
    """Return the time stamp of each frame that is shown."""
    with _open(path, container) as file:
        try:
            return [frame.pts for frame in file.decode(file.streams[index])]
        except (av.FFmpegError, ValueError) as err:
            message = f"{path.name}: a frame cannot be decoded ({err}); upload it again"
            raise CorruptFileError(message) from err


def _display(path: Path, container: str, index: int) -> dict[str, Any]:
    """Return how players show the first frame: turned, counter-clockwise, then mirrored; of two fields."""
    with _open(path, container) as file:
        try:
            first = next(file.decode(file.streams[index]), None)
        except (av.FFmpegError, ValueError):
            # told when the frame is read
            return {}
        if first is None:
            return {}
        facts: dict[str, Any] = {"interlaced": True} if first.interlaced_frame else {}
        matrix = first.side_data.get("DISPLAYMATRIX")
        values = np.frombuffer(bytes(matrix), np.int32) if matrix is not None else ()
        return facts | display_facts(values)


def _clock(
    times: Sequence[int | None], n_frames: int, video: Any
) -> tuple[float | None, tuple[float, ...]]:
    """Return the step of even frames, and the stated times."""
    stated = sorted(time for time in times if time is not None)
    rate = Fraction(video.average_rate) if video.average_rate else None
    if not stated:
        # without time stamps a stream has one rate by definition
        return (float(1 / rate) if rate else None), ()
    if n_frames < 2 or len(set(stated)) != n_frames:
        return None, ()
    ticks = np.diff(stated)
    # a rate that is no multiple of the clock's tick alternates between two steps; where a tick is a frame,
    # two ticks are a frame that was dropped
    jitter = 1 if int(ticks.min()) >= _FINE_TICKS else 0
    if int(ticks.max()) - int(ticks.min()) <= jitter:
        mean = (stated[-1] - stated[0]) / (n_frames - 1) * video.time_base
        near = rate is not None and abs(float(1 / rate) - float(mean)) < 1e-3 * float(mean)
        return float(1 / rate) if near and rate else float(mean), ()
    base = video.time_base
    return None, tuple(float((time - stated[0]) * base) for time in stated)


def _target(path: Path, pixel_format: Any, *, luma: bool) -> tuple[str, int]:
    """Return the format to decode to and its bits: gray stays gray, all else is RGB; depth stays.

    ``luma``: the stream has no colour, whatever it is decoded to. Values of 10 or 12 bits are not spread over
    16: they are those of the file, or computed in as many bits.
    """
    components = pixel_format.components
    bits = max((component.bits for component in components), default=8)
    one = len(components) == 1 and not pixel_format.has_palette and not pixel_format.is_rgb
    gray = one or luma
    if bits <= 8:
        return ("gray" if gray else "rgb24"), 8
    if (
        pixel_format.name.startswith(("grayf", "gbrpf", "gbrapf", "rgbf", "rgbaf", "yaf"))
        or bits > 16
    ):
        message = (
            f"{path.name}: pixels of format {pixel_format.name} are not read; convert it first"
        )
        raise UnsupportedFeatureError(message)
    if bits == 16:
        return ("gray16le" if gray else "rgb48le"), 16
    # the next depth that FFmpeg has (11 bits do not occur)
    bits = next(depth for depth in _DEPTHS if depth >= bits)
    return (f"gray{bits}le" if gray else f"gbrp{bits}le"), bits


class _Frames:
    """Decodes the frames of one stream in order and keeps the latest."""

    def __init__(self, path: Path, container: str, stream: Stream) -> None:
        self.path = path
        self.container = container
        self.stream = stream
        self.dtype = np.dtype("uint16" if stream.bits > 8 else "uint8")
        self.rgb = not stream.target.startswith("gray")
        self._file: Any = None
        self._frames: Iterator[Any] = iter(())
        self._next = 0
        self._kept: OrderedDict[int, np.ndarray[Any, Any]] = OrderedDict()
        size = stream.width * stream.height * self.dtype.itemsize * (3 if self.rgb else 1)
        self._n_kept = max(1, _KEPT_BYTES // size)

    def close(self) -> None:
        self._kept.clear()
        self._frames = iter(())
        if self._file is not None:
            self._file.close()
            self._file = None

    def read_plane(
        self, index: tuple[int, ...], of_y: tuple[int, int], of_x: tuple[int, int]
    ) -> np.ndarray[Any, Any]:
        frame = self._frame(index[0] if index else 0)
        return frame[slice(*of_y), slice(*of_x)]

    def _frame(self, number: int) -> np.ndarray[Any, Any]:
        if number in self._kept:
            return self._kept[number]
        if self._file is None or number < self._next:
            self._restart()
        while True:
            current = self._next
            try:
                frame = next(self._frames, None)
                self._next += 1
                # frames that are only passed on the way are not converted
                pixels = None if frame is None or current < number else self._pixels(frame)
            except (av.FFmpegError, ValueError) as err:
                message = f"{self.path.name}: frame {current} cannot be decoded ({err})"
                raise CorruptFileError(message) from err
            if frame is None:
                message = (
                    f"{self.path.name}: {current} of {self.stream.n_frames} frames could be decoded; "
                    "upload it again"
                )
                raise CorruptFileError(message)
            if pixels is not None:
                self._kept[number] = pixels
                while len(self._kept) > self._n_kept:
                    self._kept.popitem(last=False)
                return pixels

    def _restart(self) -> None:
        self.close()
        self._file = _open(self.path, self.container)
        video = self._file.streams[self.stream.index]
        video.thread_type = "AUTO"
        # damage is reported, never painted over
        video.codec_context.options = {"err_detect": "explode"}
        self._frames = self._file.decode(video)
        self._next = 0

    def _pixels(self, frame: Any) -> np.ndarray[Any, Any]:
        stream = self.stream
        changed = stream.luma and frame.format.name != stream.pixel_format
        if (
            frame.is_corrupt
            or (frame.width, frame.height) != (stream.width, stream.height)
            or changed
        ):
            message = (
                f"{self.path.name}: a frame is damaged or of another size "
                f"({frame.width} × {frame.height} instead of {stream.width} × {stream.height})"
            )
            raise CorruptFileError(message)
        if stream.luma:
            return self._luma(frame)
        pixels: np.ndarray[Any, Any] = frame.to_ndarray(format=stream.target)
        return pixels

    def _luma(self, frame: Any) -> np.ndarray[Any, Any]:
        """Return the stored values of a stream without colour: conversion would spread them."""
        plane = frame.planes[0]
        rows = np.frombuffer(plane, self.dtype.newbyteorder("<"))
        rows = rows.reshape(-1, plane.line_size // self.dtype.itemsize)
        return rows[: self.stream.height, : self.stream.width].astype(self.dtype)


def _end(path: Path, container: str) -> Iterator[Evidence]:
    """Yield what is known of the end of a video whose container does not state its length."""
    if container in _OF_NO_LENGTH:
        sentence = (
            "an MPEG stream does not say how long it is: whether it ends early cannot be told"
        )
        yield Evidence("content", "file", sentence)
    elif container == "ogg" and not ogg_says_its_end(path):
        sentence = "the last page is not marked as the end: the video may end early"
        yield Evidence("completeness", "missing", sentence)


def _contents(frames: Sequence[_Frames], n_audio: int, end: Iterable[Evidence]) -> Contents:
    names = unique_names("" for _ in frames)
    images = []
    evidence: list[Evidence] = list(end)
    for name, each in zip(names, frames, strict=True):
        stream = each.stream
        axes = ("t" if stream.n_frames > 1 else "") + ("cyx" if each.rgb else "yx")
        lengths = {"t": stream.n_frames, "c": 3, "y": stream.height, "x": stream.width}
        scale, units = {}, {}
        if "t" in axes and stream.step_s:
            scale["t"], units["t"] = stream.step_s, "second"
        images.append(
            Image(
                name,
                by_plane(
                    axes,
                    tuple(lengths[axis] for axis in axes),
                    each.dtype,
                    each.read_plane,
                    samples=each.rgb,
                ),
                axes,
                scale,
                units,
                "rgb" if each.rgb else "intensity",
                RGB if each.rgb else (),
                RGB_COLORS if each.rgb else (),
                stream.bits if stream.bits not in (8, 16) else None,
                stream.facts,
            )
        )
        evidence += stream_evidence(name, stream)
    if n_audio:
        sentence = f"{n_audio} audio stream(s) of the video are left out"
        evidence.append(Evidence("content", "missing", sentence))
    return Contents(images=tuple(images), evidence=tuple(evidence))
