"""MATLAB files of every version: v4 to v7 by scipy, v7.3 by h5py, MATLAB objects by mat-io.

The variables become a tree (`readers.shared.tree`), the tree becomes recordings by a scheme (`by_scheme`), by
LabChart's layout (`labchart`) or by what it states (`readers.exports`). A file that states no signal is kept as
arrays. Beside signals what is small stays as metadata, and the rest is listed with shape and class.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from sparc_fuse_core.errors import NothingToConvertError
from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.model import Contents, EventTable, Evidence
from sparc_fuse_core.readers.exports.contents import contents_of_tree, left_evidence, leftovers
from sparc_fuse_core.readers.hdf5.arrays import damage_told, member, open_hdf5
from sparc_fuse_core.readers.mat import v5 as mat5
from sparc_fuse_core.readers.mat import v73 as mat73
from sparc_fuse_core.readers.mat.by_scheme import is_mapping, map_by_options
from sparc_fuse_core.readers.mat.labchart import USED as LABCHART_VARIABLES
from sparc_fuse_core.readers.mat.labchart import is_labchart_export, read_export
from sparc_fuse_core.readers.mat.v5_scan import whole_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.readers.shared.tree import Node

_HEAD_BYTES = 128


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a MAT file; see `sparc_fuse_core.readers.Reader`."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not h5py.is_hdf5(path):
        version = mat5.version_of(head)
        with tempfile.TemporaryDirectory(prefix="sparc-fuse-") as folder:
            there = whole_part(path, Path(folder)) if version == "5" else path
            variables, told = mat5.read_variables(there, head)
            yield _contents(variables, options, path.name, version, told)
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
    is_labchart = layout == "labchart" or (
        not is_mapping(options) and is_labchart_export(variables)
    )
    if not is_labchart and not is_mapping(options):
        rate_hz = options.get("sampling_rate_hz")
        contents = contents_of_tree(
            variables,
            {},
            file_name,
            metadata=metadata,
            rate_hz=rate_hz,
            orientation=str(options.get("orientation", "")),
            is_ordered=version != "7.3",
        )
        return replace(contents, evidence=(*evidence, *contents.evidence))
    start_time = ""
    if is_labchart:
        export = read_export(variables, file_name)
        recordings, events = export.recordings, export.events
        start_time = export.start_time
        metadata.update(export.metadata)
        evidence += export.evidence
        used: set[str] = set(LABCHART_VARIABLES)
    else:
        done, annotations = map_by_options(variables, options, file_name)
        recordings, events = tuple(done.recordings), EventTable.from_events(annotations)
        metadata.update(done.metadata)
        evidence += done.evidence
        used = done.used
    if not any(recording.n_values for recording in recordings):
        message = f"{file_name}: its signals hold no sample"
        raise NothingToConvertError(message)
    kept, left = leftovers(variables, used)
    if kept:
        metadata["variables"] = kept
    if left:
        metadata["unmapped_variables"] = left
        evidence.append(left_evidence(left))
    return Contents(
        recordings,
        events=events,
        start_time=start_time,
        metadata=metadata,
        evidence=tuple(evidence),
    )
