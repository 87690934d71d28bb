"""What an EX file states, line by line: regions, headers of fields, nodes and elements."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import CorruptFileError, FormatMismatchError
from sparc_fuse_core.privacy.texts import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

START = re.compile(r"\s*(EX Version\s*:|Region\s*:|Group name\s*:|!|Shape|#Fields|Node\s*:)")

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
PART = re.compile(r"(Faces|Nodes|Scale factors|Values)\s*:(.*)")
RANGE = re.compile(r"(\d+)(?:\.\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a node header."""

    name: str
    value_type: str  # "real", "integer", or what cannot be an array
    components: tuple[tuple[str, int], ...]  # name, values of one node and time
    sequence: str

    @property
    def n_values(self) -> int:
        """Values of one node: all components, with derivatives and versions."""
        return sum(n for _, n in self.components)


@dataclass(slots=True)
class Section:
    """Records under one header."""

    domain: str  # "nodes", "datapoints", "mesh3d"
    is_elements: bool
    group: str
    header: list[str]
    identifiers: list[tuple[int, ...]] = field(default_factory=list)
    #: lines after each record's identifier
    bodies: list[list[tuple[int, str]]] = field(default_factory=list)


@dataclass(slots=True)
class Region:
    """What one region of the file holds."""

    name: str
    sections: list[Section] = field(default_factory=list)
    templates: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    sequences: dict[str, list[float]] = field(default_factory=dict)
    #: ranges of identifiers: (group, domain) → first, last
    groups: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)
    group_names: list[str] = field(default_factory=list)


class Parser:
    """Splits the text into regions, headers and records."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.version = 1
        self.regions: dict[str, Region] = {}
        self.region = self._enter("/")
        self.group = ""
        self.domain = "nodes"
        self.is_elements = False
        self.header: list[str] = []
        self.in_header = False
        self.define: list[str] | None = None
        self.section: Section | None = None
        #: what lines without a keyword are added to
        self.pending: str = ""

    def run(self) -> None:
        """Read the file to its end."""
        for number, line in self._lines():
            text = line.strip()
            if not text:
                continue
            try:
                self._line(number, text)
            except (ValueError, IndexError, KeyError) as err:
                message = f"{self.path.name}: line {number} ({shown(text)}) is damaged"
                raise CorruptFileError(message) from err

    def _lines(self) -> Iterator[tuple[int, str]]:
        with self.path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if number == 1 and not START.match(line):
                    message = f"{self.path.name}: not an EX file: its first line states no version"
                    raise FormatMismatchError(message)
                yield number, line

    def _enter(self, name: str) -> Region:
        return self.regions.setdefault(name, Region(name))

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
            self.section = Section(self.domain, keyword == "Element", self.group, list(self.header))
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
            found = RANGE.fullmatch(part.strip())
            if found is None:
                message = f"{part!r} is no range of identifiers"
                raise ValueError(message)
            ranges.append((int(found[1]), int(found[2] or found[1])))


def fields_of(header: Sequence[str]) -> list[Field]:
    """Return the fields that a node header declares."""
    fields: list[Field] = []
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
            fields.append(Field(name, kind, (), sequence[1].strip() if sequence else ""))
        elif left > 0 and fields:
            left -= 1
            last = fields[-1]
            component = (line.split(".", 1)[0], n_values_of(line))
            fields[-1] = Field(
                last.name, last.value_type, (*last.components, component), last.sequence
            )
    return fields


def n_values_of(line: str) -> int:
    """Return how many values a line of a header announces for each node."""
    stated = _N_VALUES.search(line)
    if stated is not None:
        return int(stated[1])
    derivatives, versions = _N_DERIVATIVES.search(line), _N_VERSIONS.search(line)
    n_derivatives = int(derivatives[1]) if derivatives else 0
    return (1 + n_derivatives) * (int(versions[1]) if versions else 1)
