"""OME-TIFF sets: one image over several files, described by OME-XML in each, in one, or beside them.

Every file of a set names all the others, or the file that does. The file whose name sorts first leads:
it is converted with the whole set, the others say that they belong to it, so that a set gives one result
and no file an image with planes missing.

Source: OME-TIFF specification, sections "multi-file OME-TIFF" and "binary-only".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import tifffile

from sparc_fuse_core.errors import CorruptFileError, MissingCompanionError, PartOfSetError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path, PurePath

#: Attributes of OME's instruments that are facts of the picture.
_INSTRUMENTS = {
    "Microscope": ("Manufacturer", "Model", "Type"),
    "Objective": (
        *("Manufacturer", "Model", "NominalMagnification", "CalibratedMagnification", "LensNA"),
        *("Immersion", "Correction", "WorkingDistance", "WorkingDistanceUnit"),
    ),
    "Detector": ("Manufacturer", "Model", "Type"),
}
#: Longest description that is read from a companion file.
_MAX_COMPANION_BYTES = 256_000_000


@dataclass(frozen=True, slots=True)
class Ome:
    """The OME-XML of a file or of its set.

    Attributes
    ----------
    images
        The ``Image`` elements.
    described_by
        The file that holds the text: the TIFF itself, another TIFF, or a ``.companion.ome``.
    instruments
        What it states of microscope, objectives and detectors: kinds and optics, no serial numbers.
    """

    images: tuple[ET.Element, ...]
    text: str
    described_by: Path
    instruments: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)


def read_ome(path: Path, text: str) -> Ome:
    """Parse OME-XML and check that every file of its set lies beside ``path``.

    Raises
    ------
    CorruptFileError
        If it declares entities or names files outside of the folder.
    MissingCompanionError
        If a file of the set is absent; its ``absent`` names them.
    PartOfSetError
        If another file leads the set; its ``leader`` names it.
    """
    root = _parse(path, text)
    described_by = path
    other = _described_elsewhere(root)
    if other is not None:
        described_by = path.parent / _inside(path, other)
        if not other or not described_by.is_file():
            message = (
                f"{path.name}: a part of an OME-TIFF set; its description {other!r} is absent: "
                "put it beside it"
            )
            raise MissingCompanionError(message, (other,) if other else ())
        text = _description_of(described_by)
        root = _parse(described_by, text)
    names = _files_of(root, described_by)
    if names and not any(_is_same(path, name) for name in names):
        if other is not None:
            message = f"{path.name}: {other} does not name it; export the set again"
            raise CorruptFileError(message)
        if len(names) == 1:
            _refuse_absent(path, [n for n in names if not _lies_beside(path, n)])
    elif len(names) > 1 and not _is_same(path, min(names, key=str.casefold)):
        leader = min(names, key=str.casefold)
        message = f"{path.name}: a part of the OME-TIFF set that {leader} leads: converted with it"
        raise PartOfSetError(message, leader)
    _refuse_absent(path, [name for name in names if not _lies_beside(path, name)])
    images = tuple(element for element in root if _tag(element) == "Image")
    return Ome(images, text, described_by, _instruments(root))


def _instruments(root: ET.Element) -> dict[str, list[dict[str, str]]]:
    """Return the listed attributes of each microscope, objective and detector."""
    found: dict[str, list[dict[str, str]]] = {}
    for element in root.iter():
        listed = _INSTRUMENTS.get(_tag(element), ())
        stated = {key: element.attrib[key] for key in listed if key in element.attrib}
        if stated:
            found.setdefault(_tag(element).lower(), []).append(stated)
    return found


def _parse(path: Path, text: str) -> ET.Element:
    if "<!ENTITY" in text or "<!DOCTYPE" in text:
        message = f"{path.name}: the OME-XML declares entities; it is not read"
        raise CorruptFileError(message)
    try:
        return ET.fromstring(text)  # noqa: S314 - entities are refused above
    except ET.ParseError as err:
        message = f"{path.name}: its OME-XML cannot be parsed ({err}); export the file again"
        raise CorruptFileError(message) from err


def _described_elsewhere(root: ET.Element) -> str | None:
    """Return the name of the file that describes the set, if this one only holds pixels."""
    for element in root:
        if _tag(element) == "BinaryOnly":
            return str(element.get("MetadataFile", ""))
    return None


def _description_of(path: Path) -> str:
    """Return the OME-XML of a master TIFF or a companion file."""
    if path.name.lower().endswith((".tif", ".tiff", ".btf", ".tf2", ".tf8")):
        with tifffile.TiffFile(path) as master:
            return master.ome_metadata or ""
    if path.stat().st_size > _MAX_COMPANION_BYTES:
        message = (
            f"{path.name}: {path.stat().st_size} bytes are too many for an OME-XML description"
        )
        raise CorruptFileError(message)
    return path.read_text(encoding="utf-8", errors="replace")


def _files_of(root: ET.Element, described_by: Path) -> list[str]:
    """Return the names of the set's files, in the order in which planes name them."""
    own = root.get("UUID")
    names: list[str] = []
    for uuid in root.iter():
        name = uuid.get("FileName") if _tag(uuid) == "UUID" else None
        if not name:
            continue
        # a file that was renamed still has its own UUID
        if own is not None and uuid.text == own:
            name = described_by.name
        _inside(described_by, name)
        if name not in names:
            names.append(name)
    return names


def _is_same(path: Path, name: str) -> bool:
    """Whether ``name`` is ``path``, perhaps under the name it had before publication."""
    if name.casefold() == path.name.casefold():
        return True
    beside = path.parent / _inside(path, name)
    return beside.is_file() and beside.samefile(path)


def _lies_beside(path: Path, name: str) -> bool:
    return _is_same(path, name) or (path.parent / _inside(path, name)).is_file()


def _refuse_absent(path: Path, absent: list[str]) -> None:
    if absent:
        shown = ", ".join(absent[:5]) + (" …" if len(absent) > 5 else "")
        message = (
            f"{path.name}: {len(absent)} files of this OME-TIFF set are absent: {shown}; put them "
            "beside it"
        )
        raise MissingCompanionError(message, absent)


def _inside(path: Path, name: str) -> PurePath:
    """Return ``name`` as a path below the folder of ``path``."""
    relative = type(path)(name.replace("\\", "/"))
    if relative.is_absolute() or ".." in relative.parts:
        message = f"{path.name}: the OME-XML names a file outside of its folder: {name!r}"
        raise CorruptFileError(message)
    return relative


def _tag(element: ET.Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1]
