"""Headers of Intan .rhd and .rhs files, as Intan's notes on its data file formats describe them.

Sources: "RHD2000 Application Note: Data File Formats" and "RHS2000 Application Note: Data File
Formats" (Intan Technologies).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import CorruptFileError

if TYPE_CHECKING:
    from typing import BinaryIO

RHD_MAGIC, RHS_MAGIC = 0xC6912702, 0xD69127AC

#: signal type in the header → kind of stream
_RHD_KINDS = {
    0: "amplifier",
    1: "auxiliary",
    2: "supply",
    3: "adc",
    4: "digital_in",
    5: "digital_out",
}
_RHS_KINDS = {0: "amplifier", 3: "adc", 4: "dac", 5: "digital_in", 6: "digital_out"}

_RHD_FIELDS = (
    ("sampling_rate_hz", "f"),
    ("dsp_enabled", "h"),
    ("actual_dsp_cutoff_hz", "f"),
    ("actual_lower_bandwidth_hz", "f"),
    ("actual_upper_bandwidth_hz", "f"),
    ("desired_dsp_cutoff_hz", "f"),
    ("desired_lower_bandwidth_hz", "f"),
    ("desired_upper_bandwidth_hz", "f"),
    ("notch_filter_mode", "h"),
    ("desired_impedance_test_hz", "f"),
    ("actual_impedance_test_hz", "f"),
)
_RHS_FIELDS = (
    ("sampling_rate_hz", "f"),
    ("dsp_enabled", "h"),
    ("actual_dsp_cutoff_hz", "f"),
    ("actual_lower_bandwidth_hz", "f"),
    ("actual_lower_settle_bandwidth_hz", "f"),
    ("actual_upper_bandwidth_hz", "f"),
    ("desired_dsp_cutoff_hz", "f"),
    ("desired_lower_bandwidth_hz", "f"),
    ("desired_lower_settle_bandwidth_hz", "f"),
    ("desired_upper_bandwidth_hz", "f"),
    ("notch_filter_mode", "h"),
    ("desired_impedance_test_hz", "f"),
    ("actual_impedance_test_hz", "f"),
    ("amp_settle_mode", "h"),
    ("charge_recovery_mode", "h"),
    ("stim_step_size_a", "f"),
    ("recovery_current_limit_a", "f"),
    ("recovery_target_voltage_v", "f"),
)


@dataclass(frozen=True, slots=True)
class Channel:
    """One enabled channel of the header.

    Attributes
    ----------
    native_name, custom_name
        ``"A-000"`` and what the user called it.
    native_order
        For digital channels: the bit in the word.
    impedance_ohm, impedance_degrees
        As measured; None where the header holds no finite number.
    """

    kind: str
    native_name: str
    custom_name: str
    native_order: int
    group: str
    impedance_ohm: float | None
    impedance_degrees: float | None


@dataclass(frozen=True, slots=True)
class Header:
    """What the header says.

    Attributes
    ----------
    stimulator
        True for .rhs.
    version
        (major, minor).
    size_bytes
        Where the samples begin.
    """

    stimulator: bool
    version: tuple[int, int]
    rate_hz: float
    facts: dict[str, Any]
    channels: tuple[Channel, ...]
    n_temperatures: int
    board_mode: int
    dc_saved: bool
    size_bytes: int

    def of_kind(self, kind: str) -> tuple[Channel, ...]:
        """Return the channels of one kind, in the file's order."""
        return tuple(channel for channel in self.channels if channel.kind == kind)

    @property
    def samples_per_block(self) -> int:
        """Amplifier samples in one data block."""
        return 128 if self.stimulator or self.version[0] >= 2 else 60


class _Cursor:
    """Reads little-endian numbers and Qt strings one after the other."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name

    def bytes(self, n: int) -> bytes:
        data = self._file.read(n)
        if len(data) != n:
            message = f"{self._name}: the header is cut off after {self._file.tell()} bytes"
            raise CorruptFileError(message)
        return data

    def number(self, code: str) -> Any:
        return struct.unpack(f"<{code}", self.bytes(struct.calcsize(f"<{code}")))[0]

    def text(self) -> str:
        length = self.number("I")
        if length == 0xFFFFFFFF:  # Qt's null string
            return ""
        if length % 2 or length > 1 << 20:
            message = f"{self._name}: a text of {length} bytes in the header is not plausible"
            raise CorruptFileError(message)
        return self.bytes(length).decode("utf-16-le", errors="replace")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def read_header(file: BinaryIO, name: str) -> Header:
    """Read the header at the beginning of ``file``.

    Raises
    ------
    CorruptFileError
        If it is cut off or not plausible.
    """
    cursor = _Cursor(file, name)
    magic = cursor.number("I")
    if magic not in (RHD_MAGIC, RHS_MAGIC):
        message = f"{name}: no Intan header: it begins with {magic:#010x}"
        raise CorruptFileError(message)
    stimulator = magic == RHS_MAGIC
    version = (cursor.number("h"), cursor.number("h"))
    facts: dict[str, Any] = {"version": f"{version[0]}.{version[1]}"}
    for key, code in _RHS_FIELDS if stimulator else _RHD_FIELDS:
        value = cursor.number(code)
        facts[key] = _finite(value) if code == "f" else value
    facts["notes"] = [text for text in (cursor.text() for _ in range(3)) if text]
    n_temperatures, dc_saved, board_mode = 0, False, 0
    if stimulator:
        dc_saved = bool(cursor.number("h"))
        board_mode = cursor.number("h")
        facts["reference_channel"] = cursor.text()
    else:
        if version >= (1, 1):
            n_temperatures = cursor.number("h")
        if version >= (1, 3):
            board_mode = cursor.number("h")
        if version >= (2, 0):
            facts["reference_channel"] = cursor.text()
    facts["board_mode"] = board_mode
    channels = tuple(_channels(cursor, name, stimulator=stimulator))
    rate_hz = facts["sampling_rate_hz"]
    if not rate_hz or rate_hz < 0 or not 0 <= n_temperatures <= 64:
        message = (
            f"{name}: the header is damaged: sampling rate {rate_hz} Hz, "
            f"{n_temperatures} temperature sensors"
        )
        raise CorruptFileError(message)
    return Header(
        stimulator=stimulator,
        version=version,
        rate_hz=rate_hz,
        facts=facts,
        channels=channels,
        n_temperatures=n_temperatures,
        board_mode=board_mode,
        dc_saved=dc_saved,
        size_bytes=file.tell(),
    )


def _channels(cursor: _Cursor, name: str, *, stimulator: bool) -> list[Channel]:
    kinds = _RHS_KINDS if stimulator else _RHD_KINDS
    found = []
    for _ in range(cursor.number("h")):
        group = cursor.text()
        cursor.text()  # prefix: repeated in the native names
        enabled, n_channels, _ = (cursor.number("h") for _ in range(3))
        if not enabled:
            continue
        for _ in range(n_channels):
            native, custom = cursor.text(), cursor.text()
            order, _, kind, in_use = (cursor.number("h") for _ in range(4))
            cursor.bytes(14 if stimulator else 12)  # chip, board and spike scope settings
            ohm, degrees = cursor.number("f"), cursor.number("f")
            if kind not in kinds:
                message = f"{name}: channel {native!r} has the unknown signal type {kind}"
                raise CorruptFileError(message)
            if in_use:
                found.append(
                    Channel(
                        kinds[kind], native, custom, order, group, _finite(ohm), _finite(degrees)
                    )
                )
    return found
