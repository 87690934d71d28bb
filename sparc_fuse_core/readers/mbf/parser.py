"""What an MBF tracing holds, element by element as it streams by: points, and what they are points of.

Source: "Neuromorphological File Specification" 4.0 (MBF Bioscience), sections 4 and 5.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from sparc_fuse_core.errors import CorruptFileError, FormatMismatchError, SizeLimitError
from sparc_fuse_core.privacy.texts import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_BLOCK_BYTES = 1 << 20
_MOST_GROUPS = 100_000
_MOST_TEXT = 10_000
_MOST_DEPTH = 1_000_000
_MOST_LEFT_OUT = 50
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,30}")
#: Elements whose points belong to them.
OWNERS = ("tree", "branch", "contour", "marker", "spine", "varicosity", "node", "edge")
#: Attributes of each that say what it is; all else of an element is drawing or bookkeeping.
_ABOUT = {
    "tree": ("type", "color", "leaf", "rootclass"),
    "branch": ("leaf", "class"),
    "contour": ("name", "color", "closed", "shape"),
    "marker": ("type", "color", "name", "varicosity"),
    "spine": ("classification",),
    "varicosity": (),
    "vessel": ("type", "color", "name", "class"),
    "node": (),
    "edge": ("class",),
}
#: Facts of the head, by element; never names of people or files.
_HEAD = {
    "mbf": ("version", "appname", "appversion", "apprrid", "insrrid"),
    "atlas": ("organ", "label", "rootid"),
    "subject": ("species", "sex"),
    "section": ("sid", "name", "top", "cutthickness", "mountedthickness"),
    "coord": ("x", "y", "z"),
    "scale": ("x", "y"),
    "zspacing": ("z", "slices"),
}
_TERM = "TraceAssociation"
_SET = "Set"
#: How an element is drawn, and what tells it from all others.
_BOOKKEEPING = ("GUID", "FillDensity")
#: Elements that only hold others, or say what is not kept.
_STRUCTURE = frozenset(
    (
        *("filefacts", "sparcdata", "images", "image", "nodes", "edges", "edgelists", "thumbnail"),
        *("sectionmanager", "channels", "channel", "thumbnail-line", "n", "c", "b", "l"),
    )
)


@dataclass(slots=True)
class Owner:
    """One element that has points."""

    element: str
    number: int
    attributes: dict[str, str]
    terms: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    resolution: float = math.nan
    parent: int = -1
    inside: int = -1
    after: int = 0
    n_points: int = 0
    node_id: str = ""


@dataclass(slots=True)
class Points:
    """Points of one kind of element, in the order of the file."""

    values: array[float] = field(default_factory=lambda: array("d"))
    owners: array[int] = field(default_factory=lambda: array("q"))
    slices: array[int] = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class Tracing:
    """All that was read."""

    points: dict[str, Points] = field(default_factory=dict)
    owners: dict[str, list[Owner]] = field(default_factory=dict)
    #: sections ids of points, numbered
    slices: dict[str, int] = field(default_factory=dict)
    #: (vessel, edge id, source id, target id)
    edges: list[tuple[int, str, str, str]] = field(default_factory=list)
    vessels: list[dict[str, str]] = field(default_factory=list)
    head: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    description: str = ""
    n_image_files: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


#: Kind of points that each element's are gathered in.
KIND = {
    "tree": "tree",
    "branch": "tree",
    "contour": "contour",
    "marker": "marker",
    "spine": "spine",
    "varicosity": "varicosity",
    "node": "node",
    "edge": "edge",
}


class Parser:
    """Gathers a tracing from the events of an XML parser."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tracing = Tracing()
        self._open: list[tuple[str, Owner | None]] = []
        self._owners: list[Owner] = []
        self._text: list[str] | None = None
        self._property = ""
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype

    def parse(self) -> Tracing:
        """Read the whole file.

        Raises
        ------
        CorruptFileError, FormatMismatchError
            If it is no XML, or XML of something else.
        """
        try:
            with self.path.open("rb") as file:
                # some are written with an empty line in front of the declaration
                block = file.read(_BLOCK_BYTES).lstrip()
                while block:
                    self._parser.Parse(block)
                    block = file.read(_BLOCK_BYTES)
            self._parser.Parse(b"", True)
        except expat.ExpatError as err:
            message = f"{self.path.name}: not well-formed XML ({err}); it is cut or edited"
            raise CorruptFileError(message) from err
        return self.tracing

    def _doctype(self, *_: object) -> None:
        message = f"{self.path.name}: declares entities of its own, which no tracing needs; save it without"
        raise CorruptFileError(message)

    def _damaged(self, why: str) -> CorruptFileError:
        line = self._parser.CurrentLineNumber
        return CorruptFileError(f"{self.path.name}: line {line}: {why}; it is cut or edited")

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        name = qualified.rpartition(":")[2]
        if not self._open and name != "mbf":
            message = f"{self.path.name}: XML of {shown(name)!r}, not an MBF tracing"
            raise FormatMismatchError(message)
        if len(self._open) > _MOST_DEPTH:
            message = f"{self.path.name}: elements lie more than {_MOST_DEPTH} deep"
            raise SizeLimitError(message)
        owner = self._new_owner(name, attributes) if name in OWNERS else None
        self._open.append((name, owner))
        if owner is not None:
            self._owners.append(owner)
        elif name in _ADDERS:
            _ADDERS[name](self, attributes)
        elif name in _HEAD:
            facts = {key: attributes[key] for key in _HEAD[name] if attributes.get(key)}
            self._add_head(name, facts)
        elif name not in _STRUCTURE:
            self._leave(name, "<{}>")

    def _add_property(self, attributes: Mapping[str, str]) -> None:
        self._property = attributes.get("name", "")
        if self._owners and self._property not in (_TERM, _SET, *_BOOKKEEPING):
            self._leave(self._property, "{}")

    def _begin_text(self, attributes: Mapping[str, str]) -> None:
        del attributes
        self._text = []

    def _add_edges(self, attributes: Mapping[str, str]) -> None:
        edge, source, target = (attributes.get(k, "") for k in ("edge", "sourcenode", "targetnode"))
        self.tracing.edges.append((len(self.tracing.vessels) - 1, edge, source, target))

    def _add_file(self, attributes: Mapping[str, str]) -> None:
        del attributes
        self.tracing.n_image_files += 1

    def _leave(self, name: str, form: str) -> None:
        """Count what is left out by its name, if it is such a word as the format has."""
        left_out = self.tracing.left_out
        known = _WORD.fullmatch(name) is not None and len(left_out) < _MOST_LEFT_OUT
        left_out[form.format(name) if known else "other"] += 1

    def _add_head(self, name: str, facts: dict[str, str]) -> None:
        if facts and sum(map(len, self.tracing.head.values())) < _MOST_GROUPS:
            self.tracing.head.setdefault(name, []).append(facts)

    def _add_vessel(self, attributes: Mapping[str, str]) -> None:
        about = {key: attributes[key] for key in _ABOUT["vessel"] if attributes.get(key)}
        self.tracing.vessels.append(about)

    def _new_owner(self, name: str, attributes: Mapping[str, str]) -> Owner:
        kind = KIND[name]
        owners = self.tracing.owners.setdefault(kind, [])
        about = {key: attributes[key] for key in _ABOUT[name] if attributes.get(key)}
        owner = Owner(name, len(owners), about)
        outer = self._owners[-1] if self._owners else None
        if name == "branch":
            if outer is None or KIND[outer.element] != "tree":
                raise self._damaged("a branch of no tree")
            owner.parent = outer.number
        elif outer is not None and KIND[outer.element] == "tree":
            owner.inside, owner.after = outer.number, outer.n_points
        if name in ("node", "edge"):
            owner.node_id, owner.inside = attributes.get("id", ""), len(self.tracing.vessels) - 1
        owners.append(owner)
        return owner

    def _point(self, attributes: Mapping[str, str]) -> None:
        if not self._owners:
            self.tracing.left_out["points of no element"] += 1
            return
        owner = self._owners[-1]
        try:
            values = [float(attributes[key]) for key in ("x", "y", "z")]
            # the width of a line is not stated for every point
            values.append(float(attributes["d"]) if "d" in attributes else math.nan)
        except (KeyError, ValueError) as err:
            raise self._damaged("a point without three numbers") from err
        if not all(map(math.isfinite, values[:3])):
            raise self._damaged("a point that is nowhere")
        points = self.tracing.points.setdefault(KIND[owner.element], Points())
        points.values.extend(values)
        points.owners.append(owner.number)
        sid = attributes.get("sid", "")
        slices = self.tracing.slices
        points.slices.append(slices.setdefault(sid, len(slices)) if sid else -1)
        owner.n_points += 1

    def _characters(self, text: str) -> None:
        if self._text is not None and len(self._text) < _MOST_TEXT:
            self._text.append(text)

    def _end(self, qualified: str) -> None:
        name = qualified.rpartition(":")[2]
        text = "".join(self._text or ())[:_MOST_TEXT].strip()
        if name in ("s", "resolution", "description"):
            self._text = None
        _, owner = self._open.pop()
        if owner is not None:
            self._owners.pop()
        elif name == "property":
            self._property = ""
        elif name == "description" and len(self._open) == 1:
            self.tracing.description = text
        elif self._owners and text:
            self._say(self._owners[-1], name, text)

    def _say(self, owner: Owner, name: str, text: str) -> None:
        """Note what an element says of its owner."""
        if name == "resolution":
            try:
                owner.resolution = float(text)
            except ValueError as err:
                raise self._damaged("a resolution that is no number") from err
        elif name == "s" and self._property == _TERM:
            owner.terms.append(text)
        elif name == "s" and self._property == _SET:
            owner.sets.append(text)


_ADDERS: dict[str, Callable[[Parser, Mapping[str, str]], None]] = {
    "point": Parser._point,
    "property": Parser._add_property,
    "s": Parser._begin_text,
    "resolution": Parser._begin_text,
    "description": Parser._begin_text,
    "vessel": Parser._add_vessel,
    "edgelist": Parser._add_edges,
    "filename": Parser._add_file,
}
