"""Units as files write them, in the spelling of UDUNITS that CF software reads; empty where that would guess.

``V``, `` Volts`` and ``volt`` are one unit for a reader of units only after this. A word with two meanings
(``g``: gram or standard gravity; ``C``: Celsius or coulomb; ``M``, ``F``, ``G``) is left out: the text as
stated stands beside it in ``units``.
"""

from __future__ import annotations

import re

_PREFIXES = {
    "": "",
    **dict.fromkeys(("f", "femto"), "f"),
    **dict.fromkeys(("p", "pico"), "p"),
    **dict.fromkeys(("n", "nano"), "n"),
    # the micro sign, the Greek letter, and what stands for them in ASCII
    **dict.fromkeys(("u", "\u00b5", "\u03bc", "micro"), "u"),
    **dict.fromkeys(("m", "milli"), "m"),
    **dict.fromkeys(("c", "centi"), "c"),
    **dict.fromkeys(("d", "deci"), "d"),
    **dict.fromkeys(("k", "kilo"), "k"),
    **dict.fromkeys(("M", "mega"), "M"),
}

#: Symbols, with the words for them; a word takes prefix words and prefix letters, a symbol letters only.
_SYMBOLS = {
    "V": "volt volts v",
    "A": "ampere amperes amp amps",
    "Hz": "hertz",
    "Pa": "pascal pascals",
    "N": "newton newtons",
    "W": "watt watts",
    "J": "joule joules",
    "T": "tesla teslas",
    "S": "siemens siemen",
    "K": "kelvin kelvins",
    "s": "second seconds sec secs",
    "m": "meter meters metre metres",
    "L": "liter liters litre litres l",
    "mol": "mole moles",
    "ohm": "ohms Ohm Ohms \u2126 \u03a9",
    "rad": "radian radians",
    "bar": "bars",
}

#: Units that take no prefix here, or of which one alone is in use.
_WHOLE = {
    "mmHg": "mmhg mm_hg millimeter_hg",
    "cmH2O": "cmh2o cm_h2o",
    "percent": "% percent pct",
    "degC": "\u00b0c degc deg_c celsius degrees_c degree_c degrees_celsius degree_celsius \u2103",
    "degF": "\u00b0f degf deg_f fahrenheit degrees_fahrenheit degree_fahrenheit",
    "degree": "\u00b0 deg degree degrees",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "day": "day days",
    "kg": "kg kilogram kilograms",
    "gram": "gram grams",
    "mg": "milligram milligrams",
    "ug": "\u00b5g \u03bcg microgram micrograms",
}

_WHOLE_OF = {word: unit for unit, words in _WHOLE.items() for word in words.split()}
_WORD_OF = {word: unit for unit, words in _SYMBOLS.items() for word in words.split()}

_POWER = re.compile(r"(.*?[^\W\d_])\s*(?:\^|\*\*)?\s*(-?[1-3]|[\u00b2\u00b3])")


def udunits(text: str) -> str:
    """Return the unit that ``text`` names, as UDUNITS 2 spells it; ``""`` if it names none for certain.

    A quotient of two units (``ml/min``, ``V/s``) is read part by part.
    """
    stated = text.strip().strip("[]()").strip()
    if not stated:
        return ""
    over, slash, under = stated.partition("/")
    if slash:
        parts = [_factor(over.strip()) or ("1" if over.strip() == "1" else ""), _factor(under)]
        return "/".join(parts) if all(parts) else ""
    return _factor(stated)


def _factor(text: str) -> str:
    """Read one unit, with a power where there is one."""
    stated = text.strip()
    found = _unit(stated)
    power = _POWER.fullmatch(stated)
    if found or power is None:
        return found
    base, exponent = _unit(power[1]), {"\u00b2": "2", "\u00b3": "3"}.get(power[2], power[2])
    return f"{base}{exponent}" if base else ""


def _unit(stated: str) -> str:
    whole = _WHOLE_OF.get(re.sub(r"[\s_]+", "_", stated.lower())) or _WHOLE_OF.get(
        re.sub(r"[\s_]+", "", stated.lower())
    )
    if whole:
        return whole
    for prefix, letter in _PREFIXES.items():
        if not stated.startswith(prefix):
            continue
        rest = stated.removeprefix(prefix)
        unit = rest if rest in _SYMBOLS else _WORD_OF.get(rest) or _WORD_OF.get(rest.lower())
        # a word of a prefix goes with a word only, and one letter of either may mean something else
        if unit is None or (len(prefix) > 1 and len(rest) < 3):
            continue
        return letter + unit
    lowered = stated.lower()
    for prefix, letter in _PREFIXES.items():
        if len(prefix) > 1 and lowered.startswith(prefix):
            unit = _WORD_OF.get(lowered.removeprefix(prefix))
            if unit is not None and len(lowered.removeprefix(prefix)) > 2:
                return letter + unit
    return ""
