"""What a table is: a recording, a table of events, or neither; and which column is which.

Only what the file states counts: a column of times, a rate above the table, a program's own layout. A spectrum
beside a sampling rate, a table of results, of subjects, or bare numbers are kept as a table: nothing says that
their rows are samples.
"""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING

from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.units import SECONDS
from sparc_fuse_core.readers.shared.vocabulary import (
    meaning_of,
    normal,
    quantity_of,
    rate_hz_of,
    words_of,
)
from sparc_fuse_core.readers.text.first_rows import Clock, FirstRows
from sparc_fuse_core.readers.text.layout import is_counter
from sparc_fuse_core.readers.text.units import rate_in_names, stated_time_unit, time_label
from sparc_fuse_core.readers.text.verdict import RATE_TOLERANCE, Meaning, is_remark_name
from sparc_fuse_core.readers.text.words import (
    CHANNELS,
    DURATIONS,
    ENDS,
    EVENT_LABELS,
    FOUND_THINGS,
    ONSETS,
    STATISTICS,
    SUBJECTS,
    TRIALS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.readers.text.headers import Stated
    from sparc_fuse_core.readers.text.layout import Layout
    from sparc_fuse_core.readers.text.units import Label

#: Rows from which columns that state a unit each, and no time, are taken for samples.
_MANY_ROWS = 100
_EVENT_TIMES = re.compile(
    r"(?:spike|event|beat|r ?peak|peak|stim(?:ulus)?|trigger|marker|ttl|lick|tag|breath|burst|contraction"
    r"|heart ?beat)s?"
    r"(?: ?(?:times?|timestamps?|onsets?|ts))?"
)


def meaning_of_table(
    name: str,
    layout: Layout,
    labels: Sequence[Label],
    stated: Stated,
    options: Mapping[str, object],
) -> Meaning:
    """Decide what a table is, from what its header and its first rows state."""
    return _Reading(name, layout, labels, stated, options).meaning()


class _Reading(FirstRows):
    """One table while it is being understood."""

    # ------------------------------------------------------------------------------- the decision

    def meaning(self) -> Meaning:
        """Decide, the plainest readings first."""
        clocks = self.clocks()
        if not self.is_recording:
            events = self._events(clocks)
            if events is not None:
                return events
        counters = self.counters()
        values = [i for i in self.of_kind("integer", "number", "boolean") if i not in counters]
        running = [clock for clock in clocks if self.increases(clock)]
        positions = {clock.position for clock in clocks}
        others = [i for i in values if i not in positions]
        found = (
            self._pairs(clocks, values)
            or self._rated(clocks, values)
            or self._long(clocks, running, others)
        )
        if found is not None:
            return found
        if not others:
            return self._table("there is no column of numbers besides time")
        clock = running[0] if running else None
        refused = None if self.is_recording else self._no_samples(clocks, running, others)
        checked = refused or self._checked(clock, others)
        if isinstance(checked, Meaning):
            return checked
        rest = [c for c in clocks if checked is None or c.position != checked.position]
        other_times = tuple(c.position for c in rest if c.role == "number" and c in running)
        signals = tuple(
            i for i in values if i not in other_times and (checked is None or i != checked.position)
        )
        states, comments = self._words()
        used = () if checked is None else (checked.position, checked.date)
        for i in self.of_kind("date", "datetime", "clock"):
            if i not in used:
                shown = self.labels[i].cell or f"column {i + 1}"
                sentence = f"{shown!r} holds dates or clock times beside the time of the rows and is left out"
                self.evidence.append(Evidence("content", "missing", sentence))
        return Meaning(
            "signals",
            clock=checked,
            signals=(*signals, *self._named_but_empty()),
            states=states,
            comments=comments,
            counters=counters,
            other_times=other_times,
            evidence=tuple(self.evidence),
        )

    def _no_samples(
        self, clocks: Sequence[Clock], running: Sequence[Clock], values: Sequence[int]
    ) -> Meaning | None:
        """Return why rows that have a time are no samples, or None if nothing speaks against it."""
        words = {normal(self.labels[i].name): i for i in values}
        spread = next((words[word] for word in words if word in STATISTICS), None)
        if spread is not None and len(values) > 1:
            return self._table(f"{self.labels[spread].cell!r} is a result, no recording")
        first = min((*values, *(clock.position for clock in clocks)), default=0)
        if (
            first in values
            and len(values) > 1
            and normal(self.labels[first].name) in FOUND_THINGS
            and is_counter(self.cells(first))
            and all(clock.position > first + 1 for clock in clocks)
        ):
            return self._table(f"it lists what was found, by {self.labels[first].cell!r}")
        back = next((c for c in clocks if c.unit and self.goes_back(c)), None)
        if back is not None and not running:
            column = self.labels[back.position].cell
            return self._table(f"its column of times, {column!r}, goes back, and nothing says why")
        return None

    def _checked(self, clock: Clock | None, values: Sequence[int]) -> Clock | Meaning | None:
        """Return the clock, with the unit that a stated rate gives it, or why this is no recording."""
        if clock is not None:
            return self._reconciled(clock)
        if self.is_recording:
            return None
        return self._without_time(values)

    def _named_but_empty(self) -> tuple[int, ...]:
        return tuple(
            i
            for i in self.of_kind("empty")
            if self.labels[i].cell
            and not time_label(self.labels[i])[0]
            and not (i == 0 and self.layout.heading.label)
            and not is_remark_name(self.labels[i].name)
        )

    def _words(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return columns of words that hold from row to row, and of remarks."""
        states, comments = [], []
        for i in self.of_kind("text", "empty"):
            filled = [cell for cell in self.cells(i) if cell not in self.layout.missing]
            is_sparse = len(filled) < 0.5 * max(len(self.layout.rows), 1)
            if is_remark_name(self.labels[i].name) or (self.kinds[i] == "text" and is_sparse):
                comments.append(i)
            elif self.kinds[i] == "text":
                states.append(i)
        return tuple(states), tuple(comments)

    def _without_time(self, values: Sequence[int]) -> Meaning | None:
        """Return why a table without a column of times is no recording, or None if it is one."""
        first = next((i for i in range(len(self.kinds)) if self.kinds[i] != "empty"), 0)
        if self.says(first) == "axis" and len(values) > 1:
            shown = self.labels[first].cell
            return self._table(f"its rows run along {shown!r}, which is no time")
        results = [
            i for i in values if self.says(i) == "result" and len(normal(self.labels[i].name)) > 2
        ]
        if results:
            return self._table(f"{self.labels[results[0]].cell!r} is a result, no recording")
        if self.stated.contradiction:
            return self._contradicted(self.stated.contradiction)
        words = self.of_kind("text")
        is_in_names = rate_in_names([label.cell for label in self.labels]) is not None
        if is_in_names and len(self.layout.rows) < _MANY_ROWS and not self.is_callers_rate:
            return self._table("the rates in its names may be those of a stimulus")
        if self.rate_hz is not None:
            if words and len(set(self.cells(words[0]))) == len(self.layout.rows) > 1:
                return self._table(f"each row has its own {self.labels[words[0]].cell!r}")
            return None
        dates = self.of_kind("date", "datetime", "clock")
        if dates:
            # each row has its day: samples on row numbers would lose it
            shown = self.labels[dates[0]].cell or f"column {dates[0] + 1}"
            return self._table(f"its rows are told apart by {shown!r}, which is no running time")
        stamped = next((i for i in values if self._is_event_time(i)), None)
        if stamped is not None:
            return self._table(f"{self.labels[stamped].cell!r} holds times of what happened")
        has_units = bool(values) and all(self.labels[i].unit for i in values)
        if has_units and not words and len(self.layout.rows) >= _MANY_ROWS:
            return None
        return self._table("it states no time and no rate")

    def _is_event_time(self, i: int) -> bool:
        """Whether a column is named as times of events, in a unit of time."""
        name = " ".join(words_of(self.labels[i].name))
        return bool(stated_time_unit(self.labels[i])) and _EVENT_TIMES.fullmatch(name) is not None

    def _table(self, why: str) -> Meaning:
        return Meaning(
            "table",
            reasons=(
                f"Kept as a table, because {why}; if its columns are signals, state the rate (`--rate 1000`) "
                "or write a mapping scheme.",
            ),
        )

    def _contradicted(self, readings: str) -> Meaning:
        return self._table(f"its rate can be read in two ways: {readings}")

    def _reconciled(self, clock: Clock) -> Clock | Meaning:
        """Let a stated rate tell the unit of the time column, or say that the two contradict each other."""
        if clock.role != "number" or (self.is_recording and not self.stated.said.rates):
            return clock
        if self.stated.contradiction:
            return self._contradicted(self.stated.contradiction)
        times = [value for value in self.times(clock) if not math.isnan(value)]
        steps = [two - one for one, two in itertools.pairwise(times)]
        if self.rate_hz is None or len(steps) < 2:
            return clock
        step = (times[-1] - times[0]) / len(steps)
        is_even = max(steps) - min(steps) <= 0.5 * step
        if step <= 0 or not is_even:
            return clock

        def agrees(unit: str) -> bool:
            hz = 1 / (step * float(SECONDS[unit]))
            return abs(hz / (self.rate_hz or 1) - 1) <= RATE_TOLERANCE

        column = f"the time column {self.labels[clock.position].cell!r}"
        line = self.stated.said.rates[0].line if self.stated.said.rates else "the scheme"
        if clock.unit:
            if agrees(clock.unit) or self.is_callers_rate:
                return clock
            hz = 1 / (step * float(SECONDS[clock.unit]))
            return self._contradicted(
                f"{line!r} states {self.rate_hz:.9g} Hz, the steps of {column} make {hz:.9g} Hz"
            )
        units = [unit for unit in SECONDS if agrees(unit)]
        if not units and self.is_callers_rate:
            return clock
        if not units:
            return self._contradicted(
                f"{line!r} states {self.rate_hz:.9g} Hz, but {column} goes in steps of {step:.6g} in no unit "
                "of time that would agree"
            )
        sentence = f"{column} is in {units[0]}, as {line!r} states {self.rate_hz:.9g} Hz"
        self.evidence.append(Evidence("time", "inferred", sentence))
        return Clock(clock.position, clock.role, units[0], clock.form)

    # ------------------------------------------------------------------------------- other shapes

    def _events(self, clocks: Sequence[Clock]) -> Meaning | None:
        """Understand a table of events: onsets or times with labels, or times alone by their name."""
        words = {normal(label.name): i for i, label in enumerate(self.labels)}
        onset = next((words[word] for word in ONSETS if word in words), None)
        duration = next((i for word, i in words.items() if word in DURATIONS), None)
        label = next((i for word, i in words.items() if word in EVENT_LABELS and i != onset), None)
        if (
            onset is not None
            and self.is_numeric(onset)
            and (duration is not None or label is not None)
        ):
            unit = stated_time_unit(self.labels[onset])
            if not unit and (duration is None or normal(self.labels[onset].name) != "onset"):
                return None  # seconds or samples?
            evidence = () if unit else (_BIDS_SECONDS,)
            clock = Clock(onset, "number", unit or "s")
            end = next((i for word, i in words.items() if word in ENDS), None)
            if end is not None and stated_time_unit(self.labels[end]) != unit:
                end = None
            return Meaning(
                "events", clock=clock, label=label, duration=duration, end=end, evidence=evidence
            )
        n_columns = sum(kind != "empty" for kind in self.kinds)
        if n_columns == 1 and self.is_numeric(0):
            name = " ".join(words_of(self.labels[0].name))
            unit = stated_time_unit(self.labels[0])
            clock = self._numeric_clock(0, self.labels[0]) or Clock(0, "number", unit)
            if unit and _EVENT_TIMES.fullmatch(name) and self.increases(clock):
                return Meaning("events", clock=clock)
            return None
        running = [clock for clock in clocks if clock.unit and self.increases(clock)]
        if not running or label is None or self.kinds[label] not in ("text", "integer", "boolean"):
            return None
        taken = {label, duration, running[0].position, running[0].date}
        values = [i for i in self.of_kind("integer", "number", "boolean") if i not in taken]
        is_plain = all(
            normal(self.labels[i].name) in EVENT_LABELS or self.says(i) == "side" for i in values
        )
        # a column of codes at even steps is a channel; at uneven times it tells what happened
        is_few = len(self.layout.rows) < 3
        is_told = self.kinds[label] == "text" or is_few or not self._is_even(running[0])
        filled = [cell for cell in self.cells(label) if cell]
        if is_plain and is_told and len(filled) > 0.9 * len(self.layout.rows):
            return Meaning("events", clock=running[0], label=label, duration=duration)
        return None

    def _rated(self, clocks: Sequence[Clock], values: Sequence[int]) -> Meaning | None:
        """Understand columns whose rates are stated one by one and differ."""
        cells = self.layout.heading.rates
        if not cells or clocks or not values:
            return None
        rates: dict[float, list[int]] = {}
        said = self.layout.heading.rate_label
        for i in values:
            quantity = quantity_of(cells[i]) if cells[i] else None
            meant = meaning_of(said)
            kind = "interval" if meant is not None and meant.kind == "interval" else "rate"
            unit = (quantity[1] if quantity else "") or (meant.unit if meant is not None else "")
            hz = rate_hz_of(kind, quantity[0], unit) if quantity else None
            if hz is None:
                return None
            rates.setdefault(hz, []).append(i)
        if len(rates) < 2:
            return None
        rated = tuple((hz, tuple(positions)) for hz, positions in rates.items())
        return Meaning("signals", signals=tuple(values), rated=rated)

    def _is_even(self, clock: Clock) -> bool:
        times = self.times(clock)
        steps = [two - one for one, two in itertools.pairwise(times)]
        return bool(steps) and max(steps) - min(steps) <= 0.5 * sum(steps) / len(steps)

    def _pairs(self, clocks: Sequence[Clock], values: Sequence[int]) -> Meaning | None:
        """Understand columns that go time, value, and so on."""
        times = sorted((c for c in clocks if c.role != "datetime"), key=lambda c: c.position)
        if len(times) < 2 or times[0].position > (1 if 0 in self.counters() else 0):
            return None
        groups = []
        for clock, following in itertools.zip_longest(times, times[1:]):
            end = following.position if following else len(self.kinds)
            group = tuple(i for i in values if clock.position < i < end)
            if not group or not self.increases(clock):
                return None
            groups.append((clock, group))
        return Meaning("signals", clock=groups[0][0], groups=tuple(groups), signals=tuple(values))

    def _long(
        self, clocks: Sequence[Clock], running: Sequence[Clock], values: Sequence[int]
    ) -> Meaning | None:
        """Understand rows of several channels, subjects or trials below each other."""
        if self.is_recording:
            return None
        kinds = {"channel": CHANNELS, "subject": SUBJECTS, "trial": TRIALS}
        for what, names in kinds.items():
            for i in self.of_kind("text", "integer"):
                if normal(self.labels[i].name) not in names:
                    continue
                rest = tuple(v for v in values if v != i)
                groups: dict[str, list[int]] = {}
                for row, cell in enumerate(self.cells(i)):
                    groups.setdefault(cell, []).append(row)
                clock = self._clock_within(clocks, list(groups.values()))
                is_told = clock is not None or self.rate_hz is not None
                is_split = len(groups) > 1 or (what != "channel" and not running)
                if not rest or not is_split or not is_told:
                    continue
                if len(groups) > 0.5 * len(self.layout.rows):
                    continue
                if what == "channel" and len(rest) > 1:
                    continue
                if running and what != "channel" and len(groups) > 1:
                    continue  # one clock runs through: the column is a state
                return Meaning(
                    "signals",
                    clock=clock,
                    signals=rest,
                    states=(),
                    **{what: i},  # type: ignore[arg-type]
                )
        return None

    def _clock_within(self, clocks: Sequence[Clock], groups: list[list[int]]) -> Clock | None:
        for clock in clocks:
            if all(self.increases(clock, rows) for rows in groups if len(rows) > 1):
                return clock
        return None


_BIDS_SECONDS = Evidence("time", "file", "onset and duration are in seconds, as BIDS has it")
