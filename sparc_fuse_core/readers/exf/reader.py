"""EX files (.exf, .ex, .exnode, .exelem, .exdata): finite-element nodes, elements and fields.

Node values and element connectivity become arrays, a set for each header of the file; headers, which say
how fields interpolate, are kept as they are. Format: "The EX File Format", OpenCMISS-Zinc documentation
(versions 1 to 3); it states no unit.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Contents, Evidence, Shapes
from sparc_fuse_core.privacy.texts import shown
from sparc_fuse_core.readers.exf.parser import PART, Parser, Region, Section, fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an EX file; see `sparc_fuse_core.readers.Reader`."""
    del options
    parser = Parser(path)
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


def _shapes(path: Path, region: Region, evidence: list[Evidence]) -> Shapes:
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


def _node_arrays(
    path: Path,
    prefix: str,
    section: Section,
    region: Region,
    facts: dict[str, Any],
    evidence: list[Evidence],
) -> dict[str, np.ndarray[Any, Any]]:
    """Return (n_nodes, n_values) for each field, (n_nodes, n_times, n_values) where times are stated."""
    fields = fields_of(section.header)
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


def _element_arrays(path: Path, prefix: str, section: Section) -> dict[str, np.ndarray[Any, Any]]:
    """Return faces, nodes, scale factors and values: (n_elements, n), or flat with starts if uneven."""
    parts: dict[str, list[list[float]]] = {}
    for position, body in enumerate(section.bodies):
        current: list[float] | None = None
        for number, text in body:
            words = text
            begins = PART.match(text)
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
