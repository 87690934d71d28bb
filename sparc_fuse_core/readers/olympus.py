"""Olympus FluoView OIB and OIF: one TIFF for each plane, in a compound file or in a folder beside.

The names of the TIFFs state their place (``s_C001Z002T003.tif``); the main file states the axes, their
steps and the channels. Reference images (``…-R001.tif``) and the thumbnail are left out.
"""

from __future__ import annotations

import math
import re
import struct
import traceback
import warnings
from contextlib import contextmanager
from pathlib import PurePosixPath
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import oiffile
import tifffile

from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    MissingCompanionError,
    UncertainMappingError,
)
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.planes import by_plane
from sparc_fuse_core.readers.shared.units import length_unit, time_unit
from sparc_fuse_core.readers.tiff.pages import DECODE_ERRORS, check_page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    Bounds = tuple[int, int]
    Place = tuple[int, ...]

_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST_SECTOR = 0xFFFFFFFA
_PART = re.compile(r"([A-Z])(\d+)")
_LETTERS = "TCZ"


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an OIB or OIF file; see `sparc_fuse_core.readers.Reader`."""
    del options
    _check_container(path)
    try:
        document = oiffile.OifFile(path)
    except FileNotFoundError:
        raise
    except DECODE_ERRORS as err:
        # oiffile leaves its handle to the frames of the failed call
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            traceback.clear_frames(err.__traceback__)
        message = f"{path.name}: not a readable OIB or OIF file ({err}); upload the original again"
        raise CorruptFileError(message) from err
    try:
        try:
            contents = _contents(path, document)
        except DECODE_ERRORS as err:
            if isinstance(err, (CorruptFileError, UncertainMappingError)):
                raise
            message = f"{path.name}: its settings cannot be read ({err}); upload the original again"
            raise CorruptFileError(message) from err
        yield contents
    finally:
        document.close()


def _check_container(path: Path) -> None:
    """Refuse a folder that is absent, and a compound file whose chains of sectors never end."""
    with path.open("rb") as file:
        head = file.read(512)
        if head[:8] != _MAGIC:
            folder = path.with_name(f"{path.name}.files")
            if path.suffix.lower() == ".oif" and not folder.is_dir():
                message = (
                    f"{path.name}: its folder {folder.name!r} is absent; put it beside the file"
                )
                raise MissingCompanionError(message)
            return
        try:
            _check_chains(head, file, path.stat().st_size)
        except (ValueError, struct.error) as err:
            message = f"{path.name}: the compound file is damaged ({err}); upload it again"
            raise CorruptFileError(message) from err


def _check_chains(head: bytes, file: Any, n_file_bytes: int) -> None:
    """Raise ValueError where two sectors lead to one: only then can a chain be a ring."""
    shift = struct.unpack_from("<H", head, 30)[0]
    if shift not in (9, 12):
        message = f"sectors of 2^{shift} bytes"
        raise ValueError(message)
    size = 1 << shift
    tables = [sector for sector in struct.unpack_from("<109I", head, 76) if sector < _LAST_SECTOR]
    at, left = struct.unpack_from("<2I", head, 68)
    if left > n_file_bytes // size:
        message = f"{left} allocation sectors announced"
        raise ValueError(message)
    for _ in range(left):
        file.seek(size + at * size)
        *more, at = struct.unpack(f"<{size // 4}I", file.read(size))
        tables += [sector for sector in more if sector < _LAST_SECTOR]
    seen: set[int] = set()
    for sector in tables:
        file.seek(size + sector * size)
        for following in struct.unpack(f"<{size // 4}I", file.read(size)):
            if following < _LAST_SECTOR:
                if following in seen or following * size > n_file_bytes:
                    message = f"sector {following} is used twice, or lies beyond the end"
                    raise ValueError(message)
                seen.add(following)


class _Planes:
    """Decodes one TIFF after the other; the last plane is kept."""

    def __init__(self, path: Path, document: oiffile.OifFile, files: Mapping[Place, str]) -> None:
        self._path = path
        self._document = document
        self._files = files
        self._last: tuple[Place, np.ndarray[Any, Any]] | None = None
        self._lock = Lock()
        self.shape: tuple[int, ...] = ()
        self.dtype: np.dtype[Any] = np.dtype(np.uint16)
        first = self(next(iter(files)))
        self.shape, self.dtype = first.shape, first.dtype

    def __call__(self, place: Place) -> np.ndarray[Any, Any]:
        """Return one whole plane: shape (y, x)."""
        with self._lock:
            if self._last is None or self._last[0] != place:
                self._last = (place, self._decode(self._files[place]))
            return self._last[1]

    def _decode(self, name: str) -> np.ndarray[Any, Any]:
        shown = f"{self._path.name}: {PurePosixPath(name.replace(chr(92), '/')).name}"
        try:
            with (
                self._document.open_file(name) as file,
                tifffile.TiffFile(file, name=shown) as tiff,
            ):
                n_pages = len(tiff.pages)
                page = tiff.pages.first
                check_page(shown, page, tiff.filehandle.size)
                plane: np.ndarray[Any, Any] = page.asarray()
        except CorruptFileError:
            raise
        except DECODE_ERRORS as err:
            message = f"{shown} cannot be decoded ({err}); upload the original again"
            raise CorruptFileError(message) from err
        if plane.ndim != 2 or n_pages != 1 or (self.shape and plane.shape != self.shape):
            message = (
                f"{shown} has {n_pages} pages of {plane.shape}; one of {self.shape} was expected"
            )
            raise CorruptFileError(message)
        if self.shape and plane.dtype.newbyteorder("=") != self.dtype:
            message = f"{shown} holds {plane.dtype}, the first plane {self.dtype}"
            raise CorruptFileError(message)
        return plane.astype(plane.dtype.newbyteorder("="), copy=False)


def _contents(path: Path, document: oiffile.OifFile) -> Contents:
    settings = document.mainfile
    order = str(settings["Axis Parameter Common"]["AxisOrder"])
    stated = _axes(settings)
    files, evidence = _files(path, document)
    lengths = {letter: len({place[i] for place in files}) for i, letter in enumerate(_LETTERS)}
    _check_sizes(path, order, stated, lengths, files)
    planes = _Planes(path, document, files)
    if order[:2] != "XY":
        sentence = f"scanned in the order {order}: rows are {order[1]}, not y"
        evidence.append(Evidence("axes", "inferred", sentence))
    axes = "".join(axis for axis in "tczyx" if axis in "yx" or lengths[axis.upper()] > 1)
    sizes = {"y": planes.shape[0], "x": planes.shape[1]}
    shape = tuple(sizes.get(axis) or lengths[axis.upper()] for axis in axes)

    def read_plane(index: tuple[int, ...], of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        at = dict(zip(axes[:-2], index, strict=True))
        plane = planes(tuple(at.get(letter.lower(), 0) for letter in _LETTERS))
        return plane[slice(*of_y), slice(*of_x)]

    pixels = by_plane(axes, shape, planes.dtype, read_plane)
    scale, units = _scale(settings, stated, order, lengths)
    scale = {axis: step for axis, step in scale.items() if axis in axes}
    names = _channel_names(settings, lengths["C"])
    bits = settings.get("Reference Image Parameter", {}).get("ValidBitCounts")
    image = Image(
        "",
        pixels,
        axes,
        scale,
        {axis: unit for axis, unit in units.items() if axis in scale and unit},
        channel_names=names,
        significant_bits=bits if isinstance(bits, int) and bits > 0 else None,
        metadata=_metadata(settings, names),
    )
    return Contents(images=(image,), evidence=tuple(evidence))


def _axes(settings: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the section of each axis, by its letter."""
    found = {}
    for i in range(9):
        section = settings.get(f"Axis {i} Parameters Common")
        if section is not None:
            found[str(section.get("AxisCode"))] = section
    return found


