"""What announces, or unpacks to, more than a file can hold is refused before it costs memory, disk or time."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pydicom
import pytest
from openpyxl import Workbook
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian, generate_uid

from sparc_fuse_core.errors import CorruptFileError, SizeLimitError, SourceUnavailableError
from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.model import Contents, Recording
from sparc_fuse_core.readers.guarded import guarded
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MUCH = 600_000_000


def zeros(n_bytes: int, head: bytes = b"", wbits: int = 15) -> bytes:
    """Return a deflated stream of ``head`` and zeros, made of one block over and over."""
    block = 1 << 24
    start = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = start.compress(head) + start.flush(zlib.Z_FULL_FLUSH)
    again = zlib.compressobj(9, zlib.DEFLATED, -15)
    body += (again.compress(bytes(block)) + again.flush(zlib.Z_FULL_FLUSH)) * (n_bytes // block)
    last = zlib.compressobj(9, zlib.DEFLATED, -15)
    body += last.compress(bytes(n_bytes % block)) + last.flush()
    # readers stop before the checksums
    return {15: b"\x78\x9c", 31: b"\x1f\x8b\x08\0\0\0\0\0\0\x03", -15: b""}[wbits] + body


def read_first(path: Path, name: str, last: int | None = 1) -> None:
    """Open a file and read the first value of each array, or all of them."""
    with load_reader(format_named(name))(path, {}) as contents:
        arrays = [image.pixels for image in contents.images]
        for one in [*arrays, *(recording.signals for recording in contents.recordings)]:
            one[tuple(slice(0, last) for _ in one.shape)]


def refused(path: Path, name: str, error: type[Exception] = SizeLimitError) -> None:
    """Check that a file is refused by name, and that this costs no memory."""
    tracemalloc.start()
    try:
        with pytest.raises(error, match=path.name):
            read_first(path, name)
        assert tracemalloc.get_traced_memory()[1] < 150_000_000
    finally:
        tracemalloc.stop()


def test_what_is_refused_is_much_and_inflated() -> None:
    check_unpacked("x", 0, 1_000_000)
    check_unpacked("x", 10_000_000, 2_000_000_000)
    with pytest.raises(SizeLimitError, match="SPARC_FUSE_MAX_UNPACKED_BYTES"):
        check_unpacked("x", 1_000_000, 2_000_000_000)


def test_settings_let_what_is_true_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARC_FUSE_MAX_UNPACKED_BYTES", "3000000000")
    check_unpacked("x", 1_000_000, 2_000_000_000)


@pytest.mark.parametrize("encoding", ["gzip", "raw", "text"])
def test_nrrd(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "x.nrrd"
    head = b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 3000 2000 100\nencoding: %s\nendian: little\n%s\n"
    if encoding == "gzip":
        path.write_bytes(head % (b"gzip", b"") + zeros(MUCH, wbits=31))
        refused(path, "nrrd")
    for skip in (b"line skip: 99999999999\n", b"byte skip: 99999999999\n"):
        path.write_bytes(head % (encoding.encode(), skip) + b"x" * 300)
        refused(path, "nrrd", (SizeLimitError, CorruptFileError))


def test_nifti(tmp_path: Path) -> None:
    head = bytearray(352)
    struct.pack_into("<i8h", head, 0, 348, *[0] * 8)
    struct.pack_into("<8h", head, 40, 3, 3000, 2000, 50, 1, 1, 1, 1)
    struct.pack_into("<hh", head, 70, 4, 16)
    struct.pack_into("<8f", head, 76, *[1.0] * 8)
    struct.pack_into("<ff", head, 108, 352.0, 1.0)
    head[344:348] = b"n+1\0"
    path = tmp_path / "x.nii.gz"
    path.write_bytes(zeros(MUCH, bytes(head), 31))
    refused(path, "nifti")


def test_one_chunk_of_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        item = file.create_dataset("x", (MUCH,), "u1", chunks=(MUCH,), compression="gzip")
        item.attrs["sampling_rate"] = 1000.0
        item.id.write_direct_chunk((0,), zeros(MUCH))
    refused(path, "hdf5")


def test_an_array_of_hdf5_that_is_read_whole(tmp_path: Path) -> None:
    """Spike times of which nothing was ever written are a gigabyte of fill values."""
    path = tmp_path / "x.nwb"
    with h5py.File(path, "w") as file:
        file.attrs["nwb_version"] = "2.0.0"
        units = file.create_group("units")
        units.attrs["neurodata_type"] = "Units"
        units.create_dataset("spike_times", (MUCH,), "f8", chunks=(1_000_000,))
        units.create_dataset("spike_times_index", data=[MUCH])
    refused(path, "nwb")


def test_one_strip_of_a_tiff(tmp_path: Path) -> None:
    strip = zeros(MUCH)
    tags = [
        (256, 4, 1, 30_000),
        (257, 4, 1, 20_000),
        (258, 3, 1, 8),
        (259, 3, 1, 8),
        (262, 3, 1, 1),
    ]
    tags += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 20_000), (279, 4, 1, len(strip))]
    strip += b"\0" * (len(strip) % 2)
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    path = tmp_path / "x.tif"
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory)
    refused(path, "tiff")


def test_png(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 30_000, 8, 0, 0, 0, 0))
    path = tmp_path / "x.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zeros(MUCH)) + chunk(b"IEND", b"")
    )
    refused(path, "raster")


def test_mat(tmp_path: Path) -> None:
    head = struct.pack("<IIIIII", 14, MUCH + 48, 6, 8, 9, 0)
    head += (
        struct.pack("<IIii", 5, 8, 1, MUCH)
        + struct.pack("<HH4s", 1, 1, b"x")
        + struct.pack("<II", 2, MUCH)
    )
    stream = zeros(MUCH, head)
    path = tmp_path / "x.mat"
    mark = b"MATLAB 5.0 MAT-file".ljust(116) + bytes(8) + b"\0\x01IM"
    path.write_bytes(mark + struct.pack("<II", 15, len(stream)) + stream)
    refused(path, "mat")


def dicom(path: Path, z: float, **tags: Any) -> Dataset:
    """Write one slice of a CT series."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.SOPClassUID = CTImageStorage
    made.SOPInstanceUID = generate_uid()
    made.Modality, made.StudyInstanceUID, made.SeriesInstanceUID = "CT", "1.2.3", "1.2.3.4"
    made.Rows, made.Columns, made.SamplesPerPixel = 4, 6, 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 0
    made.PixelSpacing, made.SliceThickness = [1, 1], 1
    made.ImageOrientationPatient, made.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, z]
    made.PixelData = np.arange(24, dtype="<u2").tobytes()
    for key, value in tags.items():
        setattr(made, key, value)
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    made.save_as(path, enforce_file_format=True)
    return made


