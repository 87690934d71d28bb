"""The same content in one file: ``zarr.zip``, ``npz``, ``mat``; made from a written, verified store.

A ``.npz`` or ``.mat`` has nobody to apply a scale, so signals are physical values there: integers with a
scale become float32 where that holds every integer exactly, else float64, and ``gain`` and ``offset`` lie
beside them. Unscaled values keep their type. No object arrays in ``npz``: it opens with
``allow_pickle=False``.
"""

from __future__ import annotations

import json
import math
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.lib import format as npy_format

from sparc_fuse_core.errors import SizeLimitError
from sparc_fuse_core.writers.dense_arrays import dense_codec
from sparc_fuse_core.writers.encoding import holds_every_integer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK_VALUES = 1 << 20
_COPY_BYTES = 1 << 20

#: Of the text with which a MATLAB 5 file begins.
_MAT_TEXT_BYTES = 116

#: A variable of a MATLAB 5 file holds less than 2 GiB.
_MAT_LIMIT_BYTES = 2**31 - 2**16

#: MATLAB's own limit for the length of a name.
_MAT_NAME = 63


def write_zip(store: Path, out: Path) -> None:
    """Pack a store as ``zarr.zip``: stored, not compressed again, metadata first, the root's before all.

    An OME-Zarr is a single-file one as NGFF's RFC-9 has it: its comment says version and order.
    """
    files = sorted(file for file in store.rglob("*") if file.is_file())
    files.sort(
        key=lambda file: (file.name != "zarr.json", len(file.relative_to(store).parts), file)
    )
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        archive.comment = _ome_comment(store)
        for file in files:
            entry = _entry(file.relative_to(store).as_posix(), zipfile.ZIP_STORED)
            entry.file_size = file.stat().st_size
            with file.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, _COPY_BYTES)


def _entry(name: str, compression: int) -> zipfile.ZipInfo:
    """Return an entry without the date and the rights of a file here: the same content, the same bytes."""
    entry = zipfile.ZipInfo(name)  # of 1 January 1980, the earliest that a zip knows
    entry.compress_type = compression
    entry.create_system = 3  # Unix, wherever it is written
    entry.external_attr = 0o644 << 16
    return entry


def _ome_comment(store: Path) -> bytes:
    """Return the comment of a zipped OME-Zarr, or none for any other store."""
    root = store / "zarr.json"
    facts = json.loads(root.read_bytes()) if root.is_file() else {}
    version = facts.get("attributes", {}).get("ome", {}).get("version")
    if version is None:
        return b""
    said = {"version": version, "zipFile": {"centralDirectory": {"jsonFirst": True}}}
    return json.dumps({"ome": said}).encode()


@dense_codec()
def write_npz(store: Path, out: Path) -> None:
    """Write every array of a store to ``npz``, block by block, and its attributes as JSON text."""
    group = zarr.open_group(store, mode="r")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        attributes: dict[str, Any] = {"": dict(group.attrs)}
        for name, array in _arrays(group):
            decoded = _Decoded(array)
            attributes[name] = decoded.attributes
            entry = _entry(f"{name}.npy", zipfile.ZIP_DEFLATED)
            with archive.open(entry, "w", force_zip64=True) as file:
                header = {
                    "descr": npy_format.dtype_to_descr(decoded.dtype),
                    "fortran_order": False,
                    "shape": array.shape,
                }
                npy_format.write_array_header_2_0(file, header)
                for block in decoded.blocks():
                    file.write(np.ascontiguousarray(block).tobytes())
        with archive.open(_entry("attributes.npy", zipfile.ZIP_DEFLATED), "w") as file:
            text = np.array(json.dumps(attributes, allow_nan=False))
            npy_format.write_array(file, text, allow_pickle=False)


