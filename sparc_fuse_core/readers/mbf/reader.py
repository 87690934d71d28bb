"""Tracings of MBF Bioscience (Neurolucida, Vesselucida and others): trees, contours, markers, vessels in µm.

The files name the pictures they were traced on with paths of the machine: those are counted, never taken.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, SizeLimitError
from sparc_fuse_core.model import Contents, Evidence, Shapes
from sparc_fuse_core.readers.mbf.parser import Parser, Points

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sparc_fuse_core.readers.mbf.parser import Owner, Tracing

#: "All coordinates and measurements are in micrometer units" (3.1).
_UNIT = "micrometer"
_MOST_GROUPS = 20_000
#: Kind of points → name of the shape, and what one of them is called.
_SHAPES = {
    "tree": ("trees", "section"),
    "contour": ("contours", "contour"),
    "marker": ("markers", "marker"),
    "spine": ("spines", "spine"),
    "varicosity": ("varicosities", "varicosity"),
    "node": ("vessel nodes", "node"),
    "edge": ("vessels", "edge"),
}


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an MBF tracing; see `sparc_fuse_core.readers.Reader`."""
    del options
    tracing = Parser(path).parse()
    shapes = tuple(
        _shape(path, tracing, kind) for kind in _SHAPES if tracing.points.get(kind) is not None
    )
    if not shapes:
        message = f"{path.name}: no traced point in it"
        raise EmptyFileError(message)
    metadata: dict[str, Any] = dict(tracing.head)
    if tracing.description:
        metadata["description"] = tracing.description
    yield Contents(shapes=shapes, metadata=metadata, evidence=tuple(_evidence(tracing)))


def _evidence(tracing: Tracing) -> Iterator[Evidence]:
    if tracing.n_image_files:
        sentence = f"{tracing.n_image_files} pictures that were traced are named, not read"
        yield Evidence("content", "file", sentence)
    if tracing.left_out:
        told = ", ".join(f"{name} ({n})" for name, n in sorted(tracing.left_out.items()))
        yield Evidence("content", "missing", f"left out: {told}")


def _shape(path: Path, tracing: Tracing, kind: str) -> Shapes:
    name, one = _SHAPES[kind]
    points = tracing.points.get(kind, Points())
    owners = tracing.owners[kind]
    table = np.frombuffer(points.values, np.float64).reshape(-1, 4)
    of_point = np.frombuffer(points.owners, np.int64)
    # branches may stand between the points of what they leave: each section's are brought together
    order = np.argsort(of_point, kind="stable")
    table, of_point = table[order], of_point[order]
    counts = np.bincount(of_point, minlength=len(owners))
    arrays: dict[str, NDArray[Any]] = {
        "points": np.ascontiguousarray(table[:, :3]),
        "diameters": np.ascontiguousarray(table[:, 3]),
        f"{one}_start": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    }
    slices = np.frombuffer(points.slices, np.int64)[order]
    if (slices >= 0).any():
        arrays["point_slice"] = slices
    groups, arrays[f"{one}_group"] = _groups(path, owners)
    units = {"points": _UNIT, "diameters": _UNIT}
    if kind == "tree":
        arrays["section_parent"] = np.array([owner.parent for owner in owners], np.int64)
        arrays["section_tree"] = np.cumsum(arrays["section_parent"] < 0) - 1
    elif kind in ("node", "edge"):
        arrays[f"{one}_vessel"] = np.array([owner.inside for owner in owners], np.int64)
    elif any(owner.inside >= 0 for owner in owners):
        # on which section of the trees, and after how many of its points
        arrays[f"{one}_section"] = np.array([owner.inside for owner in owners], np.int64)
        arrays[f"{one}_after"] = np.array([owner.after for owner in owners], np.int64)
    if any(np.isfinite(owner.resolution) for owner in owners):
        arrays[f"{one}_resolution"] = np.array([owner.resolution for owner in owners])
        units[f"{one}_resolution"] = _UNIT
    if kind == "edge":
        arrays |= _ends(path, tracing)
    metadata: dict[str, Any] = {"groups": groups}
    if "point_slice" in arrays:
        metadata["slices"] = list(tracing.slices)
    if kind == "edge":
        metadata["vessels"] = tracing.vessels
    return Shapes(name, "tracing", arrays, units, metadata)


def _groups(path: Path, owners: Sequence[Owner]) -> tuple[list[dict[str, Any]], NDArray[Any]]:
    """Return the different descriptions of elements, and which one each has."""
    found: dict[str, int] = {}
    of_owner = np.empty(len(owners), np.int64)
    for i, owner in enumerate(owners):
        about: dict[str, Any] = {"element": owner.element, **owner.attributes}
        if owner.terms:
            about["trace_association"] = owner.terms
        if owner.sets:
            about["set"] = owner.sets
        of_owner[i] = found.setdefault(json.dumps(about, sort_keys=True), len(found))
        if len(found) > _MOST_GROUPS:
            message = f"{path.name}: elements of more than {_MOST_GROUPS} descriptions"
            raise SizeLimitError(message)
    return [json.loads(text) for text in found], of_owner


def _ends(path: Path, tracing: Tracing) -> dict[str, NDArray[Any]]:
    """Return the nodes between which each edge of a vessel runs; -1 where that is not stated."""
    nodes = {
        (owner.inside, owner.node_id): owner.number for owner in tracing.owners.get("node", [])
    }
    edges = tracing.owners["edge"]
    numbers = {(owner.inside, owner.node_id): owner.number for owner in edges}
    ends = np.full((len(edges), 2), -1, np.int64)
    for vessel, edge, source, target in tracing.edges:
        at = numbers.get((vessel, edge))
        if at is None:
            message = (
                f"{path.name}: a list of edges names an edge that is not there; it is cut or edited"
            )
            raise CorruptFileError(message)
        for column, node in enumerate((source, target)):
            if node not in ("", "-1") and (vessel, node) not in nodes:
                message = (
                    f"{path.name}: an edge ends at a node that is not there; it is cut or edited"
                )
                raise CorruptFileError(message)
            ends[at, column] = nodes.get((vessel, node), -1)
    return {"edge_nodes": ends}
