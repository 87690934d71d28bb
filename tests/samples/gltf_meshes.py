"""glTF: a .glb as trimesh 5.2 wrote it, and documents by hand."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.samples import Sample, ShapesTruth, Truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: trimesh.Trimesh(…, process=False).export(file_type="glb")
_GLB_OF_TRIMESH = bytes.fromhex(
    "676c544602000000d8020000680200004a534f4e7b227363656e65223a302c227363656e6573223a5b7b226e6f646573"
    "223a5b305d7d5d2c226173736574223a7b2276657273696f6e223a22322e30222c2267656e657261746f72223a226874"
    "7470733a2f2f6769746875622e636f6d2f6d696b6564682f7472696d657368227d2c226163636573736f7273223a5b7b"
    "22636f6d706f6e656e7454797065223a353132352c2274797065223a225343414c4152222c2262756666657256696577"
    "223a302c22636f756e74223a392c226d6178223a5b335d2c226d696e223a5b305d7d2c7b22636f6d706f6e656e745479"
    "7065223a353132362c2274797065223a2256454333222c22627974654f6666736574223a302c22627566666572566965"
    "77223a312c22636f756e74223a342c226d6178223a5b312e302c312e352c302e305d2c226d696e223a5b302e302c302e"
    "302c2d322e32355d7d5d2c226d6573686573223a5b7b226e616d65223a2267656f6d657472795f30222c226578747261"
    "73223a7b7d2c227072696d697469766573223a5b7b2261747472696275746573223a7b22504f534954494f4e223a317d"
    "2c22696e6469636573223a302c226d6f6465223a347d5d7d5d2c226e6f646573223a5b7b226e616d65223a2267656f6d"
    "657472795f30222c226d657368223a307d5d2c2262756666657273223a5b7b22627974654c656e677468223a38347d5d"
    "2c226275666665725669657773223a5b7b22627566666572223a302c22627974654f6666736574223a302c2262797465"
    "4c656e677468223a33367d2c7b22627566666572223a302c22627974654f6666736574223a33362c22627974654c656e"
    "677468223a34387d5d7d20205400000042494e0000000000020000000100000000000000010000000300000001000000"
    "02000000030000000000000000000000000000000000803f0000000000000000000000000000c03f0000000000000000"
    "00000000000010c0"
)

_POSITIONS = np.array([[0, 0, 0.5], [1, 0, 0], [0, 1, 0], [0, 0, -2]], "<f4")
_COLORS = np.array([[1, 2, 3, 255], [4, 5, 6, 255], [7, 8, 9, 0], [0, 0, 0, 0]], "u1")
_CORNERS = np.array([0, 1, 2, 2, 1, 3], "<u2")
_LINE = np.array([3, 0], "u1")
_WHERE = np.array([2], "<u2")
_MOVED = np.array([[9, 9, 9]], "<f4")


def _buffer() -> tuple[bytes, list[dict[str, int]]]:
    """Positions and colours interleaved, then indices, and what is sparse."""
    rows = b"".join(
        position.tobytes() + color.tobytes()
        for position, color in zip(_POSITIONS, _COLORS, strict=True)
    )
    data, views = rows, [{"buffer": 0, "byteLength": len(rows), "byteStride": 16}]
    for part in (_CORNERS, _LINE, _WHERE, _MOVED):
        data += bytes(-len(data) % 4)
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": part.nbytes})
        data += part.tobytes()
    return data, views


def document(uri: str | None, n_bytes: int, views: list[dict[str, int]]) -> dict[str, Any]:
    """Return a document of two meshes: triangles with colours and a target; a line."""
    buffer: dict[str, Any] = {"byteLength": n_bytes}
    if uri is not None:
        buffer["uri"] = uri
    position = {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"}
    moved = {
        "count": 1,
        "indices": {"bufferView": 3, "componentType": 5123},
        "values": {"bufferView": 4},
    }
    return {
        "asset": {"version": "2.0", "generator": "by hand", "copyright": "Jane Doe"},
        "buffers": [buffer],
        "bufferViews": views,
        "accessors": [
            position,
            {
                **position,
                "byteOffset": 12,
                "componentType": 5121,
                "type": "VEC4",
                "normalized": True,
            },
            {"bufferView": 1, "componentType": 5123, "count": 6, "type": "SCALAR"},
            {"bufferView": 2, "componentType": 5121, "count": 2, "type": "SCALAR"},
            {"componentType": 5126, "count": 4, "type": "VEC3", "sparse": moved},
        ],
        "meshes": [
            {
                "name": "body",
                "primitives": [
                    {
                        "attributes": {"POSITION": 0, "COLOR_0": 1},
                        "indices": 2,
                        "targets": [{"POSITION": 4}],
                    }
                ],
            },
            {"primitives": [{"attributes": {"POSITION": 0}, "indices": 3, "mode": 1}]},
        ],
        "nodes": [{"mesh": 0, "scale": [2, 2, 2], "name": "root", "children": [1]}, {"mesh": 1}],
        "images": [{"uri": "../elsewhere.png"}],
        "textures": [{"source": 0}],
    }


def _truth(path: Path) -> Truth:
    target = np.zeros((4, 3), "f4")
    target[2] = 9
    body = {
        "vertices": _POSITIONS,
        "vertex_color_0": _COLORS,
        "target_0_position": target,
        "face_start": np.array([0, 3, 6]),
        "face_vertex": np.array([0, 1, 2, 2, 1, 3]),
    }
    line = {"vertices": _POSITIONS, "indices": np.array([3, 0])}
    return Truth(path, shapes=(ShapesTruth("mesh", body), ShapesTruth("mesh", line)))


def _beside(folder: Path, name: str = "my%20data.bin") -> Truth:
    data, views = _buffer()
    path = folder / "a.gltf"
    path.write_text(json.dumps(document(name, len(data), views)))
    (folder / "my data.bin").write_bytes(data)
    return _truth(path)


def _inline(folder: Path) -> Truth:
    data, views = _buffer()
    uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    path = folder / "a.gltf"
    path.write_text(json.dumps(document(uri, len(data), views)))
    return _truth(path)


def _glb_bytes(change: Callable[[dict[str, Any]], Any] | None = None) -> bytes:
    data, views = _buffer()
    about = document(None, len(data), views)
    if change is not None:
        change(about)
    text = json.dumps(about).encode()
    text += b" " * (-len(text) % 4)
    data += bytes(-len(data) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _glb(folder: Path) -> Truth:
    path = folder / "a.glb"
    path.write_bytes(_glb_bytes())
    return _truth(path)


def _glb_trimesh(folder: Path) -> Truth:
    path = folder / "of trimesh.glb"
    path.write_bytes(_GLB_OF_TRIMESH)
    arrays = {
        "vertices": np.array([[0, 0, 0], [1, 0, 0], [0, 1.5, 0], [0, 0, -2.25]], "f4"),
        "face_start": np.array([0, 3, 6, 9]),
        "face_vertex": np.array([0, 2, 1, 0, 1, 3, 1, 2, 3]),
    }
    return Truth(path, shapes=(ShapesTruth("mesh", arrays),))


def _outside(folder: Path, uri: str, says: str) -> Truth:
    """The file is there, and is not followed."""
    data, views = _buffer()
    inner = folder / "inner"
    inner.mkdir()
    (folder / "data.bin").write_bytes(data)
    path = inner / "a.gltf"
    path.write_text(json.dumps(document(uri, len(data), views)))
    return Truth(path, error="MissingCompanionError", error_says=says)


def _refused(name: str, content: bytes, error: str, says: str) -> Callable[[Path], Truth]:
    def write(folder: Path) -> Truth:
        path = folder / name
        path.write_bytes(content)
        return Truth(path, error=error, error_says=says)

    return write


def _accessor(number: int, **facts: Any) -> bytes:
    return _glb_bytes(lambda about: about["accessors"][number].update(facts))


_WHOLE = _glb_bytes()
_REFUSED = (
    ("cut", _WHOLE[:-1], "TruncatedFileError", "announces"),
    ("short", _WHOLE[:9], "TruncatedFileError", "header"),
    ("chunk", _WHOLE[:8] + struct.pack("<I", 99) + _WHOLE[12:99], "TruncatedFileError", "chunk"),
    ("version 1", b"glTF" + struct.pack("<II", 1, 12), "UnsupportedFeatureError", "version 1"),
    ("other", b'{"a": 1}', "FormatMismatchError", "no glTF"),
    ("damaged", b'{"asset": {"version": "2.0"', "CorruptFileError", "readable"),
    ("old", b'{"asset": {"version": "1.0"}}', "UnsupportedFeatureError", "version"),
    ("nothing", b'{"asset": {"version": "2.0"}}', "EmptyFileError", "no vertex"),
    ("too many", _accessor(0, count=40), "TruncatedFileError", "ends before"),
    ("negative", _accessor(0, count=-4), "CorruptFileError", "-4"),
    ("before", _accessor(0, byteOffset=-4), "CorruptFileError", "damaged"),
    ("zeros", _accessor(4, count=10**9), "SizeLimitError", "bomb"),
    ("corner", _accessor(2, byteOffset=1, count=5), "CorruptFileError", "not there"),
    ("kind", _accessor(0, componentType=5130), "CorruptFileError", "KeyError"),
    ("no positions", _accessor(0, type="VEC2"), "CorruptFileError", "shape"),
    (
        "draco",
        _glb_bytes(lambda about: about.update(extensionsRequired=["KHR_draco_mesh_compression"])),
        "UnsupportedFeatureError",
        "draco",
    ),
    (
        "node",
        _glb_bytes(lambda about: about["nodes"][0].update(scale=[1, 2])),
        "CorruptFileError",
        "scale",
    ),
    (
        "sparse",
        _accessor(
            4,
            sparse={
                "count": 1,
                "indices": {"bufferView": 1, "componentType": 5123, "byteOffset": 10},
                "values": {"bufferView": 4},
            },
            count=2,
        ),
        "CorruptFileError",
        "not there",
    ),
)

SAMPLES = [
    Sample("gltf-trimesh", "gltf", _glb_trimesh),
    Sample("gltf-beside", "gltf", _beside),
    Sample("gltf-inline", "gltf", _inline),
    Sample("gltf-glb", "gltf", _glb),
    *(
        Sample(
            f"gltf-outside {uri[:9]}",
            "gltf",
            lambda folder, uri=uri: _outside(folder, uri, "elsewhere"),
        )
        for uri in (
            "../data.bin",
            "..%2Fdata.bin",
            "/etc/passwd",
            "http://a/b.bin",
            "file:///etc/passwd",
        )
    ),
    Sample("gltf-absent", "gltf", lambda folder: _outside(folder, "data.bin", "absent")),
    *(Sample(f"gltf-{what}", "gltf", _refused("bad.glb", *rest)) for what, *rest in _REFUSED),
]
