"""What a name says: which fact of a recording it states, in which unit, about which signal.

Programs and people call one fact by many names: ``fs``, ``Srate``, ``samplingFrequency``, ``Sample rate (Hz)``.
The names are the table of `words`; here a unit at the end of a name (``dt_ms``, ``time [s]``) and the signal
that it speaks of (``fs_emg``, ``ecg_units``) are told apart from it. Every reader of exports asks here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.shared.units import SECONDS_IN, SHORT_TIME_UNITS
from sparc_fuse_core.readers.shared.words import (
    COUNT_WORDS,
    ENDING_UNITS,
    EXACT_ENDING_UNITS,
    LONE_UNITS,
    PREFIXED_UNITS,
    RATE_WORDS,
    WORDS,
    Kind,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Kinds that say something about samples, and are none themselves.
_STATEMENTS = frozenset(
    (
        "rate",
        "interval",
        "time",
        "unit",
        "label",
        "scale",
        "offset",
        "gain",
        "missing",
        "start",
        "dimensions",
    )
)
#: Kinds whose names may end in a unit of time, and in one of rate.
_TIMED_KINDS = ("time", "interval", "start", "event", "side", "axis")
_RATED_KINDS = ("rate", "axis")
_MOST_WORDS = 8

_KIND_OF: dict[str, Kind] = {
    spelling: word.kind for word in WORDS for spelling in word.spellings.split()
}

HERTZ_IN: dict[str, float] = {
    word: hertz for hertz, words in RATE_WORDS.items() for word in words.split()
}

_SYMBOL = rf"(?:[yzafpnuµμmcdhkMGTP]|da)?(?:{PREFIXED_UNITS})"
_ATOM = rf"(?:{_SYMBOL}|{'|'.join(LONE_UNITS)})(?:\^?[-−]?\d|[²³]|⁻¹|⁻²)?"
_UNIT = re.compile(rf"(?:1/)?{_ATOM}(?:\s*[*·./ ]\s*{_ATOM})*")
_ENDING_UNITS = {unit.lower(): unit for unit in ENDING_UNITS.split()}
_EXACT = frozenset(EXACT_ENDING_UNITS.split())
#: Endings of names that tell sides or columns apart where others of the kind are there.
_LETTERS = frozenset("VNgAWsJCK")

_BRACKETED = re.compile(
    r"(?P<name>.*?)\s*(?:\((?P<round>[^()]*)\)|\[(?P<square>[^\[\]]*)\])\s*", re.DOTALL
)
_NUMBER = r"[+-]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*([A-Za-zµμΩ%/°].*?)?\s*")
#: A comma that may stand before decimals or between thousands.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_CAMEL = re.compile(r"[A-Z]{2,}(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name says about its value.

    Attributes
    ----------
    kind
        See `Word`.
    unit
        As the name states it (``"ms"`` of ``dt_ms``), or ``""``.
    subject
        What else the name holds: ``"emg"`` of ``fs_emg``. A statement about that only, if there is such a
        thing; else the name means something else.
    """

    kind: Kind
    unit: str = ""
    subject: str = ""


