"""What headers tell of compressed files, beside what other programs wrote into them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from sparc_fuse_core.plan.content import sizes_by_header
from sparc_fuse_core.plan.decoded import Decoded, decoded
from sparc_fuse_core.sources.local import LocalSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def smooth(*shape: int) -> np.ndarray[Any, Any]:
    """Return pixels that compress as photographs do, better than noise and worse than one colour."""
    rng = np.random.default_rng(3)
    steps = rng.integers(-1, 2, shape)
    return (np.cumsum(steps, axis=1) % 256).astype(np.uint8)


def told(path: Path) -> Decoded | None:
    """Return what is told of a file, and check that no more than some pieces of it are read."""
    data = path.read_bytes()
    n_read = []

    def read(begin: int, n_bytes: int) -> bytes:
        n_read.append(n_bytes)
        return data[begin : begin + n_bytes]

    found = decoded(path.name, len(data), read)
    assert len(n_read) < 20
    assert sum(n_read) < 2_500_000
    return found


def tiff(compression: str | None, **options: Any) -> Callable[[Path], int]:
    def write(path: Path) -> int:
        pages = np.stack([smooth(512, 512, 3)] * 3)
        tifffile.imwrite(path, pages, photometric="rgb", compression=compression, **options)
        return pages.nbytes

    return write


def picture(**options: Any) -> Callable[[Path], int]:
    def write(path: Path) -> int:
        Image.fromarray(smooth(300, 400, 3)).save(path, **options)
        return 300 * 400 * 3

    return write


def nifti(path: Path) -> int:
    import nibabel

    values = smooth(40, 50, 60).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
    return values.nbytes


def nrrd(path: Path) -> int:
    values = smooth(64, 64).astype("<f4")
    head = "NRRD0004\ntype: float\ndimension: 2\nsizes: 64 64\nendian: little\nencoding: gzip\n\n"
    path.write_bytes(head.encode() + gzip.compress(values.tobytes()))
    return values.nbytes


def table(path: Path) -> int:
    rows = "time,voltage\n" + "".join(f"{n / 1000:.3f},{n % 97}\n" for n in range(40_000))
    path.write_bytes(gzip.compress(rows.encode()))
    return len(rows)


def jpeg_2000(path: Path) -> int:
    values = smooth(256, 300, 3)
    path.write_bytes(imagecodecs.jpeg2k_encode(values, codecformat=path.suffix[1:], level=30))
    return values.nbytes


def czi(way: str, n_planes: int = 3) -> Callable[[Path], int]:
    def write(path: Path) -> int:
        pylibczi = pytest.importorskip("pylibCZIrw.czi", exc_type=ImportError)
        with pylibczi.create_czi(str(path), compression_options=way) as file:
            for z in range(n_planes):
                plane = np.roll(smooth(300, 400), z, 1).astype(np.uint16)
                file.write(data=plane[..., np.newaxis], plane={"Z": z, "C": 0, "T": 0})
        return n_planes * 300 * 400 * 2

    return write


def video(codec: str) -> Callable[[Path], int]:
    def write(path: Path) -> int:
        av = pytest.importorskip("av", exc_type=ImportError)
        with av.open(str(path), "w") as out:
            stream = out.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            for n in range(30):
                frame = av.VideoFrame.from_ndarray(np.roll(smooth(120, 160, 3), n, 1), "rgb24")
                out.mux(stream.encode(frame.reformat(format="yuv420p")))
            out.mux(stream.encode(None))
        return 30 * 160 * 120 * 3

    return write


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("deflate.tif", tiff("deflate")),
        ("lzw.ome.tif", tiff("lzw", bigtiff=True)),
        ("jpeg.svs", tiff("jpeg", tile=(64, 64))),
        ("jp2.tif", tiff("jpeg2000", tile=(256, 256), byteorder=">")),
        ("x.jpg", picture(quality=80)),
        ("progressive.jpeg", picture(progressive=True)),
        ("x.png", picture()),
        ("x.jp2", jpeg_2000),
        ("x.j2k", jpeg_2000),
        ("x.avi", video("mpeg4")),
        ("x.mp4", video("mpeg4")),
        ("x.nii.gz", nifti),
        ("x.nrrd", nrrd),
        ("x.csv.gz", table),
        ("x.czi", czi("zstd1:")),
        ("many.czi", czi("zstd0:", n_planes=30)),
    ],
)
def test_the_size_of_the_values_is_within_a_factor_of_two(
    tmp_path: Path, name: str, write: Callable[[Path], int]
) -> None:
    path = tmp_path / name
    truth = write(path)
    assert path.stat().st_size < truth, "it is not compressed"
    found = told(path)
    assert found is not None
    assert truth / 2 < found.n_bytes < 2 * truth
    # what of it lies on a disk: all of it where it has to be unpacked or was lossy
    assert found.disk_bytes >= min(truth, 2 * path.stat().st_size)


def test_what_is_not_compressed_and_what_is_damaged_tells_nothing(tmp_path: Path) -> None:
    plain = tmp_path / "plain.tif"
    tiff(None)(plain)
    assert told(plain) is None
    plane = tmp_path / "plain.czi"
    czi("uncompressed:")(plane)
    assert told(plane) is None
    rng = np.random.default_rng(1)
    for name, write in (
        ("a.tif", tiff("deflate")),
        ("a.jpg", picture()),
        ("a.mp4", None),
        ("a.nii.gz", nifti),
        ("a.avi", None),
        ("a.csv.gz", table),
        ("a.czi", czi("zstd1:")),
    ):
        path = tmp_path / name
        if write:
            write(path)
        whole = path.read_bytes() if write else b"\0\0\0\x08moovtrakvmhdstsztkhd"
        for _ in range(60):
            data = bytearray(whole)
            for place in rng.integers(0, min(len(data), 600), 6):
                data[place] = rng.integers(0, 256)
            path.write_bytes(bytes(data[: rng.integers(1, len(data) + 1)]))
            found = told(path)
            assert found is None or 0 < found.n_bytes <= 5000 * path.stat().st_size


def test_only_large_files_are_looked_into(tmp_path: Path) -> None:
    small, large = tmp_path / "small.jpg", tmp_path / "large.jpg"
    truth = picture()(large)
    picture()(small)
    with large.open("ab") as file:
        file.write(b"\0" * 20_000)
    source = LocalSource(tmp_path)
    files = list(source.list_files())
    found = sizes_by_header(files, source, least_bytes=large.stat().st_size)
    assert {path.rpartition("/")[2]: d.n_bytes for path, d in found.items()} == {"large.jpg": truth}
    assert sizes_by_header(files, source) == {}
