"""Frames that claim more bytes than there are never reach c-blosc, which would read past their end."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from zarr.storage import LocalStore

from sparc_fuse_core.blosc_frames import FramesStore

if TYPE_CHECKING:
    from pathlib import Path

VALUES = np.random.default_rng(1).integers(0, 999, (40, 50)).astype("<i4")


def _written(path: Path, zarr_format: Any, shards: Any, *, blosc: bool = True) -> None:
    codec: Any = zarr.codecs.BloscCodec(cname="zstd") if zarr_format == 3 else zarr_blosc()
    root = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    root.create_array(
        "group/a",
        data=VALUES,
        chunks=(10, 10),
        shards=shards,
        compressors=codec if blosc else None,
    )


def zarr_blosc() -> Any:
    from numcodecs import Blosc

    return Blosc(cname="zstd")


def _files(path: Path) -> list[Path]:
    metadata = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
    return sorted(f for f in path.rglob("*") if f.is_file() and f.name not in metadata)


def _read(path: Path, selection: Any = ...) -> Any:
    root = zarr.open_group(FramesStore(LocalStore(path, read_only=True)), mode="r")
    array: Any = root["group/a"]
    return array[selection]


CASES = [(2, None), (3, None), (3, (40, 20))]


@pytest.mark.parametrize(("zarr_format", "shards"), CASES)
@pytest.mark.parametrize("consolidated", [True, False])
@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_whole_frames_are_read(
    tmp_path: Path, zarr_format: Any, shards: Any, *, consolidated: bool
) -> None:
    _written(tmp_path / "x", zarr_format, shards)
    if consolidated:
        zarr.consolidate_metadata(str(tmp_path / "x"))
    np.testing.assert_array_equal(_read(tmp_path / "x"), VALUES)
    np.testing.assert_array_equal(_read(tmp_path / "x", (slice(3, 17), 7)), VALUES[3:17, 7])


@pytest.mark.parametrize(("zarr_format", "shards"), CASES)
def test_a_frame_that_claims_more(tmp_path: Path, zarr_format: Any, shards: Any) -> None:
    """The first frame of a file says 2 GB; in shards it lies at offset 0 and is not the last."""
    _written(tmp_path / "x", zarr_format, shards)
    first = _files(tmp_path / "x")[0]
    content = bytearray(first.read_bytes())
    content[12:16] = (2**31).to_bytes(4, "little")
    first.write_bytes(content)
    for selection in (..., (slice(0, 10), slice(0, 10))):
        with pytest.raises(ValueError, match=r"group/a.*cut short or overwritten"):
            _read(tmp_path / "x", selection)
    # another chunk is read as it was
    np.testing.assert_array_equal(
        _read(tmp_path / "x", (slice(30, 40), slice(30, 50))), VALUES[30:, 30:]
    )


@pytest.mark.parametrize(("zarr_format", "shards"), CASES)
@pytest.mark.parametrize("n_bytes", [0, 1, 15, 16, 40])
def test_a_file_that_is_cut(tmp_path: Path, zarr_format: Any, shards: Any, n_bytes: int) -> None:
    _written(tmp_path / "x", zarr_format, shards)
    first = _files(tmp_path / "x")[0]
    first.write_bytes(first.read_bytes()[:n_bytes])
    with pytest.raises(ValueError, match=r"cut short|checksum|index"):
        _read(tmp_path / "x")


def test_an_index_that_points_outside(tmp_path: Path) -> None:
    """With a checksum that fits; zarr-python would hand over what lies there."""
    _written(tmp_path / "x", 3, (40, 20))
    first = _files(tmp_path / "x")[0]
    content = bytearray(first.read_bytes())
    index = np.frombuffer(bytes(content[-(8 * 16 + 4) : -4]), "<u8").reshape(-1, 2).copy()
    index[0] = (len(content) - 5, 2**40)
    from google_crc32c import value

    content[-(8 * 16 + 4) :] = index.tobytes() + value(index.tobytes()).to_bytes(4, "little")
    first.write_bytes(content)
    with pytest.raises(ValueError, match="cut short"):
        _read(tmp_path / "x")


def test_other_codecs_are_left_alone(tmp_path: Path) -> None:
    """Bytes of an array without Blosc may look like any header."""
    _written(tmp_path / "x", 3, None, blosc=False)
    first = _files(tmp_path / "x")[0]
    first.write_bytes(b"\xff" * first.stat().st_size)
    assert (_read(tmp_path / "x", (slice(0, 10), slice(0, 10))) == -1).all()
    shutil.rmtree(tmp_path / "x")


def test_keys_with_points(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "x", mode="w", zarr_format=3)
    root.create_array(
        "group/a",
        data=VALUES,
        chunks=(10, 10),
        compressors=zarr.codecs.BloscCodec(cname="zstd"),
        chunk_key_encoding={"name": "default", "separator": "."},
    )
    np.testing.assert_array_equal(_read(tmp_path / "x"), VALUES)
    first = tmp_path / "x" / "group" / "a" / "c.0.0"
    content = bytearray(first.read_bytes())
    content[12:16] = (2**31).to_bytes(4, "little")
    first.write_bytes(content)
    with pytest.raises(ValueError, match="cut short or overwritten"):
        _read(tmp_path / "x")
