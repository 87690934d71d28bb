"""What the lines above a table say in words: rate, interval, start, names, units, scale, missing values.

A fact is a key with its values: ``Sampling rate: 250 Hz``, ``# fs=1000``, ``Units,mV,mmHg``,
``Start Time 10:15:30``. Keys mean what `sparc_fuse_core.readers.shared.vocabulary` says; a key that it does
not know claims nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.shared.vocabulary import (
    hertz_in,
    meaning_of,
    normal,
    quantity_of,
    rate_hz_of,
    scale_of,
    seconds_in,
)
from sparc_fuse_core.readers.text.clock import (
    NO_TIME,
    clock_ns,
    iso,
    moment_ns,
    order_named,
    order_of,
    zone_of,
)
from sparc_fuse_core.readers.text.statements import NUMBER, Fact, facts_of
from sparc_fuse_core.readers.text.words import OF_ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sparc_fuse_core.readers.text.clock import DateOrder

#: ``1 msec/sample``, ``250 samples/s``, ``at 30 Hz``, ``sampled at 1 kHz``.
_PHRASES = (
    re.compile(rf"(?i)(?P<n>{NUMBER})\s*(?P<u>[a-zµμ]+)\s*(?:/|per)\s*(?:sample|point|row)s?\b"),
    re.compile(rf"(?i)(?P<n>{NUMBER})\s*(?P<u>samples?\s*(?:/|per)\s*(?:sec(?:ond)?|s)|sps)\b"),
    re.compile(rf"(?i)(?P<n>{NUMBER})\s*(?P<u>k?hz)\s+sampling\b"),
    re.compile(
        r"(?i)(?:sampl\w*|record\w*|acqui\w*|digiti\w*|format\s+\S+)(?:\s+\w+){0,2}?\s+"
        rf"(?:at|of|with|@)\s+(?P<n>{NUMBER})\s*(?P<u>k?hz)\b"
    ),
)
#: ``Time in milliseconds``, ``times are in ms``.
_TIMES_IN = re.compile(r"(?i)\btimes?(?:stamps?)?\s+(?:is |are |given |stated )?in\s+([a-zµμ]+)\b")
#: ``Downsampling factor: 4``, ``decimated by 10``, ``Bin size: 10 samples``.
_REDUCED = re.compile(
    r"(?i)(?:(?:down|sub)[- ]?sampl\w*|decimat\w*|\breduction\b)[^\d:=,;]*[:=,;]?\s*(?:by\s+)?"
    r"(\d+)(?!\.?\d)\s*x?\s*$"
    r"|\b(?:bins?|averag\w*)\b[^\d]*?(\d+)\s*(?:samples|points)\b"
)
_START_WORDS = ("start", "record", "acqui", "measur", "session", "begin", "trigger")

#: Dates of something else than the recording.
_OTHER_DATES = re.compile(
    r"download|export|creat|modif|birth|report|version|calib|print|save|file|end|stop|finish|writ|dob"
)
#: What names one channel, blanks and all (``Lead,Lead I``).
_OF_ONE_CHANNEL = frozenset(
    ("lead", "channel", "channelname", "channellabel", "signal", "signalname", "signallabel")
)
_PLAIN_DATE = frozenset(("date", "datum", "fecha", "data", "day"))
_PLAIN_TIME = frozenset(("time", "zeit", "uhrzeit", "hora", "heure", "timeofday", "clock"))
_PLAIN_BOTH = frozenset(("datetime", "dateandtime", "timestamp", "datetimestamp"))

#: Seconds since 1970 of the years 2000 to 2035: what else is counted so?
EPOCHS_S = (946_684_800, 2_051_222_400)


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate as one line states it; ``is_reduced`` where it is that of rows of which others were left out."""

    hz: float
    line: str
    is_unit_stated: bool = True
    is_reduced: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What all lines together say.

    Attributes
    ----------
    rates
        Every rate that is stated for the whole table, in order.
    loose_interval
        An interval without a unit, as written; it is no rate, but a time column may tell the unit.
    names, units
        A list of names or units in one line; empty if there is none.
    name
        The name of one channel; ``""`` if none.
    unit
        One unit stated for all; ``""`` if none.
    start_time
        ISO 8601, or ``""``.
    time_of_day
        Where only a clock time is stated.
    start_s
        A start in seconds.
    missing
        Spellings of a missing value.
    order
        Of day and month in dates.
    scale, offset, gain
        Numbers as written; ``""`` if not stated.
    time_unit
        As an oscilloscope states it for its column of times (``Horizontal Units,s``), or words do
        (``Time in ms``).
    """

    rates: tuple[Rate, ...] = ()
    loose_interval: str = ""
    names: tuple[str, ...] = ()
    name: str = ""
    units: tuple[str, ...] = ()
    unit: str = ""
    start_time: str = ""
    time_of_day: str = ""
    start_s: float | None = None
    missing: tuple[str, ...] = ()
    order: DateOrder = ""
    scale: str = ""
    scale_unit: str = ""
    offset: str = ""
    gain: str = ""
    time_unit: str = ""


def said_by(lines: Sequence[str]) -> Said:
    """Return what the lines above a table state about it."""
    reading = _Reading(next(filter(None, map(order_named, lines)), ""))
    for text, facts in facts_of(lines):
        n_before = len(reading.rates)
        reading.take_words(text)
        for fact in facts:
            reading.take(fact, text)
        if len(reading.rates) == n_before and not any(map(_names_rate, facts)):
            reading.rates += _in_phrase(text)
    return reading.said()


class _Reading:
    """Collects what facts say until all lines are read."""

    def __init__(self, order: DateOrder) -> None:
        self.rates: list[Rate] = []
        self._bare: list[Rate] = []  # "Rate,250": of what, only the rows beside it tell
        self._loose = ""
        self._reduced: tuple[float, str] | None = None
        self._numbers: dict[str, str] = {}
        self._lists: dict[str, tuple[str, ...]] = {}
        self._missing: list[str] = []
        self._moments = _Moments(order)

    def take(self, fact: Fact, line: str) -> None:
        """Take one fact for what its key means."""
        meaning = meaning_of(f"{fact.key} ({fact.unit})" if fact.unit else fact.key)
        kind = meaning.kind if meaning is not None else ""
        subject = meaning.subject if meaning is not None else ""
        is_of_all = not subject or subject in OF_ALL
        if normal(fact.key) in ("horizontalunits", "horizontalunit") and len(fact.values) == 1:
            self._numbers.setdefault("time unit", fact.values[0])
            return
        self._moments.take(fact, is_start=kind == "start")
        self._take_name(fact)
        if self._took_bare(fact, line):
            return
        if kind in ("rate", "interval"):
            rate, loose = _rate_of(fact, kind, meaning.unit if meaning else "", line)
            if rate is not None and (is_of_all or (kind == "interval" and subject == "epoch")):
                self.rates.append(rate)
            elif is_of_all:
                self._loose = self._loose or loose
        elif kind == "missing":
            self._missing += [value for value in fact.values if value]
        elif kind in ("unit", "label") and is_of_all:
            self._take_list(kind, fact)
        elif kind in ("scale", "offset", "gain") and is_of_all and len(fact.values) == 1:
            self._numbers.setdefault(kind, fact.values[0])
        elif scaled := scale_of(fact.key):
            self._numbers.setdefault("scale", ("/" if scaled[1] else "") + fact.values[0])
            self._numbers.setdefault("scale unit", scaled[0])

    def _take_name(self, fact: Fact) -> None:
        """Take the name of one channel, if it is no number."""
        is_name = normal(fact.key) in _OF_ONE_CHANNEL and len(fact.values) == 1 and not fact.unit
        if is_name and quantity_of(fact.values[0]) is None:
            self._numbers.setdefault("name", fact.values[0])

    def take_words(self, line: str) -> None:
        """Take what a line says in words of the times, and of rows left out between those that are there."""
        if match := _TIMES_IN.search(line):
            self._numbers.setdefault("time unit", match[1])
        if match := _REDUCED.search(line):
            factor = float(match[1] or match[2])
            self._reduced = self._reduced or ((factor, line) if factor > 1 else None)

    def _take_list(self, kind: str, fact: Fact) -> None:
        """Take names or units; a title is a label too: the longest list names the columns."""
        values = fact.values if len(fact.values) > 1 else tuple(fact.values[0].split())
        if kind == "unit" and any(re.search(r"[{}:=]", value) for value in values):
            return  # "{ECG: mV}" is no list
        if kind == "label" and len(fact.values) == 1 and normal(fact.key) == "name":
            return  # of whom or what is not stated: it may be a person's
        is_number = kind == "label" and all(value.isdigit() for value in values)
        if not is_number and len(values) > len(self._lists.get(kind, ())):
            self._lists[kind] = values

    def _took_bare(self, fact: Fact, line: str) -> bool:
        """Take a rate of which neither the unit nor of what it is is stated."""
        if normal(fact.key) not in ("rate", "hz", "sampling") or fact.unit:
            return False
        found = _quantity(fact.values[0]) if len(set(fact.values)) == 1 else None
        if found is None or found[0] <= 0 or found[1]:
            return False
        self._bare.append(Rate(found[0], line, is_unit_stated=False))
        return True

    def said(self) -> Said:
        """Return all of it."""
        names, units = self._lists.get("label", ()), self._lists.get("unit", ())
        if not self.rates and (names or units):
            self.rates = self._bare
        if self._reduced is not None:
            # whether the rate is that before or after, nothing says: both readings are told
            factor, line = self._reduced
            self.rates += [Rate(rate.hz / factor, line, is_reduced=True) for rate in self.rates[:1]]
        start_time, time_of_day = self._moments.start()
        return Said(
            rates=tuple(self.rates),
            loose_interval=self._loose,
            names=names,
            name=self._numbers.get("name", ""),
            units=units if len(units) > 1 else (),
            unit=units[0] if len(units) == 1 else "",
            start_time=start_time,
            time_of_day=time_of_day,
            start_s=self._moments.start_s,
            missing=tuple(_spellings(self._missing)),
            order=self._moments.order,
            scale=self._numbers.get("scale", ""),
            scale_unit=self._numbers.get("scale unit", ""),
            offset=self._numbers.get("offset", ""),
            gain=self._numbers.get("gain", ""),
            time_unit=self._numbers.get("time unit", ""),
        )


def _names_rate(fact: Fact) -> bool:
    """Whether a key speaks of a rate of something else (``Heart rate at rest``)."""
    meaning = meaning_of(fact.key)
    return meaning is not None and meaning.kind in ("rate", "interval") and bool(meaning.subject)


def _rate_of(fact: Fact, kind: str, unit: str, line: str) -> tuple[Rate | None, str]:
    """Return the rate that a fact states, or the interval whose unit it does not state."""
    cells = list(fact.values)
    if len(cells) == 2 and (hertz_in(cells[1]) or seconds_in(cells[1])):
        cells = [f"{cells[0]} {cells[1]}"]
    if kind == "interval" and len(cells) == 1 and clock_ns(cells[0]) not in (NO_TIME, 0):
        if cells[0].count(":") == 2:
            return Rate(1e9 / clock_ns(cells[0]), line), ""
        return None, ""
    found = {_quantity(cell) for cell in cells if cell}
    if len(found) != 1:
        return None, ""
    quantity = found.pop()
    if quantity is None:
        return None, ""
    value, own = quantity
    stated = own or fact.unit or unit
    if kind == "interval" and not stated:
        return None, repr(value)
    hz = rate_hz_of(kind, value, stated)
    return (None if hz is None else Rate(hz, line, bool(stated))), ""


def _quantity(cell: str) -> tuple[float, str] | None:
    if re.match(r"[+-]?[1-9]\d{0,2},\d{3}(?!\d)", cell):
        return None  # thousands, or a decimal comma?
    return quantity_of(re.sub(r"(?<=\S)\s*\([^()]*\)$", "", cell))


def _in_phrase(text: str) -> Iterator[Rate]:
    for pattern in _PHRASES:
        match = pattern.search(text)
        if match is None:
            continue
        if re.fullmatch(r"[1-9]\d{0,2},\d{3}", match["n"]):
            continue  # thousands, or a decimal comma?
        value, unit = float(match["n"].replace(",", ".")), match["u"]
        hertz = hertz_in(unit) if pattern in _PHRASES[2:] else None
        hz = (
            rate_hz_of("rate", value, unit)
            if hertz
            else rate_hz_of("rate", value, "")
            if pattern is _PHRASES[1]
            else rate_hz_of("interval", value, unit)
        )
        if hz is not None:
            yield Rate(hz, text)
            return


def _spellings(values: Iterable[str]) -> Iterator[str]:
    """Yield how a missing value may be written: ``-9999`` also as ``-9999.0``."""
    for value in values:
        yield value
        try:
            number = float(value)
        except ValueError:
            continue
        yield f"{number:g}"
        yield from (f"{number:.{n}f}" for n in range(7))


class _Moments:
    """Collects dates and clock times until all lines are read."""

    def __init__(self, order: DateOrder) -> None:
        self.order = order
        self.start_s: float | None = None
        self._cells: dict[tuple[str, str], str] = {}

    def take(self, fact: Fact, *, is_start: bool) -> None:
        key = normal(fact.key)
        text = " ".join(fact.values)
        if _OTHER_DATES.search(key):
            return
        is_start = is_start or any(word in key for word in _START_WORDS)
        is_plain = key in _PLAIN_DATE or key in _PLAIN_TIME or key in _PLAIN_BOTH
        if not is_start and not is_plain:
            return
        family = "start" if is_start else "plain"
        order = order_of([text]) or self.order or order_of([fact.values[0]])
        if moment_ns(text, order) != NO_TIME:
            what = "both" if ":" in text else "date"
        elif moment_ns(fact.values[0], order) != NO_TIME:
            text = fact.values[0]
            what = "both" if ":" in text else "date"
        elif clock_ns(fact.values[0]) != NO_TIME and fact.values[0].count(":") == 2:
            text, what = fact.values[0], "time"
        else:
            self._number(fact, text)
            return
        self._cells.setdefault((family, what), text)

    def _number(self, fact: Fact, text: str) -> None:
        quantity = quantity_of(text)
        if quantity is None:
            return
        value, unit = quantity
        unit = unit or fact.unit
        for factor in (1, 1000, 10**6, 10**9):
            if EPOCHS_S[0] * factor <= value <= EPOCHS_S[1] * factor:
                self._cells.setdefault(("start", "both"), iso(int(value * 10**9 / factor), "Z", 9))
                return
        seconds = seconds_in(unit)
        if seconds and self.start_s is None:
            self.start_s = value * seconds

    def start(self) -> tuple[str, str]:
        """Return the start in ISO 8601, or the time of day where no date is stated."""
        for family in ("start", "plain"):
            both, date, time = (self._cells.get((family, w), "") for w in ("both", "date", "time"))
            if both and (text := self._iso(both)):
                return text, ""
            if date and time and (text := self._iso(f"{date} {time}")):
                return text, ""
            if family == "start" and date and (text := self._iso(date)):
                return text, ""
            if family == "start" and time:
                # the day may stand in a line of its own
                day = self._cells.get(("plain", "date"), "")
                text = self._iso(f"{day} {time}") if day else ""
                return text, "" if text else time
        return "", ""

    def _iso(self, text: str) -> str:
        order = order_of([text.split(" ")[0]]) or self.order
        if not order and re.match(r"\d{1,2}[-/]\d{1,2}[-/]", text):
            return ""  # which is the day?
        ns = moment_ns(text, order)
        if ns == NO_TIME:
            return ""
        written = iso(ns, zone_of(text))
        return written if ":" in text else written[:10]
