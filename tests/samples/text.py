"""Text tables, written letter by letter: the numbers are those that the text was made from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_NAN = float("nan")


def _table(values: np.ndarray, separator: str = ",", decimal: str = ".") -> str:
    """Rows of (n_samples, n_columns), shortest exact decimals."""
    lines = []
    for row in values:
        cells = ["" if np.isnan(v) else repr(v.item()) for v in row]
        lines.append(separator.join(cell.replace(".", decimal) for cell in cells))
    return "\n".join(lines) + "\n"


def _wave(n: int, n_channels: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.round(np.cumsum(rng.normal(size=(n, n_channels)), axis=0), 4)


def _plain(folder: Path) -> Truth:
    """ms in the header, units in brackets, a non-ASCII unit, doubled names, brackets that are no unit."""
    values = _wave(500, 4)
    times = np.arange(500) * 0.5 + 12.5
    path = folder / "plain.csv"
    header = "Time [ms],ECG (mV),ECG (mV),temp (°C),EMG (left)\n"
    path.write_text(header + _table(np.column_stack([times, values])), "utf-8")
    return Truth(
        path,
        (
            StreamTruth(
                values.T,
                2000.0,
                ("ECG", "ECG", "temp", "EMG (left)"),
                ("mV", "mV", "°C", ""),
                "float64",
                start_s=0.0125,
            ),
        ),
    )


def _integers(folder: Path) -> Truth:
    path = folder / "integers.csv"
    rows = "".join(f"{i},{i * i - 7},{2**60 + i}\n" for i in range(300))
    # a column that numbers the rows holds no samples
    path.write_text("# fs = 100 Hz\nframe no,a,b\n" + rows)
    i = np.arange(300)
    physical = np.stack([i * i - 7, 2**60 + i]).astype(float)
    return Truth(path, (StreamTruth(physical, 100.0, ("a", "b"), ("",) * 2, "int64"),))


def _late_decimals(folder: Path) -> Truth:
    """A column of whole numbers turns out to hold decimals far below; another has cells missing."""
    n = 400_000  # past the block that the parser sees first
    values = np.column_stack([np.arange(n), np.arange(n) % 97, np.arange(n) % 13]).astype(float)
    values[n - 5, 1] = 0.25
    values[n - 3, 2] = _NAN
    text = ["# sampled at 50 Hz", "x,y,z"]
    text += [f"{a:.0f},{b:.15g},{'' if np.isnan(c) else int(c)}" for a, b, c in values]
    path = folder / "late.csv"
    path.write_text("\n".join(text))
    return Truth(path, (StreamTruth(values.T, 50.0, ("x", "y", "z"), ("",) * 3, "float64"),))


def _large_integers(folder: Path) -> Truth:
    """Whole numbers that float64 cannot hold do not share a stream with decimals."""
    path = folder / "large.csv"
    path.write_text(
        "# interval: 20 ms\nv (V),stamp\n"
        + "".join(f"{i / 4},{2**53 + 1 + i}\n" for i in range(50))
    )
    i = np.arange(50)
    return Truth(
        path,
        (
            StreamTruth(i[None] / 4, 50.0, ("v",), ("V",), "float64"),
            StreamTruth((2**53 + 1 + i)[None].astype(float), 50.0, ("stamp",), ("",), "int64"),
        ),
    )


def _encoded(folder: Path, encoding: str, mark: bytes, separator: str, decimal: str) -> Truth:
    values = _wave(400, 2)
    times = np.round(np.arange(400) * 0.01, 2)
    header = separator.join(["Time (s)", "Débit (L/min)", "µ"])
    text = (
        header
        + "\r\n"
        + _table(np.column_stack([times, values]), separator, decimal).replace("\n", "\r\n")
    )
    path = folder / f"{encoding}.txt"
    path.write_bytes(mark + text.encode(encoding))
    stream = StreamTruth(values.T, 100.0, ("Débit", "µ"), ("L/min", ""), "float64")
    return Truth(path, (stream,))


def _uneven(folder: Path) -> Truth:
    """Decreasing rates, a unit row, missing values in several spellings, blanks around cells."""
    times = np.array([0.0, 1.0, 3.0, 7.0, 15.0, 31.0])
    path = folder / "uneven.tsv"
    path.write_text(
        "elapsed time\tpressure\tflow\n min\tmmHg\tL/min\n"
        "0\t 1.5\t2\n1\tNaN\t3\n3\tN/A\t4.25\n7\t \t5\n15\t-1e-3\t6\n31\t.5\t7\n"
    )
    physical = np.array([[1.5, _NAN, _NAN, _NAN, -1e-3, 0.5], [2, 3, 4.25, 5, 6, 7]])
    stream = StreamTruth(
        physical, None, ("pressure", "flow"), ("mmHg", "L/min"), "float64", times=times * 60
    )
    return Truth(path, (stream,))


def _unit_unknown(folder: Path) -> Truth:
    """A time column without unit stays a column of times."""
    values = _wave(100, 1)
    times = np.arange(100) * 0.5
    path = folder / "unit_unknown.csv"
    path.write_text("time,x\n" + _table(np.column_stack([times, values])))
    stream = StreamTruth(values.T, None, ("x",), ("",), "float64", times=times)
    return Truth(path, (stream,))


def _clock(folder: Path) -> Truth:
    """Clock times over midnight, a column of words, remarks as events."""
    clocks = ["11:59:59.500 PM", "11:59:59.750 PM", "12:00:00.000 AM", "12:00:00.250 AM"]
    path = folder / "clock.csv"
    rows = [f"{c},{i}.5,rest,{'go, now' if i == 2 else ''}" for i, c in enumerate(clocks)]
    rows[2] = f'{clocks[2]},2.5,rest,"go, now"'
    path.write_text("Time,x (mV),phase,Comment\n" + "\n".join(rows) + "\n")
    stream = StreamTruth(np.array([[0.5, 1.5, 2.5, 3.5]]), 4.0, ("x",), ("mV",), "float64")
    return Truth(path, (stream,), events=((0.5, "go, now", ""),))


def _dates(folder: Path) -> Truth:
    """ISO 8601 with microseconds; uneven."""
    path = folder / "dates.csv"
    path.write_text(
        "timestamp;x\n2024-02-29T23:59:59.999999;1,5\n2024-03-01T00:00:00.000001;2,5\n"
        "2024-03-01T00:00:10.5;-0,25\n"
    )
    stream = StreamTruth(
        np.array([[1.5, 2.5, -0.25]]),
        None,
        ("x",),
        ("",),
        "float64",
        times=np.array([0.0, 2e-6, 10.500001]),
    )
    return Truth(path, (stream,))


def _no_header(folder: Path) -> Truth:
    """The first row is data, whatever it is."""
    path = folder / "no_header.csv"
    path.write_text("# 1 msec/sample\n73\n270\n602\n863\n")
    stream = StreamTruth(np.array([[73.0, 270, 602, 863]]), 1000.0, ("",), ("",), "int64")
    return Truth(path, (stream,))


def _rounded_times(folder: Path) -> Truth:
    """A third of a millisecond printed with six digits still is 3000 Hz."""
    times = [f"{i / 3000:.6f}" for i in range(2000)]
    path = folder / "rounded.csv"
    path.write_text("t (s),x\n" + "".join(f"{t},{i}\n" for i, t in enumerate(times)))
    stream = StreamTruth(np.arange(2000.0)[None], 3000.0, ("x",), ("",), "int64")
    return Truth(path, (stream,))


def _blanks(folder: Path) -> Truth:
    """Columns of blanks, a preamble that states the rate, comment lines between rows."""
    path = folder / "blanks.txt"
    path.write_text(
        "Recorded by a program\nSampling rate: 250 Hz\n\n   a     b\n"
        "  1.0  -2.0\n  1.5   3e2\n# pause\n  2.0     4\n"
    )
    physical = np.array([[1.0, 1.5, 2.0], [-2.0, 300.0, 4.0]])
    return Truth(path, (StreamTruth(physical, 250.0, ("a", "b"), ("", ""), "float64"),))


def _labchart(folder: Path) -> Truth:
    """Two blocks on the clock, remarks at row ends, a missing value, a gap inside the second block."""

    def header(days: str) -> str:
        return (
            "Interval=\t0.01 s\r\n"
            f"ExcelDateTime=\t{days}\t07/17/25 15:34:45.691019\r\n"
            "TimeFormat=\tStartOfBlock\r\nDateFormat=\t\r\n"
            "ChannelTitle=\tPressure\tFlow\r\nRange=\t10.000 V\t5.000 V\r\nUnitName=\tcmH2O\t*\r\n"
        )

    rows = [
        "0\t1.5\t2.5\r\n0.01\t1.25\t2.25\t#* INSPI \r\n0.02\tNaN\t2\r\n",
        "0\t5.5\t6.5\r\n0.01\t5.25\t6.25\t#2 kick #* also\r\n0.5\t4.5\t6\r\n",
    ]
    path = folder / "labchart.txt"
    text = header("4.5855500000000000e+04") + rows[0] + header("4.5855500011574074e+04") + rows[1]
    path.write_bytes(text.encode("latin-1"))
    physical = np.array([[1.5, 1.25, _NAN, 5.5, 5.25, 4.5], [2.5, 2.25, 2, 6.5, 6.25, 6]])
    stream = StreamTruth(
        physical,
        100.0,
        ("Pressure", "Flow"),
        ("cmH2O", ""),
        "float64",
        segments=((0, 3, 0.0), (3, 2, 1.0), (5, 1, 1.5)),
    )
    events = ((0.01, "INSPI", ""), (1.01, "kick", "Flow"), (1.01, "also", ""))
    return Truth(path, (stream,), events=events)


def _opensignals(folder: Path) -> Truth:
    device = {
        "sampling rate": 1000,
        "column": ["nSeq", "DI", "CH1"],
        "label": ["CH1"],
        "sensor": ["ECG"],
        "resolution": [16],
    }
    path = folder / "opensignals.txt"
    path.write_text(
        "# OpenSignals Text File Format. Version 1\n"
        f"# {json.dumps({'00:11': device})}\n# EndOfHeader\n"
        + "".join(f"{i % 16}\t1\t{32000 + i}\t\n" for i in range(64))
    )
    i = np.arange(64)
    physical = np.stack([i % 16, np.ones(64), 32000 + i]).astype(float)
    stream = StreamTruth(physical, 1000.0, ("nSeq", "DI", "CH1"), ("",) * 3, "int64")
    return Truth(path, (stream,))


def _biosppy(folder: Path) -> Truth:
    values = _wave(64, 2)
    path = folder / "biosppy.txt"
    path.write_text(
        "# Simple Text Format\n# Sampling Rate (Hz):= 125.00\n# Units:= m/s^2\n# Labels:= x\ty\n"
        + _table(values, "\t")
    )
    return Truth(path, (StreamTruth(values.T, 125.0, ("x", "y"), ("m/s^2",) * 2, "float64"),))


def _axon(folder: Path) -> Truth:
    """Three sweeps of two signals; times in six digits."""
    values = np.round(np.random.default_rng(5).normal(size=(6, 40)), 3)
    titles = [f'"Trace #{s + 1} ({u})"' for s in range(3) for u in ("pA", "mV")]
    head = [
        "ATF\t1.0",
        "3\t7",
        '"AcquisitionMode=Episodic Stimulation"',
        '"SweepStartTimesMS=0.000,500.000,1000.000"',
        '"Signals="\t' + "\t".join(['"IN 0"', '"Vm"'] * 3),
        "\t".join(['"Time (s)"', *titles]),
    ]
    rows = ["\t".join([f"{i * 5e-5:g}", *(f"{v}" for v in values[:, i])]) for i in range(40)]
    path = folder / "sweeps.atf"
    path.write_text("\r\n".join([*head, *rows]) + "\r\n")
    physical = values.reshape(3, 2, 40).transpose(1, 0, 2)
    return Truth(path, (StreamTruth(physical, 20000.0, ("IN 0", "Vm"), ("pA", "mV"), "float64"),))


def _ragged(folder: Path) -> Truth:
    """Columns of unequal length, cells that are no numbers, a last line that was cut off."""
    path = folder / "ragged.csv"
    path.write_text("Sample rate,10\na,b,c\n1,2,3\n1.5,ERR,4\n2,5\n2.5,6\n3")
    physical = np.array([[1, 1.5, 2, 2.5], [2, _NAN, 5, 6], [3, 4, _NAN, _NAN]])
    return Truth(path, (StreamTruth(physical, 10.0, ("a", "b", "c"), ("",) * 3, "float64"),))


def _refused(
    name: str, content: str | bytes, error: str, says: str = "", **options: Any
) -> tuple[str, Callable[[Path], Truth]]:
    def write(folder: Path) -> Truth:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Truth(path, error=error, error_says=says, options=options)

    return name, write


_REFUSALS = [
    _refused("empty.csv", "", "EmptyFileError"),
    _refused("blank.csv", "\n\n  \n", "EmptyFileError"),
    _refused("header_only.csv", "Time (s),ECG (mV)\n", "EmptyFileError", "header"),
    _refused(
        "README.txt",
        "This folder holds 3 recordings.\nSee section 2 of the paper, pages 4 to 7.\n\nThanks!\n",
        "UnsupportedFormatError",
        "no numeric table",
    ),
    _refused("zeros.txt", b"1,2\n3,4\n" + bytes(300), "CorruptFileError", "zero bytes"),
    _refused("binary.csv", bytes(range(1, 32)) * 30, "CorruptFileError", "not text"),
    _refused(
        "two_tables.csv",
        "a,b\n" + "1,2\n" * 400 + "c,d\n" + "3,4\n" * 400,
        "CorruptFileError",
        "breaks the run",
    ),
    _refused(
        "too_many.csv",
        "a,b\n" + "1,2\n" * 400 + "1,2,3\n" + "3,4\n" * 400,
        "CorruptFileError",
        "breaks the run",
    ),
    _refused("commas.txt", "1,5\n2,5\n3,5\n", "UncertainMappingError", "one number or two"),
    _refused(
        "thousands.tsv", "a\tb\n1,234\t2,345\n3,456\t4,567\n", "UncertainMappingError", "thousands"
    ),
    _refused("utf16_cut.txt", "\ufeff1\t2\n".encode("utf-16-le") * 3 + b"1", "CorruptFileError"),
    _refused(
        "opensignals_bad.txt",
        "# OpenSignals Text File\n# {broken\n1\t2\n3\t4\n",
        "CorruptFileError",
    ),
    _refused(
        "labchart_bad.txt",
        "Interval=\t0.01 parsec\nChannelTitle=\ta\nUnitName=\tV\n1\n2\n",
        "CorruptFileError",
        "length of time",
    ),
    _refused(
        "labchart_empty.txt",
        "Interval=\t0.01 s\nChannelTitle=\ta\nUnitName=\tV\n",
        "EmptyFileError",
    ),
    _refused("scheme.csv", "a,b\n1,2\n3,4\n", "SchemeError", "column 'c'", time_column="c"),
    _refused("scheme_at.csv", "a,b\n1,2\n3,4\n", "SchemeError", "2 columns", time_column=7),
    _refused("scheme_enc.csv", "a,b\n1,2\n3,4\n", "SchemeError", "unknown", encoding="utf-99"),
    _refused("scheme_word.csv", "a,b\nx,2\ny,4\n", "SchemeError", "words", signal_columns=["a"]),
]

SAMPLES = [
    Sample("text-plain", "text", _plain),
    Sample("text-integers", "text", _integers),
    Sample("text-late-decimals", "text", _late_decimals),
    Sample("text-large-integers", "text", _large_integers),
    Sample(
        "text-utf16-le-mark", "text", lambda f: _encoded(f, "utf-16-le", b"\xff\xfe", "\t", ".")
    ),
    Sample("text-utf16-be", "text", lambda f: _encoded(f, "utf-16-be", b"", "\t", ",")),
    Sample("text-utf8-mark", "text", lambda f: _encoded(f, "utf-8", b"\xef\xbb\xbf", ";", ",")),
    Sample("text-latin1", "text", lambda f: _encoded(f, "cp1252", b"", "|", ".")),
    Sample("text-uneven", "text", _uneven),
    Sample("text-time-without-unit", "text", _unit_unknown),
    Sample("text-clock", "text", _clock),
    Sample("text-dates", "text", _dates),
    Sample("text-no-header", "text", _no_header),
    Sample("text-rounded-times", "text", _rounded_times),
    Sample("text-blanks", "text", _blanks),
    Sample("text-labchart", "text", _labchart),
    Sample("text-opensignals", "text", _opensignals),
    Sample("text-biosppy", "text", _biosppy),
    Sample("text-axon", "text", _axon),
    Sample("text-ragged", "text", _ragged),
    *(Sample(f"text-refused-{name}", "text", write) for name, write in _REFUSALS),
]
