"""Every option a mapping scheme may hand to a reader: its type and what it does.

A row of `sparc_fuse_core.formats.registry.FORMATS` names the options its reader takes; an option means the same
in every format that takes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

#: ``column`` is a name or a 0-based position; ``table`` maps text to text,
#: ``numbers`` text to numbers above 0.
OptionKind = Literal[
    "text",
    "texts",
    "boolean",
    "count",
    "number",
    "decimal",
    "column",
    "columns",
    "table",
    "numbers",
]


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes
    ----------
    kind
        Type of its value in TOML.
    does
        What it says to the reader, in one sentence.
    choices
        The only values allowed; empty for any.
    """

    kind: OptionKind
    does: str
    choices: tuple[str, ...] = ()


#: What the time axis may be counted in; the first of each row is what is written.
TIME_UNITS = ("s", "ms", "us", "ns", "min", "h")

OPTIONS: dict[str, Option] = {
    # ------------------------------------------------------------------------------- text layout
    "encoding": Option("text", "How letters are stored, e.g. `utf-16`."),
    "separator": Option(
        "text", r'What lies between cells: `","`, `";"`, `"\t"`, `"|"`, or `" "` for any blanks.'
    ),
    "decimal": Option("text", "The decimal mark.", (".", ",")),
    "header": Option("boolean", "Whether a row of names stands above the data."),
    "skip_rows": Option("count", "Lines to leave out at the top of the file."),
    "missing_values": Option("texts", "Further spellings of a missing value, read as NaN."),
    # ------------------------------------------------------------------------------- pictures
    "series_pattern": Option(
        "text",
        "Names of the files of one image: `img_t{t}_z{z}_c{c}.tif`; `{t}` and `{z}` are numbers, `{c}` a "
        "number or the channel's name.",
    ),
    # ------------------------------------------------------------------------------- time
    "time_column": Option("column", "Column of the time of each row."),
    "time_unit": Option("text", "Unit of time where the file does not state it.", TIME_UNITS),
    "time_format": Option(
        "text",
        "How a time is spelled: a number, a clock time of day, or a date with time (ISO 8601).",
        ("number", "clock", "datetime"),
    ),
    "drop_rows_without_time": Option(
        "boolean", "Leave out rows whose time cannot be read; how many is said in the result."
    ),
    "period_column": Option("column", "Column that states the time from one row to the next."),
    "sampling_rate_hz": Option("number", "Samples per second where the file does not state it."),
    # ------------------------------------------------------------------------------- signals
    "signal_columns": Option("columns", "Columns that are signals; all others are left out."),
    "first_signal_column": Option(
        "count", "Position (from 0) of the first signal; this and all later columns are signals."
    ),
    "ignore_columns": Option("columns", "Columns that are neither time nor signals."),
    "metadata_columns": Option(
        "columns", "Columns whose distinct values are kept as metadata instead of as signals."
    ),
    "comment_column": Option("column", "Column of remarks; each becomes an event at its row."),
    "unit_in_parentheses": Option(
        "boolean", "Trailing parentheses of every column's name hold its unit: `name (unit)`."
    ),
    "channel_units": Option("table", "Unit of a channel by its name, where the file states none."),
    # ------------------------------------------------------------------------------- long tables
    "channel_column": Option("column", "Long table: the column that names the channel of a row."),
    "value_column": Option("column", "Long table: the column that holds the value of a row."),
    "subject_column": Option(
        "column", "Several subjects in one table: each has its own channels `<subject>_<column>`."
    ),
    # ------------------------------------------------------------------------------- MATLAB variables
    "layout": Option(
        "text", "A program's own way to lay out its export: `labchart`.", ("labchart",)
    ),
    "time_variable": Option(
        "text",
        "Variable of the time of each sample; a field is `struct.field`, `*.field` any struct's.",
    ),
    "signal_variables": Option("texts", "Variables (or fields) that are signals, in order."),
    "allow_missing_signals": Option(
        "boolean", "It is enough that one of the `signal_variables` is there."
    ),
    "long_arrays": Option(
        "boolean", "If no named signal is there, every long numeric array is one."
    ),
    "rate_variable": Option("text", "Variable that states the samples per second."),
    "names_variable": Option("text", "Variable that holds the channels' names."),
    "units_variable": Option("text", "Variable that holds the channels' units."),
    "channel_names": Option(
        "texts", "Names of the channels, in order, where the file states none."
    ),
    "annotation_variables": Option(
        "table", "Variables that hold [start, end] of something, each with what that is."
    ),
    "metadata_variables": Option("texts", "Variables that are kept as metadata under their name."),
    "orientation": Option(
        "text",
        "Which axis of a table of samples is time: the first (`samples_first`) or the second.",
        ("samples_first", "channels_first"),
    ),
    # ------------------------------------------------------------------------------- HDF5 groups
    "group_path": Option(
        "text", "Groups that hold datasets; a level in braces is each group: `{subject}/{start}`."
    ),
    "time_level": Option(
        "text", "Level whose groups are named by the time (ISO 8601) at which a segment begins."
    ),
    "separate_levels": Option("texts", "Levels whose groups never share a stream."),
    "signal_datasets": Option("texts", "Datasets that are signals; `*` stands for any letters."),
    "dataset_rates_hz": Option(
        "numbers", "Samples per second of a dataset by its name, where the file does not state it."
    ),
    # ------------------------------------------------------------------------------- raw samples
    "dtype": Option("text", "Type of a stored sample with its byte order: `<i2`, `>f4`."),
    "n_channels": Option("count", "How many channels the samples are of."),
    "order": Option(
        "text",
        "All channels of a sample together, or all samples of a channel.",
        ("interleaved", "planar"),
    ),
    "header_bytes": Option("count", "Bytes before the first sample."),
    "gain": Option("decimal", "What a stored value is multiplied by to be physical."),
    "offset": Option("decimal", "What is added after that."),
    "units": Option("texts", "Unit of each channel, in order."),
    "names": Option("texts", "Name of each channel, in order."),
    # ------------------------------------------------------------------------------- images
    "library": Option("text", "Which library reads the file.", ("nd2", "nd2reader")),
}