def _files(path: Path, document: oiffile.OifFile) -> tuple[dict[Place, str], list[Evidence]]:
    """Return the TIFF of each place (t, c, z); places are counted from 0."""
    found: dict[Place, str] = {}
    left_out = 0
    for name in document.glob("*"):
        base = PurePosixPath(str(name).replace("\\", "/")).name
        if not base.lower().endswith((".tif", ".tiff")):
            continue
        stem = base.rsplit(".", 1)[0]
        if "-R" in stem:
            left_out += 1
            continue
        parts = dict(_PART.findall(stem.rsplit("_", 1)[-1]))
        if not parts or set(parts) - set(_LETTERS):
            message = (
                f"{path.name}: {base} does not say its channel, slice and time point; axes beyond these "
                "(wavelength, angle) are not read"
            )
            raise UncertainMappingError(message)
        place = tuple(int(parts.get(letter, 1)) - 1 for letter in _LETTERS)
        if place in found or min(place) < 0:
            message = f"{path.name}: two files claim the place of {base}"
            raise CorruptFileError(message)
        found[place] = str(name)
    if not found:
        message = f"{path.name}: no plane (no TIFF) in its folder or container"
        raise (EmptyFileError if document.is_oib else MissingCompanionError)(message)
    evidence = []
    if left_out:
        evidence.append(
            Evidence("content", "file", f"{left_out} reference images (-R) are left out")
        )
    return found, evidence


