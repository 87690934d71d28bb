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
    parts = [(slice(0, 2), 50.0)]
    if n_samples[0] != n_samples[1]:
        parts = [(slice(0, 1), 50.0), (slice(1, 2), float(n_samples[1]))]
    streams = tuple(
        StreamTruth(
            np.array(values[part]),
            rate_hz,
            ("Cz", "Load")[part],
            ("uV", "%")[part],
            "int16",
            tolerance=1e-9,
        )
        for part, rate_hz in parts
    )
    marks = ((0.0, "768", ""), (1.0, "769", "Load"), (4.0, "7", "Cz"))
    return Truth(path, streams, events=marks)


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


# --------------------------------------------------------------------------------------- Neuroscan


def neuroscan(
    folder: Path,
    *,
    dtype: str = "<i2",
    name: str = "",
    date: str = "11/25/98",
    baseline: int = 0,
) -> Truth:
    """Write version 3: two channels, three events, the mark of 32 bits behind the events."""
    n, n_samples = 2, 120
    stored = _RNG.integers(-3000, 3000, (n, n_samples)).astype(dtype)
    setup = bytearray(900)
    setup[:12] = b"Version 3.0\0"
    setup[121:141] = name.encode().ljust(20, b"\0")[:20]
    setup[225:235] = date.encode().ljust(10, b"\0")
    setup[235:247] = b"09:05:03".ljust(12, b"\0")
    struct.pack_into("<H", setup, 370, n)
    struct.pack_into("<H", setup, 376, 500)
    struct.pack_into("<i", setup, 864, n_samples)
    channels = b""
    for label, sensitivity, cal in ((b"FZ", 2.0, 1.5), (b"OZ", 1.0, 1.0)):
        one = bytearray(75)
        one[:10] = label.ljust(10, b"\0")
        struct.pack_into("<h", one, 47, baseline)
        struct.pack_into("<f", one, 59, sensitivity)
        struct.pack_into("<f", one, 71, cal)
        channels += bytes(one)
    data = stored.T.tobytes()
    at = 900 + 75 * n
    frame = n * stored.itemsize
    # of type 2: code, keyboard, keypad and accept, offset in bytes, then what a response had
    events = b"".join(
        struct.pack("<HBBi", code, 0, 0, at + (sample + 1) * frame).ljust(19, b"\0")
        for code, sample in ((7, 0), (109, 50), (7, 100))
    )
    table = struct.pack("<Bii", 2, len(events), 0) + events
    struct.pack_into("<i", setup, 886, at + len(data))
    struct.pack_into("<i", setup, 894, 1)
    after = at + len(data) + len(table)
    struct.pack_into("<i", setup, 12, after)
    tail = bytearray(60)
    tail[52] = stored.itemsize == 4
    path = folder / "oddball.cnt"
    path.write_bytes(bytes(setup) + channels + data + table + bytes(tail))
    gain = np.array([[2.0 * 1.5], [1.0]]) * 1e-6 / 204.8
    stream = StreamTruth(
        (stored.astype(float) - baseline) * gain,
        500.0,
        ("FZ", "OZ"),
        ("V", "V"),
        "float64" if baseline else np.dtype(dtype).newbyteorder("=").name,
        tolerance=1e-15,
    )
    return Truth(path, (stream,), events=((0.0, "7", ""), (0.1, "109", ""), (0.2, "7", "")))


def _neuroscan_cut(folder: Path) -> Truth:
    path = neuroscan(folder).path
    path.write_bytes(path.read_bytes()[:1300])
    return Truth(path, error="CorruptFileError", error_says="oddball.cnt")


# ------------------------------------------------------------------------------------ Nihon Kohden

_DEVICE = b"EEG-1100C V01.00"