@dense_codec()
def write_mat(store: Path, out: Path) -> None:
    """Write every array of a store to a MATLAB 5 file; the whole content is held in memory.

    Raises
    ------
    SizeLimitError
        If one variable would be 2 GiB or more.
    """
    from scipy.io import savemat  # half a second that only this container costs

    group = zarr.open_group(store, mode="r")
    variables: dict[str, Any] = {}
    for name, array in _arrays(group):
        decoded = _Decoded(array)
        if decoded.n_bytes >= _MAT_LIMIT_BYTES:
            message = (
                f"{out.name}: {name} holds {decoded.n_bytes / 1e9:.1f} GB, a variable of a .mat file "
                "less than 2 GiB; convert to zarr"
            )
            raise SizeLimitError(message)
        blocks = list(decoded.blocks())
        values = np.concatenate(blocks) if blocks else np.empty(array.shape, decoded.dtype)
        if values.dtype.kind == "U":
            values = values.astype(object)
        variables[_mat_name(name, variables)] = values.reshape(array.shape)
    variables["attributes"] = json.dumps(dict(group.attrs), allow_nan=False)
    savemat(out, variables, do_compression=True, oned_as="row", long_field_names=True)
    # scipy writes the platform and the hour into the text before the variables
    with out.open("r+b") as file:
        file.write(b"MATLAB 5.0 MAT-file, written by SPARC FUSE".ljust(_MAT_TEXT_BYTES))


def _mat_name(name: str, taken: dict[str, Any]) -> str:
    """Return a MATLAB name: letters, digits and underscores, at most 63, unique."""
    word = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name)
    word = word[:_MAT_NAME]
    n = 1
    while word in taken:
        tail = f"_{n}"
        word = word[: _MAT_NAME - len(tail)] + tail
        n += 1
    return word


def _arrays(group: zarr.Group) -> Iterator[tuple[str, Any]]:
    """Yield (path, array) of every array but the overviews, which are derived."""
    for name, member in sorted(group.members(max_depth=None)):
        if "overview" not in name.split("/")[:-1] and isinstance(member, zarr.Array):
            yield name, member


class _Decoded:
    """One array with its CF scale applied, read in blocks of the first axes."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.attributes = dict(array.attrs)
        self._gain = float(self.attributes.pop("scale_factor", 1.0))
        self._offset = float(self.attributes.pop("add_offset", 0.0))
        stored = np.dtype(array.dtype)
        self._scaled = (self._gain, self._offset) != (1.0, 0.0)
        self.dtype = stored
        if stored.kind in "TO":
            width = max((len(text) for text in np.asarray(array[...]).ravel()), default=0)
            self.dtype = np.dtype(f"<U{max(width, 1)}")
        elif self._scaled:
            self.attributes.update(gain=self._gain, offset=self._offset, stored_dtype=stored.name)
            gains, offsets = np.array([self._gain]), np.array([self._offset])
            small = stored.kind in "iu" and holds_every_integer(
                stored, gains, offsets, np.dtype("float32")
            )
            self.dtype = np.dtype("float32" if small else "float64")
        self.n_bytes = math.prod(array.shape) * self.dtype.itemsize

    def blocks(self) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the values in C order: rows of the first axis, in spans along the second."""
        shape = self._array.shape
        if not math.prod(shape):
            return
        if len(shape) == 1:
            for start in range(0, shape[0], _BLOCK_VALUES):
                yield self._decode(self._array[start : start + _BLOCK_VALUES])
            return
        inner = math.prod(shape[1:])
        rows = max(1, _BLOCK_VALUES // max(inner, 1))
        for first in range(0, shape[0], rows):
            yield self._decode(self._array[first : first + rows])

    def _decode(self, block: Any) -> np.ndarray[Any, Any]:
        values = np.asarray(block)
        if self._scaled:
            values = values.astype(float) * self._gain + self._offset
        if self.dtype.kind == "U":
            return np.array([str(text) for text in values.ravel()], self.dtype).reshape(
                values.shape
            )
        result: np.ndarray[Any, Any] = values.astype(self.dtype)
        return result