def _check_sizes(
    path: Path,
    order: str,
    stated: Mapping[str, Mapping[str, Any]],
    lengths: Mapping[str, int],
    files: Mapping[Place, str],
) -> None:
    """Check that every place has its file, and that there are as many as the main file states."""
    n_places = math.prod(lengths.values())
    wanted = {
        letter: int(stated.get(letter, {}).get("MaxSize", 1) or 1) if letter in order[2:] else 1
        for letter in _LETTERS
    }
    absent = math.prod(max(wanted[a], lengths[a]) for a in _LETTERS) - len(files)
    dense = all(max(place[i] for place in files) + 1 == lengths[a] for i, a in enumerate(_LETTERS))
    if len(files) == n_places and dense and all(lengths[a] >= wanted[a] for a in _LETTERS):
        return
    message = (
        f"{path.name}: {absent} planes are absent: {len(files)} TIFFs for axes {order} of "
        f"{[wanted[a] for a in _LETTERS]} (t, c, z)"
    )
    if path.suffix.lower() == ".oif":
        raise MissingCompanionError(f"{message}; put the whole folder beside it")
    raise CorruptFileError(f"{message}; upload it again")


def _scale(
    settings: Mapping[str, Any],
    stated: Mapping[str, Mapping[str, Any]],
    order: str,
    lengths: Mapping[str, int],
) -> tuple[dict[str, float], dict[str, str]]:
    """Return steps and units as the main file states them."""
    scale: dict[str, float] = {}
    units: dict[str, str] = {}
    reference = settings.get("Reference Image Parameter", {})
    for axis, word in (("x", "Width"), ("y", "Height")):
        step = _positive(reference.get(f"{word}ConvertValue"))
        text = str(reference.get(f"{word}Unit", ""))
        # rows that are no lengths (a line over time) get no step
        if step is not None and (axis == "x" or order[1:2] == "Y") and length_unit(text):
            scale[axis], units[axis] = step, length_unit(text)
    for axis, find_unit in (("z", length_unit), ("t", time_unit)):
        section = stated.get(axis.upper(), {})
        unit = find_unit(str(section.get("UnitName") or section.get("PixUnit") or ""))
        step = _step(section, lengths[axis.upper()])
        if step is not None and unit:
            scale[axis], units[axis] = step, unit
    return scale, units


def _step(section: Mapping[str, Any], n: int) -> float | None:
    """Return the stated interval; where none is, extent divided by steps; None if they disagree."""
    interval = _positive(section.get("Interval"))
    extent = None
    if n > 1:
        try:
            extent = _positive(abs(section["EndPosition"] - section["StartPosition"]) / (n - 1))
        except (KeyError, TypeError):
            extent = None
    if interval is not None and extent is not None and abs(interval / extent - 1) > 0.02:
        return None
    return interval or extent


def _positive(value: Any) -> float | None:
    if isinstance(value, (int, float)) and math.isfinite(value) and value > 0:
        return float(value)
    return None


def _channel_names(settings: Mapping[str, Any], n_channels: int) -> tuple[str, ...]:
    names = tuple(
        str(settings.get(f"Channel {i + 1} Parameters", {}).get("CH Name", ""))
        for i in range(n_channels)
    )
    return names if any(names) else ()


def _metadata(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    acquisition = settings.get("Acquisition Parameters Common", {})
    # the misspelling is the file's
    for key, name in (
        ("ImageCaputreDate", "acquisition_date"),
        ("Acquisition Device", "device"),
        ("ZoomValue", "zoom"),
        ("ScanMode", "scan_mode"),
    ):
        if isinstance(acquisition.get(key), (str, int, float)):
            facts[name] = acquisition[key]
    channels = []
    for i, name in enumerate(names):
        section = settings.get(f"Channel {i + 1} Parameters", {})
        row = {"name": name}
        for key in ("DyeName", "ExcitationWavelength", "EmissionWavelength", "BF Name"):
            if section.get(key):
                row[key] = section[key]
        channels.append(row)
    if channels:
        facts["channels"] = channels
    return facts