def normal(name: str) -> str:
    """Return the letters and digits of a name, in lower case (``µ`` as ``u``)."""
    text = unicodedata.normalize("NFKC", name).replace("μ", "u").replace("µ", "u").lower()
    return "".join(letter for letter in text if letter.isalnum())


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name: at blanks, underscores, dots and capitals (``sampleRateHz``)."""
    text = unicodedata.normalize("NFKC", name).replace("μ", "u").replace("µ", "u")
    return tuple(
        word.lower() for part in re.split(r"[^A-Za-z0-9]+", text) for word in _CAMEL.findall(part)
    )


@lru_cache(maxsize=32_768)
def meaning_of(name: str) -> Meaning | None:
    """Return what a variable, field, attribute, column or header line of this name states, or None.

    Parameters
    ----------
    name
        ``"fs"``, ``"Sampling Rate (Hz)"``, ``"t_ms"``, ``"ecg_units"``, ``"isi_units"`` …
    """
    stripped = name.strip().strip(":=")
    bracketed = _BRACKETED.fullmatch(stripped)
    if bracketed is not None:
        unit = (bracketed["round"] or bracketed["square"] or "").strip()
        inner = meaning_of(bracketed["name"]) if bracketed["name"] else None
        if inner is not None and (is_unit(unit) or seconds_in(unit) or hertz_in(unit)):
            return Meaning(inner.kind, inner.unit or unit, inner.subject)
        return None
    head, slash, tail = stripped.rpartition("/")
    if slash and normal(head) in _KIND_OF and (seconds_in(tail) or hertz_in(tail)):
        return Meaning(_KIND_OF[normal(head)], tail.strip())
    words = words_of(stripped)
    whole = normal(stripped)
    # "onset_s" is an onset in s, not "onsets"
    if whole in _KIND_OF and not re.search(r"[^A-Za-z0-9]s$", stripped):
        return Meaning(_KIND_OF[whole], _unit_word(whole))
    if 1 < len(words) <= _MOST_WORDS:
        found = _with_unit(stripped, words)
        if found is not None:
            return found
    if whole in _KIND_OF:
        return Meaning(_KIND_OF[whole], _unit_word(whole))
    longest = _longest(words) if 1 < len(words) <= _MOST_WORDS else None
    return None if longest is None else Meaning(longest[0], "", longest[1])


def _unit_word(whole: str) -> str:
    """Return the unit that a name of one word is itself (a column called ``seconds``, a rate ``Hz``)."""
    if whole in ("tsec", "timesec"):
        return "s"
    if whole in ("hz", "samplespersecond", "samplespersec", "sps", "fps", "framespersecond"):
        return "Hz"
    if whole == "msecpersample":
        return "ms"
    return whole if len(whole) > 2 and whole in SECONDS_IN else ""


def _with_unit(name: str, words: tuple[str, ...]) -> Meaning | None:
    """Return the meaning of a name that ends in a unit which goes with it: ``dt_ms``, ``fs_kHz``."""
    ending = re.split(r"[^A-Za-z0-9µμ/]+", name)[-1]
    unit = ending if hertz_in(ending) or seconds_in(ending) else words[-1]
    n_words = len(words_of(unit))
    body = words[:-n_words]
    body = body[:-1] if len(body) > 1 and body[-1] == "in" else body
    found = _longest(body) if body else None
    if found is None:
        return None
    goes_with = _TIMED_KINDS if seconds_in(unit) else _RATED_KINDS if hertz_in(unit) else ()
    return Meaning(found[0], unit, found[1]) if found[0] in goes_with else None


def _longest(words: tuple[str, ...]) -> tuple[Kind, str] | None:
    """Return the kind of the longest known word at the end or the start of a name, and what is left.

    What is stated about a thing goes before the thing: ``fs_emg`` is a rate, ``ecg_fs`` too.
    """
    if len(words) > 1 and words[-1] in ("unit", "units") and "".join(words) not in _KIND_OF:
        return "unit", "".join(words[:-1])
    for length in range(len(words), 0, -1):
        found: list[tuple[Kind, str]] = []
        for word, rest in (
            ("".join(words[-length:]), words[:-length]),
            ("".join(words[:length]), words[length:]),
        ):
            kind = _KIND_OF.get(word)
            if kind is not None and (not rest or len(word) > 1 or word == "t"):
                found.append((kind, "".join(rest)))
        if found:
            return next((one for one in found if one[0] in _STATEMENTS), found[0])
    return None


def seconds_in(text: str) -> float | None:
    """Return the seconds in a unit of time in any usual spelling (``"msec"``, ``"ms/sample"``), else None."""
    word = _plain(text)
    for ending in ("/sample", "persample", "/samp", "/point", "perpoint"):
        word = word.removesuffix(ending)
    return SECONDS_IN.get(word)


def hertz_in(text: str) -> float | None:
    """Return the hertz in a unit of rate in any usual spelling (``"kHz"``, ``"samples/s"``), else None."""
    exact = {"MHz": 1e6, "mHz": 1e-3}.get(text.strip().strip("()[]"))
    if exact is not None:
        return exact
    return HERTZ_IN.get(_plain(text))


def time_unit_of(text: str) -> str:
    """Return the short name of a unit of time (``"s"``, ``"ms"``, ``"us"`` …), or ``""``."""
    seconds = seconds_in(text)
    return "" if seconds is None else SHORT_TIME_UNITS[seconds]


def _plain(text: str) -> str:
    word = unicodedata.normalize("NFKC", text).replace("μ", "u").replace("µ", "u")
    return "".join(word.strip().strip("()[]").rstrip(".").lower().split())


def is_unit(text: str) -> bool:
    """Whether ``text`` reads like a unit of measurement."""
    return len(text) <= 40 and _UNIT.fullmatch(text.strip()) is not None


_VOLUMES = "[mudµ]?[Ll]"
_TIMES = "s|sec|min|h|hr"
_AMOUNTS = "[mnpuµ]?mol|[mnpuµk]g"
#: ``flow_mL_min``, ``speed_cm_per_s``, ``conc_ng_mL``: units of which one is by the other.
_QUOTIENT = re.compile(
    r"(?P<name>(?:.*[A-Za-z0-9])(?<!_mg)(?<!_ug)(?<!_ng)(?<!_mL))_"
    rf"(?:(?P<unit>{_VOLUMES}|[cmkuµn]?m|deg|rad|{_AMOUNTS})_(?:per_)?(?P<by>{_TIMES})"
    rf"|(?P<unit2>{_AMOUNTS})_(?:per_)?(?P<by2>{_VOLUMES}))"
)
_DIVISORS = frozenset(["s", "sec", "ms", "min", "h", "hr", "mL", "ml", "L", "dL", "uL"])
_UNIT_BEFORE = re.compile(
    rf"[_\s.-](?:per|{_VOLUMES}|[cmkuµn]?m|deg|rad|{_AMOUNTS}|[mkuµnp]?(?:V|A|N|Pa|W|J)|mmHg|cmH2O)$"
)


def split_unit(name: str, siblings: Iterable[str] = ()) -> tuple[str, str]:
    """Take a name apart into name and unit: ``ECG (mV)``, ``ECG [mV]``, ``ECG/mV``, ``ecg_mV``, ``BP mmHg``.

    Parameters
    ----------
    name
        Of a column, variable or channel.
    siblings
        The names beside it: in ``acc_A, acc_B, acc_C`` letters tell columns apart, not amperes.

    Returns
    -------
    tuple[str, str]
        The unit as written (``"mV"`` for ``ecg_mv``); ``""`` and the whole name where none is stated.
    """
    stripped = name.strip()
    bracketed = _BRACKETED.fullmatch(stripped)
    if bracketed is not None:
        unit = (bracketed["round"] or bracketed["square"] or "").strip()
        return (bracketed["name"], unit) if bracketed["name"] and is_unit(unit) else (stripped, "")
    head, slash, unit = stripped.partition("/")
    if (
        slash
        and head.strip()
        and is_unit(unit.strip())
        and (len(unit.strip()) > 1 or unit.strip() in _LETTERS)
    ):
        return head.strip(), unit.strip()
    match = re.fullmatch(r"(.*[A-Za-z0-9])(?:_|\s|-|\.)+(?:in_)?([A-Za-zµμ0-9%]+)", stripped)
    if match is None:
        return stripped, ""
    head, ending = match[1], match[2]
    quotient = _QUOTIENT.fullmatch(stripped)
    if quotient is not None:
        unit = quotient["unit"] or quotient["unit2"]
        return quotient["name"], f"{unit}/{quotient['by'] or quotient['by2']}"
    if ending in _DIVISORS and _UNIT_BEFORE.search(head):
        return stripped, ""  # "_mV_s" may be mV/s or mV s: no seconds in any case
    if ending in _EXACT:
        return (stripped, "") if _tells_apart(head, ending, siblings) else (head, ending)
    unit = _ENDING_UNITS.get(ending.lower(), "")
    return (head, unit) if unit else (stripped, "")


def _tells_apart(head: str, ending: str, siblings: Iterable[str]) -> bool:
    """Whether a letter at the end of a name is one of several (``_A``, ``_B``), none of them a unit."""
    if ending not in _LETTERS:
        return False
    for other in siblings:
        match = re.fullmatch(r"(.*[A-Za-z0-9])(?:_|\s|-|\.)+([A-Za-z])", other.strip())
        if match and match[1] == head and match[2] != ending:
            return True
    return ending in ("C", "K", "J") and head.lower() not in ("temp", "temperature", "t")


def quantity_of(text: str) -> tuple[float, str] | None:
    """Return number and unit of ``"500 Hz"``, ``"4 ms"``, ``"1 msec/sample"``, ``"250"``, else None.

    ``"2,000 Hz"`` may be two hertz or two thousand: it is no quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None or _THOUSANDS.fullmatch(match[1]):
        return None
    return float(match[1].replace(",", ".")), (match[2] or "").strip().strip("()[]")


