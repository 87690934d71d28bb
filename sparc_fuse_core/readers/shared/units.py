"""Units of length and time as files write them, and their names in OME-Zarr.

Names are those of the OME-NGFF 0.5 specification (axes metadata). Values are never converted: a step in
inches stays in inches.
"""

from __future__ import annotations

_LENGTHS = {
    "angstrom": "Å A ångström ångstrom angstroms",
    "picometer": "pm picometre",
    "nanometer": "nm nanometre nanometers nanometres",
    "micrometer": "um µm μm micron microns micrometre micrometers micrometres",
    "millimeter": "mm millimetre millimeters millimetres",
    "centimeter": "cm centimetre centimeters centimetres",
    "decimeter": "dm",
    "meter": "m metre meters metres",
    "kilometer": "km",
    "inch": "in inches",
    "foot": "ft",
    "yard": "yd",
    "mile": "mi",
    "parsec": "pc",
}
_TIMES = {
    "picosecond": "ps",
    "nanosecond": "ns nsec",
    "microsecond": "us µs μs usec",
    "millisecond": "ms msec milliseconds",
    "second": "s sec secs seconds",
    "minute": "min mins minutes",
    "hour": "h hr hrs hours",
    "day": "d days",
}


def _table(rows: dict[str, str]) -> dict[str, str]:
    return {alias: name for name, text in rows.items() for alias in (name, *text.split())}


_LENGTH_OF = _table(_LENGTHS)
_TIME_OF = _table(_TIMES)


def _find(table: dict[str, str], text: str) -> str:
    # ImageJ escapes the micro sign; capitals matter only where a lower case word is unknown
    stated = text.replace("\\u00B5", "µ").strip().strip("\0")
    return table.get(stated) or table.get(stated.lower(), "")


def length_unit(text: str) -> str:
    """Return the NGFF name of a unit of length, or ``""`` if ``text`` names none."""
    return _find(_LENGTH_OF, text)


def time_unit(text: str) -> str:
    """Return the NGFF name of a unit of time, or ``""`` if ``text`` names none."""
    return _find(_TIME_OF, text)
