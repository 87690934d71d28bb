"""LabVIEW's text: measurement files of several segments, and waveforms exported to a spreadsheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import (
    CorruptFileError,
    UncertainMappingError,
    UnsupportedFormatError,
)
from sparc_fuse_core.readers.text.reader import read

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Contents

N = 60
RNG = np.random.default_rng(5)
A, B = np.round(RNG.normal(size=4 * N), 4), np.round(90 + RNG.normal(size=4 * N), 3)
END = "***End_of_Header***"


def _file_header(separator: str = "\t", decimal: str = ".", columns: str = "One") -> str:
    word = {"\t": "Tab", ",": "Comma"}[separator]
    facts = [
        ("Writer_Version", "2"),
        ("Separator", word),
        ("Decimal_Separator", decimal),
        ("Multi_Headings", "Yes"),
        ("X_Columns", columns),
        ("Date", "2021/03/04"),
        ("Time", "10:15:30"),
    ]
    lines = [f"LabVIEW Measurement{separator}", *(separator.join(fact) for fact in facts)]
    return "\n".join([*lines, f"{END}{separator}", separator]) + "\n"


def _header(x0: float, time: str, delta: float = 0.004, unit: str = "mmHg") -> str:
    return (
        f"Channels\t2\t\t\nSamples\t{N}\t{N}\t\nDate\t2021/03/04\t2021/03/04\t\nTime\t{time}\t{time}\t\n"
        f"Y_Unit_Label\tmV\t{unit}\t\nX_Dimension\tTime\tTime\t\nX0\t{x0}\t{x0}\t\n"
        f"Delta_X\t{delta}\t{delta}\t\n{END}\t\t\t\nX_Value\tECG\tBP\tComment\n"
    )


def _rows(k: int, x0: float | None) -> str:
    at = slice(k * N, k * N + N)
    times = [""] * N if x0 is None else [f"{x0 + i * 0.004:.3f}" for i in range(N)]
    return "".join(f"{t}\t{a}\t{b}\n" for t, a, b in zip(times, A[at], B[at], strict=True)) + "\n"


def _read(path: Path, text: str) -> Contents:
    (path / "a.lvm").write_text(text)
    with read(path / "a.lvm", {}) as contents:
        for one in contents.recordings:
            one.signals[(slice(None), slice(None))]
            np.testing.assert_array_equal(
                one.signals[(slice(0, 1), slice(None))][0], A[: one.n_samples]
            )
        return contents


@pytest.mark.parametrize(
    ("starts", "times", "has_times", "expected"),
    [
        # X0 goes on where the segment before it ends: one run
        ((0.0, 0.24, 0.48), ("10:15:30",) * 3, False, ()),
        ((0.0, 0.24, 0.48), ("10:15:30",) * 3, True, ()),
        # each begins at 0, date and time tell when
        ((0.0, 0.0), ("10:15:30.5", "10:15:40.5"), False, (0.0, 10.0)),
        ((0.0, 0.0), ("10:15:30.5", "10:15:40.5"), True, (0.0, 10.0)),
        # a gap by X0
        ((1.0, 11.0), ("10:15:30",) * 2, True, (1.0, 11.0)),
        # both tell the same
        ((0.0, 10.0), ("10:15:30", "10:15:40"), True, (0.0, 10.0)),
    ],
)
def test_segments(
    tmp_path: Path,
    starts: tuple[float, ...],
    times: tuple[str, ...],
    has_times: bool,
    expected: tuple[float, ...],
) -> None:
    text = _file_header(columns="One" if has_times else "No")
    for k, (x0, time) in enumerate(zip(starts, times, strict=True)):
        text += _header(x0, time) + _rows(k, x0 if has_times else None)
    (one,) = _read(tmp_path, text).recordings
    assert (one.channel_names, one.channel_units) == (("ECG", "BP"), ("mV", "mmHg"))
    assert one.sampling_rate_hz == 250
    assert one.start_s == starts[0]
    assert tuple(segment.start_s for segment in one.segments) == expected
    assert one.n_samples == N * len(starts)
    assert all(segment.n_samples == N for segment in one.segments)


@pytest.mark.parametrize(
    ("second", "error", "says"),
    [
        (_header(0.24, "10:15:30", unit="kPa") + _rows(1, 0.24), UnsupportedFormatError, "differ"),
        (_header(0.24, "10:15:30", 0.002) + _rows(1, None), UnsupportedFormatError, "differ"),
        (_header(0.1, "10:15:30") + _rows(1, 0.1), UncertainMappingError, "overlap"),
        (_header(5.0, "10:17:30") + _rows(1, 5.0), UncertainMappingError, "by X0"),
        (
            _header(5.0, "10:15:30") + _rows(1, 5.0).replace("5.100", "5.900"),
            CorruptFileError,
            "do not go by its Delta_X",
        ),
    ],
)
def test_segments_that_are_not_one_recording(
    tmp_path: Path, second: str, error: type[Exception], says: str
) -> None:
    text = _file_header() + _header(0.0, "10:15:30") + _rows(0, 0.0) + second
    with pytest.raises(error, match=says):
        _read(tmp_path, text)


def test_times_of_each_channel_separated_by_commas(tmp_path: Path) -> None:
    text = _file_header(",", columns="Multi")
    text += "Channels,2,,,\nY_Unit_Label,mV,,mmHg,\nX_Dimension,Time,,Time,\nX0,0,,0,\n"
    text += f"Delta_X,0.004,,0.004,\n{END},,,,\n"
    text += "X_Value,ECG,X_Value,BP,Comment\n"
    text += "".join(f"{i / 250:.3f},{A[i]},{i / 250:.3f},{B[i]},\n" for i in range(N))
    contents = _read(tmp_path, text)
    names = [name for one in contents.recordings for name in one.channel_names]
    units = [unit for one in contents.recordings for unit in one.channel_units]
    assert (names, units) == (["ECG", "BP"], ["mV", "mmHg"])
    assert {one.sampling_rate_hz for one in contents.recordings} == {250}


def test_a_start_that_only_the_header_tells(tmp_path: Path) -> None:
    text = _file_header(columns="No") + _header(2.5, "10:15:30") + _rows(0, None)
    (one,) = _read(tmp_path, text).recordings
    assert (one.start_s, one.sampling_rate_hz) == (2.5, 250)


def test_exported_waveforms(tmp_path: Path) -> None:
    start = "04/13/2021 10:15:30.000000"
    text = f"waveform\tECG\tBP\nt0\t{start}\t{start}\ndelta t\t0.004000\t0.004000\n\ntime\tY[0]\tY[1]\n"
    text += "".join(f"04/13/2021 10:15:{30 + i * 0.004:09.6f}\t{A[i]}\t{B[i]}\n" for i in range(N))
    contents = _read(tmp_path, text)
    (one,) = contents.recordings
    assert (one.channel_names, one.sampling_rate_hz) == (("ECG", "BP"), 250)
    assert contents.start_time == "2021-04-13T10:15:30"


def test_tables_of_a_data_logger(tmp_path: Path) -> None:
    text = '"TOA5","CR1000","CR1000","1","OS","prog","2","T1"\n"TIMESTAMP","RECORD","Temp_Avg","BattV"\n'
    text += '"TS","RN","Deg C","Volts"\n"","","Avg","Smp"\n'
    text += "".join(
        f'"2021-03-04 10:{i // 60:02d}:{i % 60:02d}",{i},{A[i]},{B[i]}\n' for i in range(N)
    )
    (tmp_path / "T1.csv").write_text(text)
    with read(tmp_path / "T1.csv", {}) as contents:
        (one,) = contents.recordings
        assert (one.channel_names, one.channel_units) == (("Temp_Avg", "BattV"), ("Deg C", "Volts"))
        assert (one.sampling_rate_hz, contents.start_time) == (1, "2021-03-04T10:00:00")
        assert contents.metadata["processed"] == {"Temp_Avg": "Avg", "BattV": "Smp"}


def test_traces_of_calcium_imaging(tmp_path: Path) -> None:
    text = " , C00, C01\nTime(s)/Cell Status, accepted, undecided\n"
    text += "".join(f"{i / 20:.2f}, {A[i]}, {B[i]}\n" for i in range(N))
    (tmp_path / "traces.csv").write_text(text)
    with read(tmp_path / "traces.csv", {}) as contents:
        (one,) = contents.recordings
        assert (one.channel_names, one.sampling_rate_hz) == (("C00", "C01"), 20)
        assert contents.metadata["cell_status"] == {"C00": "accepted", "C01": "undecided"}