_EXPECTED: dict[OptionKind, str] = {
    "text": "text",
    "texts": "a list of texts",
    "boolean": "true or false",
    "count": "a whole number from 0 on",
    "number": "a number above 0",
    "decimal": "a number",
    "column": "a name or a position from 0 on",
    "columns": "a list of names and positions from 0 on",
    "table": "a table of texts",
    "numbers": "a table of numbers above 0",
}


def fault_of(key: str, value: Any) -> str:
    """Return what is wrong with ``value`` for the option ``key``, or ``""``."""
    option = OPTIONS[key]
    if not _fits(option.kind, value):
        return f"{key} = {value!r}: expected {_EXPECTED[option.kind]}"
    if option.choices and value not in option.choices:
        return f"{key} = {value!r}: expected one of {', '.join(map(repr, option.choices))}"
    return ""


def _fits(kind: OptionKind, value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_count = is_number and isinstance(value, int) and value >= 0
    is_text = isinstance(value, str) and value != ""
    simple = {
        "text": is_text,
        "boolean": isinstance(value, bool),
        "count": is_count,
        "number": is_number and 0 < value < float("inf"),
        "decimal": is_number and abs(value) < float("inf"),
        "column": is_count or is_text,
    }
    if kind in simple:
        return bool(simple[kind])
    match kind:
        case "texts":
            return isinstance(value, list) and all(isinstance(one, str) for one in value)
        case "columns":
            return isinstance(value, list) and all(_fits("column", one) for one in value)
        case "table":
            return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
        case _:
            return isinstance(value, dict) and all(_fits("number", n) for n in value.values())
