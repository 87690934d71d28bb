"""WFDB, XDF and FCS by hand from the formats' descriptions; TDMS and one FCS by their libraries' writers."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import flowio
import numpy as np
from nptdms import ChannelObject, RootObject, TdmsWriter

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(1901)

# ------------------------------------------------------------------------------------------- WFDB

_HEA = """100 3 360/1000(0) 20 12:34:56 05/06/2021
100.dat 16 200(1024)/mV 11 1024 0 0 0 MLII
100.dat 16 50/mmHg 12 0 0 0 0 ABP
100_s.dat 16x2 0 12 0 0 0 0 Resp
# <age>: 61 <sex>: F <diagnoses> {comment}
"""


def _pack_annotations(rows: list[tuple[int, int, str]]) -> bytes:
    """MIT format: code << 10 | interval; 63: text of that many bytes; 0 ends."""
    out, last = b"", 0
    for sample, code, text in rows:
        out += struct.pack("<H", code << 10 | sample - last)
        last = sample
        if text:
            raw = text.encode()
            out += struct.pack("<H", 63 << 10 | len(raw)) + raw + b"\0" * (len(raw) % 2)
    return out + b"\0\0"


def wfdb_record(folder: Path, comment: str = "none") -> Truth:
    first = _RNG.integers(-1000, 1000, (2, 20)).astype("<i2")
    first[0, 3] = -32768  # a sample that was not taken
    slow = _RNG.integers(-1000, 1000, 40).astype("<i2")
    (folder / "100.dat").write_bytes(first.T.tobytes())
    (folder / "100_s.dat").write_bytes(slow.tobytes())
    path = folder / "100.hea"
    path.write_text(_HEA.format(comment=comment))
    (folder / "100.atr").write_bytes(
        _pack_annotations([(5, 1, ""), (11, 28, "(AFIB"), (15, 5, "")])
    )
    physical = np.stack([(first[0] - 1024.0) / 200, first[1] / 50.0])
    physical[0, 3] = np.nan
    fast = StreamTruth(slow[None].astype(float), 720.0, ("Resp",), ("",), "float64", tolerance=1e-9)
    frames = StreamTruth(
        physical, 360.0, ("MLII", "ABP"), ("mV", "mmHg"), "float64", tolerance=1e-12
    )
    events = ((5 / 360, "N", ""), (11 / 360, "+ (AFIB", ""), (15 / 360, "V", ""))
    return Truth(path, (fast, frames), events=events)


def _wfdb_cut(folder: Path) -> Truth:
    path = wfdb_record(folder).path
    (folder / "100.dat").write_bytes(b"\0" * 40)
    return Truth(path, error="TruncatedFileError", error_says="100.dat")


def _wfdb_alone(folder: Path) -> Truth:
    path = wfdb_record(folder).path
    (folder / "100_s.dat").unlink()
    return Truth(path, error="MissingCompanionError", error_says="100_s.dat")


def _wfdb_outside(folder: Path) -> Truth:
    path = wfdb_record(folder).path
    path.write_text(path.read_text().replace("100_s.dat", "../other/100.dat"))
    return Truth(path, error="OutsideFileError", error_says="not followed")


# ------------------------------------------------------------------------------------------- TDMS


def tdms(folder: Path, author: str = "somebody") -> Truth:
    values = _RNG.normal(size=(2, 50))
    fast = _RNG.integers(-100, 100, 120).astype("int16")
    start = np.datetime64("2022-03-04T05:06:07.250000")
    path = folder / "run.tdms"

    def wave(step: float, unit: str, at: np.datetime64, offset: float = 0.0) -> dict[str, object]:
        return {
            "wf_increment": step,
            "wf_start_time": at,
            "wf_start_offset": offset,
            "unit_string": unit,
        }

    with TdmsWriter(str(path)) as writer:
        for half in (slice(0, 20), slice(20, 50)):
            writer.write_segment(
                [
                    RootObject({"author": author}),
                    ChannelObject("bath", "Im", values[0, half], wave(0.001, "A", start)),
                    ChannelObject("bath", "Vm", values[1, half], wave(0.001, "V", start)),
                ]
            )
        later = start + np.timedelta64(1500, "ms")
        writer.write_segment(
            [ChannelObject("fast", "trigger", fast, wave(0.0001, "", later, 0.25))]
        )
        writer.write_segment([ChannelObject("notes", "level", np.arange(4, dtype="float32"))])
    return Truth(
        path,
        (
            StreamTruth(values, 1000.0, ("Im", "Vm"), ("A", "V"), "float64"),
            StreamTruth(
                fast[None].astype(float), 10000.0, ("trigger",), ("",), "int16", start_s=1.75
            ),
        ),
        arrays={"notes/level": np.arange(4, dtype="float32")},
    )


# -------------------------------------------------------------------------------------------- XDF


def _chunk(tag: int, content: bytes) -> bytes:
    size = len(content) + 2
    return b"\x04" + struct.pack("<IH", size, tag) + content


def _stream_header(
    number: int, name: str, kind: str, n: int, rate: float, form: str, host: str
) -> bytes:
    labels = "".join(
        f"<channel><label>c{i}</label><unit>microvolts</unit></channel>" for i in range(n)
    )
    xml = (
        f'<?xml version="1.0"?><info><name>{name}</name><type>{kind}</type><channel_count>{n}</channel_count>'
        f"<nominal_srate>{rate}</nominal_srate><channel_format>{form}</channel_format><hostname>{host}</hostname>"
        f"<desc><channels>{labels}</channels></desc></info>"
    )
    return _chunk(2, struct.pack("<I", number) + xml.encode())


def xdf(folder: Path, host: str = "lab-pc") -> Truth:
    steady = _RNG.normal(size=(2, 8)).astype("<f4")
    loose = _RNG.integers(-9, 9, (1, 4)).astype("<i2")
    data = b"XDF:" + _chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>')
    data += _stream_header(1, "amp", "EEG", 2, 250.0, "float32", host)
    data += _stream_header(2, "knob", "Control", 1, 0.0, "int16", host)
    data += _stream_header(3, "cues", "Markers", 1, 0.0, "string", host)
    samples = b"\x01" + bytes((8,))
    for i in range(8):
        samples += b"\x08" + struct.pack("<d", 1000.0 + i / 250) + steady[:, i].tobytes()
    data += _chunk(3, struct.pack("<I", 1) + samples)
    times = [1000.5, 1000.7, 1001.3, 1001.4]
    samples = b"\x01" + bytes((4,))
    for i, time in enumerate(times):
        samples += b"\x08" + struct.pack("<d", time) + loose[:, i].tobytes()
    data += _chunk(3, struct.pack("<I", 2) + samples)
    data += _chunk(4, struct.pack("<Idd", 2, 1000.0, -12.5))
    cue = b"\x08" + struct.pack("<d", 1000.25) + b"\x01\x04left"
    data += _chunk(3, struct.pack("<I", 3) + b"\x01\x01" + cue)
    for number in (1, 2, 3):
        data += _chunk(6, struct.pack("<I", number) + b'<?xml version="1.0"?><info></info>')
    path = folder / "session.xdf"
    path.write_bytes(data)
    units = ("microvolts", "microvolts")
    return Truth(
        path,
        (
            StreamTruth(steady.astype(float), 250.0, ("c0", "c1"), units, "float32"),
            StreamTruth(
                loose.astype(float),
                None,
                ("c0",),
                units[:1],
                "int16",
                times=np.array(times) - 1000.0,
            ),
        ),
        events=((0.25, "left", "cues"),),
    )


# -------------------------------------------------------------------------------------------- FCS


def fcs(folder: Path, operator: str = "somebody") -> Truth:
    """Numbers of 16 and 32 bits, big-endian, of which ten bits of the first count."""
    low = _RNG.integers(0, 65536, 30).astype(">u2")
    wide = _RNG.integers(0, 2**18, 30).astype(">u4")
    rows = np.empty(30, [("a", ">u2"), ("b", ">u4")])
    rows["a"], rows["b"] = low, wide
    body = rows.tobytes()
    start = 1024
    facts = {
        "$BEGINANALYSIS": 0,
        "$ENDANALYSIS": 0,
        "$BEGINSTEXT": 0,
        "$ENDSTEXT": 0,
        "$BEGINDATA": start,
        "$ENDDATA": start + len(body) - 1,
        "$BYTEORD": "4,3,2,1",
        "$DATATYPE": "I",
        "$MODE": "L",
        "$NEXTDATA": 0,
        "$PAR": 2,
        "$TOT": 30,
        "$P1N": "FSC-H",
        "$P1B": 16,
        "$P1R": 1024,
        "$P1E": "0,0",
        "$P2N": "FL1-A",
        "$P2B": 32,
        "$P2R": 262144,
        "$P2E": "4,1",
        "$P2S": "CD3",
        "$P2G": "1.5",
        "$DATE": "05-MAY-2021",
        "$BTIM": "14:05:06",
        "$OP": operator,
        "$CYT": "FACSCalibur",
    }
    text = "/" + "/".join(f"{key}/{value}" for key, value in facts.items()) + "/"
    end = 58 + len(text) - 1
    head = "FCS3.1    " + "".join(f"{n:>8}" for n in (58, end, start, start + len(body) - 1, 0, 0))
    path = folder / "cells.fcs"
    path.write_bytes((head + text).encode().ljust(start) + body)
    return Truth(path, arrays={"FSC-H": (low & 1023).astype("u2"), "FL1-A": wide.astype("u4")})


def _fcs_written(folder: Path) -> Truth:
    values = _RNG.normal(size=(25, 3)).astype("f4")
    path = folder / "written.fcs"
    with path.open("wb") as file:
        flowio.create_fcs(file, values.ravel().tolist(), ["FSC-A", "SSC-A", "Time"])
    return Truth(path, arrays={"FSC-A": values[:, 0], "SSC-A": values[:, 1], "Time": values[:, 2]})


def _fcs_cut(folder: Path) -> Truth:
    path = fcs(folder).path
    path.write_bytes(path.read_bytes()[:-10])
    return Truth(path, error="TruncatedFileError", error_says="file size")


SAMPLES = [
    Sample("wfdb of two rates", "wfdb", wfdb_record),
    Sample("wfdb cut", "wfdb", _wfdb_cut),
    Sample("wfdb without samples", "wfdb", _wfdb_alone),
    Sample("wfdb outside", "wfdb", _wfdb_outside),
    Sample("tdms waves", "tdms", tdms),
    Sample("xdf streams", "xdf", xdf),
    Sample("fcs integers", "fcs", fcs),
    Sample("fcs of flowio", "fcs", _fcs_written),
    Sample("fcs cut", "fcs", _fcs_cut),
]
