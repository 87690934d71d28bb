"""FreeSurfer volumes (.mgh, .mgz): values as stored, voxels in millimetre, frames along t.

The format counts frames and states a repetition time in ms; where that is 0 there is no step.

Source: FreeSurfer's "MghFormat" page; nibabel reads the header.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any

from nibabel.freesurfer.mghformat import MGHError, MGHHeader
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from sparc_fuse_core.blocks import MappedFile
from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    FormatMismatchError,
    TruncatedFileError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.unpacked import map_unpacked, reordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_DATA_AT = 284
_FOOTER = struct.Struct(">f")


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a FreeSurfer volume; see `sparc_fuse_core.readers.Reader`."""
    del options
    with path.open("rb") as file, ExitStack() as stack:
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        header = _header(path, _bytes(path, file, _DATA_AT, is_packed=is_packed))
        shape = tuple(int(n) for n in header["dims"])
        # on disk x runs fastest: reversed, it is a C-ordered array
        stored_shape = shape[::-1]
        dtype = header.get_data_dtype()
        n_bytes = math.prod(shape) * dtype.itemsize
        if is_packed:
            stored = map_unpacked(
                file,
                "gzip",
                dtype,
                stored_shape,
                skip_bytes=_DATA_AT,
                name=path.name,
                stack=stack,
            )
        else:
            if path.stat().st_size < _DATA_AT + n_bytes:
                message = (
                    f"{path.name}: {path.stat().st_size} of {_DATA_AT + n_bytes} bytes that it "
                    "announces; upload it again"
                )
                raise TruncatedFileError(message)
            stored = MappedFile(path, dtype, stored_shape, _DATA_AT)
            stack.callback(stored.close)
        time = b""
        if shape[3] > 1:
            # the repetition time stands behind the voxels, where a file has it
            whole = _bytes(path, file, _FOOTER.size, skip=_DATA_AT + n_bytes, is_packed=is_packed)
            time = whole
        yield _contents(header, shape, stored, time)


def _bytes(path: Path, file: IO[bytes], n: int, *, skip: int = 0, is_packed: bool) -> bytes:
    file.seek(0)
    try:
        if not is_packed:
            file.seek(skip)
            return file.read(n)
        with gzip.GzipFile(fileobj=file) as unpacked:
            unpacked.seek(skip)
            return unpacked.read(n)
    except (EOFError, zlib.error, gzip.BadGzipFile) as err:
        message = f"{path.name}: the gzip stream is damaged ({err}); upload it again"
        raise CorruptFileError(message) from err
    finally:
        file.seek(0)


def _header(path: Path, head: bytes) -> MGHHeader:
    if len(head) < _DATA_AT or head[:4] != b"\0\0\0\1":
        message = f"{path.name}: no header of a FreeSurfer volume; rename it to what it is"
        raise FormatMismatchError(message)
    shape = struct.unpack_from(">4i", head, 4)
    if min(shape) <= 0:
        message = f"{path.name}: dimensions {shape}: no voxel in it"
        raise EmptyFileError(message)
    try:
        header = MGHHeader.from_fileobj(io.BytesIO(head), check=True)
        header.get_data_dtype()
    except (MGHError, HeaderDataError, WrapStructError, ValueError, KeyError) as err:
        message = f"{path.name}: not a readable FreeSurfer volume ({err}); upload it again"
        raise CorruptFileError(message) from err
    return header


def _contents(
    header: MGHHeader, shape: tuple[int, ...], stored: MappedFile, time: bytes
) -> Contents:
    lengths = dict(zip("xyzt", shape, strict=True))
    kept = "".join(a for a in "tzyx" if a in "yx" or lengths[a] > 1)
    steps = dict(zip("xyz", (float(v) for v in header["delta"]), strict=True))
    scale = {a: s for a, s in steps.items() if a in kept and math.isfinite(s) and s > 0}
    units = dict.fromkeys(scale, "millimeter")
    evidence = []
    if "t" in kept:
        (step,) = _FOOTER.unpack(time) if len(time) == _FOOTER.size else (0.0,)
        if math.isfinite(step) and step > 0:
            scale["t"], units["t"] = step, "millisecond"
        sentence = "the format calls its fourth dimension frames, which may be times or maps"
        evidence.append(Evidence("axes", "inferred", sentence))
    facts: dict[str, Any] = {}
    if int(header["goodRASFlag"]) == 1:
        matrix = header.get_affine()
        facts["affine"] = [[float(v) if math.isfinite(v) else None for v in row] for row in matrix]
    image = Image("", reordered(stored, "tzyx", kept), kept, scale, units, metadata=facts)
    return Contents(images=(image,), evidence=tuple(evidence))
