"""Clock times and dates that have more than one reading, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.readers.text.clock import (
    NO_TIME,
    clock_ns,
    is_clock,
    moment_ns,
    order_by_values,
    order_of,
)
from sparc_fuse_core.readers.text.reader import read

if TYPE_CHECKING:
    from pathlib import Path


def test_frames_of_a_timecode_are_no_hundredths() -> None:
    assert not is_clock("10:00:00:24")
    assert clock_ns("10:00:00:24") == NO_TIME
    assert clock_ns("10:00:00:240") == (36_000 * 1000 + 240) * 10**6


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["23-03-13 08:00:00"], ""),
        (["23-03-13 22:00", "23-03-13 23:00", "23-03-14 00:00"], "ymd"),
        (["22/03/23 23:00", "23/03/23 00:00", "23/03/23 01:00"], "dmy"),
        (["45-03-13 08:00", "45-03-13 09:00"], "ymd"),
        (["12/30/21 08:00", "12/31/21 08:00"], "mdy"),
        (["01-02-03 08:00", "01-02-03 09:00", "01-02-03 10:00"], ""),
    ],
)
def test_the_values_of_a_column_decide_where_the_year_stands(cells: list[str], order: str) -> None:
    assert order_by_values(cells) == order


def test_a_lone_date_with_a_short_year_has_no_order() -> None:
    assert order_of(["23-03-13"]) == ""
    assert order_of(["23.03.13"]) == "dmy"
    assert order_of(["12/31/21"]) == "mdy"
    assert moment_ns("23-03-13", "ymd") == moment_ns("2023-03-13")


def test_hours_over_two_days_do_not_jump_by_a_year(tmp_path: Path) -> None:
    days = [f"23-03-{13 + i // 24} {i % 24:02d}:00:00,{i * 0.5}" for i in range(48)]
    path = tmp_path / "hours.csv"
    path.write_text("\n".join(["time,temp_C", *days]) + "\n", "utf-8")
    with read(path, {}) as contents:
        (recording,) = contents.recordings
        assert contents.start_time == "2023-03-13T00:00:00"
        assert recording.sampling_rate_hz == pytest.approx(1 / 3600)


def test_an_open_date_is_left_out_and_named(tmp_path: Path) -> None:
    rows = [f"23-03-13 08:00:{i:02d},{i * 0.5}" for i in range(40)]
    path = tmp_path / "seconds.csv"
    path.write_text("\n".join(["time,temp_C", *rows]) + "\n", "utf-8")
    with read(path, {}) as contents:
        assert len(contents.recordings) == 1
        assert not contents.start_time
        assert any("year/month/day" in one.sentence for one in contents.evidence)


@pytest.mark.parametrize(
    ("first", "unit", "step", "rate_hz"),
    [("0.5", "sec", 0.004, 250.0), ("0", "min", 0.5, 1 / 30), ("1", "hr", 0.25, 1 / 900)],
)
def test_durations_as_matlab_writes_them_are_times(
    tmp_path: Path, first: str, unit: str, step: float, rate_hz: float
) -> None:
    rows = [f"{float(first) + i * step:g} {unit},{i % 7}" for i in range(60)]
    path = tmp_path / "timetable.csv"
    path.write_text("\n".join(["Start date: 2021-03-04", "Time,BP (mmHg)", *rows]) + "\n", "utf-8")
    with read(path, {}) as contents:
        (recording,) = contents.recordings
        assert recording.sampling_rate_hz == pytest.approx(rate_hz)
        assert contents.start_time == "2021-03-04"  # a duration is no time of that day
        assert recording.start_s == pytest.approx(
            float(first) * {"sec": 1, "min": 60, "hr": 3600}[unit]
        )
        assert recording.channel_names == ("BP",)


@pytest.mark.parametrize("cell", ["0.004 seconds", "12 mins ago", "sec", "0.0000000001 sec"])
def test_other_words_are_no_durations(cell: str) -> None:
    assert not is_clock(cell)
    assert clock_ns(cell) == NO_TIME


@pytest.mark.parametrize(
    ("header", "rate_hz"),
    [
        ("Time (m:ss),BP (mmHg)\n", 1.0),
        ("Time [mm:ss],BP (mmHg)\n", 1.0),
        ("Time,BP\nmm:ss,mmHg\n", 1.0),
        ("Time (h:mm),BP (mmHg)\n", 1 / 60),
        ("Clock (hh:mm),BP (mmHg)\n", 1 / 60),
    ],
)
def test_two_numbers_of_a_clock_are_what_the_header_says(
    tmp_path: Path, header: str, rate_hz: float
) -> None:
    text = header + "".join(f"{i // 60}:{i % 60:02d},{90 + i % 7}\n" for i in range(150))
    (tmp_path / "a.csv").write_text(text)
    with read(tmp_path / "a.csv", {}) as contents:
        (one,) = contents.recordings
        assert one.sampling_rate_hz == pytest.approx(rate_hz, rel=1e-9)
        assert one.signals.shape == (1, 150)


def test_two_numbers_of_a_clock_have_two_readings(tmp_path: Path) -> None:
    text = "Time,BP (mmHg)\n" + "".join(
        f"{i // 60}:{i % 60:02d},{90 + i % 7}\n" for i in range(150)
    )
    (tmp_path / "a.csv").write_text(text)
    with read(tmp_path / "a.csv", {}) as contents:
        assert not contents.recordings
        (said, *_) = [one.sentence for one in contents.evidence]
    assert "minutes and seconds or hours and minutes" in said
    assert "Time (m:ss)" in said