def nihon(folder: Path, *, blocks: int = 1, note: str = "eyes open", patient: str = "") -> Truth:
    """Write a .EEG of two channels and its mark, with .21E, .PNT and .LOG."""
    n, rate_hz, tenths = 2, 100, 20
    n_samples = rate_hz * tenths // 10
    stored = _RNG.integers(0, 65535, (n + 1, n_samples)).astype("<u2")
    head = bytearray(0x1900)
    head[:16] = _DEVICE
    head[0x81:0x91] = _DEVICE
    head[0x91] = 1
    control, data = 0x0400, 0x1800
    struct.pack_into("<I", head, 0x92, control)
    head[0x17FE] = 1
    head[control + 17] = blocks
    for i in range(blocks):
        struct.pack_into("<I", head, control + 18 + 20 * i, data)
    struct.pack_into("<H", head, data + 0x1A, 0xC000 | rate_hz)
    struct.pack_into("<I", head, data + 0x1C, tenths)
    head[data + 0x26] = n
    # inputs 0 (µV) and 42 (a DC input, mV)
    for i, code in enumerate((0, 42)):
        head[data + 0x27 + 10 * i] = code
    start = data + 0x27 + 10 * n
    path = folder / "MB01.EEG"
    path.write_bytes(bytes(head[:start]) + stored.T.tobytes())
    (folder / "MB01.21E").write_text("[ELECTRODE]\n0000=Fp1\n0042=DC01\n")
    point = bytearray(0x700)
    point[:16] = _DEVICE
    point[0x40:0x4E] = b"20210304101112"
    point[0x62E : 0x62E + len(patient)] = patient.encode()
    (folder / "MB01.PNT").write_bytes(bytes(point))
    log = bytearray(0x400)
    log[:16] = _DEVICE
    log[0x91] = 1
    struct.pack_into("<I", log, 0x92, 0x200)
    log[0x201:0x211] = _DEVICE
    log[0x212] = 1
    log[0x214 : 0x214 + 45] = note.encode()[:20].ljust(20, b"\0") + b"000001" + bytes(19)
    (folder / "MB01.LOG").write_bytes(bytes(log))
    if blocks != 1:
        return Truth(path, error="UnsupportedFeatureError", error_says="interrupted")
    # the samples are unsigned, zero in their middle
    values = stored[:n].astype(float) - 32768
    scale = np.array([[6399.902 / 65535 * 1e-6], [24005.46 / 65535 * 1e-3]])
    low = np.array([[-3200e-6], [-12002.9e-3]])
    physical = (values + 32768) * scale + low
    stream = StreamTruth(physical, 100.0, ("Fp1", "DC01"), ("V", "V"), "float64", tolerance=1e-9)
    return Truth(path, (stream,), events=((1.0, note[:20], ""),))


def _nihon_cut(folder: Path) -> Truth:
    path = nihon(folder).path
    path.write_bytes(path.read_bytes()[:-20])
    return Truth(path, error="TruncatedFileError", error_says="ends early")


# --------------------------------------------------------------------------------------- EGI's .mff

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_EGI = "http://www.egi.com/"


def _signal(values: np.ndarray, rate: int) -> bytes:
    n, n_samples = values.shape
    size = 4 * n_samples
    head = struct.pack("<4i", 1, 16 + 8 * n + 4, n * size, n)
    head += struct.pack(f"<{n}i", *[i * size for i in range(n)])
    head += struct.pack(f"<{n}i", *[(rate << 8) | 32] * n) + struct.pack("<i", 0)
    return head + values.astype("<f4").tobytes()


