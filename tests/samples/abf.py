"""ABF files: version 1 by pyabf's writer, both versions byte by byte from the public descriptions."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
from pyabf.abfWriter import writeABF1

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_RNG = np.random.default_rng(5)
_RANGE, _RESOLUTION = 10.0, 32768
#: name, unit, instrument scale, signal gain, programmable gain, telegraph gain (0: off), offset
_CHANNELS = (
    ("IN 0", "pA", 0.5, 1.0, 2.0, 4.0, 0.25),
    ("Pression µ", "deg C", 0.125, 2.0, 1.0, 0.0, 0.0),
)


def _gain(channel: tuple[str, str, float, float, float, float, float]) -> float:
    _, _, scale, signal, programmable, telegraph, _ = channel
    return _RANGE / _RESOLUTION / (scale * signal * programmable * (telegraph or 1.0))


def _physical(raw: np.ndarray, channels: Sequence[tuple] = _CHANNELS) -> np.ndarray:
    """Calibrate (n_samples, n_channels) into (n_channels, n_samples)."""
    return np.array([raw[:, i] * _gain(c) + c[6] for i, c in enumerate(channels)])


def version_2(
    raw: np.ndarray,
    mode: int,
    sweeps: Sequence[tuple[int, int]] = (),
    *,
    tags: Sequence[tuple[int, str]] = (),
    synch_unit_us: float = 0.0,
    n_episodes: int = 0,
    interval_us: float = 100.0,
    unit_of_first: str = "pA",
    stimulus_file: str = "",
) -> bytes:
    """Lay out an ABF 2 file; ``raw`` is (n_samples, n_channels) of int16 or float32."""
    texts: list[bytes] = [b"Clampex", b"C:\\rig\\ramp.pro", b"a comment"]

    def index(text: str) -> int:
        texts.append(text.encode("latin-1"))
        return len(texts)

    protocol = bytearray(512)
    struct.pack_into("<hf", protocol, 0, mode, interval_us)
    struct.pack_into("<f", protocol, 14, synch_unit_us)
    struct.pack_into("<i", protocol, 22, 2)
    struct.pack_into("<ff", protocol, 110, _RANGE, 10.0)
    struct.pack_into("<ii", protocol, 118, _RESOLUTION, 32768)
    struct.pack_into("<i", protocol, 132, 3)
    inputs = b""
    for i, (name, unit, scale, signal, programmable, telegraph, offset) in enumerate(_CHANNELS):
        row = bytearray(128)
        struct.pack_into("<hh", row, 0, i, int(telegraph != 0))
        struct.pack_into("<f", row, 6, telegraph)
        struct.pack_into("<f", row, 28, programmable)
        struct.pack_into("<ffff", row, 40, scale, offset, signal, 0.0)
        unit = unit if i else unit_of_first
        struct.pack_into("<ii", row, 74, index(name), index(unit))
        inputs += bytes(row)
    output = bytearray(256)
    struct.pack_into("<ii", output, 24, index("Cmd 0"), index("mV"))
    # a waveform is played: of the epochs (1), or of a file (2)
    struct.pack_into("<hh", output, 40, 1, 2 if stimulus_file else 1)
    if stimulus_file:
        struct.pack_into("<i", output, 118, index(stimulus_file))
    epoch = bytearray(48)
    struct.pack_into("<3hffii", epoch, 0, 0, 0, 1, -80.0, 10.0, 500, 0)
    tag_rows = b"".join(struct.pack("<i56shh", t, c.encode(), 1, 0) for t, c in tags)
    synch = b"".join(struct.pack("<ii", *sweep) for sweep in sweeps)
    pool = b"".join(text + b"\0" for text in texts)
    pool = struct.pack("<4s4I24x", b"SSCH", 1, len(texts), 64, len(pool)) + pool
    sections = [(b"", 0, 0)] * 18
    sections[0] = (bytes(protocol), 512, 1)
    sections[1] = (inputs, 128, len(_CHANNELS))
    sections[2] = (bytes(output), 256, 1)
    sections[5] = (bytes(epoch), 48, 1)
    sections[9] = (pool, len(pool), len(texts))
    data = raw.astype("<f4" if raw.dtype.kind == "f" else "<i2").tobytes()
    sections[10] = (data, raw.dtype.itemsize, raw.size)
    sections[11] = (tag_rows, 64, len(tags))
    sections[15] = (synch, 8, len(sweeps))
    head = bytearray(512)
    struct.pack_into("<4s4BII", head, 0, b"ABF2", 0, 0, 6, 2, 512, n_episodes)
    struct.pack_into("<II", head, 16, 20210302, 14706500)
    struct.pack_into("<HH", head, 28, 1, int(raw.dtype.kind == "f"))
    struct.pack_into("<I", head, 60, 1)
    struct.pack_into("<I", head, 72, 2)
    body = b""
    for i, (content, size, count) in enumerate(sections):
        block = 1 + len(body) // 512 if count else 0
        struct.pack_into("<IIq", head, 76 + 16 * i, block, size, count)
        body += content + bytes(-len(content) % 512)
    return bytes(head) + body


def _raw(n_samples: int) -> np.ndarray:
    return _RNG.integers(-32768, 32767, (n_samples, 2), dtype=np.int16, endpoint=True)


def _names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(c[0] for c in _CHANNELS), tuple(c[1] for c in _CHANNELS)


def _gap_free(folder: Path, name: str = "gapfree.abf") -> Truth:
    """Two channels; tags counted in conversions, because the unit of time is 0."""
    path = folder / name
    raw = _raw(700)
    path.write_bytes(version_2(raw, 3, tags=[(400, "wash in"), (20, "start")], unit_of_first="?"))
    names, _ = _names()
    stream = StreamTruth(_physical(raw), 1e4, names, ("", "deg C"), "int16", 1e-9)
    return Truth(path, (stream,), events=((0.001, "start", ""), (0.02, "wash in", "")))


def _float(folder: Path) -> Truth:
    path = folder / "float.abf"
    raw = _RNG.normal(size=(300, 2)).astype(np.float32)
    path.write_bytes(version_2(raw, 3, interval_us=2480.0))
    stream = StreamTruth(raw.T.astype(float), 1e6 / 2480, *_names(), "float32")
    return Truth(path, (stream,))


def _episodic(folder: Path) -> Truth:
    """Four sweeps of 50 samples, one every 0.3 s."""
    path = folder / "episodic.abf"
    raw = _raw(200)
    sweeps = [(i * 24_000, 100) for i in range(4)]
    tags = [(40_000, "drug")]
    path.write_bytes(version_2(raw, 5, sweeps, tags=tags, synch_unit_us=12.5, n_episodes=4))
    stream = StreamTruth(_physical(raw).reshape(2, 4, 50), 1e4, *_names(), "int16", 1e-9)
    return Truth(path, (stream,), events=((0.5, "drug", ""),))


def _variable(folder: Path, *, in_time_units: bool) -> Truth:
    """Three events of different lengths; some programs write lengths in units of time."""
    path = folder / f"variable{int(in_time_units)}.abf"
    raw = _raw(90)
    factor = 10 if in_time_units else 1
    unit_us = 10.0 if in_time_units else 0.0
    sweeps = [(1000, 40 * factor), (5000, 120 * factor), (90_000, 20 * factor)]
    path.write_bytes(version_2(raw, 1, sweeps, synch_unit_us=unit_us, n_episodes=3))
    starts_s = [start * (unit_us or 50.0) * 1e-6 for start, _ in sweeps]
    stream = StreamTruth(
        _physical(raw),
        1e4,
        *_names(),
        "int16",
        1e-9,
        start_s=starts_s[0],
        segments=tuple(zip((0, 20, 80), (20, 60, 10), starts_s, strict=True)),
    )
    return Truth(path, (stream,))


def _version_1_by_pyabf(folder: Path) -> Truth:
    path = folder / "written.abf"
    values = _RNG.normal(size=(3, 400)) * 3
    writeABF1(values, str(path), 20_000, "mV")
    # the writer chose a scale of 0.1 V per unit, and truncates
    step = 10 / 32768 / struct.unpack_from("<f", path.read_bytes(), 922)[0]
    scale = 32768 / 10 * (0.1 if np.abs(values).max() > 10 else 1.0)
    stored = np.trunc(values * scale)
    stream = StreamTruth(
        (stored * step)[None], 20_000.0, ("",), ("mV",), "int16", tolerance=step * 1e-3
    )
    return Truth(path, (stream,))


def _version_1(folder: Path, *, long_header: bool) -> Truth:
    """Sampled inputs 3 then 1; the extended header, or samples where it would be."""
    path = folder / f"one{int(long_header)}.abf"
    raw = _raw(3000)
    n_blocks = 12 if long_header else 4
    head = bytearray(n_blocks * 512)
    struct.pack_into("<4sf", head, 0, b"ABF ", 1.84 if long_header else 1.3)
    struct.pack_into("<hi", head, 8, 3, raw.size)
    struct.pack_into("<ii", head, 20, 20210302, 14706)
    struct.pack_into("<i", head, 40, n_blocks)
    struct.pack_into("<hf", head, 120, 2, 25.0)
    struct.pack_into("<f", head, 244, _RANGE)
    struct.pack_into("<i", head, 252, _RESOLUTION)
    struct.pack_into("<16h", head, 410, 3, 1, *[-1] * 14)
    channels = []
    for number, channel in zip((3, 1), _CHANNELS, strict=True):
        name, unit, scale, signal, programmable, telegraph, offset = channel
        struct.pack_into("<10s", head, 442 + 10 * number, name.encode("latin-1").ljust(10))
        struct.pack_into("<8s", head, 602 + 8 * number, unit.encode().ljust(8))
        for at, value in ((730, programmable), (922, scale), (986, offset), (1050, signal)):
            struct.pack_into("<f", head, at + 4 * number, value)
        if long_header:
            struct.pack_into("<h", head, 4512 + 2 * number, int(telegraph != 0))
            struct.pack_into("<f", head, 4576 + 4 * number, telegraph)
        channels.append(channel if long_header else (*channel[:5], 0.0, channel[6]))
    data = raw.astype("<i2").tobytes()
    data += bytes(-len(data) % 512)
    tag = struct.pack("<i56shh", 4000, b"valve".ljust(56), 1, 0)
    struct.pack_into("<ii", head, 44, n_blocks + len(data) // 512, 1)
    path.write_bytes(bytes(head) + data + tag)
    stream = StreamTruth(_physical(raw, channels), 2e4, *_names(), "int16", 1e-9)
    return Truth(path, (stream,), events=((0.1, "valve", ""),))


def _axoscope(folder: Path) -> Truth:
    """AxoScope may save with BIOPAC's extension: the content decides."""
    return _gap_free(folder, "axoscope.acq")


