"""What the header and the first rows of a table show: numbers, clocks, dates, row numbers."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.shared.vocabulary import meaning_of, normal
from sparc_fuse_core.readers.text.clock import (
    NO_TIME,
    is_open,
    is_short,
    may_begin_with_year,
    nanoseconds_of,
    order_by_values,
    order_named,
    order_of,
    short_named,
)
from sparc_fuse_core.readers.text.facts import EPOCHS_S
from sparc_fuse_core.readers.text.kinds import number_of
from sparc_fuse_core.readers.text.layout import is_counter
from sparc_fuse_core.readers.text.units import form_named, names_clock, time_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.model import Evidence
    from sparc_fuse_core.readers.text.clock import DateOrder
    from sparc_fuse_core.readers.text.headers import Stated
    from sparc_fuse_core.readers.text.kinds import Role
    from sparc_fuse_core.readers.text.layout import Layout
    from sparc_fuse_core.readers.text.units import Label, TimeForm

_COUNTER_NAMES = re.compile(
    r"(?:sample|row|frame|packet|point|data|record|seq|line)?(?:s|index|idx|number|num|no|nr|count|counter|id)?"
    r"|index|idx|n|no|nr|seq|sequence|unnamed0?"
)


@dataclass(frozen=True, slots=True)
class Clock:
    """How a table tells time.

    Attributes
    ----------
    position, date
        Of the column of times, and of the dates that go with a time of day.
    role, unit, form
        How it is spelled, key of `SECONDS` or ``""``, how absolute times are counted.
    order
        Of day and month.
    """

    position: int
    role: Role
    unit: str = ""
    form: TimeForm = ""
    date: int | None = None
    order: DateOrder = ""
    is_date_open: bool = False


class FirstRows:
    """The columns of a table as its header and its first rows show them."""

    def __init__(
        self,
        name: str,
        layout: Layout,
        labels: Sequence[Label],
        stated: Stated,
        options: Mapping[str, object],
    ) -> None:
        self.name = name
        self.layout = layout
        self.labels = labels
        self.stated = stated
        self.kinds = layout.kinds
        self.is_recording = stated.is_recording or bool(options.keys() - {"sampling_rate_hz"})
        # a rate of the caller is for what states none: it contradicts nothing
        self.is_callers_rate = stated.rate_hz is None and "sampling_rate_hz" in options
        rate_hz = stated.rate_hz or options.get("sampling_rate_hz")
        self.rate_hz = float(rate_hz) if isinstance(rate_hz, int | float) else None
        self.evidence: list[Evidence] = []
        self.order = stated.said.order

    # ------------------------------------------------------------------------------- columns

    def cells(self, i: int) -> list[str]:
        """Return the cells of a column."""
        return [row[i] for row in self.layout.rows]

    def numbers(self, i: int) -> list[float]:
        """Return those cells of a column that are numbers."""
        decimal = self.layout.decimal
        found = (number_of(cell, decimal) for cell in self.cells(i))
        return [value for value in found if value is not None]

    def is_numeric(self, i: int) -> bool:
        """Whether a column holds numbers."""
        return self.kinds[i] in ("integer", "number")

    def of_kind(self, *kinds: str) -> list[int]:
        """Return the positions of columns of some kinds."""
        return [i for i, kind in enumerate(self.kinds) if kind in kinds]

    def says(self, i: int) -> str:
        """Return what kind of fact a column's name means, or ``""``."""
        label = self.labels[i]
        found = meaning_of(label.cell) or meaning_of(label.name)
        return found.kind if found is not None and not found.subject else ""

    def counters(self) -> tuple[int, ...]:
        """Columns that number the rows."""
        found = []
        for i in self.of_kind("integer"):
            word = normal(self.labels[i].name)
            is_label = i == 0 and bool(self.layout.heading.label)
            if (_COUNTER_NAMES.fullmatch(word) or is_label) and is_counter(self.cells(i)):
                found.append(i)
        return tuple(found[:1])

    # ------------------------------------------------------------------------------- time

    def clocks(self) -> list[Clock]:
        """Return the columns that tell time, the most trusted first."""
        ranked: list[tuple[int, Clock]] = []
        dates = self.of_kind("date")
        for i, label in enumerate(self.labels):
            kind = self.kinds[i]
            if self.is_numeric(i):
                clock = self._numeric_clock(i, label)
                if clock is not None:
                    ranked.append((0 if clock.unit else 3, clock))
            elif kind == "datetime":
                order, is_open_ = self._order(i)
                ranked.append((1, Clock(i, "datetime", "s", order=order, is_date_open=is_open_)))
            elif kind == "clock" and (names_clock(label) or not dates):
                if dates:
                    order, is_open_ = self._order(dates[0], i)
                    day = Clock(
                        i, "time of day", "s", date=dates[0], order=order, is_date_open=is_open_
                    )
                    ranked.append((1, day))
                else:
                    ranked.append((2, Clock(i, "clock", "s")))
            elif self.is_short_clock(i) and (role := self._short_role(i)):
                ranked.append((2, Clock(i, role, "s")))
        return [clock for _, clock in sorted(ranked, key=lambda pair: pair[0])]

    def is_short_clock(self, i: int) -> bool:
        """Whether a column named as time holds two numbers a cell, such as ``1:05``."""
        return (
            self.kinds[i] == "text"
            and names_clock(self.labels[i])
            and all(map(is_short, filter(None, self.cells(i))))
        )

    def _short_role(self, i: int) -> Role | None:
        label, units = self.labels[i], self.layout.units
        said = short_named(label.cell) or short_named(label.unit)
        return said or (short_named(units[i]) if len(units) > i else "") or None

    def _order(self, i: int, clock: int | None = None) -> tuple[DateOrder, bool]:
        """Return the order of day and month of a column, and whether nothing says it.

        ``clock`` is the column of the times of day, if they stand in one of their own.
        """
        cells = self.cells(i)
        days = [cell.split(" ")[0].split("T")[0].rstrip(",") for cell in cells]
        if may_begin_with_year(days):
            stated = order_named(self.labels[i].cell) or self.order
            whole = cells
            if clock is not None:
                pairs = zip(cells, self.cells(clock), strict=True)
                whole = [f"{day} {time}" for day, time in pairs]
            order = stated or order_by_values([cell for cell in whole if cell.strip()])
            return order, not order
        order = order_of(days) or order_of(cells) or order_named(self.labels[i].cell) or self.order
        return order, not order and (is_open(days) or is_open(cells))

    def _numeric_clock(self, i: int, label: Label) -> Clock | None:
        is_time, unit = time_label(label)
        form = form_named(label)
        values = self.numbers(i)
        if not values:
            return None
        if form or is_time or self.labels[i].name == "tag time":
            found = _counted(values, form, unit)
            if found is not None:
                return Clock(i, "number", found[1], found[0])
        if normal(label.name) == "epoch":
            return None  # numbers of epochs, unless they are seconds since 1970
        if i == 0 and self.layout.heading.label and not is_time and i not in self.counters():
            # the label of the rows stands where the name of the first column would
            steps = [two - one for one, two in itertools.pairwise(values)]
            is_time = bool(steps) and min(steps) > 0 and max(steps) < 1.01 * min(steps)
        return Clock(i, "number", unit) if is_time else None

    def increases(self, clock: Clock, rows: Sequence[int] | None = None) -> bool:
        """Whether the first rows' times never go back and do go on."""
        values = self.times(clock)
        if rows is not None:
            values = [values[row] for row in rows]
        values = [value for value in values if not math.isnan(value)]
        pairs = list(itertools.pairwise(values))
        if clock.role == "clock":  # midnight
            pairs = [(a, b if b - a > -43_200 else b + 86_400) for a, b in pairs]
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    def goes_back(self, clock: Clock) -> bool:
        """Whether a time of the first rows is before the one above it."""
        values = [value for value in self.times(clock) if not math.isnan(value)]
        return any(two < one for one, two in itertools.pairwise(values))

    def times(self, clock: Clock) -> list[float]:
        """Return the first rows' times in the clock's unit; NaN where there is none."""
        cells = self.cells(clock.position)
        if clock.role == "number":
            decimal = self.layout.decimal
            return [math.nan if (n := number_of(c, decimal)) is None else n for c in cells]
        found, _ = nanoseconds_of(cells, clock.role, clock.order)
        seconds = [math.nan if ns == NO_TIME else ns / 1e9 for ns in found.tolist()]
        if clock.date is None:
            return seconds
        days, _ = nanoseconds_of(self.cells(clock.date), "datetime", clock.order)
        return [
            math.nan if ns == NO_TIME else ns / 1e9 + s
            for ns, s in zip(days.tolist(), seconds, strict=True)
        ]


def _counted(values: Sequence[float], form: TimeForm, unit: str) -> tuple[TimeForm, str] | None:
    """Return from when absolute times count, and in which unit, as their name and size tell."""
    low, high = min(values), max(values)
    if form == "excel" and 20_000 < low <= high < 80_000:
        return "excel", "d"
    if form == "datenum" and 600_000 < low <= high < 800_000:
        return "datenum", "d"
    for name, factor in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        if EPOCHS_S[0] * factor <= low <= high <= EPOCHS_S[1] * factor and unit in ("", name):
            return "unix", name
    return None
