"""Why a table of text is no recording: results, subjects and doses, what was found, no time and no rate."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.shared.units import length_unit
from sparc_fuse_core.readers.shared.vocabulary import meaning_of, normal, time_unit_of, words_of
from sparc_fuse_core.readers.shared.words import DOSES, OF_SUBJECTS, OF_SUBJECTS_ALONE
from sparc_fuse_core.readers.text.first_rows import Clock, FirstRows
from sparc_fuse_core.readers.text.layout import is_counter
from sparc_fuse_core.readers.text.time import unit_named
from sparc_fuse_core.readers.text.units import rate_in_names, stated_time_unit
from sparc_fuse_core.readers.text.verdict import Meaning, is_remark_name
from sparc_fuse_core.readers.text.words import (
    EVENT_LABELS,
    FOUND_THINGS,
    SPREADS,
    STATISTICS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Rows from which columns that state a unit each, and no time, are taken for samples.
_MANY_ROWS = 100
#: So many even steps are no coincidence.
_LEAST_STEPS = 8
EVENT_TIMES = re.compile(
    r"(?:spike|event|beat|r ?peak|peak|stim(?:ulus)?|trigger|marker|ttl|lick|tag|breath|burst|contraction"
    r"|heart ?beat)s?"
    r"(?: ?(?:times?|timestamps?|onsets?|ts))?"
)


class Objections(FirstRows):
    """What speaks against a recording."""

    def _of_subjects(self, clocks: Sequence[Clock]) -> Meaning | None:
        """Return why rows tell of subjects or of doses, not of moments of one recording, or None."""
        if self.is_recording or self.rate_hz is not None or not clocks:
            return None
        told = [i for i in self.of_kind("integer", "number", "boolean") if self._is_of_subject(i)]
        told = [i for i in told if len({*self.cells(i)}) > 1]
        if not told:
            return None
        # what is given and what happens may be a channel where the rows are moments of one day
        is_close = any(
            clock.unit
            and self.increases(clock)
            and self._is_even(clock)
            and self._step_s(clock) <= 1
            for clock in clocks
        )
        if is_close and not any(normal(self.labels[i].name) in OF_SUBJECTS_ALONE for i in told):
            return None
        return self._table(
            f"{self.labels[told[0]].cell!r} tells subjects or doses apart, not moments"
        )

    def _is_of_subject(self, i: int) -> bool:
        words = words_of(self.labels[i].name)
        return normal(self.labels[i].name) in OF_SUBJECTS or (bool(words) and words[0] in DOSES)

    def _step_s(self, clock: Clock) -> float:
        times = [value for value in self.times(clock) if not math.isnan(value)]
        worth = float(unit_named(clock.unit) or 1) if clock.role == "number" else 1.0
        return (times[-1] - times[0]) / max(len(times) - 1, 1) * worth if times else math.inf

    def _no_samples(
        self, clocks: Sequence[Clock], running: Sequence[Clock], values: Sequence[int]
    ) -> Meaning | None:
        """Return why rows that have a time are no samples, or None if nothing speaks against it."""
        words = {normal(self.labels[i].name): i for i in values}
        lasts = {(words_of(self.labels[i].name) or ("",))[-1]: i for i in values}
        spread = next((words[word] for word in words if word in STATISTICS), None)
        spread = next((lasts[word] for word in lasts if word in SPREADS), spread)
        if "n" in words and {"mean", "means"} & lasts.keys():
            spread = words["n"]  # how many a mean is of
        if spread is not None and len(values) > 1:
            return self._table(f"{self.labels[spread].cell!r} is a result, no recording")
        first = min((*values, *(clock.position for clock in clocks)), default=0)
        if (
            first in values
            and len(values) > 1
            and normal(self.labels[first].name) in FOUND_THINGS
            and is_counter(self.cells(first))
            and all(clock.position > first + 1 or not self._is_on_grid(clock) for clock in clocks)
        ):
            return self._table(f"it lists what was found, by {self.labels[first].cell!r}")
        acts = [
            i
            for i in self.of_kind("text")
            if normal(self.labels[i].name) in EVENT_LABELS
            and not is_remark_name(self.labels[i].name)
            and sum(map(bool, self.cells(i))) > 0.9 * len(self.layout.rows)
        ]
        if acts and running and not any(map(self._is_on_grid, running)):
            return self._table(f"each row tells what happened, by {self.labels[acts[0]].cell!r}")
        back = next((c for c in clocks if c.unit and self.goes_back(c)), None)
        if back is not None and not running:
            column = self.labels[back.position].cell
            return self._table(f"its column of times, {column!r}, goes back, and nothing says why")
        return None

    def _without_time(self, values: Sequence[int]) -> Meaning | None:
        """Return why a table without a column of times is no recording, or None if it is one."""
        first = next((i for i in range(len(self.kinds)) if self.kinds[i] != "empty"), 0)
        if len(values) > 1 and (self.says(first) == "axis" or self._was_set(first, values)):
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
        told = self._told_apart(values)
        if told is not None:
            return told
        has_units = bool(values) and all(self._is_measured(i) for i in values)
        if has_units and not words and len(self.layout.rows) >= _MANY_ROWS:
            return None
        return self._table("it states no time and no rate")

    def _told_apart(self, values: Sequence[int]) -> Meaning | None:
        """Return what tells the rows apart and is no running time, or None."""
        dates = self.of_kind("date", "datetime", "clock")
        if dates:
            # each row has its day: samples on row numbers would lose it
            shown = self.labels[dates[0]].cell or f"column {dates[0] + 1}"
            return self._table(f"its rows are told apart by {shown!r}, which is no running time")
        short = next((i for i in self.of_kind("text") if self.is_short_clock(i)), None)
        if short is not None:
            return self._two_clocks(short)
        stamped = next((i for i in values if self._is_event_time(i)), None)
        if stamped is not None:
            return self._table(f"{self.labels[stamped].cell!r} holds times of what happened")
        return None

    def _was_set(self, i: int, values: Sequence[int]) -> bool:
        """Whether a column goes up or down in even steps, as a voltage does that is set; no rate is stated."""
        if self.rate_hz is not None or i not in values:
            return False
        numbers = self.numbers(i)
        steps = [two - one for one, two in itertools.pairwise(numbers)]
        if len(steps) < _LEAST_STEPS or len(numbers) < len(self.layout.rows):
            return False
        low, high = min(steps), max(steps)
        return low * high > 0 and high - low <= 0.02 * max(abs(low), abs(high))

    def _is_measured(self, i: int) -> bool:
        """Whether a column states a unit and is called as what is recorded: no diameters, no places."""
        label = self.labels[i]
        if not label.unit or length_unit(label.unit) or time_unit_of(label.unit):
            return False
        found = (meaning_of(word) for word in (label.name, *words_of(label.name)) if len(word) > 1)
        kinds = {one.kind for one in found if one is not None}
        return "data" in kinds and not kinds & {"result", "side", "axis"}

    def _is_event_time(self, i: int) -> bool:
        """Whether a column is named as times of events, in a unit of time."""
        name = " ".join(words_of(self.labels[i].name))
        return bool(stated_time_unit(self.labels[i])) and EVENT_TIMES.fullmatch(name) is not None

    def _table(self, why: str) -> Meaning:
        return Meaning("table", reasons=(f"Kept as a table, because {why}",), is_open=True)

    def _two_clocks(self, i: int) -> Meaning:
        """Say both readings of times of two numbers, and how to state one."""
        name, cell = self.labels[i].cell or f"column {i + 1}", self.cells(i)[0]
        return Meaning(
            "table",
            reasons=(
                f"Kept as a table, because its times, such as {cell!r} in {name!r}, may be minutes and seconds "
                "or hours and minutes; call the column 'Time (m:ss)' or 'Time (h:mm)' to have signals.",
            ),
        )

    def _contradicted(self, readings: str) -> Meaning:
        return self._table(f"its rate can be read in two ways: {readings}")

    def _is_even(self, clock: Clock) -> bool:
        times = self.times(clock)
        steps = [two - one for one, two in itertools.pairwise(times)]
        return bool(steps) and max(steps) - min(steps) <= 0.5 * sum(steps) / len(steps)

    def _is_on_grid(self, clock: Clock) -> bool:
        """Whether the first rows' times are even but for how finely they are printed."""
        times = [value for value in self.times(clock) if not math.isnan(value)]
        steps = [two - one for one, two in itertools.pairwise(times)]
        decimals = max((len(c.partition(".")[2]) for c in self.cells(clock.position)), default=0)
        slack = 2.01 * 10.0**-decimals if clock.role == "number" else 0.0
        return bool(steps) and max(steps) - min(steps) <= max(0.02 * sum(steps) / len(steps), slack)