def rate_hz_of(kind: str, value: float, unit: str) -> float | None:
    """Return samples per second from a rate or an interval and its unit, or None if it cannot be told.

    Parameters
    ----------
    kind
        ``"rate"``, in Hz where no unit is stated, or ``"interval"``, which needs a unit.
    value
        As stated; 0, negative, infinite and NaN are no rate.
    unit
        As stated, ``""`` if not.
    """
    if not 0 < value < float("inf"):
        return None
    if kind == "rate":
        if unit:
            hertz = hertz_in(unit)
            return None if hertz is None else value * hertz
        return value
    seconds = seconds_in(unit)
    if not seconds:
        return None
    # 1 / 0.0005 and 1000 / 0.5 differ in the last place: the decimal number meant is tried first
    exact = 1.0 / (value * seconds)
    return float(f"{exact:.12g}")


#: ``uV_per_bit``, ``counts per mV``: a scale that states its unit and its direction.
_PER = re.compile(
    r"(?:(?:gain|scale|scaling|conversion|factor|calibration|resolution|adc)_)*"
    rf"(?:(?:(?P<unit>[A-Za-zµμ]+?)_?per_?(?:{COUNT_WORDS}))|(?:(?:{COUNT_WORDS})_?per_?(?P<inverse>[A-Za-zµμ]+)))",
    re.IGNORECASE,
)


