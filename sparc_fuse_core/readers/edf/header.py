"""The header of EDF, EDF+, BDF and BDF+ files, checked against the file's size.

Layout: Kemp et al. 1992 (https://www.edfplus.info/specs/edf.html), Kemp and Olivan 2003 (EDF+), BioSemi's
24-bit variant (https://www.biosemi.com/faq/file_format.htm). Fixed-width text fields, then data records of
equal size that hold a stretch of every signal, one signal after the other.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.privacy.texts import beginning, shown
from sparc_fuse_core.readers.shared.salvage import ends_early

if TYPE_CHECKING:
    from sparc_fuse_core.readers.shared.records import RecordFile

_FIXED_BYTES = 256
_FIELDS = (8, 80, 80, 8, 8, 8, 44, 8, 8, 4)
_SIGNAL_FIELDS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_START_DATE = re.compile(r"Startdate (\d{1,2})-([A-Za-z]{3})-(\d{4})\b")


@dataclass(frozen=True, slots=True)
class EdfSignal:
    """One signal of the header; ``first_byte`` is its place in each data record."""

    label: str
    transducer: str
    unit: str
    gain: float
    offset: float
    calibrated: bool
    prefilter: str
    n_in_record: int
    first_byte: int

    @property
    def is_annotations(self) -> bool:
        """Whether its bytes are text, not samples."""
        return self.label in ("EDF Annotations", "BDF Annotations")


@dataclass(frozen=True, slots=True)
class EdfHeader:
    """What a file's header says, and how many records the file really holds.

    Attributes
    ----------
    bytes_per_sample
        2 for EDF, 3 for BDF.
    record_s
        Duration of a data record; exact, 0 in files of annotations only.
    """

    bytes_per_sample: int
    header_bytes: int
    record_bytes: int
    n_records: int
    record_s: Decimal
    discontinuous: bool
    signals: tuple[EdfSignal, ...]
    facts: dict[str, Any]
    start: datetime | None
    evidence: tuple[Evidence, ...]


def read_header(file: RecordFile) -> EdfHeader:
    """Read and check the header of ``file``.

    Raises
    ------
    CorruptFileError
        If it is no EDF header, contradicts itself, or announces more records than there are.
    EmptyFileError
        If the file holds no signal or no record.
    """
    raw = file.read(0, _FIXED_BYTES).tobytes()
    is_bdf = raw[:8] == b"\xffBIOSEMI"
    if not is_bdf and raw[:8].strip(b" \0") != b"0":
        message = f"{file.name}: not an EDF or BDF file: it begins with {beginning(raw[:8])}"
        raise CorruptFileError(message)
    parts = _cut(raw, _FIELDS)
    n_signals = _whole(file.name, "number of signals", parts[9])
    if n_signals <= 0:
        message = f"{file.name}: the header announces {n_signals} signals"
        raise EmptyFileError(message)
    block = file.read(_FIXED_BYTES, _FIXED_BYTES * n_signals).tobytes()
    header_bytes = _whole(file.name, "header size", parts[5])
    if header_bytes < _FIXED_BYTES * (n_signals + 1):
        message = (
            f"{file.name}: the header says it has {header_bytes} bytes, "
            f"but {n_signals} signals need {_FIXED_BYTES * (n_signals + 1)}"
        )
        raise CorruptFileError(message)
    evidence: list[Evidence] = []
    decode = _decoder(raw[8:] + block, evidence)
    width = 3 if is_bdf else 2
    signals = _signals(file.name, block, n_signals, width, decode, evidence)
    record_s = _number(file.name, "duration of a data record", parts[8])
    if record_s != 0 and not Decimal("1e-9") < record_s < Decimal("1e9"):
        message = f"{file.name}: a data record lasts {record_s} s"
        raise CorruptFileError(message)
    record_bytes = sum(signal.n_in_record for signal in signals) * width
    announced = _whole(file.name, "number of data records", parts[7])
    n_records = _count_records(file, header_bytes, record_bytes, announced, evidence)
    patient, recording, reserved = (decode(parts[i]) for i in (1, 2, 6))
    start = _start(decode(parts[3]), decode(parts[4]), recording)
    facts = {
        "format": _format(reserved, is_bdf=is_bdf),
        "patient": patient,
        "sex": _sex(patient, reserved),
        "recording": recording,
        "start_date": decode(parts[3]),
        "start_time_of_day": decode(parts[4]),
        "data_record_duration_s": float(record_s),
    }
    return EdfHeader(
        bytes_per_sample=width,
        header_bytes=header_bytes,
        record_bytes=record_bytes,
        n_records=n_records,
        record_s=record_s,
        discontinuous=reserved.startswith(("EDF+D", "BDF+D")),
        signals=signals,
        facts={key: value for key, value in facts.items() if value != ""},
        start=start,
        evidence=tuple(evidence),
    )


def _cut(raw: bytes, widths: tuple[int, ...]) -> list[bytes]:
    parts, at = [], 0
    for width in widths:
        parts.append(raw[at : at + width])
        at += width
    return parts


def _decoder(raw: bytes, evidence: list[Evidence]) -> Any:
    """Choose one encoding for all text: the standard is ASCII, files are not."""
    encoding = "ascii"
    if not raw.isascii():
        encoding = "latin-1"
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            encoding = "utf-8"
        sentence = f"the header holds text that is not ASCII; it is read as {encoding}"
        evidence.append(Evidence("names", "inferred", sentence))
    return lambda part: part.decode(encoding).replace("\0", " ").strip()


def _signals(
    name: str, block: bytes, n_signals: int, width: int, decode: Any, evidence: list[Evidence]
) -> tuple[EdfSignal, ...]:
    """Take the signal headers apart: each field is stored for all signals before the next field."""
    columns, at = [], 0
    for size in _SIGNAL_FIELDS:
        columns.append([block[at + i * size : at + (i + 1) * size] for i in range(n_signals)])
        at += size * n_signals
    signals, first_byte = [], 0
    for row in zip(*columns, strict=True):
        label = decode(row[0])
        n_in_record = _whole(name, f"samples in a record of {label!r}", row[8])
        if n_in_record <= 0:
            message = f"{name}: signal {label!r} has {n_in_record} samples in a data record"
            raise CorruptFileError(message)
        gain, offset, calibrated = 1.0, 0.0, True
        if label not in ("EDF Annotations", "BDF Annotations"):
            gain, offset, calibrated = _calibration(name, label, row[3:7])
        if not calibrated:
            sentence = (
                f"signal {label!r} states no usable calibration (digital or physical minimum and "
                "maximum are equal); its stored integers are kept without a unit"
            )
            evidence.append(Evidence("calibration", "missing", sentence))
        signals.append(
            EdfSignal(
                label=label,
                transducer=decode(row[1]),
                unit=decode(row[2]) if calibrated else "",
                gain=gain,
                offset=offset,
                calibrated=calibrated,
                prefilter=decode(row[7]),
                n_in_record=n_in_record,
                first_byte=first_byte,
            )
        )
        first_byte += n_in_record * width
    return tuple(signals)


def _calibration(name: str, label: str, fields: tuple[bytes, ...]) -> tuple[float, float, bool]:
    """Return gain, offset and whether the four limits define them."""
    what = f"limits of {label!r}"
    low, high, digital_low, digital_high = (float(_number(name, what, part)) for part in fields)
    if digital_high == digital_low or high == low:
        return 1.0, 0.0, False
    gain = (high - low) / (digital_high - digital_low)
    offset = low - gain * digital_low
    if not (math.isfinite(gain) and math.isfinite(offset) and gain):
        return 1.0, 0.0, False
    return gain, offset, True


def _count_records(
    file: RecordFile,
    header_bytes: int,
    record_bytes: int,
    announced: int,
    evidence: list[Evidence],
) -> int:
    """Return how many whole records there are; the header's count is often wrong."""
    found, rest = divmod(max(0, file.size_bytes - header_bytes), record_bytes)
    if announced > found:
        ends_early(file.name, f"{found} of {announced} data records")
    if not found:
        message = f"{file.name}: the header is not followed by any data record"
        raise EmptyFileError(message)
    if announced < found:
        sentence = (
            f"the header announces {announced} data records, the file holds {found}; all are kept"
        )
        evidence.append(Evidence("content", "inferred", sentence))
    if rest:
        sentence = f"{rest} bytes after the last whole data record are no samples and are left out"
        evidence.append(Evidence("content", "missing", sentence))
    return found


