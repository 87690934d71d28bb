"""Units of length and time: every spelling that readers know, in one place.

Lengths and times have their names of the OME-NGFF 0.5 specification (axes metadata); values are never
converted: a step in inches stays in inches. Times also have a short name and their seconds, as recordings are
in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

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


@dataclass(frozen=True, slots=True)
class TimeUnit:
    """A unit of time: its NGFF name, its short one (``""``: not used for recordings), and its seconds."""

    name: str
    short: str
    seconds: Fraction
    spellings: str


TIMES = (
    TimeUnit(
        "second",
        "s",
        Fraction(1),
        "s sec secs second seconds sekunde sekunden seconde secondes segundos",
    ),
    TimeUnit(
        "millisecond",
        "ms",
        Fraction(1, 10**3),
        "ms msec msecs millisec millisecs millisecond milliseconds msek",
    ),
    TimeUnit(
        "microsecond",
        "us",
        Fraction(1, 10**6),
        "us usec usecs microsec microsecs microsecond microseconds",
    ),
    TimeUnit("nanosecond", "ns", Fraction(1, 10**9), "ns nsec nanosec nanosecond nanoseconds"),
    TimeUnit("picosecond", "", Fraction(1, 10**12), "ps picosecond picoseconds"),
    TimeUnit("minute", "min", Fraction(60), "min mins minute minutes minuten"),
    TimeUnit("hour", "h", Fraction(3600), "h hr hrs hour hours stunde stunden"),
    TimeUnit("day", "d", Fraction(86400), "d day days tag tage"),
)

#: Seconds in one unit, exactly, by its short name.
SECONDS: dict[str, Fraction] = {unit.short: unit.seconds for unit in TIMES if unit.short}
#: The same by each spelling, in lower case and with ``u`` for the micro sign.
SECONDS_IN: dict[str, float] = {
    word: float(unit.seconds) for unit in TIMES if unit.short for word in unit.spellings.split()
}
#: The short name of a unit of time, by its seconds.
SHORT_TIME_UNITS = {float(seconds): short for short, seconds in SECONDS.items()}
_SECONDS_OF_NAME = {unit.name: float(unit.seconds) for unit in TIMES}


def _table(rows: dict[str, str]) -> dict[str, str]:
    return {alias: name for name, text in rows.items() for alias in (name, *text.split())}


_LENGTH_OF = _table(_LENGTHS)
_TIME_OF = _table({unit.name: unit.spellings for unit in TIMES})


def _find(table: dict[str, str], text: str) -> str:
    # ImageJ escapes the micro sign; capitals matter only where a lower case word is unknown
    stated = text.replace("\\u00B5", "µ").strip().strip("\0")
    return table.get(stated) or table.get(stated.lower(), "")


def length_unit(text: str) -> str:
    """Return the NGFF name of a unit of length, or ``""`` if ``text`` names none."""
    return _find(_LENGTH_OF, text)


def time_unit(text: str) -> str:
    """Return the NGFF name of a unit of time, or ``""`` if ``text`` names none."""
    return _find(_TIME_OF, text.replace("\\u00B5", "u").replace("µ", "u").replace("μ", "u"))


def seconds_of(name: str) -> float | None:
    """Return the seconds in the unit of an NGFF name, or None if it is no unit of time."""
    return _SECONDS_OF_NAME.get(name)
