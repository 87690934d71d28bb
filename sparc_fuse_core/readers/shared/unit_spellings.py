"""Whether two spellings are one unit."""

from __future__ import annotations

import re

from sparc_fuse_core.readers.shared.vocabulary import time_unit_of

#: Units of one quantity that look nothing alike.
_QUANTITIES = (
    frozenset(
        ("pa", "kpa", "hpa", "mmhg", "cmh2o", "mmh2o", "bar", "mbar", "psi", "torr", "inhg", "atm")
    ),
    frozenset(("degc", "degf", "k")),
    frozenset(("n", "mn", "kn", "kgf", "gf", "lbf")),
)

_SPELLED = (
    (r"millivolts?", "mv"),
    (r"microvolts?", "uv"),
    (r"volts?", "v"),
    (r"newtons?", "n"),
    (r"amp(?:ere)?s?", "a"),
    (r"percent|pct", "%"),
    (r"(?:°|deg(?:rees)?)?(?:celsius|c)", "degc"),
    (r"(?:°|deg(?:rees)?)(?:fahrenheit|f)", "degf"),
    (r"(?:°|deg(?:rees)?)", "deg"),
)


def plainly(unit: str) -> str:
    """Return a unit so that spellings of one are the same."""
    plain = unit.lower().replace("µ", "u").replace("μ", "u").replace(" ", "").strip("().")
    for pattern, short in _SPELLED:
        if re.fullmatch(pattern, plain):
            return short
    return time_unit_of(unit) or plain


def contradict(one: str, other: str) -> bool:
    """Whether two units measure the same and are not the same (``mV``, ``uV``)."""
    plain = plainly(one), plainly(other)
    if plain[0] == plain[1]:
        return False
    is_one = any(one_of >= set(plain) for one_of in _QUANTITIES)
    return is_one or _without_prefix(plain[0]) == _without_prefix(plain[1])


def _without_prefix(plain: str) -> str:
    match = re.fullmatch(r"[munpkfcd]?(v|a|s|n|pa|hz|g|ohm|l)", plain)
    return match[1] if match else plain
