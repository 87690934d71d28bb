"""EDF and BDF files, written by pyedflib or byte by byte from the public description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyedflib

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(11)
_TEXT = 48  # bytes of annotations in a record, a multiple of both sample widths


def _scaled(digital: np.ndarray, limits: tuple[float, float, int, int]) -> np.ndarray:
    low, high, digital_low, digital_high = limits
    return (digital.astype(float) - digital_low) * (
        (high - low) / (digital_high - digital_low)
    ) + low


def _field(text: object, width: int, encoding: str = "ascii") -> bytes:
    return str(text).encode(encoding).ljust(width)[:width]


def _bytes_of(
    signals: list[tuple[str, str, tuple[float, float, int, int], np.ndarray]],
    annotations: list[bytes] | None = None,
    reserved: str = "",
    n_records: int | None = None,
    record_s: str = "1",
    encoding: str = "ascii",
    width: int = 2,
) -> bytes:
    """Lay a file out; each signal is (label, unit, limits, digital of shape (n_records, n))."""
    count = len(annotations) if annotations is not None else len(signals[0][3])
    rows = [(label, unit, limits, digital.shape[1]) for label, unit, limits, digital in signals]
    if annotations is not None:
        label = "BDF Annotations" if width == 3 else "EDF Annotations"
        rows.append((label, "", (-1, 1, -32768, 32767), _TEXT // width))
    head = b"\xffBIOSEMI" if width == 3 else _field("0", 8)
    head += _field("X X X X", 80) + _field("Startdate 02-MAR-2021 X X X", 80)
    head += _field("02.03.21", 8) + _field("04.05.06", 8) + _field(256 * (len(rows) + 1), 8)
    head += _field(reserved, 44) + _field(count if n_records is None else n_records, 8)
    head += _field(record_s, 8) + _field(len(rows), 4)
    columns = [
        [_field(row[0], 16, encoding) for row in rows],
        [_field("AgAgCl", 80) for _ in rows],
        [_field(row[1], 8, encoding) for row in rows],
        *([_field(row[2][i], 8) for row in rows] for i in range(4)),
        [_field("HP:0.1Hz", 80) for _ in rows],
        [_field(row[3], 8) for row in rows],
        [_field("", 32) for _ in rows],
    ]
    data = b""
    for record in range(count):
        for _, _, _, digital in signals:
            data += b"".join(int(v).to_bytes(width, "little", signed=True) for v in digital[record])
        if annotations is not None:
            data += annotations[record].ljust(_TEXT, b"\0")
    return head + b"".join(b"".join(column) for column in columns) + data


def _int16(n_records: int, n: int) -> np.ndarray:
    return _RNG.integers(-32768, 32767, (n_records, n), endpoint=True)


_LIMITS = (-500.0, 500.0, -32768, 32767)


def _multirate(folder: Path, *, bdf: bool) -> Truth:
    """Three rates, one label twice, annotations with and without duration; by pyedflib."""
    path = folder / ("multi.bdf" if bdf else "multi.edf")
    kind = pyedflib.FILETYPE_BDFPLUS if bdf else pyedflib.FILETYPE_EDFPLUS
    top = 2**23 if bdf else 2**15
    limits = [
        (-3000.0, 3000.0, -top, top - 1),
        (34.0, 40.0, -2849, 2731),
        (8711.0, -8711.0, -top, top - 1),
    ]
    labels, units, rates = ["EEG", "Temp", "EEG"], ["uV", "DegC", "mV"], [200, 1, 200]
    digital = [
        _RNG.integers(low, high, rate * 7, endpoint=True).astype(np.int32)
        for (_, _, low, high), rate in zip(limits, rates, strict=True)
    ]
    digital[0][:2] = (-top, top - 1)
    with pyedflib.EdfWriter(str(path), 3, kind) as file:
        for i in range(3):
            file.setSignalHeader(
                i,
                {
                    "label": labels[i],
                    "dimension": units[i],
                    "sample_frequency": rates[i],
                    "physical_min": limits[i][0],
                    "physical_max": limits[i][1],
                    "digital_min": limits[i][2],
                    "digital_max": limits[i][3],
                    "transducer": "",
                    "prefilter": "",
                },
            )
        file.writeSamples(digital, digital=True)
        file.writeAnnotation(1.5, -1, "spike")
        file.writeAnnotation(3.25, 0.5, "Stäge W")
    dtype = "int32" if bdf else "int16"
    physical = [_scaled(d, lim) for d, lim in zip(digital, limits, strict=True)]
    fast = StreamTruth(
        np.array([physical[0], physical[2]]), 200.0, ("EEG", "EEG"), ("uV", "mV"), dtype, 1e-9
    )
    slow = StreamTruth(physical[1][None], 1.0, ("Temp",), ("DegC",), dtype, 1e-9)
    return Truth(path, (fast, slow), events=((1.5, "spike", ""), (3.25, "Stäge W", "")))


def _gaps(folder: Path, width: int) -> Truth:
    """EDF+D: a gap after the second record, a start within a second, two rates."""
    suffix = "edf" if width == 2 else "bdf"
    path = folder / f"gaps.{suffix}"
    fast, slow = _int16(4, 50), _int16(4, 5)
    lists = [b"+0.25\x14\x14\0+0.5\x14first\x14\0", b"+1.25\x14\x14\0", b"+7.75\x14\x14\0"]
    lists.append(b"+8.75\x14\x14\0+8\x150.5\x14again\x14and\x14\0")
    signals = [("a", "mV", _LIMITS, fast), ("b", "", _LIMITS, slow)]
    path.write_bytes(_bytes_of(signals, lists, f"{suffix.upper()}+D", width=width))
    dtype = "int16" if width == 2 else "int32"
    streams = tuple(
        StreamTruth(
            _scaled(d.reshape(1, -1), _LIMITS),
            float(n),
            (name,),
            (unit,),
            dtype,
            1e-9,
            segments=((0, 2 * n, 0.0), (2 * n, 2 * n, 7.5)),
        )
        for (name, unit, _, d), n in zip(signals, (50, 5), strict=True)
    )
    events = ((0.25, "first", ""), (7.75, "again", ""), (7.75, "and", ""))
    return Truth(path, streams, events=events)


def _plain(folder: Path, name: str, **changes: object) -> tuple[Path, StreamTruth]:
    path = folder / name
    digital = _int16(3, 20)
    path.write_bytes(
        _bytes_of([("Kanäle °C", "µV", _LIMITS, digital)], **{"encoding": "latin-1"} | changes)  # type: ignore[arg-type]
    )
    truth = StreamTruth(
        _scaled(digital.reshape(1, -1), _LIMITS), 20.0, ("Kanäle °C",), ("µV",), "int16", 1e-9
    )
    return path, truth


def _text(folder: Path, encoding: str) -> Truth:
    path, stream = _plain(folder, f"{encoding}.edf", encoding=encoding)
    return Truth(path, (stream,))


def _never_closed(folder: Path) -> Truth:
    """A recorder that was cut off leaves -1 records in the header and part of a record."""
    path, stream = _plain(folder, "open.edf", n_records=-1)
    path.write_bytes(path.read_bytes() + b"\1\2\3")
    return Truth(path, (stream,))


def _no_calibration(folder: Path) -> Truth:
    path = folder / "flat.edf"
    digital = _int16(2, 10)
    path.write_bytes(_bytes_of([("x", "mV", (0, 0, -32768, 32767), digital)], record_s="0.3"))
    rate_hz = 10 / 0.3
    return Truth(
        path, (StreamTruth(digital.reshape(1, -1) * 1.0, rate_hz, ("x",), ("",), "int16"),)
    )


def _only_events(folder: Path) -> Truth:
    path = folder / "hypnogram.edf"
    lists = [b"+0\x14\x14\0+0\x1530\x14W\x14\0+30\x1530\x14N1\x14\0"]
    path.write_bytes(_bytes_of([], lists, "EDF+C", record_s="0"))
    return Truth(path, events=((0.0, "W", ""), (30.0, "N1", "")))


def _one_large_record(folder: Path) -> Truth:
    """A record of 10 MB that holds the whole file, read signal by signal."""
    path = folder / "large.edf"
    digital = _RNG.integers(-32768, 32767, (2, 2_500_000), dtype=np.int16, endpoint=True)
    empty = [("a", "V", _LIMITS, digital[:1]), ("b", "V", _LIMITS, digital[1:])]
    head = _bytes_of(
        [(*s[:3], np.zeros((0, 2_500_000))) for s in empty], n_records=1, record_s="100"
    )
    path.write_bytes(head + digital.astype("<i2").tobytes())
    stream = StreamTruth(_scaled(digital, _LIMITS), 25000.0, ("a", "b"), ("V", "V"), "int16", 1e-9)
    return Truth(path, (stream,))


def _refused(folder: Path, case: str) -> Truth:
    path, _ = _plain(folder, f"{case}.edf")
    raw = path.read_bytes()
    error, says = "CorruptFileError", ""
    if case == "truncated":
        raw, says = raw[:-45], "1 of 3"
    elif case == "half-header":
        raw, says = raw[:300], "truncated"
    elif case == "header-only":
        raw, error = _plain(folder, "x.edf", n_records=0)[0].read_bytes()[:512], "EmptyFileError"
    elif case == "no-signals":
        raw, error = raw[:252] + b"0   ", "EmptyFileError"
    elif case == "bad-number":
        raw, says = raw[:244] + b"a second" + raw[252:], "duration"
    elif case == "empty-annotations":
        raw, error = _bytes_of([], [b"+0\x14\x14\0"], "EDF+C", record_s="0"), "EmptyFileError"
    elif case == "gaps-without-times":
        signals = [("a", "", _LIMITS, _int16(2, 4))]
        raw, says = _bytes_of(signals, [b"+0\x14\x14\0", b""], "EDF+D"), "when they start"
    elif case == "not-edf":
        # bytes that no format begins with: those of another format are read as what they are
        raw, error, says = b"NOTEDF" + raw, "FormatMismatchError", "NOTEDF"
    path.write_bytes(raw)
    return Truth(path, error=error, error_says=says)


_BAD = (
    *("truncated", "half-header", "header-only", "no-signals", "bad-number"),
    *("empty-annotations", "gaps-without-times", "not-edf"),
)

SAMPLES = [
    Sample("edf-multirate", "edf", lambda folder: _multirate(folder, bdf=False)),
    Sample("bdf-multirate", "edf", lambda folder: _multirate(folder, bdf=True)),
    Sample("edf-gaps", "edf", lambda folder: _gaps(folder, 2)),
    Sample("bdf-gaps", "edf", lambda folder: _gaps(folder, 3)),
    Sample("edf-utf8", "edf", lambda folder: _text(folder, "utf-8")),
    Sample("edf-latin1", "edf", lambda folder: _text(folder, "latin-1")),
    Sample("edf-never-closed", "edf", _never_closed),
    Sample("edf-no-calibration", "edf", _no_calibration),
    Sample("edf-only-events", "edf", _only_events),
    Sample("edf-one-large-record", "edf", _one_large_record),
    *(
        Sample(f"edf-{case}", "edf", lambda folder, case=case: _refused(folder, case))
        for case in _BAD
    ),
]
