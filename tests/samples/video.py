"""Videos, written by PyAV with codecs without loss, so that truth is exact."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.stream import Disposition
from PIL import Image as PillowImage

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence

_RNG = np.random.default_rng(18)
DATA = Path(__file__).parents[1] / "data" / "video"


def write(
    path: Path,
    frames: np.ndarray,
    *,
    codec: str,
    stored: str,
    given: str,
    ticks: Sequence[int] = (),
    rate: int = 25,
    options: dict[str, str] | None = None,
) -> None:
    """Write ``frames`` (given in a pixel format) with a codec that stores another."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], stored
        base = Fraction(1, 1000) if ticks else Fraction(1, rate)
        stream.codec_context.time_base = base
        for i, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format=given)
            frame.pts = ticks[i] if ticks else i
            frame.time_base = base
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def _frames(n: int, depth: str = "uint8", *, rgb: bool = True) -> np.ndarray:
    shape = (n, 24, 32, 3) if rgb else (n, 24, 32)
    return _RNG.integers(0, np.iinfo(depth).max, shape, dtype=depth, endpoint=True)


def _colour(folder: Path, suffix: str, codec: str, stored: str) -> Truth:
    frames = _frames(7)
    path = folder / f"Größe{suffix}"
    write(path, frames, codec=codec, stored=stored, given="rgb24", options={"crf": "0", "g": "4"})
    truth = ImageTruth(
        np.moveaxis(frames, -1, 1),
        "tcyx",
        {"t": 0.04},
        {"t": "second"},
        ("R", "G", "B"),
        "rgb",
    )
    return Truth(path, images=(truth,))


def _gray(folder: Path, depth: str) -> Truth:
    frames = _frames(3, depth, rgb=False)
    path = folder / "gray.avi"
    pixel_format = "gray" if depth == "uint8" else "gray16le"
    write(path, frames, codec="ffv1", stored=pixel_format, given=pixel_format, rate=10)
    return Truth(path, images=(ImageTruth(frames, "tyx", {"t": 0.1}, {"t": "second"}),))


def _monochrome(folder: Path, suffix: str, depth: str) -> Truth:
    """H.264 without chroma, lossless: FFmpeg decodes it to 4:2:0 all the same."""
    frames = _frames(3, "uint16" if depth else "uint8", rgb=False) >> (6 if depth else 0)
    path = folder / f"camera{suffix}"
    stored = f"gray{depth}"
    write(path, frames, codec="libx264", stored=stored, given=stored, options={"qp": "0"})
    truth = ImageTruth(frames, "tyx", {"t": 0.04}, {"t": "second"})
    return Truth(path, images=(truth,))


def _uneven(folder: Path) -> Truth:
    frames = _frames(4)
    path = folder / "uneven.mp4"
    write(
        path,
        frames,
        codec="libx264rgb",
        stored="rgb24",
        given="rgb24",
        ticks=(0, 40, 80, 500),
        options={"crf": "0"},
    )
    truth = ImageTruth(np.moveaxis(frames, -1, 1), "tcyx", {}, {}, ("R", "G", "B"), "rgb")
    return Truth(path, images=(truth,))


def _still(folder: Path) -> Truth:
    frames = _frames(1, rgb=False)
    path = folder / "still.avi"
    write(path, frames, codec="ffv1", stored="gray", given="gray")
    return Truth(path, images=(ImageTruth(frames[0], "yx"),))


def _yuv(folder: Path) -> Truth:
    """Smooth frames of one colour each, stored as YUV with loss."""
    colours = np.array([[200, 60, 40], [30, 160, 90], [20, 40, 220]], np.uint8)
    frames = np.broadcast_to(colours[:, None, None], (3, 32, 48, 3)).copy()
    path = folder / "yuv.mp4"
    write(path, frames, codec="libx264", stored="yuv420p", given="rgb24", options={"crf": "10"})
    truth = ImageTruth(
        np.moveaxis(frames, -1, 1),
        "tcyx",
        {"t": 0.04},
        {"t": "second"},
        ("R", "G", "B"),
        "rgb",
        tolerance=6,
    )
    return Truth(path, images=(truth,))


def _deep(folder: Path, stored: str, bits: int) -> Truth:
    """Values of 10 or 12 bits: neither spread over 16 nor cut to 8."""
    rgb = stored.startswith("gbr")
    shape = (3, 24, 32, 3) if rgb else (3, 24, 32)
    frames = _RNG.integers(0, 2**bits, shape, dtype=np.uint16)
    path = folder / "deep.avi"
    write(path, frames, codec="ffv1", stored=stored, given=stored)
    how = ("tcyx", {"t": 0.04}, {"t": "second"}, ("R", "G", "B"), "rgb")
    pixels = np.moveaxis(frames, -1, 1) if rgb else frames
    truth = ImageTruth(pixels, *how) if rgb else ImageTruth(pixels, "tyx", *how[1:3])
    return Truth(path, images=(truth,))


def _trimmed(folder: Path) -> Truth:
    """Cut without encoding anew and turned, as phones do: an edit list hides five of twelve frames."""
    frames = _frames(12)
    whole, path = folder / "whole.mp4", folder / "trimmed.mp4"
    options = {"crf": "0", "bf": "0"}
    write(whole, frames, codec="libx264rgb", stored="rgb24", given="rgb24", options=options)
    with (
        av.open(str(whole)) as source,
        av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as file,
    ):
        stream = source.streams.video[0]
        out = file.add_stream_from_template(stream)
        out.set_display_rotation(90)
        ticks = int(Fraction(5, 25) / stream.time_base)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks
                packet.stream = out
                file.mux(packet)
    whole.unlink()
    truth = ImageTruth(
        np.moveaxis(frames[5:], -1, 1),
        "tcyx",
        {"t": 0.04},
        {"t": "second"},
        ("R", "G", "B"),
        "rgb",
    )
    return Truth(path, images=(truth,))


