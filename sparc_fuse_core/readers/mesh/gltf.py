"""glTF 2.0 (.gltf with its buffers, .glb): each primitive of each mesh, vertices as stored and not transformed.

Attributes keep their types; normalized integers stay integers and are named so. Nodes with their transforms are
in the metadata. Lengths are metres after the nodes' transforms, so no array has a unit. Textures, skins and
animations are not read, nor anything that lies outside of the folder.

Source: Khronos Group, "glTF 2.0 Specification" (3.6 accessors and sparse storage, 3.7 meshes, 4 GLB).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    FormatMismatchError,
    MissingCompanionError,
    SizeLimitError,
    TruncatedFileError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.formats.set_headers import inside_name
from sparc_fuse_core.model import Contents, Evidence, Shapes
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.mesh.shared import Array, array_name, check_indices, whole_file
from sparc_fuse_core.readers.shared.planes import unique_names
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_GLB = struct.Struct("<4sII")
_CHUNK = struct.Struct("<I4s")
_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
#: What is drawn, by the mode of a primitive.
_MODES = (
    "points",
    "lines",
    "line loop",
    "line strip",
    "triangles",
    "triangle strip",
    "triangle fan",
)
_TRIANGLES = 4
_NAMES = {"POSITION": "vertices", "NORMAL": "vertex_normals", "TANGENT": "vertex_tangents"}
_NOT_READ = ("textures", "skins", "animations", "cameras")
#: Extensions that store numbers in another way than the specification.
_PACKED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")
_MOST_BYTES = 2 << 30
_MOST_PRIMITIVES = 100_000
_MOST_NODES = 10_000


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a glTF file; see `sparc_fuse_core.readers.Reader`."""
    del options
    content = whole_file(path, _MOST_BYTES)
    binary = b""
    if content[:4] == b"glTF":
        content, binary = _chunks(path, content)
    try:
        document = json.loads(content.decode("utf-8-sig"))
        yield _File(path, document, binary).read()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as err:
        if isinstance(err, (CorruptFileError, UnsupportedFeatureError, SizeLimitError)):
            raise
        message = (
            f"{path.name}: not a readable glTF 2.0 document ({type(err).__name__}); upload it again"
        )
        raise CorruptFileError(message) from err


def _chunks(path: Path, content: bytes) -> tuple[bytes, bytes]:
    """Return the JSON and the buffer of a .glb."""
    if len(content) < _GLB.size:
        message = f"{path.name}: ends within its header; upload it again"
        raise TruncatedFileError(message)
    _, version, n_bytes = _GLB.unpack_from(content)
    if version != 2:
        message = f"{path.name}: glTF of version {version}; only version 2 is read"
        raise UnsupportedFeatureError(message)
    if n_bytes > len(content):
        message = (
            f"{path.name}: {len(content)} of {n_bytes} bytes that it announces; upload it again"
        )
        raise TruncatedFileError(message)
    found: dict[bytes, bytes] = {}
    at = _GLB.size
    while at + _CHUNK.size <= n_bytes:
        length, kind = _CHUNK.unpack_from(content, at)
        at += _CHUNK.size
        if at + length > n_bytes:
            message = f"{path.name}: ends within a chunk; upload it again"
            raise TruncatedFileError(message)
        found.setdefault(kind, content[at : at + length])
        at += length
    return found.get(b"JSON", b""), found.get(b"BIN\0", b"")


