"""EX files (.exf, .ex, .exnode, .exelem, .exdata): finite-element nodes, elements and fields.

Node values and element connectivity become arrays, a set for each header of the file; headers, which say
how fields interpolate, are kept as they are. Format: "The EX File Format", OpenCMISS-Zinc documentation
(versions 1 to 3); it states no unit.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, FormatMismatchError
from sparc_fuse_core.model import Contents, Evidence, Shapes
from sparc_fuse_core.privacy.texts import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_START = re.compile(r"\s*(EX Version\s*:|Region\s*:|Group name\s*:|!|Shape|#Fields|Node\s*:)")
#: Where a new record or header begins; all other lines belong to the one before.
_KEYWORD = re.compile(
    r"(EX Version|Region|Group name|Time sequence|Node template|Element template|Node group|"
    r"Element group|Node|Element)\s*[:,](.*)"
)
_HEADER = re.compile(r"!|#|Shape|Define ")
_FIELD = re.compile(r"\d+\)\s*(.+)")
_N_VALUES = re.compile(r"#Values\s*=\s*(\d+)")
_N_DERIVATIVES = re.compile(r"#Derivatives\s*=\s*(\d+)")
_N_VERSIONS = re.compile(r"#Versions\s*=\s*(\d+)")
_N_COMPONENTS = re.compile(r"#Components\s*=\s*(\d+)")
_SEQUENCE = re.compile(r"time sequence\s*=\s*([^,]+)")
_PART = re.compile(r"(Faces|Nodes|Scale factors|Values)\s*:(.*)")
_RANGE = re.compile(r"(\d+)(?:\.\.(\d+))?")
_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a node header."""

    name: str
    value_type: str  # "real", "integer", or what cannot be an array
    components: tuple[tuple[str, int], ...]  # name, values of one node and time
    sequence: str

    @property
    def n_values(self) -> int:
        return sum(n for _, n in self.components)


@dataclass(slots=True)
class _Section:
    """Records under one header."""

    domain: str  # "nodes", "datapoints", "mesh3d"
    is_elements: bool
    group: str
    header: list[str]
    identifiers: list[tuple[int, ...]] = field(default_factory=list)
    #: lines after each record's identifier
    bodies: list[list[tuple[int, str]]] = field(default_factory=list)