def test_deflated_dicom(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    made = dicom(path, 0, Rows=60_000, Columns=60_000)
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    made.save_as(path, enforce_file_format=True)
    data = path.read_bytes()
    # after the preamble: the length of the meta header, then the header
    end = 144 + struct.unpack_from("<I", data, 140)[0]
    path.write_bytes(data[:end] + zeros(MUCH, zlib.decompress(data[end:], -15), -15))
    refused(path, "dicom")


@pytest.mark.parametrize("spoil", [lambda b: b"garbage" * 99, lambda b: b[:300], lambda b: b[:-20]])
def test_a_series_with_an_unreadable_slice_has_no_doubled_step(spoil: Any, tmp_path: Path) -> None:
    for i in range(3):
        dicom(tmp_path / f"s{i}.dcm", 2.25 * i)
    bad = tmp_path / "s1.dcm"
    bad.write_bytes(spoil(bad.read_bytes()))
    with pytest.raises(CorruptFileError, match=r"s1\.dcm"):
        read_first(tmp_path / "s0.dcm", "dicom", None)


# ------------------------------------------------------------ errors nobody wrote down


class _Blocks:
    shape = (1, 4)
    dtype = np.dtype("f4")

    def __getitem__(self, key: Any, /) -> Any:
        raise KeyError(key)


def raising(error: BaseException | None) -> Any:
    """Return a reader that raises, or whose samples do."""

    @contextmanager
    def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
        if error is not None:
            raise error
        yield Contents((Recording("a", _Blocks(), ("",), ("",), 1.0),))

    return guarded(read)


@pytest.mark.parametrize(
    "error", [ValueError("a"), KeyError("a"), ZeroDivisionError(), RecursionError(), OSError("lib")]
)
def test_errors_of_libraries_name_the_file(error: Exception, tmp_path: Path) -> None:
    with (
        pytest.raises(CorruptFileError, match=type(error).__name__),
        raising(error)(tmp_path / "x.edf", {}),
    ):
        pass


def test_errors_while_reading_name_the_file(tmp_path: Path) -> None:
    with (
        raising(None)(tmp_path / "x.edf", {}) as contents,
        pytest.raises(CorruptFileError, match=r"x\.edf"),
    ):
        contents.recordings[0].signals[(slice(0, 1), slice(0, 4))]


@pytest.mark.parametrize(
    "error",
    [SourceUnavailableError("a"), MemoryError(), FileNotFoundError(2, "a"), KeyboardInterrupt()],
)
def test_errors_that_mean_something_else_stay(error: BaseException, tmp_path: Path) -> None:
    with pytest.raises(type(error)) as found, raising(error)(tmp_path / "x.edf", {}):
        pass
    assert found.value is error


def test_an_array_that_no_machine_holds_is_the_files_fault(tmp_path: Path) -> None:
    (tmp_path / "x.edf").write_bytes(b"x" * 100)

    @contextmanager
    def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
        np.empty((1 << 50,), np.uint8)
        yield Contents()

    with pytest.raises(SizeLimitError, match=r"x\.edf"), guarded(read)(tmp_path / "x.edf", {}):
        pass


def test_what_the_caller_raises_is_not_the_readers(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), raising(None)(tmp_path / "x.edf", {}):
        raise ZeroDivisionError


@pytest.mark.parametrize("last", ["XFD3000", "XFD1048576"])
def test_a_sheet_of_two_cells_far_apart(last: str, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    book = Workbook()
    book.active["A1"] = 1
    book.active["C2"] = 2
    book.save(path)
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    row = last.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    parts[sheet] = parts[sheet].replace(b'"C2"', b'"%s"' % last.encode())
    parts[sheet] = parts[sheet].replace(b'<row r="2"', b'<row r="%s"' % row.encode())
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)
    refused(path, "spreadsheet")
