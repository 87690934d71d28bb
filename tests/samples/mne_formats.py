"""Files of formats that MNE reads, laid out by hand from the formats' descriptions."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_RNG = np.random.default_rng(1919)


# --------------------------------------------------------------------------------------------- FIF


def tag(kind: int, type_: int, data: bytes, after: int = 0) -> bytes:
    """Return one tag of a FIF file."""
    return struct.pack(">iIii", kind, type_, len(data), after) + data


def number(kind: int, value: int) -> bytes:
    return tag(kind, 3, struct.pack(">i", value))


def block(kind: int, *inside: bytes) -> bytes:
    return number(104, kind) + b"".join(inside) + number(105, kind)


_FILE_ID = tag(100, 31, struct.pack(">5i", 0x10003, 1, 2, 1_600_000_000, 0))
#: Name, kind, unit, power of ten, range, calibration.
_CHANNELS = (
    ("MEG 0111", 1, 112, 0, 1.0, 4.14e-11),
    ("EEG 001", 2, 107, 0, 2.0, 1e-7),
    ("EOG in mV", 202, 107, -3, 1.0, 0.25),
    ("STI 014", 3, 107, 0, 1.0, 1.0),
)


def channel(i: int, name: str, kind: int, unit: int, power: int, scale: float, cal: float) -> bytes:
    numbers = struct.pack(">3i2fi", i + 1, i + 1, kind, scale, cal, 1)
    place = struct.pack(">12f", *([0.0] * 12))
    text = name.encode().ljust(16, b"\0")
    return tag(203, 30, numbers + place + struct.pack(">ii", unit, power) + text)


def subject(first: str, last: str, number_: str) -> bytes:
    texts = [
        tag(kind, 10, text.encode()) for kind, text in ((401, first), (403, last), (410, number_))
    ]
    return block(106, *texts)


def _info(n_channels: int = 4, extra: bytes = b"") -> bytes:
    return block(
        101,
        extra,
        number(200, n_channels),
        tag(201, 4, struct.pack(">f", 250.0)),
        tag(204, 3, struct.pack(">ii", 1_600_000_000, 250_000)),
        tag(219, 4, struct.pack(">f", 100.0)),
        tag(223, 4, struct.pack(">f", 0.1)),
        *[channel(i, *one) for i, one in enumerate(_CHANNELS)],
    )


def _fif(
    folder: Path,
    samples: Sequence[np.ndarray | int],
    *,
    name: str = "visit_raw.fif",
    first: int = 500,
    kind: int = 102,
    type_: int = 2,
    after: bytes = b"",
    extra: bytes = b"",
) -> Path:
    """Write buffers of samples (n_channels, n); a number stands for that many buffers not recorded."""
    parts = [number(208, first)]
    parts += [
        number(301, one) if isinstance(one, int) else tag(300, type_, one.T.tobytes())
        for one in samples
    ]
    path = folder / name
    directory = number(101, -1)
    body = block(100, _info(extra=extra), block(kind, *parts), after)
    path.write_bytes(_FILE_ID + directory + body + tag(108, 0, b"", -1))
    return path


_GAIN = np.array([[np.float32(row[4]) * np.float64(np.float32(row[5]))] for row in _CHANNELS])
_NAMES = tuple(row[0] for row in _CHANNELS)
_UNITS = ("T", "V", "mV", "")


def _ints(n: int) -> np.ndarray:
    return _RNG.integers(-3000, 3000, (4, n)).astype(">i2")


def _truth(path: Path, stored: np.ndarray, dtype: str = "int16", **facts: object) -> Truth:
    stream = StreamTruth(
        stored * _GAIN, 250.0, _NAMES, _UNITS, dtype, tolerance=1e-12, start_s=2.0, **facts
    )
    return Truth(path, (stream,))


def fif(folder: Path, extra: bytes = b"") -> Truth:
    a, b = _ints(100), _ints(100)
    return _truth(_fif(folder, [a, b], extra=extra), np.hstack([a, b]))


def _fif_packed(folder: Path) -> Truth:
    truth = fif(folder)
    path = folder / "packed_raw.fif.gz"
    path.write_bytes(gzip.compress(truth.path.read_bytes()))
    truth.path.unlink()
    return Truth(path, truth.streams)


def _fif_floats(folder: Path) -> Truth:
    stored = _RNG.normal(size=(4, 60)).astype(">f4")
    return _truth(_fif(folder, [stored], type_=4), stored, "float32")


def _fif_skip(folder: Path) -> Truth:
    a, b = _ints(50), _ints(50)
    path = _fif(folder, [a, 3, b])
    # a skip counts in buffers of the size of the one that follows
    segments = ((0, 50, 2.0), (50, 50, (500 + 50 + 150) / 250))
    return _truth(path, np.hstack([a, b]), segments=segments)


def fif_parts(folder: Path) -> Truth:
    a, b = _ints(80), _ints(40)
    there = block(118, number(115, 2), tag(118, 10, b"visit_raw-1.fif"), number(117, 1))
    path = _fif(folder, [a], after=there)
    _fif(folder, [b], name="visit_raw-1.fif", first=580)
    return _truth(path, np.hstack([a, b]))


def _fif_part_absent(folder: Path) -> Truth:
    truth = fif_parts(folder)
    (folder / "visit_raw-1.fif").unlink()
    return Truth(truth.path, error="MissingCompanionError", error_says="visit_raw-1.fif")


def _fif_elsewhere(folder: Path) -> Truth:
    there = block(118, number(115, 2), tag(118, 10, b"../../other_raw.fif"))
    path = _fif(folder, [_ints(10)], after=there)
    return Truth(path, error="OutsideFileError", error_says="another place")


def _fif_circle(folder: Path) -> Truth:
    path = _fif(folder, [_ints(10)])
    data = path.read_bytes()
    path.write_bytes(data[:-16] + tag(108, 0, b"", 36))
    return Truth(path, error="CorruptFileError", error_says="lead back")


def _fif_names_itself(folder: Path) -> Truth:
    there = block(118, number(115, 2), tag(118, 10, b"visit_raw.fif"))
    path = _fif(folder, [_ints(10)], after=there)
    return Truth(path, error="UnsupportedFeatureError", error_says="circle")


def _fif_cut(folder: Path) -> Truth:
    path = fif(folder).path
    path.write_bytes(path.read_bytes()[:-300])
    return Truth(path, error="TruncatedFileError", error_says="ends within a tag")


def _fif_no_recording(folder: Path) -> Truth:
    path = folder / "noise-cov.fif"
    path.write_bytes(_FILE_ID + number(101, -1) + block(355, number(350, 1)) + tag(108, 0, b"", -1))
    return Truth(path, error="EmptyFileError", error_says="no recording")


# --------------------------------------------------------------------------------------------- GDF


def gdf(folder: Path, patient: str = "X X", n_samples: tuple[int, int] = (50, 50)) -> Truth:
    """Write GDF 2.10: one channel in µV, one in %, three events, 20 records of one second."""
    n, n_records = 2, 20
    fixed = b"GDF 2.10" + patient.encode().ljust(66, b"\0") + bytes(10)
    fixed += bytes(4) + b"run".ljust(64, b"\0") + bytes(16)
    days = 738000.0 + (9 * 3600 + 5 * 60) / 86400  # 738000: 28 July 2020, counted from year 0
    fixed += struct.pack("<QQ", int(days * 2**32), 0) + struct.pack("<H", n + 1)
    fixed += bytes(6 + 8 + 6 + 6 + 12 + 12)
    fixed += struct.pack("<qIIHH", n_records, 1, 1, n, 0)
    rows = [b"".join(name.encode().ljust(16, b"\0") for name in ("Cz", "Load"))]
    rows += [bytes(80 * n), bytes(6 * n), struct.pack("<2H", 4256 + 19, 544)]
    rows += [struct.pack("<2d", -100.0, 0.0), struct.pack("<2d", 100.0, 100.0)]
    rows += [struct.pack("<2d", -32768, -32768), struct.pack("<2d", 32767, 32767)]
    rows += [bytes(68 * n), bytes(12 * n)]
    rows += [struct.pack("<2i", *n_samples), struct.pack("<2i", 3, 3), bytes(12 * n), bytes(20 * n)]
    head = fixed + b"".join(rows)
    stored = [_RNG.integers(-32768, 32767, (n_records, count)).astype("<i2") for count in n_samples]
    data = b"".join(a.tobytes() + b.tobytes() for a, b in zip(*stored, strict=True))
    events = b"\x03" + (3).to_bytes(3, "little") + struct.pack("<f", 100.0)
    events += struct.pack("<3I", 1, 101, 401) + struct.pack("<3H", 0x300, 0x301, 7)
    events += struct.pack("<3H", 0, 2, 1) + struct.pack("<3I", 0, 50, 0)
    path = folder / "motor.gdf"
    path.write_bytes(head + data + events)
    gains = (200 / 65535, 100 / 65535)
    values = [
        (one.ravel().astype(float) + 32768) * gain + low
        for one, gain, low in zip(stored, gains, (-100.0, 0.0), strict=True)
    ]
    if n_samples[0] != n_samples[1]:
        return Truth(path, error="UnsupportedFeatureError", error_says="several rates")
    stream = StreamTruth(
        np.array(values), 50.0, ("Cz", "Load"), ("uV", "%"), "float64", tolerance=1e-9
    )
    marks = ((0.0, "768", ""), (1.0, "769", "Load"), (4.0, "7", "Cz"))
    return Truth(path, (stream,), events=marks)


def _gdf_cut(folder: Path) -> Truth:
    path = gdf(folder).path
    path.write_bytes(path.read_bytes()[:1500])
    return Truth(path, error="TruncatedFileError", error_says="ends early")


# ----------------------------------------------------------------------------------------- Persyst


def persyst(
    folder: Path, first: str = "", comment: str = "lights off", date: str = "2021.03.04"
) -> Truth:
    stored = _RNG.integers(-3000, 3000, (2, 300)).astype("<i2")
    (folder / "night.dat").write_bytes(stored.T.tobytes())
    path = folder / "night.lay"
    path.write_text(
        "[FileInfo]\nFile=C:\\EEG\\night.dat\nFileType=Interleaved\nSamplingRate=200\nHeaderLength=0\n"
        "Calibration=0.25\nWaveformCount=2\nDataType=0\n[Patient]\n"
        f"First={first}\nLast=\nMI=\nSex=\nHand=\nID=\nBirthDate=\nTestDate={date}\nTestTime=10:11:12\n"
        "[SampleTimes]\n0=36672.000\n[ChannelMap]\nFp1-Ref=1\nEkg=2\n[Comments]\n"
        f"0.500000,0.250000,0,100,{comment}\n"
    )
    stream = StreamTruth(
        stored * 0.25e-6, 200.0, ("Fp1-Ref", "Ekg"), ("V", "V"), "float64", tolerance=1e-15
    )
    return Truth(path, (stream,), events=((0.5, comment, ""),))


def _persyst_alone(folder: Path) -> Truth:
    path = persyst(folder).path
    path.with_suffix(".dat").unlink()
    return Truth(path, error="MissingCompanionError", error_says="night.dat")


# ----------------------------------------------------------------------------------------- Nicolet


def nicolet(folder: Path, patient: int = 1) -> Truth:
    stored = _RNG.integers(-3000, 3000, (2, 300)).astype("<i2")
    path = folder / "long.data"
    path.write_bytes(stored.T.tobytes())
    path.with_suffix(".head").write_text(
        "start_ts=2015-01-01 12:00:00.000\nnum_samples=300\nsample_freq=256\nconversion_factor=0.179\n"
        "num_channels=2\nelec_names=[FP1,FP2]\n"
        f"pat_id={patient}\nadm_id=2\nrec_id=3\nduration_in_sec=2\n"
    )
    stream = StreamTruth(
        stored * 0.179e-6, 256.0, ("FP1", "FP2"), ("V", "V"), "int16", tolerance=1e-15
    )
    return Truth(path, (stream,))


def _nicolet_cut(folder: Path) -> Truth:
    path = nicolet(folder).path
    path.write_bytes(path.read_bytes()[:-10])
    return Truth(path, error="TruncatedFileError", error_says="ends early")


SAMPLES = [
    Sample("fif of 16 bits", "fif", fif),
    Sample("fif packed", "fif", _fif_packed),
    Sample("fif of floats", "fif", _fif_floats),
    Sample("fif with a skip", "fif", _fif_skip),
    Sample("fif in parts", "fif", fif_parts),
    Sample("fif without its part", "fif", _fif_part_absent),
    Sample("fif that goes on elsewhere", "fif", _fif_elsewhere),
    Sample("fif whose tags go round", "fif", _fif_circle),
    Sample("fif that goes on in itself", "fif", _fif_names_itself),
    Sample("fif cut", "fif", _fif_cut),
    Sample("fif without a recording", "fif", _fif_no_recording),
    Sample("gdf", "gdf", gdf),
    Sample("gdf of two rates", "gdf", lambda folder: gdf(folder, n_samples=(50, 25))),
    Sample("gdf cut", "gdf", _gdf_cut),
    Sample("persyst", "persyst", persyst),
    Sample("persyst alone", "persyst", _persyst_alone),
    Sample("nicolet", "nicolet", nicolet),
    Sample("nicolet cut", "nicolet", _nicolet_cut),
]