def _refused(folder: Path, case: str) -> Truth:
    path = folder / f"{case}.abf"
    raw = version_2(_raw(100), 5, [(0, 100), (200, 100)], synch_unit_us=12.5, n_episodes=2)
    error, says = "CorruptFileError", case.split("-")[0]
    if case == "truncated-samples":
        raw = raw[:2600]
    elif case == "truncated-header":
        raw = raw[:60]
    elif case == "damaged-table":
        raw = version_2(_raw(100), 5, [(0, 100), (200, 90)], n_episodes=2)
    elif case == "damaged-mode":
        raw = version_2(_raw(100), 9)
    elif case == "damaged-sweeps":
        raw = version_2(_raw(100), 5, n_episodes=3)
    elif case == "no-samples":
        raw, error, says = version_2(_raw(0), 3), "EmptyFileError", "0 samples"
    elif case == "no-channels":
        raw, error, says = raw[:100] + bytes(8) + raw[108:], "EmptyFileError", "0 recorded"
    elif case == "not-abf":
        raw, error, says = b"GIF8" + raw[4:], "FormatMismatchError", "GIF8"
    path.write_bytes(raw)
    return Truth(path, error=error, error_says=says)


_BAD = (
    *("truncated-samples", "truncated-header", "damaged-table", "damaged-mode", "damaged-sweeps"),
    *("no-samples", "no-channels", "not-abf"),
)

SAMPLES = [
    Sample("abf2-gap-free", "abf", _gap_free),
    Sample("abf2-float", "abf", _float),
    Sample("abf2-episodic", "abf", _episodic),
    Sample("abf2-variable", "abf", lambda folder: _variable(folder, in_time_units=False)),
    Sample("abf2-variable-us", "abf", lambda folder: _variable(folder, in_time_units=True)),
    Sample("abf1-by-pyabf", "abf", _version_1_by_pyabf),
    Sample("abf1-long-header", "abf", lambda folder: _version_1(folder, long_header=True)),
    Sample("abf1-short-header", "abf", lambda folder: _version_1(folder, long_header=False)),
    Sample("abf2-named-acq", "abf", _axoscope),
    *(
        Sample(f"abf-{case}", "abf", lambda folder, case=case: _refused(folder, case))
        for case in _BAD
    ),
]
