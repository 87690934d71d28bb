"""Where the samples of a TDT store lie: in the data file at places of the index, or in one .sev a channel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import (
    CorruptFileError,
    MissingCompanionError,
    UnsupportedFormatError,
)
from sparc_fuse_core.readers.shared.records import RecordFile, Row, interleaved
from sparc_fuse_core.readers.shared.salvage import ends_early

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import ExitStack
    from pathlib import Path

DTYPES = {0: "<f4", 1: "<i4", 2: "<i2", 3: "<i1", 4: "<f8", 5: "<i8"}
PIECE_BYTES = 1 << 20
SEV_HEADER_BYTES = 40
SEV_NAME = re.compile(r".*_([^_]+)_ch(\d+)(?:-\d+h)?\.sev", re.IGNORECASE)


def sev_files(path: Path, store: str) -> dict[int, list[Path]]:
    """Return the .sev files of a store by channel."""
    pattern = re.compile(rf".*_{re.escape(store)}_ch(\d+)(-\d+h)?\.sev", re.IGNORECASE)
    found: dict[int, list[Path]] = {}
    for other in sorted(path.parent.iterdir()):
        match = pattern.fullmatch(other.name)
        if match:
            found.setdefault(int(match[1]), []).append(other)
    return found


def sev_row(
    files: ExitStack,
    path: Path,
    sev: Mapping[int, Sequence[Path]],
    number: int,
    dtype: np.dtype[Any],
) -> Row:
    """Return one channel of a store that lies in files of its own."""
    parts = sev.get(number, ())
    if not parts:
        message = f"{path.name}: the .sev file of channel {number} is not in its folder"
        raise MissingCompanionError(message)
    if len(parts) > 1:
        message = f"{path.name}: .sev files split by the hour ({parts[0].name} …) are not read"
        raise UnsupportedFormatError(message)
    file = files.enter_context(RecordFile(parts[0]))
    n, left = divmod(file.size_bytes - SEV_HEADER_BYTES, dtype.itemsize)
    if n < 1:
        message = f"{path.name}: {file.name} is truncated: {file.size_bytes} bytes"
        raise CorruptFileError(message)
    if left:
        ends_early(path.name, f"{n} whole samples and {left} bytes of one more in {file.name}")
    return Row(interleaved(file, dtype, 1, [(SEV_HEADER_BYTES, n)]))


def sev_header(path: Path, file: Path) -> tuple[np.dtype[Any], float]:
    """Return dtype and rate that a .sev file states.

    Source: TDT's SEV2mat. After the file's size (8 bytes), ``SEV`` and a version stand the store's name, the
    channel, the number of channels, the width of a sample, its type, the decimation and an exponent: the
    rate is 25 MHz · 2 ** (exponent - 12) / decimation.
    """
    head = np.fromfile(file, np.uint8, SEV_HEADER_BYTES).tobytes()
    if len(head) < SEV_HEADER_BYTES or head[8:11] != b"SEV":
        message = f"{path.name}: {file.name} is no .sev file of TDT; upload it again"
        raise CorruptFileError(message)
    code, decimation, exponent = head[24] & 7, head[25], int.from_bytes(head[26:28], "little")
    dtype = np.dtype(DTYPES.get(code, "V"))
    width = int.from_bytes(head[20:22], "little")
    if dtype.itemsize != width or not decimation or exponent > 12 or not head[11]:
        message = (
            f"{path.name}: {file.name} states no usable rate or type; a block whose index lists the stream "
            "is needed"
        )
        raise CorruptFileError(message)
    return dtype, 25e6 * 2.0 ** (exponent - 12) / decimation


def inside(
    path: Path, data: RecordFile | None, places: np.ndarray[Any, Any], n_bytes: int
) -> np.ndarray[Any, Any]:
    """Return the records (n_channels, n_records) that a .tev holds whole: all, unless it was cut short."""
    if data is None or not places.size or places.min() < 0:
        return places  # refused where they are read
    whole: np.ndarray[Any, Any] = np.all(places + n_bytes <= data.size_bytes, axis=0)
    if whole.all():
        return places
    n_whole = int(np.argmin(whole))
    ends_early(path.name, f"{n_whole} of {len(whole)} records of a store in {data.name}")
    return places[:, :n_whole]


def check_places(
    path: Path, data: RecordFile | None, places: np.ndarray[Any, Any], n_bytes: int
) -> RecordFile:
    """Refuse places outside of the data file; return the file."""
    if data is None or places.min() < 0 or int(places.max()) + n_bytes > data.size_bytes:
        size = 0 if data is None else data.size_bytes
        message = (
            f"{path.name}: the index points beyond the .tev of {size} bytes: it is truncated or "
            "of another block; upload it again"
        )
        raise CorruptFileError(message)
    return data


def gathered(data: RecordFile, places: np.ndarray[Any, Any], n_bytes: int) -> np.ndarray[Any, Any]:
    """Return the ``n_bytes`` at each place as uint8, along a further axis."""
    low, high = int(places.min()), int(places.max()) + n_bytes
    if high - low <= max(4 * places.size * n_bytes, PIECE_BYTES):
        raw = data.read(low, high - low)
        whole = np.lib.stride_tricks.sliding_window_view(raw, n_bytes)
        found: np.ndarray[Any, Any] = whole[places - low]
        return found
    parts = [data.read(int(place), n_bytes) for place in places.ravel()]
    return np.stack(parts).reshape(*places.shape, n_bytes)


def chunks_of(
    path: Path,
    data: RecordFile | None,
    places: np.ndarray[Any, Any],
    dtype: np.dtype[Any],
    per_record: int,
) -> FunctionBlocks:
    """Return the samples at ``places`` (n_channels, n_records) as (n_channels, n_samples)."""
    n_bytes = per_record * dtype.itemsize
    file = check_places(path, data, places, n_bytes)
    n_channels, n_records = places.shape

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = np.empty((last - first, stop - start), dtype)
        if not block.size:
            return block
        begin, end = start // per_record, -(-stop // per_record)
        step = max(1, PIECE_BYTES // (n_bytes * (last - first)))
        for at in range(begin, end, step):
            until = min(at + step, end)
            raw = gathered(file, places[first:last, at:until], n_bytes)
            values = np.ascontiguousarray(raw).view(dtype).reshape(last - first, -1)
            origin = at * per_record
            a, b = max(start, origin), min(stop, until * per_record)
            block[:, a - start : b - start] = values[:, a - origin : b - origin]
        return block

    return FunctionBlocks((n_channels, n_records * per_record), dtype, read)
