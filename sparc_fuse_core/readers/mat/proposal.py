"""What the variables of a MAT file offer for a mapping scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py

from sparc_fuse_core.readers.hdf5.arrays import damage_told, open_hdf5
from sparc_fuse_core.readers.mat import v5 as mat5
from sparc_fuse_core.readers.mat import v73 as mat73
from sparc_fuse_core.readers.mat.labchart import is_labchart_export
from sparc_fuse_core.readers.shared.findings import Findings
from sparc_fuse_core.readers.shared.tree import Numeric, scalar, scopes, shape_and_class, texts
from sparc_fuse_core.readers.shared.vocabulary import meaning_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sparc_fuse_core.readers.shared.tree import Node

_MOST_VARIABLES = 200
_LONG = 16


def inspect(path: Path) -> Findings:
    """List the variables and what they may be."""
    if h5py.is_hdf5(path):
        with open_hdf5(path) as file, damage_told(path):
            variables, _ = mat73.read_variables(file, path)
            return _findings(variables)
    with path.open("rb") as raw:
        head = raw.read(128)
    variables, _ = mat5.read_variables(path, head)
    return _findings(variables)


def _findings(variables: Mapping[str, Node]) -> Findings:
    findings = Findings()
    if is_labchart_export(variables):
        findings.remarks.append("LabChart's MATLAB export")
        findings.offer("layout", "labchart", "as its variables show", is_stated=True)
        return findings
    nodes = {
        f"{scope}.{name}" if scope else name: node
        for scope, fields in scopes(variables)
        for name, node in fields.items()
    }
    for name, node in list(nodes.items())[:_MOST_VARIABLES]:
        shape, kind = shape_and_class(node)
        value = scalar(node)
        shown = f" = {value:g}" if value is not None else ""
        size = " x ".join(map(str, shape))
        findings.remarks.append(f"{name}: {kind} {size}{shown}")
    if len(nodes) > _MOST_VARIABLES:
        findings.remarks.append(f"… and {len(nodes) - _MOST_VARIABLES} more")
    _offer(findings, nodes)
    return findings


def _offer(findings: Findings, nodes: Mapping[str, Node]) -> None:
    arrays = {
        name: node
        for name, node in nodes.items()
        if isinstance(node, Numeric) and node.is_real and node.n_values >= _LONG
    }
    times = [name for name, node in arrays.items() if node.is_vector and _states(name, "time")]
    n_samples = 0
    if times:
        n_samples = arrays[times[0]].n_values
        findings.offer("time_variable", times[0], "its name says time", is_stated=True)
        findings.offer("time_unit", "s", "MATLAB states no unit: say it if you know")
    else:
        for name in [name for name, node in arrays.items() if node.is_vector][:5]:
            findings.offer("time_variable", name, "a long vector: is it time?")
    signals = [
        name
        for name, node in arrays.items()
        if name not in times and len(node.shape) == 2 and (not times or n_samples in node.shape)
    ]
    why = f"arrays with an axis as long as time ({n_samples})" if times else "long arrays"
    if signals:
        findings.offer("signal_variables", signals, why, is_stated=True)
    square = [name for name in signals if len(set(arrays[name].shape)) == 1]
    if square and not times:
        why = f"both axes of {square[0]} are as long: say which is time, or it is refused"
        findings.offer("orientation", "samples_first", why)
    rates = [name for name in nodes if scalar(nodes[name]) is not None and _states(name, "rate")]
    if rates:
        findings.offer("rate_variable", rates[0], "its name says samples per second")
    elif not times:
        findings.offer("sampling_rate_hz", 1000, "if you know the samples per second")
    names = [name for name, node in nodes.items() if texts(node)]
    if names:
        findings.offer("names_variable", names[0], "texts: are they the channels' names?")
    left = [name for name in nodes if name not in (*times, *signals, *rates)]
    if left:
        findings.offer("metadata_variables", left[:20], "facts to keep under their own names")


def _states(path: str, kind: str) -> bool:
    """Whether the name of a variable says that it is a time, or a rate."""
    meaning = meaning_of(path.rpartition(".")[2])
    return meaning is not None and meaning.kind == kind and not meaning.subject
