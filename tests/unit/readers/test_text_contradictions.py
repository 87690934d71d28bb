"""What text states beside its columns: groups of digits, footers, reduced rates, two units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.text.reader import read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sparc_fuse_core.model import Contents

N = 120
V = np.round(900 + 300 * np.sin(np.arange(N) / 9), 2)
T = [f"{i * 0.004:.3f}" for i in range(N)]


def rows(*columns: Iterable[object], sep: str = ",") -> str:
    return "".join(sep.join(map(str, row)) + "\n" for row in zip(*columns, strict=True))


def german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def blank(value: float, mark: str) -> str:
    return f"{value:,.2f}".replace(",", mark)


def opened(folder: Path, name: str, text: str) -> Contents:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    with read(path, {}) as contents:
        found = [np.asarray(r.signals[(slice(None), slice(None))]) for r in contents.recordings]
        assert all(np.isfinite(block).any() for block in found)
        opened.values = found  # type: ignore[attr-defined]
        return contents


GROUPED = {
    "german.csv": "Zeit (s);P (Pa)\n"
    + rows((t.replace(".", ",") for t in T), map(german, V), sep=";"),
    "quoted.csv": "Time (s),P (Pa)\n" + rows(T, (f'"{v:,.2f}"' for v in V)),
    "tabs.txt": "Time (s)\tP (Pa)\n" + rows(T, (f"{v:,.2f}" for v in V), sep="\t"),
    "blanks.txt": "Time (s)\tP (Pa)\n" + rows(T, (blank(v, " ") for v in V + 900), sep="\t"),
    "narrow.csv": "Time (s);P (Pa)\n" + rows(T, (blank(v, "\u202f") for v in V), sep=";"),
    "swiss.csv": "Time (s);P (Pa)\n" + rows(T, (blank(v, "'") for v in V), sep=";"),
}


@pytest.mark.parametrize("name", GROUPED)
def test_digits_in_groups_are_one_number(name: str, tmp_path: Path) -> None:
    contents = opened(tmp_path, name, GROUPED[name])
    (recording,) = contents.recordings
    assert recording.sampling_rate_hz == 250
    assert recording.channel_units == ("Pa",)
    wanted = V + 900 if name == "blanks.txt" else V
    np.testing.assert_array_equal(opened.values[0][0], np.round(wanted, 2))  # type: ignore[attr-defined]


def test_whole_numbers_in_groups_may_be_decimals(tmp_path: Path) -> None:
    whole = (f"{int(v * 10):,}".replace(",", ".") for v in V)
    text = "Zeit (s);P (Pa)\n" + rows((t.replace(".", ",") for t in T), whole, sep=";")
    contents = opened(tmp_path, "whole.csv", text)
    assert not contents.recordings
    assert "thousands or decimals" in contents.evidence[0].sentence
    (table,) = contents.tables
    assert table.n_rows == N


def test_a_header_by_tabs_names_rows_by_blanks(tmp_path: Path) -> None:
    text = "Time (s)\tECG (mV)\tBP (mmHg)\n" + rows(T, V, V, sep="  ")
    (recording,) = opened(tmp_path, "mixed.txt", text).recordings
    assert (recording.channel_names, recording.channel_units) == (("ECG", "BP"), ("mV", "mmHg"))
    assert recording.sampling_rate_hz == 250


@pytest.mark.parametrize("header", ["Sample,ECG", "Time (s),ECG (mV)"])
def test_a_header_one_name_short_names_nothing(header: str, tmp_path: Path) -> None:
    text = f"{header}\n" + rows(range(1, N + 1), V, V)
    contents = opened(tmp_path, "short.csv", text)
    assert not contents.recordings
    (table,) = contents.tables
    assert header.split(",")[1] not in [column.name for column in table.columns]


def test_statements_below_the_rows_count(tmp_path: Path) -> None:
    text = "ECG (mV)\n" + rows(V) + "Sampling rate: 250 Hz\n"
    (recording,) = opened(tmp_path, "below.csv", text).recordings
    assert recording.sampling_rate_hz == 250
    text = "Time (s),ECG (mV)\n" + rows(T, V) + "# sampling rate: 1000 Hz\n"
    contents = opened(tmp_path, "contradicts.csv", text)
    assert not contents.recordings
    assert "two ways" in contents.evidence[0].sentence


@pytest.mark.parametrize(
    "line", ["Downsampling factor: 4", "decimated by 4", "Bin size: 4 samples"]
)
def test_a_reduced_rate_is_two_readings(line: str, tmp_path: Path) -> None:
    above = f"Sampling rate: 1000 Hz\n{line}\n"
    contents = opened(tmp_path, "reduced.csv", above + "ECG (mV)\n" + rows(V))
    assert not contents.recordings
    assert "1000 Hz" in contents.evidence[0].sentence
    assert "250 Hz" in contents.evidence[0].sentence
    contents = opened(tmp_path, "timed.csv", above + "Time (s),ECG (mV)\n" + rows(T, V))
    assert contents.recordings[0].sampling_rate_hz == 250


@pytest.mark.parametrize("text", ["Time (s),ECG (mV)\ns,uV\n", "# units: uV\nTime (s),ECG (mV)\n"])
def test_of_two_units_none_is_used_and_both_are_said(text: str, tmp_path: Path) -> None:
    contents = opened(tmp_path, "two.csv", text + rows(T, V))
    (recording,) = contents.recordings
    assert recording.channel_units == ("",)
    said = [one.sentence for one in contents.evidence if "two units" in one.sentence]
    assert said
    assert "'mV'" in said[0]
    assert "'uV'" in said[0]


@pytest.mark.parametrize("unit", ["(millivolts)", "mV", "[mV]"])
def test_one_unit_in_two_spellings_is_one(unit: str, tmp_path: Path) -> None:
    text = f"Time (s),ECG (mV)\n(s),{unit}\n" + rows(T, V)
    assert opened(tmp_path, "one.csv", text).recordings[0].channel_units == ("mV",)


def test_times_in_parts_of_a_second(tmp_path: Path) -> None:
    text = "time [s/256],ECG_I\n" + rows(range(0, 2 * N, 2), V)
    assert opened(tmp_path, "parts.csv", text).recordings[0].sampling_rate_hz == 128


def test_the_unit_of_times_in_a_line(tmp_path: Path) -> None:
    ms = [i * 4 for i in range(N)]
    text = "Time in milliseconds\nTime\tEMG\n" + rows(ms, V, sep="\t")
    assert opened(tmp_path, "line.txt", text).recordings[0].sampling_rate_hz == 250
    contents = opened(tmp_path, "two.csv", "# time in ms\nTime (s),EMG (mV)\n" + rows(ms, V))
    assert not contents.recordings


TABLES = {
    "survival.csv": "time,status,age\n"
    + rows((10 + 3 * i for i in range(60)), [0, 1] * 30, range(60)),
    "doses.csv": "animal,dose (mg/kg),time (min),response (mmHg)\n"
    + rows(
        (f"r{i // 5}" for i in range(40)), [0, 1, 3, 10, 30] * 8, [0, 5, 10, 15, 20] * 8, V[:40]
    ),
    "peaks.csv": "peak,time_s,amplitude_mV\n"
    + rows(range(1, 51), (f"{i * 0.8 + 0.03 * (i % 3):.3f}" for i in range(50)), V[:50]),
    "boris.csv": "Observation id,FPS,Behavior,Behavior type,Time\n"
    + rows(
        ["o1"] * 6, [25] * 6, ["groom", "rear"] * 3, ["START", "STOP"] * 3, [1, 3, 4, 9, 11, 30]
    ),
    "diameters.csv": "Diameter (um)\n" + rows(V),
    "places.csv": "x (um),y (um)\n" + rows(V, V),
    "means.csv": "Time (min),Control mean,Control SEM\n" + rows(range(0, 45, 5), V[:9], V[9:18]),
    "of_how_many.csv": "Time (h),n,Mean\n" + rows(range(24), [8] * 24, V[:24]),
    "training.csv": "time_s,epoch,loss\n" + rows(range(0, 480, 12), range(40), V[:40]),
    "rr.csv": "RR (ms)\n" + rows(V),
    "forces.csv": "Stim freq (Hz),Force (N)\n" + rows(range(5, 5 + N), V),
}


@pytest.mark.parametrize("name", TABLES)
def test_what_tells_no_moments_is_a_table(name: str, tmp_path: Path) -> None:
    contents = opened(tmp_path, name, TABLES[name])
    assert not contents.recordings
    assert len(contents.tables) == 1


def test_codes_at_uneven_times_are_events(tmp_path: Path) -> None:
    times = [f"{i * 1.3 + 0.1 * (i % 3):.2f}" for i in range(40)]
    contents = opened(tmp_path, "codes.csv", "time_s,code\n" + rows(times, [1, 2, 3, 4] * 10))
    assert not contents.recordings
    assert len(contents.events) == 40


def test_two_tables_below_each_other_are_not_one(tmp_path: Path) -> None:
    one, other = "Time (s),ECG (mV)\n" + rows(T, V), "Time (s),BP (mmHg)\n" + rows(T, V)
    for second in (other, "Time (s),BP (mmHg),HR (bpm)\n" + rows(T, V, V)):
        with pytest.raises(CorruptFileError, match="several tables"):
            opened(tmp_path, "two.csv", f"{one}\n{second}")


@pytest.mark.parametrize("between", ["", "\n"])
def test_blank_lines_are_no_rows(between: str, tmp_path: Path) -> None:
    comments = ["", "stim"] + [""] * (N - 2)
    half = N // 2
    text = "Rate: 250 Hz\nECG (mV),Comment\n" + rows(V[:half], comments[:half]) + between
    contents = opened(tmp_path, "blank.csv", text + rows(V[half:], comments[half:]) + "\n")
    (recording,) = contents.recordings
    assert recording.signals.shape == (1, N)
    assert len(contents.events) == 1
