"""BrainVision triples: written by pybv, and by hand where pybv has no option."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pybv

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(13)


def _by_pybv(folder: Path, code: str, unit: str) -> Truth:
    """Pybv takes volts; a resolution of 0.5 makes exact steps."""
    stored = _RNG.integers(-3000, 3000, (3, 400)).astype(float)
    factor = {"µV": 1e-6, "mV": 1e-3}[unit]
    # pybv cuts digits off instead of rounding
    nudge = np.sign(stored) * 0.1 if code == "binary_int16" else 0.0
    pybv.write_brainvision(
        data=(stored + nudge) * 0.5 * factor,
        sfreq=250,
        ch_names=["Fp1", "Cz, left", "Öz"],
        fname_base="sub",
        folder_out=str(folder),
        events=[
            {"onset": 10, "duration": 5, "description": 7, "type": "Stimulus", "channels": "all"},
            {
                "onset": 60,
                "duration": 1,
                "description": "lick",
                "type": "Comment",
                "channels": ["Öz"],
            },
        ],
        resolution=0.5,
        unit=unit,
        fmt=code,
    )
    names = ("Fp1", "Cz, left", "Öz")
    dtype = {"binary_int16": "int16", "binary_float32": "float32"}[code]
    physical = stored * 0.5
    stream = StreamTruth(physical, 250.0, names, (unit,) * 3, dtype, 1e-3)
    events = ((0.04, "S  7", ""), (0.24, "lick", "Öz"))
    return Truth(folder / "sub.vhdr", (stream,), events=events)


_HEADER = """Brain Vision Data Exchange Header File Version 1.0
; by hand
[Common Infos]
{common}
NumberOfChannels=2
SamplingInterval=2000

[Binary Infos]
{binary}

[Channel Infos]
Ch1=a\\1b,ref,0.1,
Ch2=Häm,,,mol

[Comment]
Ch1=not a channel
"""


def _by_hand(
    folder: Path,
    *,
    dtype: str = "<i2",
    codes: str = "BinaryFormat=INT_16",
    vectorized: bool = False,
    markers: str | None = None,
    data_name: str = "rec.eeg",
    named: str = "rec.eeg",
    segments: tuple = (),
    events: tuple = (),
) -> Truth:
    values = _RNG.integers(0, 3000, (2, 100)).astype(dtype)
    common = f"DataFile={named}\nDataFormat=BINARY\n"
    common += f"DataOrientation={'VECTORIZED' if vectorized else 'MULTIPLEXED'}"
    if markers is not None:
        common += "\nMarkerFile=$b.vmrk"
        (folder / "rec.vmrk").write_bytes(
            ("Brain Vision Data Exchange Marker File\n[Marker Infos]\n" + markers).encode("cp1252")
        )
    text = _HEADER.format(common=common, binary=codes)
    path = folder / "rec.vhdr"
    path.write_bytes(text.encode("cp1252"))
    (values if vectorized else values.T).tofile(folder / data_name)
    physical = np.array([values[0].astype(float) * 0.1, values[1].astype(float)])
    stream = StreamTruth(
        physical,
        500.0,
        ("a,b", "Häm"),
        ("µV", "mol"),
        np.dtype(dtype).newbyteorder("=").name,
        1e-9,
        segments=segments,
    )
    return Truth(path, (stream,), events=events)


def _segmented(folder: Path) -> Truth:
    markers = (
        "Mk1=New Segment,,1,1,0,20240506102030000000\n"
        "Mk2=Stimulus,S 1,11,1,0\n"
        "Mk3=New Segment,,51,1,0,20240506102130500000\n"
        "Mk4=Stimulus,Grün\\1rot,61,0,2\n"
        "Mk5=Stimulus,late,9999,1,0\n"
    )
    events = (
        (0.0, "New Segment", ""),
        (0.02, "S 1", ""),
        (60.5, "New Segment", ""),
        (60.52, "Grün,rot", "Häm"),
    )
    runs = ((0, 50, 0.0), (50, 50, 60.5))
    return _by_hand(folder, markers=markers, segments=runs, events=events)


def _segment_without_date(folder: Path) -> Truth:
    markers = "Mk1=New Segment,,1,1,0,0\nMk2=New Segment,,51,1,0\n"
    events = ((0.0, "New Segment", ""), (0.1, "New Segment", ""))
    return _by_hand(folder, markers=markers, events=events)


def _epochs(folder: Path) -> Truth:
    """Four epochs of 25 samples; each begins 5 samples before its ``Time 0``."""
    markers = "Mk1=New Segment,,1,1,0,0\n" + "".join(
        f"Mk{2 + i}=Time 0,,{25 * i + 6},1,0\n" for i in range(4)
    )
    truth = _by_hand(folder, markers=markers)
    header = truth.path.read_text("cp1252")
    stated = "SegmentationType=MARKERBASED\nSegmentDataPoints=25\nNumberOfChannels"
    truth.path.write_bytes(header.replace("NumberOfChannels", stated).encode("cp1252"))
    (stream,) = truth.streams
    stream = replace(stream, physical=stream.physical.reshape(2, 4, 25), start_s=-0.01)
    events = ((-0.01, "New Segment", ""), *[(0.0, "Time 0", "")] * 4)
    return Truth(truth.path, (stream,), events=events)


def _broken(folder: Path, how: str) -> Truth:
    truth = _by_hand(folder)
    data = folder / "rec.eeg"
    error = "CorruptFileError"
    if how == "missing":
        data.unlink()
        error = "MissingCompanionError"
    elif how == "ambiguous":
        data.rename(folder / "rec.dat")
        (folder / "rec.avg").write_bytes(b"")
        error = "MissingCompanionError"
    elif how == "cut":
        data.write_bytes(data.read_bytes()[:-3])
    elif how == "empty":
        data.write_bytes(b"")
        error = "EmptyFileError"
    else:
        truth.path.write_bytes(truth.path.read_bytes()[:60])
    return Truth(truth.path, error=error, error_says="rec.vhdr")


SAMPLES = [
    Sample("brainvision-pybv-int16", "brainvision", lambda f: _by_pybv(f, "binary_int16", "µV")),
    Sample("brainvision-pybv-float", "brainvision", lambda f: _by_pybv(f, "binary_float32", "µV")),
    Sample("brainvision-segments", "brainvision", _segmented),
    Sample("brainvision-epochs", "brainvision", _epochs),
    Sample("brainvision-no-date", "brainvision", _segment_without_date),
    Sample(
        "brainvision-vectorized",
        "brainvision",
        lambda f: _by_hand(f, dtype="<i4", codes="BinaryFormat=INT_32", vectorized=True),
    ),
    Sample(
        "brainvision-big-endian",
        "brainvision",
        lambda f: _by_hand(f, dtype=">i2", codes="BinaryFormat=INT_16\nUseBigEndianOrder=YES"),
    ),
    Sample(
        "brainvision-renamed",
        "brainvision",
        lambda f: _by_hand(f, data_name="rec.dat", named="original name.eeg"),
    ),
    Sample("brainvision-case", "brainvision", lambda f: _by_hand(f, named="..\\Rec.EEG")),
    *(
        Sample(f"brainvision-{how}", "brainvision", lambda f, how=how: _broken(f, how))
        for how in ("missing", "ambiguous", "cut", "empty", "cut-header")
    ),
]