def mff(folder: Path, *, label: str = "tone", subject_name: str = "", doctype: str = "") -> Truth:
    """Write a folder of two epochs with a pause between them, gains of calibration, one event."""
    place = folder / "visit.mff"
    place.mkdir(exist_ok=True)
    rate, gains = 250, np.array([[1.01], [0.99], [1.0]])
    a, b = (_RNG.normal(size=(3, n)).astype("f4") for n in (50, 75))
    (place / "signal1.bin").write_bytes(_signal(a, rate) + _signal(b, rate))
    begin = "2021-03-04T10:11:12.000000000+01:00"
    (place / "info.xml").write_text(
        f'{_XML}{doctype}<fileInfo xmlns="{_EGI}info_mff"><mffVersion>3</mffVersion>'
        f"<recordTime>{begin}</recordTime></fileInfo>"
    )
    rows = "".join(f'<ch n="{i + 1}">{gain}</ch>' for i, (gain,) in enumerate(gains))
    (place / "info1.xml").write_text(
        f'{_XML}<dataInfo xmlns="{_EGI}info_n_mff"><generalInformation><fileDataType><EEG>'
        "<sensorLayoutName>three</sensorLayoutName></EEG></fileDataType></generalInformation>"
        "<calibrations><calibration><beginTime>0</beginTime><type>GCAL</type>"
        f"<channels>{rows}</channels></calibration></calibrations></dataInfo>"
    )
    # nanoseconds: 200 ms, a pause of 400 ms, 300 ms
    epochs = [(0, 200_000_000, 1, 1), (600_000_000, 900_000_000, 2, 2)]
    text = "".join(
        f"<epoch><beginTime>{t0}</beginTime><endTime>{t1}</endTime>"
        f"<firstBlock>{i}</firstBlock><lastBlock>{j}</lastBlock></epoch>"
        for t0, t1, i, j in epochs
    )
    (place / "epochs.xml").write_text(f'{_XML}<epochs xmlns="{_EGI}epochs_mff">{text}</epochs>')
    sensors = "".join(
        f"<sensor><name>{name}</name><number>{i}</number><type>{kind}</type>"
        f"<x>{i}</x><y>0</y><z>1</z><identifier>0</identifier></sensor>"
        for i, name, kind in ((1, "", 0), (2, "", 0), (3, "VREF", 1))
    )
    (place / "sensorLayout.xml").write_text(
        f'{_XML}<sensorLayout xmlns="{_EGI}sensorLayout_mff"><name>three</name>'
        f"<sensors>{sensors}</sensors></sensorLayout>"
    )
    (place / "coordinates.xml").write_text(
        f'{_XML}<coordinates xmlns="{_EGI}coordinates_mff"><sensorLayout><name>three</name>'
        f"<sensors>{sensors}</sensors></sensorLayout>"
        "<acqTime>2021-03-04T10:11:12.000000+01:00</acqTime></coordinates>"
    )
    (place / "Events_user.xml").write_text(
        f'{_XML}<eventTrack xmlns="{_EGI}event_mff"><name>user</name><trackType>EVNT</trackType><event>'
        "<beginTime>2021-03-04T10:11:12.100000000+01:00</beginTime><duration>20000000</duration>"
        f"<code>TONE</code><label>{label}</label></event></eventTrack>"
    )
    (place / "subject.xml").write_text(
        f'{_XML}<patient xmlns="{_EGI}subject_mff"><fields><field><name>localIdentifier</name>'
        f'<data dataType="string">{subject_name}</data></field></fields></patient>'
    )
    if doctype:
        error_says = "document type"
        return Truth(place / "signal1.bin", error="CorruptFileError", error_says=error_says)
    stream = StreamTruth(
        np.hstack([a, b]) * gains * 1e-6,
        250.0,
        ("E1", "E2", "VREF"),
        ("V", "V", "V"),
        "float64",
        tolerance=1e-12,
        segments=((0, 50, 0.0), (50, 75, 0.6)),
    )
    return Truth(place / "signal1.bin", (stream,), events=((0.1, f"TONE {label}", ""),))


def _mff_part_absent(folder: Path) -> Truth:
    path = mff(folder).path
    (path.parent / "sensorLayout.xml").unlink()
    return Truth(path, error="MissingCompanionError", error_says="sensorLayout.xml")


def _mff_cut(folder: Path) -> Truth:
    path = mff(folder).path
    path.write_bytes(path.read_bytes()[:-40])
    return Truth(path, error="TruncatedFileError", error_says="within a block")


def _mff_of_categories(folder: Path) -> Truth:
    path = mff(folder).path
    (path.parent / "categories.xml").write_text("<categories/>")
    return Truth(path, error="UnsupportedFeatureError", error_says="segments")


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
    Sample("neuroscan", "neuroscan", neuroscan),
    Sample("neuroscan of 32 bits", "neuroscan", lambda folder: neuroscan(folder, dtype="<i4")),
    Sample("neuroscan with baselines", "neuroscan", lambda folder: neuroscan(folder, baseline=3)),
    Sample("neuroscan cut", "neuroscan", _neuroscan_cut),
    Sample("nihon kohden", "nihon", nihon),
    Sample("nihon kohden interrupted", "nihon", lambda folder: nihon(folder, blocks=2)),
    Sample("nihon kohden cut", "nihon", _nihon_cut),
    Sample("mff", "egi-mff", mff),
    Sample(
        "mff that names another file",
        "egi-mff",
        lambda folder: mff(folder, doctype='<!DOCTYPE a [<!ENTITY b SYSTEM "/etc/passwd">]>\n'),
    ),
    Sample("mff without a part", "egi-mff", _mff_part_absent),
    Sample("mff cut", "egi-mff", _mff_cut),
    Sample("mff of segments", "egi-mff", _mff_of_categories),
]