@dataclass(slots=True)
class _Region:
    """What one region of the file holds."""

    name: str
    sections: list[_Section] = field(default_factory=list)
    templates: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    sequences: dict[str, list[float]] = field(default_factory=dict)
    #: ranges of identifiers: (group, domain) → first, last
    groups: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    group_names: list[str] = field(default_factory=list)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an EX file; see `sparc_fuse_core.readers.Reader`."""
    del options
    parser = _Parser(path)
    parser.run()
    evidence: list[Evidence] = []
    shapes = tuple(
        _shapes(path, region, evidence)
        for region in parser.regions.values()
        if region.sections or region.groups
    )
    if not shapes:
        message = f"{path.name}: neither nodes nor elements in it"
        raise EmptyFileError(message)
    yield Contents(shapes=shapes, metadata={"ex_version": parser.version}, evidence=tuple(evidence))


class _Parser:
    """Splits the text into regions, headers and records."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.version = 1
        self.regions: dict[str, _Region] = {}
        self.region = self._enter("/")
        self.group = ""
        self.domain = "nodes"
        self.is_elements = False
        self.header: list[str] = []
        self.in_header = False
        self.define: list[str] | None = None
        self.section: _Section | None = None
        #: what lines without a keyword are added to
        self.pending: str = ""

    def run(self) -> None:
        for number, line in self._lines():
            text = line.strip()
            if not text:
                continue
            try:
                self._line(number, text)
            except (ValueError, IndexError, KeyError) as err:
                message = f"{self.path.name}: line {number} {text[:60]!r} is damaged ({err!r})"
                raise CorruptFileError(message) from err

    def _lines(self) -> Iterator[tuple[int, str]]:
        with self.path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if number == 1 and not _START.match(line):
                    message = f"{self.path.name}: not an EX file: it begins with {line[:8]!r}"
                    raise FormatMismatchError(message)
                yield number, line

    def _enter(self, name: str) -> _Region:
        return self.regions.setdefault(name, _Region(name))

    def _line(self, number: int, text: str) -> None:
        keyword = _KEYWORD.fullmatch(text)
        if keyword is not None:
            self._keyword(number, keyword[1], keyword[2].strip())
        elif _HEADER.match(text) or (self.in_header and not self.pending):
            self._header(text)
        elif self.pending == "record" and self.section is not None:
            self.section.bodies[-1].append((number, text))
        elif self.pending.startswith("sequence "):
            name = self.pending.removeprefix("sequence ")
            self.region.sequences[name] += [float(word) for word in text.split()]
        elif self.pending == "members":
            self._members(text)
        else:
            message = "neither a keyword nor part of a record"
            raise ValueError(message)

    def _keyword(self, number: int, keyword: str, value: str) -> None:
        self.define = None
        if keyword in ("Node", "Element"):
            self._record(number, keyword, value)
            return
        self.section, self.pending, self.in_header = None, "", False
        if keyword == "EX Version":
            self.version = int(value)
        elif keyword == "Region":
            self.region, self.group, self.header = self._enter(value), "", []
            self._shape_zero()
        elif keyword == "Group name":
            self.group, self.header = value, []
            if value not in self.region.group_names:
                self.region.group_names.append(value)
            self._shape_zero()
        elif keyword == "Time sequence":
            name = value.split(",", 1)[0].strip()
            self.region.sequences[name] = []
            self.pending = f"sequence {name}"
        elif keyword in ("Node template", "Element template"):
            self.header = list(self.region.templates[self.domain, value])
            self.is_elements = keyword.startswith("Element")
        else:
            self.pending = "members"

    def _shape_zero(self) -> None:
        """Without a stated shape, nodes follow (a region or group starts anew)."""
        if self.version == 1:
            self.domain, self.is_elements = "nodes", False

    def _header(self, text: str) -> None:
        self.pending = ""
        if text.startswith("!#"):
            words = text[2:].split(",", 1)[0].split()
            self.domain, self.is_elements = words[1], words[0] == "mesh"
            self.header, self.section, self.define, self.in_header = [], None, None, False
            return
        if text.startswith("!"):
            return
        if text.startswith("Define "):
            name = text.split(":", 1)[1].strip()
            self.define = self.region.templates.setdefault((self.domain, name), [])
            self.section, self.in_header = None, True
            return
        if self.define is not None:
            self.define.append(text)
            return
        # a header after records starts a new section; "Shape" starts a new header
        if self.section is not None or text.startswith("Shape"):
            self.header, self.section = ([] if text.startswith("Shape") else self._shape()), None
        self.header.append(text)
        self.in_header = True
        if text.startswith("Shape"):
            dimension = int(re.findall(r"Dimension\s*=\s*(\d+)", text)[0])
            self.is_elements = dimension > 0
            if self.version == 1:
                self.domain = f"mesh{dimension}d" if dimension else "nodes"

    def _shape(self) -> list[str]:
        return [line for line in self.header if line.startswith("Shape")]

    def _record(self, number: int, keyword: str, value: str) -> None:
        self.in_header = False
        if (keyword == "Element") != self.is_elements and self.version > 1:
            message = f"a record of kind {keyword} in {self.domain}"
            raise ValueError(message)
        if self.section is None:
            self.section = _Section(
                self.domain, keyword == "Element", self.group, list(self.header)
            )
            self.region.sections.append(self.section)
        words = value.split()
        n_numbers = 3 if keyword == "Element" and self.version == 1 and len(words) >= 3 else 1
        self.section.identifiers.append(tuple(int(word) for word in words[:n_numbers]))
        rest = " ".join(words[n_numbers:])
        self.section.bodies.append([(number, rest)] if rest else [])
        self.pending = "record"

    def _members(self, text: str) -> None:
        ranges = self.region.groups.setdefault((self.group, self.domain), [])
        # a list that goes on in the next line ends in a comma
        for part in text.rstrip(",").split(","):
            found = _RANGE.fullmatch(part.strip())
            if found is None:
                message = f"{part!r} is no range of identifiers"
                raise ValueError(message)
            ranges.append((int(found[1]), int(found[2] or found[1])))


def _shapes(path: Path, region: _Region, evidence: list[Evidence]) -> Shapes:
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    about: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    for section in region.sections:
        number = counts.get(section.domain, 0)
        counts[section.domain] = number + 1
        prefix = f"{_safe(section.domain)}_{number}"
        facts: dict[str, Any] = {
            "arrays": prefix,
            "domain": section.domain,
            "group": section.group,
            "header": section.header,
        }
        identifiers = np.array(section.identifiers, np.int64)
        arrays[f"{prefix}_identifier"] = (
            identifiers[:, 0] if identifiers.shape[1] == 1 else identifiers
        )
        if section.is_elements:
            arrays |= _element_arrays(path, prefix, section)
        else:
            arrays |= _node_arrays(path, prefix, section, region, facts, evidence)
        about.append(facts)
    groups = []
    for number, ((group, domain), ranges) in enumerate(region.groups.items()):
        arrays[f"group_{number}_first_last"] = np.array(ranges, np.int64)
        groups.append({"arrays": f"group_{number}", "group": group, "domain": domain})
    return Shapes(
        region.name,
        "finite elements",
        arrays,
        metadata={
            "sections": about,
            "groups": groups,
            "group_names": region.group_names,
            "templates": [
                {"domain": domain, "name": name, "header": lines}
                for (domain, name), lines in region.templates.items()
            ],
            "time_sequences": region.sequences,
        },
    )