def _other_container(folder: Path, suffix: str, codec: str) -> Truth:
    """What cameras and browsers write: smooth frames, with loss, in another container."""
    colours = np.array([[200, 60, 40], [30, 160, 90], [20, 40, 220], [90, 90, 90]], np.uint8)
    frames = np.broadcast_to(colours[:, None, None], (4, 32, 48, 3)).copy()
    path = folder / f"film{suffix}"
    how = ("tcyx", {"t": 0.04}, {"t": "second"}, ("R", "G", "B"), "rgb")
    truth = ImageTruth(np.moveaxis(frames, -1, 1), *how, tolerance=8)
    if suffix == ".ogv":  # PyAV's FFmpeg writes no Theora: Debian's did
        path.write_bytes((DATA / "theora.ogv").read_bytes())
        return Truth(path, images=(truth,))
    options = {"b": "8000000", "qmin": "1", "bf": "0"}
    write(path, frames, codec=codec, stored="yuv420p", given="rgb24", options=options)
    return Truth(path, images=(truth,))


_CONTAINERS = (
    (".webm", "libvpx"),
    (".mkv", "libx264"),
    (".ogv", "libtheora"),
    (".mpg", "mpeg2video"),
    (".wmv", "wmv2"),
    (".mts", "mpeg2video"),
    (".flv", "flv"),
    (".3gp", "mpeg4"),
)


def _cut_container(folder: Path, suffix: str, codec: str) -> Truth:
    path = _other_container(folder, suffix, codec).path
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.8)])
    return Truth(path, error="CorruptFileError", error_says="truncated")


def _refused(folder: Path, what: str) -> Truth:
    path = folder / f"{what}.{'mp4' if 'mp4' in what else 'avi'}"
    if what == "playlist mp4":
        path.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
        return Truth(path, error="FormatMismatchError")
    codec = "libx264rgb" if "mp4" in what else "ffv1"
    write(path, _frames(8), codec=codec, stored="rgb24" if "mp4" in what else "bgr0", given="rgb24")
    content = bytearray(path.read_bytes())
    if what == "damaged":  # noise inside the frames
        middle = len(content) // 2
        content[middle : middle + 2000] = bytes(2000)
    elif what == "head":
        content = content[:40]
    else:
        content = content[: int(len(content) * 0.6)]
    path.write_bytes(content)
    return Truth(path, error="CorruptFileError")


def _cover(folder: Path) -> Truth:
    """Cover art is a video stream of one picture: it is no video."""
    frames = _frames(4)
    path = folder / "cover.mp4"
    art = io.BytesIO()
    PillowImage.fromarray(np.full((40, 40, 3), 77, np.uint8)).save(art, "PNG")
    with av.open(str(path), "w") as file:
        film = file.add_stream("libx264rgb", rate=25, options={"crf": "0"})
        film.width, film.height, film.pix_fmt = 32, 24, "rgb24"
        cover = file.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 40, 40, "rgb24"
        cover.disposition = Disposition.attached_pic
        for i, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = i
            file.mux(film.encode(frame))
        file.mux(film.encode())
        packet = av.Packet(art.getvalue())
        packet.stream, packet.pts, packet.dts, packet.is_keyframe = cover, 0, 0, True
        file.mux(packet)
    rgb = np.moveaxis(frames, -1, 1)
    truth = ImageTruth(rgb, "tcyx", {"t": 0.04}, {"t": "second"}, ("R", "G", "B"), "rgb")
    return Truth(path, images=(truth,))


SAMPLES = [
    Sample("video-cover", "video", _cover),
    *(
        Sample(
            f"video-{codec}{suffix}",
            "video",
            lambda folder, suffix=suffix, codec=codec, stored=stored: _colour(
                folder, suffix, codec, stored
            ),
        )
        for suffix, codec, stored in (
            (".avi", "rawvideo", "bgr24"),
            (".avi", "ffv1", "bgr0"),
            (".mp4", "libx264rgb", "rgb24"),
            (".mov", "png", "rgb24"),
        )
    ),
    *(
        Sample(
            f"video-monochrome{suffix}{depth}",
            "video",
            lambda folder, suffix=suffix, depth=depth: _monochrome(folder, suffix, depth),
        )
        for suffix, depth in ((".mp4", ""), (".avi", ""), (".mkv", "10le"), (".m2ts", ""))
    ),
    *(
        Sample(f"video-gray-{depth}", "video", lambda folder, depth=depth: _gray(folder, depth))
        for depth in ("uint8", "uint16")
    ),
    *(
        Sample(f"video-{name}", "video", lambda f, name=name, bits=bits: _deep(f, name, bits))
        for name, bits in (("gray10le", 10), ("gray12le", 12), ("gbrp10le", 10), ("gbrp12le", 12))
    ),
    Sample("video-trimmed", "video", _trimmed),
    *(
        Sample(f"video{suffix}", "video", lambda f, s=suffix, c=codec: _other_container(f, s, c))
        for suffix, codec in _CONTAINERS
    ),
    *(
        Sample(f"video-cut{suffix}", "video", lambda f, s=suffix, c=codec: _cut_container(f, s, c))
        for suffix, codec in _CONTAINERS
        if suffix in (".webm", ".ogv", ".wmv", ".flv", ".mts")
    ),
    Sample("video-uneven", "video", _uneven),
    Sample("video-still", "video", _still),
    Sample("video-yuv", "video", _yuv),
    *(
        Sample(f"video-{what}", "video", lambda folder, what=what: _refused(folder, what))
        for what in ("playlist mp4", "cut", "cut mp4", "damaged", "head", "head mp4")
    ),
]