class _File:
    """One document with its buffers."""

    def __init__(self, path: Path, document: Any, binary: bytes) -> None:
        if not isinstance(document, dict) or "asset" not in document:
            message = f"{path.name}: JSON, but no glTF document"
            raise FormatMismatchError(message)
        version = str(document["asset"].get("version", ""))
        if not version.startswith("2."):
            message = f"{path.name}: glTF of version {shown(version)}; only version 2 is read"
            raise UnsupportedFeatureError(message)
        self.path = path
        self.document: dict[str, Any] = document
        self.binary = binary
        self.buffers: dict[int, bytes] = {}
        self.n_decoded = 0

    def read(self) -> Contents:
        """Return every primitive as a mesh."""
        packed = [one for one in _PACKED if one in self.document.get("extensionsRequired", ())]
        if packed:
            message = f"{self.path.name}: its numbers are packed by {packed[0]}, which is not read"
            raise UnsupportedFeatureError(f"{message}; export it without compression")
        shapes: list[tuple[str, dict[str, Array], dict[str, Any]]] = []
        for number, mesh in enumerate(self.document.get("meshes", ())):
            for part, primitive in enumerate(mesh["primitives"]):
                if len(shapes) >= _MOST_PRIMITIVES:
                    message = f"{self.path.name}: more than {_MOST_PRIMITIVES} primitives"
                    raise SizeLimitError(message)
                arrays, facts = self._primitive(primitive)
                facts = {"mesh": number, "primitive": part, **facts}
                shapes.append((str(mesh.get("name", "") or f"mesh {number}"), arrays, facts))
        if not any(len(arrays.get("vertices", ())) for _, arrays, _ in shapes):
            message = f"{self.path.name}: no vertex in it"
            raise EmptyFileError(message)
        names = unique_names(name for name, _, _ in shapes)
        sentence = "glTF counts in metres after the transforms of its nodes; vertices are as stored"
        evidence = [Evidence("scale", "file", sentence)]
        left = [f"{len(self.document[key])} {key}" for key in _NOT_READ if self.document.get(key)]
        if left:
            evidence.append(Evidence("content", "missing", f"not read: {', '.join(left)}"))
        return Contents(
            shapes=tuple(
                Shapes(name, "mesh", arrays, metadata=facts)
                for name, (_, arrays, facts) in zip(names, shapes, strict=True)
            ),
            metadata=self._nodes(),
            evidence=tuple(evidence),
        )

    def _nodes(self) -> dict[str, Any]:
        """Return where the meshes lie: nodes with their transforms and children."""
        nodes = []
        for node in self.document.get("nodes", ())[:_MOST_NODES]:
            kept: dict[str, Any] = {}
            if "mesh" in node:
                kept["mesh"] = int(node["mesh"])
            if node.get("children"):
                kept["children"] = [int(child) for child in node["children"][:_MOST_NODES]]
            for key, n in (("matrix", 16), ("translation", 3), ("rotation", 4), ("scale", 3)):
                if key in node:
                    numbers = [float(value) for value in node[key]]
                    if len(numbers) != n or not all(map(math.isfinite, numbers)):
                        message = f"{self.path.name}: a node's {key} is not {n} numbers"
                        raise CorruptFileError(message)
                    kept[key] = numbers
            if node.get("name"):
                kept["name"] = str(node["name"])
            nodes.append(kept)
        return {"nodes": nodes} if nodes else {}

    def _primitive(self, primitive: Mapping[str, Any]) -> tuple[dict[str, Array], dict[str, Any]]:
        arrays: dict[str, Array] = {}
        normalized: list[str] = []
        for attribute, number in primitive["attributes"].items():
            name = _NAMES.get(attribute) or array_name("vertex", attribute.lower(), arrays)
            arrays[name] = self._accessor(number)
            if self.document["accessors"][number].get("normalized"):
                normalized.append(name)
        vertices = arrays.get("vertices")
        if vertices is not None and (vertices.ndim != 2 or vertices.shape[1] != 3):
            message = f"{self.path.name}: positions of shape {vertices.shape}"
            raise CorruptFileError(message)
        for i, target in enumerate(primitive.get("targets", ())):
            for attribute, number in target.items():
                arrays[array_name(f"target_{i}", attribute.lower(), arrays)] = self._accessor(
                    number
                )
        n_vertices = 0 if vertices is None else len(vertices)
        mode = int(primitive.get("mode", _TRIANGLES))
        facts: dict[str, Any] = {"drawn_as": _MODES[mode] if 0 <= mode < len(_MODES) else "unknown"}
        if normalized:
            facts["normalized"] = normalized
        indices = np.arange(n_vertices, dtype=np.int64)
        if "indices" in primitive:
            indices = self._accessor(primitive["indices"]).astype(np.int64)
            check_indices(self.path, "primitives", indices, n_vertices)
        if mode == _TRIANGLES:
            if len(indices) % 3:
                message = f"{self.path.name}: {len(indices)} corners are no triangles"
                raise CorruptFileError(message)
            arrays["face_start"] = np.arange(0, len(indices) + 1, 3, dtype=np.int64)
            arrays["face_vertex"] = indices
        else:
            # strips, fans, lines and points: as they are stored
            arrays["indices"] = indices
        return arrays, facts

    def _accessor(self, number: Any) -> Array:
        """Return the numbers of an accessor: shape (n,) or (n, components)."""
        stated = self.document["accessors"][int(number)]
        dtype, width = np.dtype(_COMPONENTS[stated["componentType"]]), _WIDTHS[stated["type"]]
        n = int(stated["count"])
        if n < 0:
            message = f"{self.path.name}: announces {n} elements; it is damaged"
            raise CorruptFileError(message)
        if "bufferView" in stated:
            self._buffer(int(self.document["bufferViews"][stated["bufferView"]]["buffer"]))
        # without a view it is zeros, and many may show one view: a few bytes can announce any number
        self.n_decoded += n * width * dtype.itemsize
        stored = self.path.stat().st_size + sum(map(len, self.buffers.values()))
        check_unpacked(self.path.name, stored, self.n_decoded)
        if "bufferView" in stated:
            at = int(stated.get("byteOffset", 0))
            values = self._view(stated["bufferView"], at, dtype, n, width)
        else:
            values = np.zeros((n, width), dtype)
        if "sparse" in stated:
            values = self._with_sparse(values, stated["sparse"], dtype, width)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            message = (
                f"{self.path.name}: holds numbers that are not finite, which glTF does not allow"
            )
            raise CorruptFileError(message)
        return values[:, 0] if width == 1 else values

    def _with_sparse(
        self, values: Array, sparse: Mapping[str, Any], dtype: np.dtype[Any], width: int
    ) -> Array:
        n = int(sparse["count"])
        of, by = sparse["indices"], sparse["values"]
        kind = np.dtype(_COMPONENTS[of["componentType"]])
        where = self._view(of["bufferView"], int(of.get("byteOffset", 0)), kind, n, 1)[:, 0]
        if len(where) and int(where.max()) >= len(values):
            message = f"{self.path.name}: replaces elements that are not there"
            raise CorruptFileError(message)
        changed = values.copy()
        changed[where] = self._view(by["bufferView"], int(by.get("byteOffset", 0)), dtype, n, width)
        return changed

    def _view(self, number: Any, at: int, dtype: np.dtype[Any], n: int, width: int) -> Array:
        view = self.document["bufferViews"][int(number)]
        buffer = self._buffer(int(view["buffer"]))
        begin = int(view.get("byteOffset", 0)) + at
        length = int(view["byteLength"])
        row = width * dtype.itemsize
        if dtype.itemsize < 4 and width in (4, 9, 16) and "byteStride" not in view:
            row = self._matrix_row(dtype, width, row)
        stride = int(view.get("byteStride", row))
        needed = (n - 1) * stride + width * dtype.itemsize if n else 0
        if min(begin, at, n) < 0 or stride < width * dtype.itemsize:
            message = f"{self.path.name}: an accessor of {n} elements from byte {begin} is damaged"
            raise CorruptFileError(message)
        if at + needed > length or begin + needed > len(buffer):
            message = f"{self.path.name}: a buffer ends before the {n} elements that are announced"
            raise TruncatedFileError(message)
        found = np.ndarray((n, width), dtype, buffer, begin, (stride, dtype.itemsize))
        return found.astype(dtype.newbyteorder("="), order="C")

    def _matrix_row(self, dtype: np.dtype[Any], width: int, row: int) -> int:
        """Refuse matrices of small integers, whose columns are padded; vectors of four are none."""
        if width == 4:
            return row
        message = f"{self.path.name}: matrices of {dtype} are not read"
        raise UnsupportedFeatureError(message)

    def _buffer(self, number: int) -> bytes:
        if number not in self.buffers:
            self.buffers[number] = self._loaded(number)
        return self.buffers[number]

    def _loaded(self, number: int) -> bytes:
        stated = self.document["buffers"][number]
        uri = stated.get("uri")
        if uri is None:
            return self.binary
        if uri.startswith("data:"):
            head, _, data = uri.partition(",")
            if not head.endswith(";base64"):
                message = f"{self.path.name}: a buffer in another encoding than base64"
                raise UnsupportedFeatureError(message)
            try:
                return base64.b64decode(data, validate=True)
            except binascii.Error as err:
                message = f"{self.path.name}: the base64 of a buffer is damaged; upload it again"
                raise CorruptFileError(message) from err
        name = inside_name(uri)
        if not name:
            message = (
                f"{self.path.name}: a buffer lies elsewhere ({shown(uri)}); only files in the same folder are "
                "read: export it as .glb"
            )
            raise MissingCompanionError(message)
        beside = self.path.with_name(name)
        if not beside.is_file():
            message = f"{self.path.name}: its buffer {name!r} is absent; put it beside the file"
            raise MissingCompanionError(message, (name,))
        if beside.stat().st_size > _MOST_BYTES:
            message = f"{self.path.name}: its buffer has more than {_MOST_BYTES >> 30} GiB"
            raise SizeLimitError(message)
        return beside.read_bytes()