def _start(date: str, time: str, recording: str) -> datetime | None:
    """Return the start; EDF+ repeats the date with a four-digit year in the recording field."""
    clock = re.fullmatch(r"(\d{1,2})[.:](\d{1,2})[.:](\d{1,2})", time)
    day = re.fullmatch(r"(\d{1,2})[./-](\d{1,2})[./-](\d{2})", date)
    if clock is None:
        return None
    full = _START_DATE.search(recording)
    if full is not None and full[2].upper() in _MONTHS:
        numbers = (int(full[3]), _MONTHS.index(full[2].upper()) + 1, int(full[1]))
    elif day is not None:
        # the standard's rule for two digits: 85 to 99 are 1985 to 1999, the rest 2000 to 2084
        year = int(day[3])
        numbers = (year + (1900 if year >= 85 else 2000), int(day[2]), int(day[1]))
    else:
        return None
    try:
        return datetime(*numbers, *(int(part) for part in clock.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None


def _format(reserved: str, *, is_bdf: bool) -> str:
    """Return what the reserved field says of the format; some write remarks of their own into it."""
    known = reserved.startswith(("EDF+C", "EDF+D", "BDF+C", "BDF+D"))
    if known or reserved == "24BIT":
        return reserved[:5]
    return "BDF" if is_bdf else "EDF"


def _sex(patient: str, reserved: str) -> str:
    """Return what EDF+ states of the sex in the second part of the patient field, ``"F"`` or ``"M"``."""
    parts = patient.split(" ")
    is_plus = reserved.startswith(("EDF+", "BDF+"))
    return parts[1] if is_plus and len(parts) > 1 and parts[1] in ("F", "M") else ""


def _number(name: str, what: str, field: bytes) -> Decimal:
    text = field.decode("latin-1").replace("\0", " ").strip()
    if "." not in text and text.count(",") == 1:
        text = text.replace(",", ".")
    try:
        value = Decimal(text)
    except InvalidOperation:
        message = f"{name}: damaged header: {what} is {shown(text)}"
        raise CorruptFileError(message) from None
    if not value.is_finite():
        message = f"{name}: damaged header: {what} is {shown(text)}"
        raise CorruptFileError(message)
    return value


def _whole(name: str, what: str, field: bytes) -> int:
    value = _number(name, what, field)
    if abs(value) > 10**12 or value != value.to_integral_value():
        message = f"{name}: damaged header: {what} is {value}"
        raise CorruptFileError(message)
    return int(value)
