"""Values of a NRRD or MetaImage: attached or in files beside the header, raw, packed, as text or digits.

Layout: "Definition of NRRD file format" (data file, encoding, line skip, byte skip), whose names of fields are
used here.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, MappedFile
from sparc_fuse_core.errors import (
    CorruptFileError,
    MissingCompanionError,
    SizeLimitError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.unpacked import OPENERS, check_unpacked, map_unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BLOCK_BYTES = 1_000_000
_MAX_LINE = 1_000_000
#: Text and digits are parsed in memory.
_MAX_TEXT_BYTES = 100_000_000
#: A packed stream may hold this much before the values that ``byte skip: -1`` counts from its end.
_MAX_BEFORE_BYTES = 100_000_000
_NIFTI_HEADER = 352


@dataclass(frozen=True, slots=True)
class Data:
    """What a header says of its values; ``shape`` is in C order, ``offset_bytes`` of attached data."""

    path: Path
    names: tuple[str, ...]
    header: Mapping[str, Any]
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset_bytes: int

    @property
    def n_bytes(self) -> int:
        """Bytes of all values."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def skip_lines(self) -> int:
        """Lines before the values, in the packed file."""
        return int(self.header.get("line skip", self.header.get("lineskip", 0)))

    @property
    def skip_bytes(self) -> int:
        """Bytes before the values, in the unpacked file; negative: the values are at its end."""
        return int(self.header.get("byte skip", self.header.get("byteskip", 0)))


def stored_values(
    data: Data, encodings: Mapping[str, str], stack: ExitStack, evidence: list[Evidence]
) -> Any:
    """Return the values as blocks of ``data.shape``; what was concluded is added to ``evidence``.

    Raises
    ------
    MissingCompanionError
        If a data file is absent; its ``absent`` names it.
    UnsupportedFeatureError
        If the encoding is not read, or pieces are not of one size.
    CorruptFileError
        If there are fewer values than the header announces.
    """
    encoding = encodings.get(str(data.header.get("encoding", "")).lower())
    if encoding is None:
        message = f"{data.path.name}: encoding {data.header.get('encoding')!r} is not read"
        raise UnsupportedFeatureError(message)
    sources = _sources(data)
    if len(sources) == 1:
        return _values(data, sources[0], data.shape, encoding, stack, evidence)
    per_file, rest = divmod(data.shape[0], len(sources))
    if rest or not per_file:
        n_values, rest = divmod(math.prod(data.shape), len(sources))
        if rest:
            message = f"{data.path.name}: {len(sources)} data files do not share the values evenly"
            raise UnsupportedFeatureError(message)
        # pieces of fewer dimensions than one step along the slowest axis
        shape: tuple[int, ...] = (n_values,)
        parts = [_values(data, source, shape, encoding, stack, evidence) for source in sources]
        return np.concatenate([part[:] for part in parts]).reshape(data.shape)
    shape = (per_file, *data.shape[1:])
    joined = _Joined(data, sources, shape, encoding, evidence)
    stack.callback(joined.close)
    return FunctionBlocks(data.shape, data.dtype, joined.read)


