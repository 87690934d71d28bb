"""The rows above a table that belong to its columns: names, units, rates, scales; plain or labelled.

A row is labelled where its first cell says what the others are (``Units,mV,mmHg``); a row of units without a
label holds units only. What is left, read upwards from the data, are the names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.shared.vocabulary import is_unit, meaning_of, normal, quantity_of
from sparc_fuse_core.readers.text.cells import cells_of
from sparc_fuse_core.readers.text.facts import said_by
from sparc_fuse_core.readers.text.units import is_unit_row, labels_of, time_label
from sparc_fuse_core.readers.text.words import NO_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEYED = re.compile(r"[^\W\d][^:=]*[:=].+")
#: What a column of row numbers is called: then the header names it, and not all columns have a name.
_COUNTERS = re.compile(
    r"(?:sample|row|frame|packet|point|record|seq|line)s?[ _.-]*(?:index|idx|number|num|no|nr|#|id)?"
    r"|index|idx|number|num|no\.?|nr\.?|n|#|count|counter|id"
)
#: Rows looked at above the data.
_MOST_ROWS = 8
#: Cells by which a header may be longer than the rows: remarks that only some rows have.
MOST_MORE = 3
_LABELS = {
    "unit": "units",
    "rate": "rates",
    "interval": "rates",
    "scale": "scales",
    "offset": "offsets",
    "gain": "gains",
    "count": "counts",
}


#: How oscilloscopes label the units of what they measure.
_OF_VALUES = frozenset(("verticalunits", "verticalunit"))


@dataclass(frozen=True, slots=True)
class Heading:
    """Cells above the columns; each empty, or one for each column.

    Attributes
    ----------
    names, units, rates, scales, offsets, gains
        As written, ``""`` where a column has none.
    more
        Names of further cells that only some rows have.
    rate_label
        How the row of rates is labelled, with its unit.
    label
        The word that labels the rows, where the first column holds labels and numbers of rows only.
    """

    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    rates: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    offsets: tuple[str, ...] = ()
    gains: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    label: str = ""
    rate_label: str = ""


def heading_of(
    above: Sequence[str],
    separator: str,
    n_columns: int,
    *,
    is_last_empty: bool,
    is_first_empty: bool,
    is_first_counter: bool = False,
) -> Heading:
    """Find names, units and the like in the lines above the first row of data.

    Parameters
    ----------
    above
        All lines above.
    separator
        Of cells; a blank stands for any run of blanks.
    is_last_empty, is_first_empty
        Whether the rows have nothing in their last or first cell.
    is_first_counter
        Whether the first cells number the rows: R names the other columns only.
    """
    rows = _rows_above(
        above, separator, n_columns, is_last_empty=is_last_empty, is_first_counter=is_first_counter
    )
    found: dict[str, tuple[str, ...]] = {}
    unlabelled: list[tuple[list[str], list[str]]] = []
    label = rate_label = ""
    n_names = 0
    for cells, more in rows:
        kind = _labelled(cells) if n_columns > 1 or more else ""
        if kind and (kind not in found or kind == "counts"):
            label = label or cells[0]
            rate_label = cells[0] if kind == "rates" else rate_label
            # a sheet as wide as its labelled row has no name and no value over the last of its cells
            is_wide = len(more) == 1 or (
                is_last_empty
                and cells[-1] != ""
                and any(not row[-1] and not _labelled(row) for row, _ in rows)
            )
            values = (*cells[1:], *more, "") if is_wide and not is_first_empty else ("", *cells[1:])
            found[kind] = tuple(values[:n_columns])
            continue
        unlabelled.append((cells, more))
        if not found and _is_no_names(cells):
            continue
        if not is_unit_row(cells):
            # units may stand above the names, too
            n_names += 1
            if n_names == 2 or "units" in found or len(unlabelled) > 1:
                break
    return replace(_with_names(found, unlabelled, label), rate_label=rate_label)


def _rows_above(
    above: Sequence[str],
    separator: str,
    n_columns: int,
    *,
    is_last_empty: bool,
    is_first_counter: bool,
) -> list[tuple[list[str], list[str]]]:
    """Return the lines above the data that are rows of as many cells, upwards, and what more they have."""
    rows: list[tuple[list[str], list[str]]] = []
    is_named = False
    for line in reversed(above):
        if not line.strip() or _is_statement(line, n_columns):
            continue
        cells, more = _header_cells(line, separator, n_columns, is_last_empty=is_last_empty)
        if not cells and is_first_counter and not rows:
            cells = ["", *cells_of(line, separator)]
            cells = cells if _is_named_by_r(cells, n_columns) else []
        if not cells or len(rows) == _MOST_ROWS:
            break
        if is_named and not _labelled(cells) and _is_fact_row(cells):
            continue
        is_named = is_named or not (_labelled(cells) or is_unit_row(cells))
        rows.append((cells, more))
    return rows


def _is_fact_row(cells: list[str]) -> bool:
    """Whether a row above the names states a fact of the table (``Vertical Scale,1,1``), and no names."""
    rest = [cell for cell in cells[1:] if cell]
    return bool(cells[0]) and all(quantity_of(cell) is not None for cell in rest)


def _is_named_by_r(cells: list[str], n_columns: int) -> bool:
    """Whether a header names all columns but that of the row names; its first name is not theirs then."""
    first = labels_of(cells[1:2])[0] if len(cells) == n_columns and all(cells[1:]) else None
    return first is not None and _COUNTERS.fullmatch(first.name.lower()) is None


def _with_names(
    found: dict[str, tuple[str, ...]], rows: list[tuple[list[str], list[str]]], label: str
) -> Heading:
    rows = [row for row in rows if not _is_no_names(row[0])] or rows
    units = found.get("units", ())
    names: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    if rows and not units and is_unit_row(rows[0][0]):
        # a lone row that reads like units may as well be names: then it names the columns
        if len(rows) > 1:
            units = tuple(rows[0][0])
            names, more = tuple(rows[1][0]), tuple(rows[1][1])
        elif not any(
            time_label(one)[0] or one.cell.lower() in ("frame", "sample", "frames", "samples")
            for one in labels_of(rows[0][0])
        ):
            units = tuple(rows[0][0])
        else:
            names, more = tuple(rows[0][0]), tuple(rows[0][1])
    elif rows:
        names, more = tuple(rows[0][0]), tuple(rows[0][1])
        above = rows[1][0] if len(rows) > 1 else []
        if not units and above and all(above) and is_unit_row(above):
            units = tuple(above)
        if label and len(more) == 1 and _says(names[0]) == "label":
            # "Channel,ECG,BP" over rows of two cells: the label is a cell more
            names, more = (*names[1:], *more), ()
    return Heading(
        names=names,
        units=units,
        rates=found.get("rates", ()),
        scales=found.get("scales", ()),
        offsets=found.get("offsets", ()),
        gains=found.get("gains", ()),
        more=more,
        label=label,
    )


def _says(cell: str) -> str:
    meaning = meaning_of(cell.strip().strip("\"':= "))
    return meaning.kind if meaning is not None and not meaning.subject else ""


def is_labelled(cells: list[str]) -> bool:
    """Whether a row of numbers states rates, scales or counts of the columns, as its first cell says."""
    return len(cells) > 1 and _labelled(cells) not in ("", "units")


def _labelled(cells: list[str]) -> str:
    """Return which field of `Heading` a labelled row fills, or ``""``."""
    kind = "unit" if normal(cells[0]) in _OF_VALUES else _says(cells[0])
    rest = [cell for cell in cells[1:] if cell]
    if kind not in _LABELS or not rest:
        return ""
    if kind == "unit":
        fits = sum(map(is_unit, rest)) >= 0.5 * len(rest)
    else:
        fits = all(quantity_of(cell) is not None for cell in rest)
    return _LABELS[kind] if fits else ""


def _is_no_names(cells: list[str]) -> bool:
    filled = [cell.lower() for cell in cells if cell]
    return bool(filled) and all(cell in NO_NAMES for cell in filled)


def _header_cells(
    line: str, separator: str, n_columns: int, *, is_last_empty: bool
) -> tuple[list[str], list[str]]:
    """Cut a header line into one cell for each column, and what is more; empty if it does not fit."""
    bare = re.sub(r"^\s*(?:#|%|//)+", "", line)
    ways = [cells_of(bare, separator)]
    if separator == " ":
        ways += [[cell.strip() for cell in re.split(r"\t+|\s{2,}|[,;]", bare) if cell.strip()]]
        # "Time (s) ECG (mV)": a unit in brackets belongs to the name before it
        ways += [cells_of(re.sub(r"\s+(?=[(\[{])", "", bare), " ")]
    elif "\t" in bare and separator != "\t":
        ways.append(cells_of(bare, "\t"))
    fitting = []
    for one in ways:
        cells = [cell.rstrip(": ") for cell in one] if all(c.endswith(":") for c in one) else one
        if not cells or (_is_fact(cells, bare, line) and not _labelled(cells)):
            continue
        if len(cells) == n_columns and any(cells):
            return cells, []
        fitting.append(cells)
    for cells in fitting:
        if len(cells) == n_columns + 1 and not cells[-1]:
            return cells[:-1], []
        if len(cells) == n_columns - 1 and cells and is_last_empty:
            return [*cells, ""], []
        is_cut = separator == " " and any(re.match(r"[(\[{]", cell) for cell in cells)
        is_more = n_columns < len(cells) <= n_columns + MOST_MORE and all(cells)
        if n_columns > 1 and is_more and not is_cut:
            return cells[:n_columns], cells[n_columns:]
    return [], []


def _is_statement(line: str, n_columns: int) -> bool:
    """Whether a comment states something of the table and is no row: ``# units: s, mV``, ``# fs: 250 Hz``."""
    match = re.match(r"\s*(?:#|%|//)+\s*([^\W\d][\w ]*?)\s*[:=]\s*([^\s,;]+)\s*([,;\t])?", line)
    if match is None:
        return False
    kind = _says(match[1])
    is_list = match[3] is not None
    return kind in ("unit", "label") if is_list else kind in ("rate", "interval") and n_columns > 1


def _is_fact(cells: list[str], bare: str, line: str) -> bool:
    """Whether a line is a statement: ``key: value`` over two columns, ``fs=1000`` over one."""
    if re.search(r"[:=]$", cells[0]):
        return True
    if len(cells) > 1:
        # "Latest: Time (s),Latest: Force (N)" are names of one data set
        sets = {cell.partition(":")[0] for cell in cells}
        is_one_set = len(sets) == 1 and all(": " in cell for cell in cells)
        return all(_KEYED.fullmatch(cell) for cell in cells) and not is_one_set
    parts = [part.strip() for part in re.split(r"[,;\t]", bare)]
    is_labelled = (
        len(parts) == 2
        and parts[1] != ""
        and _says(parts[0]) in ("unit", "label", "rate", "interval")
    )
    return is_labelled or _KEYED.fullmatch(bare.strip()) is not None or bool(said_by([line]).rates)
