"""Whether an H.264 stream states that it has no colour: FFmpeg decodes it to colours that are all the same.

Source: ITU-T H.264, 7.3.2.1.1 (sequence parameter set) and annex B; ISO/IEC 14496-15, 5.3.3.1 (avcC).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Profiles whose parameter sets state the chroma format; all others have 4:2:0.
_STATES_CHROMA = {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244}
_PARAMETER_SET = 7
#: Of a parameter set; the chroma format stands in its first bytes.
_HEAD_BYTES = 64


def is_monochrome(setup: bytes) -> bool:
    """Whether every parameter set in a stream's set-up data (avcC or annex B) states chroma format 0."""
    try:
        formats = [_chroma_format(unit) for unit in _parameter_sets(setup)]
    except (IndexError, ValueError):
        return False
    return bool(formats) and not any(formats)


def _parameter_sets(setup: bytes) -> Iterator[bytes]:
    if setup[:1] == b"\x01":
        at = 6
        for _ in range(setup[5] & 31):
            size = int.from_bytes(setup[at : at + 2], "big")
            yield setup[at + 2 : at + 2 + size]
            at += 2 + size
        return
    for unit in setup.split(b"\0\0\1")[1:]:
        if unit and unit[0] & 31 == _PARAMETER_SET:
            yield unit


def _chroma_format(unit: bytes) -> int:
    """Return 0 (none) to 3 of a parameter set, its header byte included."""
    profile = unit[1]
    if profile not in _STATES_CHROMA:
        return 1
    head = unit[4:_HEAD_BYTES].replace(b"\0\0\3", b"\0\0")
    bits = "".join(f"{byte:08b}" for byte in head)
    _, at = _number(bits, 0)  # of the set
    found, _ = _number(bits, at)
    return found


def _number(bits: str, at: int) -> tuple[int, int]:
    """Return an Exp-Golomb number and where the next begins."""
    n_zeros = bits.index("1", at) - at
    end = at + 2 * n_zeros + 1
    return int(bits[at + n_zeros : end], 2) - 1, end
