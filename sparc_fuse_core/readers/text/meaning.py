"""What a table is: a recording, a table of events, or neither; and which column is which.

Only what the file states counts: a column of times, a rate above the table, a program's own layout. A spectrum
beside a sampling rate, a table of results, of subjects, or bare numbers are kept as a table: nothing says that
their rows are samples.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.units import SECONDS
from sparc_fuse_core.readers.shared.vocabulary import (
    meaning_of,
    normal,
    quantity_of,
    rate_hz_of,
    time_unit_of,
    words_of,
)
from sparc_fuse_core.readers.text.first_rows import Clock
from sparc_fuse_core.readers.text.objections import EVENT_TIMES, Objections
from sparc_fuse_core.readers.text.time import unit_named
from sparc_fuse_core.readers.text.units import stated_time_unit, time_label
from sparc_fuse_core.readers.text.verdict import RATE_TOLERANCE, Meaning, is_remark_name
from sparc_fuse_core.readers.text.words import (
    CHANNELS,
    DURATIONS,
    ENDS,
    EVENT_LABELS,
    ONSETS,
    SUBJECTS,
    TRIALS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.readers.text.headers import Stated
    from sparc_fuse_core.readers.text.layout import Layout
    from sparc_fuse_core.readers.text.units import Label


#: A rate that is tried, to know whether to ask for one.
_EXAMPLE_HZ = 1000.0
_WITH_UNIT = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s?[^\W\d_%]{0,8}%?")


def meaning_of_table(
    name: str,
    layout: Layout,
    labels: Sequence[Label],
    stated: Stated,
    options: Mapping[str, object],
) -> Meaning:
    """Decide what a table is, from what its header and its first rows state."""
    found = _Reading(name, layout, labels, stated, options).meaning()
    if not found.is_open:
        return found
    # a rate is asked for only where it helps
    is_enough = False
    if "sampling_rate_hz" not in options:
        rated = {**options, "sampling_rate_hz": _EXAMPLE_HZ}
        is_enough = _Reading(name, layout, labels, stated, rated).meaning().purpose == "signals"
    return replace(found, reasons=(f"{found.reasons[0]}{_what_helps(layout, is_enough)}",))


def _what_helps(layout: Layout, is_rate_enough: bool) -> str:
    """Return the end of the sentence that says why a table is kept: what would make signals of it."""
    if is_rate_enough:
        return "; if its columns are signals, state the rate (`--rate 1000`) or write a mapping scheme."
    for i, kind in enumerate(layout.kinds):
        cells = [row[i] for row in layout.rows if row[i] not in layout.missing]
        if kind == "text" and cells and all(map(_WITH_UNIT.fullmatch, cells)):
            return f"; write units into the header instead of each cell ({cells[0]!r}) to have signals."
    if any(kind in ("integer", "number", "boolean") for kind in layout.kinds):
        return "; if its columns are signals, write a mapping scheme that names them."
    return "."


class _Reading(Objections):
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
            self._of_subjects(clocks)
            or self._pairs(clocks, values)
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
        for i in self.of_kind("date", "datetime", "clock", "text"):
            if i not in used and (self.kinds[i] != "text" or self.is_short_clock(i)):
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
            if self.is_short_clock(i):
                continue
            if is_remark_name(self.labels[i].name) or (self.kinds[i] == "text" and is_sparse):
                comments.append(i)
            elif self.kinds[i] == "text":
                states.append(i)
        return tuple(states), tuple(comments)

    def _reconciled(self, clock: Clock) -> Clock | Meaning:
        """Let a stated rate tell the unit of the time column, or say that the two contradict each other."""
        if clock.role != "number" or (self.is_recording and not self.stated.said.rates):
            return clock
        in_words = time_unit_of(self.stated.said.time_unit)
        if clock.unit and in_words and in_words != clock.unit and not clock.form:
            column = self.labels[clock.position].cell
            return self._table(
                f"its times are said to be in {in_words} and, by {column!r}, in {clock.unit}"
            )
        times = [value for value in self.times(clock) if not math.isnan(value)]
        steps = [two - one for one, two in itertools.pairwise(times)]
        if self.stated.contradiction and not self._is_reduced_to(clock, steps):
            return self._contradicted(self.stated.contradiction)
        if self.rate_hz is None or len(steps) < 2:
            return clock
        step = (times[-1] - times[0]) / len(steps)
        if step <= 0 or max(steps) - min(steps) > 0.5 * step:
            return clock

        return self._clock_of_rate(clock, step)

    def _clock_of_rate(self, clock: Clock, step: float) -> Clock | Meaning:
        """Return the clock whose steps are those of the stated rate, in the unit that this needs."""

        def agrees(unit: str) -> bool:
            hz = 1 / (step * float(SECONDS[unit]))
            return abs(hz / (self.rate_hz or 1) - 1) <= RATE_TOLERANCE

        column = f"the time column {self.labels[clock.position].cell!r}"
        line = self.stated.said.rates[0].line if self.stated.said.rates else "the scheme"
        if clock.unit:
            if agrees(clock.unit) or self.is_callers_rate:
                return clock
            hz = 1 / (step * float(unit_named(clock.unit) or 1))
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

    def _is_reduced_to(self, clock: Clock, steps: Sequence[float]) -> bool:
        """Whether the times tell which holds: the rate of the recording, or of the rows kept of it."""
        rates = self.stated.said.rates
        if not clock.unit or not steps or not any(rate.is_reduced for rate in rates):
            return False
        step_s = sum(steps) / len(steps) * float(unit_named(clock.unit) or 1)
        return step_s > 0 and any(abs(1 / (step_s * r.hz) - 1) <= RATE_TOLERANCE for r in rates)

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
            if unit and EVENT_TIMES.fullmatch(name) and self.increases(clock):
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
        is_told = self.kinds[label] == "text" or is_few or not self._is_on_grid(running[0])
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
