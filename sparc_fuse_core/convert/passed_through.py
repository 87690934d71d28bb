"""Publish a dataset's own OME-Zarr: validated, its images and labels copied byte for byte.

Attributes pass the same policy as those of other formats (`sparc_fuse_core.privacy.stores`); what is neither
image nor label (OME-XML, tables, other files) is left out.
"""

from __future__ import annotations

import filecmp
import itertools
import math
import re
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import zarr
from zarr.storage import LocalStore

from sparc_fuse_core.blosc_frames import CHUNK, FramesStore
from sparc_fuse_core.errors import CorruptFileError, UnsupportedFormatError, VerificationError
from sparc_fuse_core.privacy.stores import PublicStore
from sparc_fuse_core.readers.ome_zarr import accept
from sparc_fuse_core.readers.shared.damage import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.privacy.sieve import Aside


_METADATA = ("zarr.json", ".zarray", ".zmetadata")
#: The codec of Zarr version 2 and 3 by whatever registry.
_PICKLE = re.compile(rb'"(?:numcodecs\.)?pickle"')


def copy_store(
    contents: Contents, store: Path, out: Path, *, free_text: bool, budget_bytes: int
) -> tuple[tuple[dict[str, Any], ...], tuple[Aside, ...]]:
    """Copy ``store`` to the new folder ``out``; return the facts of its images and what was left out.

    Raises
    ------
    CorruptFileError
        If most validators refuse the copy, all findings are named; or if a chunk cannot be decoded.
    VerificationError
        If the copy differs.
    """
    public = PublicStore(store, free_text=free_text)
    for inner, content in public.files():
        if PurePosixPath(inner).name in _METADATA:
            _refuse_code(store, str(inner), content)
        twin = out / inner
        twin.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            twin.write_bytes(content)
            continue
        # files may be links to where they lie: their content is copied
        shutil.copyfile(store / inner, twin)
        if not filecmp.cmp(store / inner, twin, shallow=False):
            message = f"{store.name}: {inner} was not copied as it is"
            raise VerificationError(message)
    accept(out)
    decode_all(out, store.name, budget_bytes)
    return _facts(contents), tuple(public.aside)


def decode_all(out: Path, name: str, budget_bytes: int) -> None:
    """Decode every chunk that is there once: a copy of what nobody can read is no result.

    Files are gone through, not the grid, which may be a million times larger; chunks beyond the budget are
    not decoded.
    """
    root = zarr.open_group(FramesStore(LocalStore(out, read_only=True)), mode="r")
    for path, array in root.members(max_depth=None):
        if not isinstance(array, zarr.Array):
            continue
        for block in _blocks(out / path, array, budget_bytes):
            try:
                array[block]
            except DAMAGE as err:
                at = [part.start for part in block]
                first = (str(err) or type(err).__name__).partition("\n")[0][:200]
                message = f"{name}: {path} cannot be decoded at {at} ({first}); upload it again"
                raise CorruptFileError(message) from err


def _blocks(folder: Path, array: zarr.Array[Any], budget_bytes: int) -> Iterator[tuple[slice, ...]]:
    """Yield what each file of an array's chunks holds, in parts that fit the budget."""
    whole = array.shards or array.chunks
    for file in sorted(folder.rglob("*")):
        key = CHUNK.fullmatch(file.relative_to(folder).as_posix())
        if key is None or not file.is_file():
            continue
        corner = [
            int(number) * n for number, n in zip(re.findall(r"\d+", key[0]), whole, strict=False)
        ]
        if len(corner) != array.ndim:
            continue
        step = whole
        if math.prod(step) * array.dtype.itemsize > budget_bytes // 4:
            step = array.chunks
        if math.prod(step) * array.dtype.itemsize > budget_bytes:
            continue
        starts = [
            range(at, min(at + n, length), part)
            for at, n, length, part in zip(corner, whole, array.shape, step, strict=True)
        ]
        for start in itertools.product(*starts):
            yield tuple(slice(at, at + n) for at, n in zip(start, step, strict=True))


def _refuse_code(store: Path, inner: str, content: bytes | None) -> None:
    """Refuse an array whose chunks are pickled objects: who opens it runs what its author wrote.

    Raises
    ------
    UnsupportedFormatError
        If metadata name such a codec.
    """
    text = (store / inner).read_bytes() if content is None else content
    if _PICKLE.search(text):
        message = (
            f"{store.name}: {inner} stores pickled Python objects, which run code when they are opened; save "
            "numbers instead"
        )
        raise UnsupportedFormatError(message)


def _facts(contents: Contents) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "name": image.name,
            "shape": tuple(image.pixels.shape),
            "dtype": str(image.pixels.dtype),
            "axes": image.axes,
            "scale": dict(image.scale),
            "axis_units": dict(image.axis_units),
            "channel_names": tuple(image.channel_names),
            "passed_through": True,
        }
        for image in contents.images
    )
