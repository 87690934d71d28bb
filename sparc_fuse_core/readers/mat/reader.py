"""MATLAB files of every version: v4 to v7 by scipy, v7.3 by h5py, MATLAB objects by mat-io.

The variables become a tree (`tree`), the tree becomes recordings by a scheme (`mat_scheme`) or by
convention (`mat_mapping`, `mat_labchart`). What is no signal stays as metadata if it is small, and is
listed with shape and class if it is not: nothing vanishes.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py

from sparc_fuse_core.errors import EmptyFileError
from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.model import Contents, EventTable, Evidence
from sparc_fuse_core.readers.hdf5.arrays import damage_told, member, open_hdf5
from sparc_fuse_core.readers.mat import v5 as mat5
from sparc_fuse_core.readers.mat import v73 as mat73
from sparc_fuse_core.readers.mat.by_scheme import is_mapping, map_by_options
from sparc_fuse_core.readers.mat.convention import map_by_convention
from sparc_fuse_core.readers.mat.labchart import USED as LABCHART_VARIABLES
from sparc_fuse_core.readers.mat.labchart import is_labchart_export, read_export
from sparc_fuse_core.readers.shared.tree import Cells, Node, Struct, as_facts, shape_and_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_HEAD_BYTES = 128
#: Variables (or fields) that the metadata list; beyond them there is no end to a nested struct.
_MAX_LISTED = 2000


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a MAT file; see `sparc_fuse_core.readers.Reader`."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not h5py.is_hdf5(path):
        variables, told = mat5.read_variables(path, head)
        yield _contents(variables, options, path.name, mat5.version_of(head), told)
        return
    with open_hdf5(path) as hdf5:
        with damage_told(path):
            other = _other_format(hdf5, head)
        if not other:
            variables, told = mat73.read_variables(hdf5, path)
            yield _contents(variables, options, path.name, "7.3", told)
    if other:
        with load_reader(format_named(other))(path, {}) as contents:
            yield contents


def _other_format(file: h5py.File, head: bytes) -> str:
    """Return the format of an HDF5 file that is named .mat but is none, else ``""``."""
    if "nwb_version" in file.attrs:
        return "nwb"
    if head.startswith(b"MATLAB"):
        return ""
    items = [member(file, name) for name in file]
    is_matlab = any("MATLAB_class" in item.attrs for item in items if item is not None)
    return "" if is_matlab else "hdf5"


def _contents(
    variables: dict[str, Node],
    options: Mapping[str, Any],
    file_name: str,
    version: str,
    told: list[str],
) -> Contents:
    layout = options.get("layout")
    evidence = [Evidence("content", "missing", f"said by the library: {text}") for text in told]
    metadata: dict[str, Any] = {"mat_version": version}
    if layout == "labchart" or (not is_mapping(options) and is_labchart_export(variables)):
        export = read_export(variables, file_name)
        recordings, events = export.recordings, export.events
        metadata.update(export.metadata)
        evidence += export.evidence
        used: set[str] = set(LABCHART_VARIABLES)
    elif is_mapping(options):
        done, annotations = map_by_options(variables, options, file_name)
        recordings, events = tuple(done.recordings), EventTable.from_events(annotations)
        metadata.update(done.metadata)
        evidence += done.evidence
        used = done.used
    else:
        done = map_by_convention(variables, file_name)
        recordings, events = tuple(done.recordings), EventTable()
        evidence += done.evidence
        used = done.used
    if not any(recording.n_values for recording in recordings):
        message = f"{file_name}: its signals hold no sample"
        raise EmptyFileError(message)
    kept, left = _leftovers(variables, used)
    if kept:
        metadata["variables"] = kept
    if left:
        metadata["unmapped_variables"] = left
        shown = ", ".join(f"`{name}`" for name in list(left)[:10]) + (
            ", …" if len(left) > 10 else ""
        )
        sentence = f"{len(left)} variable(s) are neither signals nor small: {shown}"
        evidence.append(Evidence("content", "missing", sentence))
    return Contents(recordings, events=events, metadata=metadata, evidence=tuple(evidence))


def _leftovers(
    variables: Mapping[str, Node], used: set[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return small variables by name, and what is known of the others, by dotted name."""
    kept: dict[str, Any] = {}
    left: dict[str, Any] = {}

    def visit(path: str, node: Node, into: dict[str, Any], key: str) -> None:
        if path in used or len(kept) + len(left) > _MAX_LISTED:
            return
        inside = any(name.startswith((f"{path}.", f"{path}(")) for name in used)
        value, why = as_facts(node)
        if not why and not inside:
            into[key] = value
        elif isinstance(node, Struct):
            fields: dict[str, Any] = {}
            for name, item in node.fields.items():
                visit(f"{path}.{name}", item, fields, name)
            if fields:
                into[key] = fields
        elif isinstance(node, Cells) and inside:
            for i, item in enumerate(node.items, start=1):
                visit(f"{path}({i})", item, into, f"{key}({i})")
        else:
            shape, class_name = shape_and_class(node)
            left[path] = {"shape": list(shape), "class": class_name, "why": why}

    for name, node in variables.items():
        visit(name, node, kept, name)
    return kept, left
