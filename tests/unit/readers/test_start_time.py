"""When a recording began, as far as its file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import igorwriter
import numpy as np
import pytest

from sparc_fuse_core.readers.igor import read
from sparc_fuse_core.readers.shared.start_time import start_of_unix_time, stated_start

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2021-03-04", True),
        ("2021-03-04T10:15:30.5", True),
        ("2021-03-04T10:15:30+01:00", True),
        ("2021-03-04T10:15:30Z", True),
        ("1904-01-01T00:00:00", False),
        ("0000-00-00T00:00:00", False),
        ("2021-13-04T10:15:30", False),
        ("2999-01-01", False),
        ("", False),
        ("yesterday", False),
    ],
)
def test_only_a_date_that_can_be_one_is_a_start(text: str, kept: bool) -> None:
    assert stated_start(text) == (text if kept else "")


def test_seconds_since_1970_are_utc() -> None:
    assert start_of_unix_time(1614852930.5) == "2021-03-04T10:15:30.500000+00:00"
    for seconds in (0.0, -1.0, 1e30, float("nan"), float("inf")):
        assert start_of_unix_time(seconds) == ""


def test_an_igor_wave_on_an_axis_of_dates_starts_at_one(tmp_path: Path) -> None:
    wave = igorwriter.IgorWave(np.arange(5.0), name="w")
    began = (np.datetime64("2021-03-04T10:15:30") - np.datetime64("1904-01-01T00:00:00")).astype(
        int
    )
    wave.set_dimscale("x", float(began), 0.5, "dat")
    wave.save(str(tmp_path / "w.ibw"))
    with read(tmp_path / "w.ibw", {}) as contents:
        assert contents.start_time == "2021-03-04T10:15:30"
        assert contents.recordings[0].start_s == 0.0
        assert contents.recordings[0].sampling_rate_hz == 2.0