class _Joined:
    """Data files one after the other along the first axis; one is open at a time."""

    def __init__(
        self,
        data: Data,
        sources: list[Path],
        shape: tuple[int, ...],
        encoding: str,
        evidence: list[Evidence],
    ) -> None:
        self._data, self._sources, self._shape, self._encoding = data, sources, shape, encoding
        self._opened: tuple[int, ExitStack, Any] | None = None
        if encoding == "raw":
            for source in sources:
                _raw_start(data, source, shape, evidence)

    def close(self) -> None:
        """Close the file that is open."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None

    def read(self, bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        """Read one block."""
        (start, stop), *others = bounds
        block = np.empty([stop - start, *(b - a for a, b in others)], self._data.dtype)
        rest = tuple(slice(*pair) for pair in others)
        at, per_file = start, self._shape[0]
        while at < stop:
            number, inside = divmod(at, per_file)
            until = min(stop, (number + 1) * per_file)
            key = (slice(inside, inside + until - at), *rest)
            block[at - start : until - start] = self._values(number)[key]
            at = until
        return block

    def _values(self, number: int) -> Any:
        if self._opened is None or self._opened[0] != number:
            self.close()
            with ExitStack() as stack:
                source = self._sources[number]
                found = _values(self._data, source, self._shape, self._encoding, stack, [])
                self._opened = (number, stack.pop_all(), found)
        return self._opened[2]


def _sources(data: Data) -> list[Path]:
    stated = str(data.header.get("data file") or data.header.get("datafile") or "")
    if not stated:
        return [data.path]
    if not data.names:
        message = (
            f"{data.path.name}: its data file is stated as {PurePosixPath(stated).name!r} in another "
            "folder; only files in the same folder are read"
        )
        raise MissingCompanionError(message)
    absent = [name for name in data.names if not data.path.with_name(name).is_file()]
    if absent:
        shown = ", ".join(repr(name) for name in absent[:5])
        message = f"{data.path.name}: its data file {shown} is absent; put it beside the header"
        raise MissingCompanionError(message, absent)
    return [data.path.with_name(name) for name in data.names]


def _values(
    data: Data,
    source: Path,
    shape: tuple[int, ...],
    encoding: str,
    stack: ExitStack,
    evidence: list[Evidence],
) -> Any:
    if encoding == "raw":
        mapped = MappedFile(source, data.dtype, shape, _raw_start(data, source, shape, evidence))
        stack.callback(mapped.close)
        return mapped
    with source.open("rb") as file:
        _to_values(data, source, file)
        if encoding in ("text", "hex"):
            content = file.read(_MAX_TEXT_BYTES + 1)
            if len(content) > _MAX_TEXT_BYTES:
                message = f"{data.path.name}: more than {_MAX_TEXT_BYTES / 1e6:.0f} MB of text"
                raise SizeLimitError(message)
            return (_text if encoding == "text" else _hex)(data, content, shape)
        size = math.prod(shape) * data.dtype.itemsize
        check_unpacked(data.path.name, source.stat().st_size, size)
        skip = data.skip_bytes
        if skip < 0:
            skip = _from_end(data, file, encoding, shape)
        elif not skip and source != data.path:
            skip = _behind_nifti(data, file, encoding, shape, evidence)
        return map_unpacked(
            file,
            encoding,
            data.dtype,
            shape,
            skip_bytes=skip,
            name=data.path.name,
            stack=stack,
        )


def _to_values(data: Data, source: Path, file: IO[bytes]) -> None:
    """Go to where the encoded values begin."""
    file.seek(data.offset_bytes if source == data.path else 0)
    for _ in range(data.skip_lines):
        if not file.readline(_MAX_LINE):
            message = f"{data.path.name}: truncated: {source.name} has fewer lines than are skipped"
            raise CorruptFileError(message)


def _raw_start(data: Data, source: Path, shape: tuple[int, ...], evidence: list[Evidence]) -> int:
    """Return where raw values begin in their file."""
    size = math.prod(shape) * data.dtype.itemsize
    n_bytes = source.stat().st_size
    with source.open("rb") as file:
        _to_values(data, source, file)
        begin = file.tell()
        # -1: the values are the end of the file, whatever lies before; -1 - n: n bytes follow them
        start = (
            begin + data.skip_bytes
            if data.skip_bytes >= 0
            else n_bytes - size + data.skip_bytes + 1
        )
        if not data.skip_bytes and source != data.path:
            start += _nifti_offset(file.read(_NIFTI_HEADER), n_bytes - begin - size, evidence)
    if start < 0 and n_bytes == size:
        sentence = (
            f"byte skip {data.skip_bytes} contradicts {source.name}, which is the values alone"
        )
        evidence.append(Evidence("content", "inferred", sentence))
        start = 0
    if start < 0 or n_bytes < start + size:
        message = (
            f"{data.path.name}: truncated: {source.name} lacks the end of {size} bytes of data"
        )
        raise CorruptFileError(message)
    return start


def _nifti_offset(head: bytes, n_more: int, evidence: list[Evidence]) -> int:
    """Return the header's length where a data file is a NIfTI of just the announced values, else 0."""
    if head[344:348] != b"n+1\0":
        return 0
    order = "<" if head[:4] == struct.pack("<i", 348) else ">"
    (offset,) = struct.unpack_from(f"{order}f", head, 108)
    if not math.isfinite(offset) or int(offset) != n_more:
        return 0
    sentence = f"the data file is a NIfTI file: values begin behind its header of {n_more} bytes"
    evidence.append(Evidence("content", "inferred", sentence))
    return n_more


def _behind_nifti(
    data: Data, file: IO[bytes], encoding: str, shape: tuple[int, ...], evidence: list[Evidence]
) -> int:
    begin = file.tell()
    try:
        with OPENERS[encoding](file) as unpacked:
            head = unpacked.read(_NIFTI_HEADER)
    except (OSError, EOFError, zlib.error):
        head = b""
    file.seek(begin)
    if head[344:348] != b"n+1\0":
        return 0
    before = _from_end(data, file, encoding, shape)
    return _nifti_offset(head, before, evidence)


def _from_end(data: Data, file: IO[bytes], encoding: str, shape: tuple[int, ...]) -> int:
    """Return how many unpacked bytes lie before the values that a stream ends with."""
    size = math.prod(shape) * data.dtype.itemsize
    begin, total = file.tell(), 0
    try:
        with OPENERS[encoding](file) as unpacked:
            while block := unpacked.read(_BLOCK_BYTES):
                total += len(block)
                if total > size + _MAX_BEFORE_BYTES:
                    message = f"{data.path.name}: unpacks to far more than the values it announces"
                    raise SizeLimitError(message)
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as err:
        message = f"{data.path.name}: the {encoding} stream is damaged ({err}); upload it again"
        raise CorruptFileError(message) from err
    file.seek(begin)
    before = total - size + data.skip_bytes + 1 if data.skip_bytes < 0 else total - size
    if before < 0:
        message = f"{data.path.name}: truncated: {-before} bytes of the stated array are missing"
        raise CorruptFileError(message)
    return before


def _text(data: Data, content: bytes, shape: tuple[int, ...]) -> Any:
    try:
        return np.array(content.split(), dtype=data.dtype).reshape(shape)
    except (ValueError, OverflowError) as err:
        n_values = math.prod(shape)
        message = f"{data.path.name}: its text is not {n_values} values of {data.dtype} ({err})"
        raise CorruptFileError(message) from err


def _hex(data: Data, content: bytes, shape: tuple[int, ...]) -> Any:
    """Return the values of pairs of hexadecimal digits, blanks between them ignored."""
    size = math.prod(shape) * data.dtype.itemsize
    digits = b"".join(content.split())[: 2 * size]
    try:
        return np.frombuffer(bytes.fromhex(digits.decode("ascii")), data.dtype).reshape(shape)
    except (ValueError, UnicodeDecodeError) as err:
        message = (
            f"{data.path.name}: not {size} bytes in hexadecimal digits ({err}); upload it again"
        )
        raise CorruptFileError(message) from err
