"""When and where OME-XML says that each plane was taken: ``Plane`` elements with DeltaT and positions.

Source: OME schema 2016-06, ``Plane`` (DeltaT, PositionX, PositionY, PositionZ and their units).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.readers.shared.units import length_unit, seconds_of, time_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from xml.etree import ElementTree as ET

#: Steps that differ by less than this from their mean are one step.
_EVEN = 0.01
_LISTED = 10_000


@dataclass(frozen=True, slots=True)
class Steps:
    """What the planes of an image state: steps with their NGFF units, and facts for the metadata."""

    scale: Mapping[str, float]
    units: Mapping[str, str]
    facts: Mapping[str, Any]
    sentences: tuple[str, ...] = ()


def plane_steps(planes: Iterable[ET.Element], *, wanted: str) -> Steps:
    """Return the steps along the axes of ``wanted`` (``"z"``, ``"t"``) that plane times and places give."""
    rows = list(planes)
    scale: dict[str, float] = {}
    units: dict[str, str] = {}
    facts: dict[str, Any] = {}
    sentences = []
    for axis, index, key, unit_of, usual in (
        ("t", "TheT", "DeltaT", time_unit, "s"),
        ("z", "TheZ", "PositionZ", length_unit, "reference frame"),
    ):
        values, text = _along(rows, index, key, usual)
        unit = unit_of(text)
        seconds = seconds_of(unit)
        if len(values) < 2 or not unit:
            continue
        if axis == "t" and seconds is not None:
            values, unit = [value * seconds for value in values], "second"
            facts["plane_times_s"] = list(values[:_LISTED])
        else:
            facts["plane_positions_z"] = {"unit": unit, "values": list(values[:_LISTED])}
        step = even_step(values)
        if axis not in wanted:
            continue
        if step is None:
            what = "times of the planes" if axis == "t" else "places of the planes along z"
            sentences.append(f"the {what} are uneven: no step; they are in the metadata")
        else:
            scale[axis], units[axis] = step, unit
    place = _place(rows)
    if place:
        facts["position"] = place
    return Steps(scale, units, facts, tuple(sentences))


def _along(rows: Sequence[ET.Element], index: str, key: str, usual: str) -> tuple[list[float], str]:
    """Return the value of ``key`` at each place along one axis, of the first plane there, and its unit."""
    others = [name for name in ("TheC", "TheZ", "TheT") if name != index]
    found: dict[int, float] = {}
    texts = set()
    for row in rows:
        value, at = _number(row.get(key)), _number(row.get(index))
        first = all(row.get(name, "0") == "0" for name in others)
        if first and math.isfinite(value) and math.isfinite(at):
            found.setdefault(int(at), value)
            texts.add(row.get(f"{key}Unit", usual))
    if len(texts) != 1 or sorted(found) != list(range(len(found))):
        return [], ""
    return [found[at] for at in sorted(found)], texts.pop()


def even_step(values: Sequence[float]) -> float | None:
    """Return the distance of even values, whatever their direction; None where they are not."""
    steps = np.diff(values)
    mean = float(steps.mean())
    if mean and float(abs(steps - mean).max()) <= _EVEN * abs(mean):
        return abs(mean)
    return None


def _place(rows: Sequence[ET.Element]) -> dict[str, Any]:
    """Return where the stage stood at the first plane."""
    place: dict[str, Any] = {}
    for axis in "XYZ":
        value = _number(rows[0].get(f"Position{axis}")) if rows else math.nan
        if math.isfinite(value):
            place[axis.lower()] = value
            place["unit"] = rows[0].get(f"Position{axis}Unit", "reference frame")
    return place


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return math.nan