#: ``gain_to_uV``, ``lsb_uV``: what one count is worth.
_TO_UNIT = re.compile(
    r"(?:(?:gain|gains|scale|scaling|conversion|factor)_to|lsb(?:_in)?)_(?P<unit>[A-Za-zµμ]+)",
    re.IGNORECASE,
)
_OFFSET_TO = re.compile(r"offsets?_to_[A-Za-zµμ]+", re.IGNORECASE)


def scale_of(name: str) -> tuple[str, bool] | None:
    """Return the unit of a scale like ``uV_per_bit``, ``gain_to_uV``, and whether it divides, else None."""
    joined = re.sub(r"[\s/]+", "_", name.strip())
    toward = _TO_UNIT.fullmatch(joined)
    if toward is not None:
        known = _known_unit(toward["unit"])
        return (known, False) if known else None
    joined = re.sub(r"(?<=[a-zA-Z])(?=Per)|(?<=Per)(?=[A-Z])", "_", joined)
    match = _PER.fullmatch(joined)
    if match is None:
        return None
    known = _known_unit(match["unit"] or match["inverse"])
    return (known, match["inverse"] is not None) if known else None


def is_offset_to_unit(name: str) -> bool:
    """Whether a name is that of an offset in physical units, as SpikeInterface calls it (``offset_to_uV``)."""
    return _OFFSET_TO.fullmatch(name.strip()) is not None


def _known_unit(unit: str) -> str:
    known = unit if unit in _EXACT else _ENDING_UNITS.get(unit.lower(), "")
    return {
        "volts": "V",
        "volt": "V",
        "microvolts": "uV",
        "microvolt": "uV",
        "millivolts": "mV",
        "millivolt": "mV",
    }.get(unit.lower(), known)
