"""ND2 files of version 3, laid out by hand: chunks, a chunk map at the end, typed metadata trees."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(3)
_MAGIC = 0x0ABECEDA
_FRAME_NAME_BYTES = 4072
_MICRO = {"x": "micrometer", "y": "micrometer"}


def _item(name: str, value: Any) -> bytes:
    """One typed value, or a level of them (dict by name, list without names)."""
    text = (name + "\0").encode("utf-16-le") if name is not None else b""
    kind: int
    if isinstance(value, bool):
        kind, data = 1, struct.pack("B", value)
    elif isinstance(value, int):
        kind, data = 3, struct.pack("<I", value)
    elif isinstance(value, float):
        kind, data = 6, struct.pack("<d", value)
    elif isinstance(value, str):
        kind, data = 8, (value + "\0").encode("utf-16-le")
    elif isinstance(value, bytes):
        kind, data = 9, struct.pack("<Q", len(value)) + value
    else:
        parts = value.items() if isinstance(value, dict) else [("", part) for part in value]
        children = b"".join(_item(key, part) for key, part in parts)
        head = 2 + len(text) + 12
        kind = 11
        data = (
            struct.pack("<IQ", len(value), head + len(children)) + children + b"\0" * 8 * len(value)
        )
    return struct.pack("BB", kind, len(text) // 2) + text + data


def _chunk(name: bytes, data: bytes, name_bytes: int = 0) -> bytes:
    padded = name.ljust(name_bytes or len(name) + 20, b"\0")
    return struct.pack("<IIQ", _MAGIC, len(padded), len(data)) + padded + data


def _loop(kind: int, parameters: dict[str, Any], inner: dict[str, Any] | None) -> dict[str, Any]:
    made: dict[str, Any] = {"eType": kind, "uLoopPars": parameters}
    if kind == 2:
        made["pItemValid"] = b"\x01" * parameters["uiCount"]
    if inner is not None:
        made["ppNextLevelEx"] = [inner]
    return made


def _file(
    frames: np.ndarray,
    names: list[str],
    loops: list[tuple[int, dict[str, Any]]],
    *,
    calibration_um: float,
    n_samples: int = 1,
) -> bytes:
    """Return a file of frames (n, y, x, components)."""
    n_frames, height, width, n_components = frames.shape
    inner: dict[str, Any] | None = None
    for kind, parameters in loops[::-1]:
        inner = _loop(kind, parameters, inner)
    bits = frames.dtype.itemsize * 8
    attributes = {
        "uiWidth": width,
        "uiWidthBytes": width * n_components * frames.dtype.itemsize,
        "uiHeight": height,
        "uiComp": n_components,
        "uiBpcInMemory": bits,
        "uiBpcSignificant": 12 if bits == 16 else bits,
        "uiSequenceCount": n_frames,
        "eCompression": 2,
    }
    planes = {
        f"a{i}": {
            "sDescription": name,
            "uiColor": 0x0000FF << 8 * i,
            "uiCompCount": n_samples,
            "pFluorescentProbe": {"m_sName": name},
            "pFilterPath": {"m_sDescr": ""},
        }
        for i, name in enumerate(names)
    }
    metadata = {
        "bCalibrated": calibration_um > 0,
        "dCalibration": calibration_um,
        "dObjectiveMag": 60.0,
        "dObjectiveNA": 0.95,
        "dZoom": 1.0,
        "dXPos": 0.0,
        "dYPos": 0.0,
        "dZPos": 0.0,
        "dAngle": 0.0,
        "dTimeAbsolute": 0.0,
        "sPicturePlanes": {"uiCount": len(names), "uiCompCount": n_components, "sPlaneNew": planes},
    }
    chunks = [
        (b"ImageAttributesLV!", _item("SLxImageAttributes", attributes), 0),
        (b"ImageMetadataSeqLV|0!", _item("SLxPictureMetadata", metadata), 0),
    ]
    if inner is not None:
        chunks.append((b"ImageMetadataLV!", _item("SLxExperiment", inner), 0))
    for i, frame in enumerate(frames):
        data = struct.pack("<d", 100.0 * i) + frame.astype(frame.dtype.newbyteorder("<")).tobytes()
        chunks.append((b"ImageDataSeq|%d!" % i, data, _FRAME_NAME_BYTES))
    out = _chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0".ljust(64, b"\0"), 32)
    table = b""
    for name, data, name_bytes in chunks:
        table += name + struct.pack("<QQ", len(out), len(data))
        out += _chunk(name, data, name_bytes)
    location = len(out)
    signature = b"ND2 CHUNK MAP SIGNATURE 0000001!"
    table += signature + struct.pack("<Q", location)
    return out + _chunk(b"ND2 FILEMAP SIGNATURE NAME 0001!", table)


_TIME = (
    1,
    {"uiCount": 3, "dStart": 0.0, "dPeriod": 250.0, "dDuration": 750.0, "dAvgPeriodDiff": 250.1},
)
_Z = (
    4,
    {
        "uiCount": 4,
        "dZLow": 0.0,
        "dZHigh": 1.5,
        "dZStep": 0.5,
        "dZHome": 0.0,
        "iType": 0,
        "wsZDevice": "",
    },
)


def _stack(folder: Path, *, cut: int = 0) -> Truth:
    values = _RNG.integers(0, 4096, (3, 4, 2, 10, 8), dtype=np.uint16)  # t, z, c, y, x
    path = folder / "stack.nd2"
    frames = np.moveaxis(values.reshape(12, 2, 10, 8), 1, -1)
    names = ["DAPI", "γ-tubulin"]
    data = _file(frames, names, [_TIME, _Z], calibration_um=0.25)
    if cut:
        # the map of chunks stays, the end of the frames goes
        at = data.rindex(struct.pack("<I", _MAGIC))
        frame = data.index(b"ImageDataSeq|11!") + _FRAME_NAME_BYTES
        data = data[:frame] + data[frame + cut : at] + data[at:]
        data = data[:-8] + struct.pack("<Q", at - cut)
        path.write_bytes(data[: len(data) // 2])
        return Truth(path, error="CorruptFileError", error_says="stack.nd2")
    path.write_bytes(data)
    truth = ImageTruth(
        np.moveaxis(values, 2, 1),
        "tczyx",
        {"x": 0.25, "y": 0.25, "z": 0.5, "t": 0.25},
        {**_MICRO, "z": "micrometer", "t": "second"},
        tuple(names),
    )
    return Truth(path, (), (truth,))


def _positions(folder: Path) -> Truth:
    values = _RNG.integers(0, 256, (2, 7, 6), dtype=np.uint8)
    path = folder / "positions.nd2"
    points = [
        {"dPosX": 1.0 * i, "dPosY": 0.0, "dPosZ": 0.0, "dPosName": name}
        for i, name in enumerate("AB")
    ]
    loop = (2, {"uiCount": 2, "bUseZ": False, "bRelativeXY": False, "Points": points})
    path.write_bytes(_file(values[..., None], ["mono"], [loop], calibration_um=0.0))
    # not calibrated: no pixel size is made up
    images = tuple(ImageTruth(plane, "yx", channel_names=("mono",)) for plane in values)
    return Truth(path, (), images)


def _header_only(folder: Path) -> Truth:
    path = folder / "header.nd2"
    path.write_bytes(_chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0".ljust(64, b"\0"), 32))
    return Truth(path, error="CorruptFileError", error_says="header.nd2")


SAMPLES = [
    Sample("nd2-stack", "nd2", _stack),
    Sample("nd2-positions", "nd2", _positions),
    Sample("nd2-truncated", "nd2", lambda folder: _stack(folder, cut=100)),
    Sample("nd2-header-only", "nd2", _header_only),
]
