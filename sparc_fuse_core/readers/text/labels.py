"""Name and unit of each column: by its name, a row of units, a line about the table, or a scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.vocabulary import is_unit, time_unit_of
from sparc_fuse_core.readers.text.units import (
    Label,
    contradicting,
    labels_of,
    time_label,
    unit_cell,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.readers.text.headers import Stated
    from sparc_fuse_core.readers.text.layout import Layout


def _stated_units(
    layout: Layout, stated: Stated, options: Mapping[str, Any]
) -> list[tuple[Label, tuple[str, str, str], str]]:
    """Return each column's label, its units by name, by a row of units and by a line, and a listed name."""
    names = stated.names or layout.names or ("",) * layout.n_columns
    forced = stated.unit_in_parentheses or bool(options.get("unit_in_parentheses"))
    if stated.names:
        labels = [Label(name, name, "") for name in names]
    else:
        labels = labels_of(list(names), unit_in_parentheses=forced)
    units = stated.units or tuple(unit_cell(cell) for cell in layout.units)
    said = _listed(layout, stated, labels)
    return [
        (label, (label.unit, units[i] if units else "", said[i][1]), said[i][0])
        for i, label in enumerate(labels)
    ]


def two_units(layout: Layout, stated: Stated, options: Mapping[str, Any]) -> Iterator[Evidence]:
    """Say for which columns two units are stated that contradict each other: none of them is used."""
    for i, (label, units, _) in enumerate(_stated_units(layout, stated, options)):
        if two := contradicting(units):
            shown = label.name or f"column {i + 1}"
            sentence = (
                f"two units are stated for {shown!r}, {two[0]!r} and {two[1]!r}; neither is used"
            )
            yield Evidence("units", "missing", sentence)


def labels_stated(layout: Layout, stated: Stated, options: Mapping[str, Any]) -> list[Label]:
    """Return name and unit of each column; empty ones where nothing is stated."""
    wanted: Mapping[str, str] = options.get("channel_units", {})
    out = []
    for label, units, listed in _stated_units(layout, stated, options):
        unit = "" if contradicting(units) else next(filter(None, units), "")
        unit = unit or wanted.get(label.name, wanted.get(label.cell, ""))
        if stated.said.time_unit and not unit and time_label(label) == (True, ""):
            unit = time_unit_of(stated.said.time_unit)
        out.append(Label(label.cell or listed, label.name or listed, unit))
    return out


def _listed(layout: Layout, stated: Stated, labels: list[Label]) -> list[tuple[str, str]]:
    """Return name and unit of each column as lists above the table state them (``Channels: ECG, BP``)."""
    numeric = [
        i
        for i, kind in enumerate(layout.kinds)
        if kind in ("integer", "number") and not time_label(labels[i])[0]
    ]
    found = [("", "")] * layout.n_columns
    said = stated.said
    for which, cells in ((0, said.names), (1, said.units)):
        places = numeric if len(cells) == len(numeric) else list(range(layout.n_columns))
        if len(cells) != len(places):
            continue
        for i, cell in zip(places, cells, strict=True):
            pair = list(found[i])
            pair[which] = unit_cell(cell) if which else cell
            found[i] = (pair[0], pair[1])
    if said.name and len(numeric) == 1:
        # "Lead,Lead I": cut at blanks it would be two names
        found[numeric[0]] = (said.name, found[numeric[0]][1])
    if said.unit and is_unit(said.unit):
        found = [
            (name, unit or (said.unit if i in numeric else ""))
            for i, (name, unit) in enumerate(found)
        ]
    return found
