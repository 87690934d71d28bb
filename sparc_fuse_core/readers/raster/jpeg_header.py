"""The frame header of a JPEG: process, bits, size, components; for the processes that Pillow does not open.

Source: ITU-T T.81, table B.1 (markers), B.2.2 (frame header); T.87 (JPEG-LS).
"""

from __future__ import annotations

from dataclasses import dataclass

#: Start-of-frame markers; the rest of C0 to CF are tables and restart definitions.
_PROCESSES = {
    0xC0: "baseline",
    0xC1: "extended",
    0xC2: "progressive",
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical progressive",
    0xC7: "hierarchical lossless",
    0xC9: "arithmetic-coded",
    0xCA: "arithmetic-coded progressive",
    0xCB: "arithmetic-coded lossless",
    0xCD: "arithmetic-coded hierarchical",
    0xCE: "arithmetic-coded hierarchical progressive",
    0xCF: "arithmetic-coded hierarchical lossless",
    0xF7: "JPEG-LS",
}
_SCAN, _END = 0xDA, 0xD9


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What the frame header states."""

    process: str
    bits: int
    height: int
    width: int
    n_components: int


def jpeg_header(data: bytes) -> JpegHeader | None:
    """Return the first frame header in the first bytes of a JPEG; None where there is none."""
    at = 2
    while data[:2] == b"\xff\xd8" and at + 10 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in (_SCAN, _END):
            return None
        n_bytes = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _PROCESSES:
            return JpegHeader(
                _PROCESSES[marker],
                data[at + 4],
                int.from_bytes(data[at + 5 : at + 7], "big"),
                int.from_bytes(data[at + 7 : at + 9], "big"),
                data[at + 9],
            )
        at += 2 + max(n_bytes, 2)
    return None