def _fields(header: Sequence[str]) -> list[_Field]:
    """Return the fields that a node header declares."""
    fields: list[_Field] = []
    left = 0
    for line in header:
        found = _FIELD.fullmatch(line)
        if found is not None:
            parts = [part.strip() for part in found[1].split(",")]
            kinds = [part for part in parts if part in ("integer", "string", "element_xi")]
            n_components = _N_COMPONENTS.search(line)
            left = int(n_components[1]) if n_components else 0
            sequence = _SEQUENCE.search(line)
            name = found[1].split(",", 1)[0].strip()
            # values of constant and indexed fields stand elsewhere
            elsewhere = any(part in ("constant", "indexed") for part in parts)
            kind = "elsewhere" if elsewhere else kinds[0] if kinds else "real"
            fields.append(_Field(name, kind, (), sequence[1].strip() if sequence else ""))
        elif left > 0 and fields:
            left -= 1
            last = fields[-1]
            component = (line.split(".", 1)[0], _n_values(line))
            fields[-1] = _Field(
                last.name, last.value_type, (*last.components, component), last.sequence
            )
    return fields


def _n_values(line: str) -> int:
    stated = _N_VALUES.search(line)
    if stated is not None:
        return int(stated[1])
    derivatives, versions = _N_DERIVATIVES.search(line), _N_VERSIONS.search(line)
    n_derivatives = int(derivatives[1]) if derivatives else 0
    return (1 + n_derivatives) * (int(versions[1]) if versions else 1)


def _node_arrays(
    path: Path,
    prefix: str,
    section: _Section,
    region: _Region,
    facts: dict[str, Any],
    evidence: list[Evidence],
) -> dict[str, np.ndarray[Any, Any]]:
    """Return (n_nodes, n_values) for each field, (n_nodes, n_times, n_values) where times are stated."""
    fields = _fields(section.header)
    facts["fields"] = [
        {"name": f.name, "value_type": f.value_type, "components": [list(c) for c in f.components]}
        | ({"time_sequence": f.sequence} if f.sequence else {})
        for f in fields
    ]
    if any(f.value_type not in ("real", "integer") for f in fields):
        facts["values_as_text"] = [[text for _, text in body] for body in section.bodies]
        sentence = f"{prefix}: fields with text or embedded locations are kept as text"
        evidence.append(Evidence("content", "file", sentence))
        return {}
    sizes = [
        f.n_values * (len(region.sequences[f.sequence]) if f.sequence in region.sequences else 1)
        for f in fields
    ]
    try:
        table = np.array(
            [[float(w) for _, text in body for w in text.split()] for body in section.bodies],
            np.float64,
        ).reshape(len(section.bodies), -1)
    except ValueError as err:
        message = (
            f"{path.name}: the nodes of {prefix} do not hold {sum(sizes)} numbers each ({err})"
        )
        raise CorruptFileError(message) from err
    if table.shape[1] != sum(sizes):
        message = (
            f"{path.name}: the nodes of {prefix} hold {table.shape[1]} numbers each instead of "
            f"{sum(sizes)}"
        )
        raise CorruptFileError(message)
    found: dict[str, np.ndarray[Any, Any]] = {}
    at = 0
    for number, (each, size) in enumerate(zip(fields, sizes, strict=True)):
        values = table[:, at : at + size]
        at += size
        if each.value_type == "integer":
            values = values.astype(np.int64)
        if each.sequence in region.sequences:
            values = values.reshape(len(values), -1, each.n_values)
        key = f"{prefix}_{_safe(each.name)}"
        key = key if key not in found else f"{key}_{number}"
        facts["fields"][number]["array"] = key
        found[key] = values
    return found


def _element_arrays(path: Path, prefix: str, section: _Section) -> dict[str, np.ndarray[Any, Any]]:
    """Return faces, nodes, scale factors and values: (n_elements, n), or flat with starts if uneven."""
    parts: dict[str, list[list[float]]] = {}
    for position, body in enumerate(section.bodies):
        current: list[float] | None = None
        for number, text in body:
            words = text
            begins = _PART.match(text)
            if begins is not None:
                rows = parts.setdefault(begins[1], [])
                rows += [[] for _ in range(position + 1 - len(rows))]
                current, words = rows[position], begins[2]
            if current is None:
                message = (
                    f"{path.name}: line {number} ({shown(text)}) belongs to no part of an element"
                )
                raise CorruptFileError(message)
            try:
                current += [float(word) for word in words.split()]
            except ValueError as err:
                message = f"{path.name}: line {number} ({shown(text)}) is no list of numbers"
                raise CorruptFileError(message) from err
    found: dict[str, np.ndarray[Any, Any]] = {}
    for part, rows in parts.items():
        rows += [[] for _ in range(len(section.bodies) - len(rows))]
        key = f"{prefix}_{_safe(part.lower())}"
        dtype = np.int64 if part in ("Faces", "Nodes") else np.float64
        lengths = {len(row) for row in rows}
        if len(lengths) == 1:
            found[key] = np.array(rows, dtype)
        else:
            found[key] = np.array([value for row in rows for value in row], dtype)
            found[f"{key}_start"] = np.cumsum([0, *(len(row) for row in rows)]).astype(np.int64)
    return found


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name).strip("_") or "field"
