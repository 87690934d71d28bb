"""Files as the datasets' descriptions tell, read through the schemes that come with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.convert import scores
from sparc_fuse_core.errors import SchemeError, UncertainMappingError
from sparc_fuse_core.readers.text.reader import read
from sparc_fuse_core.schemes.schemes import find_scheme, load_schemes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.schemes.schemes import Scheme

ALL = (slice(None), slice(None))


def _scheme(dataset_id: str) -> Scheme:
    scheme = find_scheme(load_schemes(), dataset_id, "primary/sub-1/table.csv", "text")
    assert scheme is not None
    return scheme


def _read(path: Path, dataset_id: str) -> Iterator[Contents]:
    with read(path, _scheme(dataset_id).options) as contents:
        assert scores.score(contents, _scheme(dataset_id)).value >= 0.5
        yield contents


@pytest.mark.parametrize("mark", [b"\xff\xfe", b""])
def test_108_is_utf16_without_header_and_time_first(tmp_path: Path, mark: bytes) -> None:
    values = np.round(np.random.default_rng(1).normal(size=(300, 3)), 5)
    rows = [
        "\t".join([f"{i * 0.002:.3f}", *map(repr, row.tolist())]) for i, row in enumerate(values)
    ]
    path = tmp_path / "table.csv"
    path.write_bytes(mark + ("\r\n".join(rows) + "\r\n").encode("utf-16-le"))
    for contents in _read(path, "108"):
        (recording,) = contents.recordings
        np.testing.assert_array_equal(recording.signals[ALL], values.T)
        assert recording.sampling_rate_hz == 500.0
        assert recording.start_s == 0.0
        assert recording.channel_names == ("", "", "")
        assert recording.channel_units == ("", "", "")


@pytest.mark.parametrize("dataset_id", ["142", "323"])
def test_142_and_323_have_clock_times_and_rows_to_drop(tmp_path: Path, dataset_id: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        "Date , Time , Mode, HR , Pressure (mmHg) \n"
        "1/2/20,10:15:30.250 AM,on,61,100.5\n"
        "1/2/20,--,on,62,101\n"
        "1/2/20,10:15:30.500 AM,on,63,101.5\n"
        "1/2/20,not started,on,,\n"
        "1/2/20,10:15:31.750 AM,off,64,102.5\n"
        "1/2/20,01:00:00.000 PM,off,65,103.5\n"
    )
    for contents in _read(path, dataset_id):
        (recording,) = contents.recordings
        assert recording.channel_names == ("HR", "Pressure")
        assert recording.channel_units == ("", "mmHg")
        np.testing.assert_array_equal(
            recording.signals[ALL], [[61, 63, 64, 65], [100.5, 101.5, 102.5, 103.5]]
        )
        assert recording.times is not None
        np.testing.assert_array_equal(
            recording.times[(slice(None),)], [0, 0.25, 1.5, 2 * 3600 + 44 * 60 + 29.75]
        )
        assert recording.time_units == "s"
        assert any("2 rows without a readable time" in e.sentence for e in contents.evidence)


def test_rows_without_time_are_no_signals_where_no_scheme_drops_them(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Time,a\n10:15:30 AM,1\nnone,2\n10:15:32 AM,3\n10:15:33 AM,4\n")
    with read(path, {}) as contents:
        assert not contents.recordings
        (table,) = contents.tables
        assert [column.name for column in table.columns] == ["Time", "a"]
        assert table.columns[0].values[1] == "none"
        assert any("1 of 4 rows have no readable time" in e.sentence for e in contents.evidence)
    options = {"time_column": "Time"}
    with pytest.raises(UncertainMappingError, match="1 of 4 rows"), read(path, options):
        pass


def test_301_has_its_time_in_the_first_column_whatever_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("x,bladder,flow\n" + "".join(f"{i / 10},{i},{i / 4}\n" for i in range(40)))
    for contents in _read(path, "301"):
        (recording,) = contents.recordings
        assert recording.channel_names == ("bladder", "flow")
        # neither the header nor the description states the unit of time: no rate in Hz follows
        assert recording.sampling_rate_hz is None
        assert recording.time_units == ""
        assert recording.times is not None
        np.testing.assert_array_equal(recording.times[(slice(None),)], np.arange(40) / 10)
    path.write_text(path.read_text().replace("x,", "x (ms),"))
    for contents in _read(path, "301"):
        assert contents.recordings[0].sampling_rate_hz == 10_000.0


def test_305_is_a_long_table_without_time(tmp_path: Path) -> None:
    rows = [
        *[("CH1", 0.5 * i, "bipolar") for i in range(3)],
        *[("CH2", -1.5 * i, "bipolar") for i in range(2)],
        ("CH1", 9.0, "monopolar"),
        *[("CH3", 2.0 + i, "") for i in range(4)],
    ]
    path = tmp_path / "table.csv"
    path.write_text(
        "Animal,Stimulation Channel,Stimulation Configuration,delta\n"
        + "".join(f"a,{name},{words},{value}\n" for name, value, words in rows)
    )
    # no rate and no unit are known: the scheme's maker accepts that, the score says so
    for contents in _read(path, "305"):
        four, two = contents.recordings
        assert four.channel_names == ("CH1", "CH3")
        np.testing.assert_array_equal(four.signals[ALL], [[0, 0.5, 1, 9], [2, 3, 4, 5]])
        assert two.channel_names == ("CH2",)
        np.testing.assert_array_equal(two.signals[ALL], [[0, -1.5]])
        assert four.sampling_rate_hz is None
        assert four.times is None
        assert four.metadata == {
            "Stimulation Configuration": {"CH1": ["bipolar", "monopolar"], "CH3": []}
        }


@pytest.mark.parametrize("dataset_id", ["350", "351"])
def test_350_and_351_name_their_time(tmp_path: Path, dataset_id: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        "ECG,TimeStamp(sec),Resp\n" + "".join(f"{i},{i * 0.004:g},{-i}\n" for i in range(500))
    )
    for contents in _read(path, dataset_id):
        (recording,) = contents.recordings
        assert recording.channel_names == ("ECG", "Resp")
        assert recording.sampling_rate_hz == 250.0
        np.testing.assert_array_equal(
            recording.signals[ALL], np.stack([np.arange(500), -np.arange(500)])
        )
    path.write_text("ECG,Clock\n1,2\n3,4\n")
    with (
        pytest.raises(SchemeError, match="TimeStamp"),
        read(path, _scheme(dataset_id).options),
    ):
        pass


def _bins(subject: str, start: float, n: int, step: float, scale: float) -> str:
    return "".join(
        f"{subject},c,{i},{start + i * step:g},{step:g},0,day,x,{scale * i:g},{60 + i}\n"
        for i in range(n)
    )


def test_425_holds_several_subjects(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        "subject,cohort,bin,time since start (s),bin duration (s),flag,phase,note,"
        "power (mV^2/Hz),rate (events per bin)\n"
        + _bins("m1", 0, 4, 30, 0.5)
        + _bins("m2", 60, 4, 30, 1.5)
        + _bins("m3", 0, 3, 30, 2.5)
        + _bins("m4", 0, 4, 60, 3.5)
    )
    for contents in _read(path, "425"):
        together, short, slow = contents.recordings
        assert together.channel_names == ("m1_power", "m1_rate", "m2_power", "m2_rate")
        assert together.channel_units == ("mV^2/Hz", "events per bin") * 2
        assert together.sampling_rate_hz == pytest.approx(1 / 30, rel=1e-15)
        assert together.channel_start_s == (0, 0, 60, 60)
        np.testing.assert_array_equal(
            together.signals[ALL],
            [[0, 0.5, 1, 1.5], [60, 61, 62, 63], [0, 1.5, 3, 4.5], [60, 61, 62, 63]],
        )
        assert short.channel_names == ("m3_power", "m3_rate")
        assert short.signals.shape == (2, 3)
        assert slow.sampling_rate_hz == pytest.approx(1 / 60, rel=1e-15)
        assert slow.name == "table m4"
        assert not any(e.basis == "inferred" for e in contents.evidence)


def test_subjects_whose_bins_skip_keep_their_times(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = _bins("m1", 0, 6, 30, 1).splitlines(keepends=True)
    path.write_text(
        "subject,a,b,time since start (s),bin duration (s),c,d,e,x (V),y (V)\n"
        + "".join(rows[:2] + rows[4:])
    )
    for contents in _read(path, "425"):
        (recording,) = contents.recordings
        assert recording.sampling_rate_hz is None
        assert recording.times is not None
        np.testing.assert_array_equal(recording.times[(slice(None),)], [0, 30, 120, 150])
        assert any("does not agree" in e.sentence for e in contents.evidence)
