"""The chain of a TIFF file's directories, walked once before tifffile follows it.

Each directory ends with the offset of the next (TIFF 6.0, section 2). In a damaged file the chain can lead
back to itself; tifffile looks for that at its hundredth page only and then goes round for ever.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError

if TYPE_CHECKING:
    import tifffile

#: tifffile takes no directory of more tags for one.
_MOST_TAGS = 4096


def check_chain(name: str, document: tifffile.TiffFile) -> None:
    """Refuse a file whose pages go in a circle.

    Raises
    ------
    CorruptFileError
        If a directory follows itself, directly or by others.
    """
    layout, file = document.tiff, document.filehandle
    if layout.is_ndpi:
        # its offsets are of another size than its header says
        return
    seen: set[int] = set()
    at = 8 if layout.is_bigtiff else 4
    while True:
        file.seek(at)
        data = file.read(layout.offsetsize)
        if len(data) < layout.offsetsize:
            return
        (offset,) = struct.unpack(layout.offsetformat, data)
        if offset in seen:
            message = f"{name}: damaged TIFF: its pages go in a circle; upload the original again"
            raise CorruptFileError(message)
        seen.add(offset)
        file.seek(offset)
        data = file.read(layout.tagnosize) if 0 < offset < file.size else b""
        if len(data) < layout.tagnosize:
            return
        (n_tags,) = struct.unpack(layout.tagnoformat, data)
        if not 0 < n_tags <= _MOST_TAGS:
            return
        at = offset + layout.tagnosize + n_tags * layout.tagsize
