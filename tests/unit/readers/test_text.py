"""Every shared real text file equals what an independent reader found in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sparc_fuse_core.convert.scores import score
from sparc_fuse_core.readers.text.reader import read

#: File → names, units, rate, first sample's time, dtype; the truth files hold shapes and values.
EXPECTED = {
    "csv/heartpy_data2.csv": (["hr"], [""], None, 0.0, "int64"),
    "txt/18702001-step.atf": (["IN 0", "IN 1"], ["pA", "A"], 20000.0, 0.0, "float64"),
    "txt/acc.txt": (["acc_x", "acc_y", "acc_z"], ["m/s^2"] * 3, 100.0, 0.0, "float64"),
    "txt/ecg.txt": (["ECG"], [""], 1000.0, 0.0, "float64"),
    "txt/eeg_ec.txt": (["EEG"], [""], 125.0, 0.0, "float64"),
    "txt/labchart_file.example.txt": (
        [
            *("PushSWE", "Flow", "EMG", "Pressure", "Flow BIS", "Inspi cyclic", "Expi cyclic"),
            *("L/m -> L/s", "VolumeResp"),
        ],
        ["", "", "", "cmH2O", "", "", "", "", ""],
        100.0,
        0.5,
        "float64",
    ),
    "txt/resp.txt": (["Resp"], [""], 1000.0, 0.0, "float64"),
    "txt/utf16_tab_header.txt": (["timer", "hr"], ["ms", ""], 100.0, 0.0, "float64"),
}


def test_every_shared_text_file_is_expected(shared_samples: Path) -> None:
    folder = shared_samples / "timeseries"
    found = {
        f"{path.parent.name}/{path.name}"
        for kind in ("csv", "txt")
        for path in (folder / kind).iterdir()
        if path.suffix != ".json"
    }
    assert found == set(EXPECTED) | {"csv/118e00_ann.csv", "csv/e0103.csv"}


def _rows(path: Path) -> np.ndarray:
    """Numeric rows by str.split and float alone: (n_rows, n_columns)."""
    raw = path.read_bytes()
    text = raw.decode("utf-16" if raw[:2] == b"\xff\xfe" else "utf-8")
    rows: list[list[float]] = []
    for line in text.splitlines():
        cells = line.split("#")[0].strip().replace(",", "\t").split("\t")
        try:
            rows.append([float(cell) for cell in cells])
        except ValueError:
            continue
    n_columns = len(rows[-1])
    return np.array([row for row in rows if len(row) == n_columns])


@pytest.mark.usefixtures("no_open_files")
@pytest.mark.parametrize("name", EXPECTED)
def test_shared_text_file_equals_its_truth(name: str, shared_samples: Path) -> None:
    path = shared_samples / "timeseries" / name
    truth = json.loads(Path(f"{path}.expected.json").read_text())["content"]
    names, units, rate_hz, start_s, dtype = EXPECTED[name]
    rows = _rows(path)
    with read(path, {}) as contents:
        (recording,) = contents.recordings
        signals = np.asarray(recording.signals[(slice(None),) * len(recording.signals.shape)])
        assert list(recording.channel_names) == names
        assert list(recording.channel_units) == units
        assert recording.sampling_rate_hz == rate_hz
        assert recording.start_s == start_s
        assert signals.dtype == dtype
        n_channels = signals.shape[0] * (signals.shape[1] if signals.ndim == 3 else 1)
        n_times = rows.shape[1] - n_channels
        assert n_times in (0, 1)
        flat = signals
        if signals.ndim == 3:  # columns alternate between signals, sweep after sweep
            flat = signals.transpose(1, 0, 2).reshape(n_channels, -1)
        np.testing.assert_array_equal(flat, rows.T[n_times:])
        # the truth's own numbers
        assert truth["last_row"][n_times:] == flat[:, -1].tolist()
        if name not in ("txt/18702001-step.atf", "txt/labchart_file.example.txt"):
            assert truth.get("n_rows", truth.get("n_numeric_rows")) == flat.shape[1]
            assert truth["first_row"][n_times:] == flat[:, 0].tolist()
        if recording.times is not None:
            np.testing.assert_array_equal(recording.times[(slice(None),)], rows[:, 0])
            assert recording.time_units == ""


def test_axon_sweeps_start_where_the_header_says(shared_samples: Path) -> None:
    # the truth counts the header line "8  7" as a row of numbers: one more than the file holds
    with read(shared_samples / "timeseries/txt/18702001-step.atf", {}) as contents:
        (recording,) = contents.recordings
        assert recording.signals.shape == (2, 3, 20000)
        assert recording.sweep_start_s == (0.0, 1.0, 2.0)


def test_labchart_blocks_and_remarks_keep_their_places(shared_samples: Path) -> None:
    # the truth counts 35689 rows: those that end in a remark are no plain rows of numbers
    with read(shared_samples / "timeseries/txt/labchart_file.example.txt", {}) as contents:
        (recording,) = contents.recordings
        assert recording.signals.shape == (9, 36000)
        assert [segment.n_samples for segment in recording.segments] == [6000] * 6
        starts = [segment.start_s for segment in recording.segments]
        assert starts[:2] == [0.5, pytest.approx(0.5 + 1377.434724, abs=1e-6)]
        assert len(contents.events) == 312
        assert contents.events.label[:3] == ["INSPI", "Dia1", "EXPI"]
        assert contents.events.time_s[:3] == pytest.approx([2.43, 2.69, 2.91])


@pytest.mark.parametrize("name", ["csv/118e00_ann.csv", "csv/e0103.csv"])
def test_bare_column_is_kept_without_a_claim(name: str, shared_samples: Path) -> None:
    path = shared_samples / "timeseries" / name
    rows = _rows(path)
    with read(path, {}) as contents:
        assert not contents.recordings
        ((column,),) = [table.columns for table in contents.tables]
        np.testing.assert_array_equal(column.values[(slice(None),)], rows[:, 0])
        assert (column.name, column.units) == ("", "")
        assert score(contents, None).value is None
        assert "--rate" in contents.evidence[0].sentence


def test_a_column_of_names_gives_no_events(tmp_path: Path) -> None:
    rows = "".join(
        f"{i / 100:.2f},{i % 7},{'Kowalczyk' if i < 9 else 'Nowak'},\n" for i in range(300)
    )
    path = tmp_path / "x.csv"
    path.write_text("time (s),a (mV),patient name,comment\n" + rows)
    with read(path, {}) as contents:
        pass
    assert not {"Kowalczyk", "Nowak"} & {*contents.events.label}
    assert contents.metadata["patient name"] == [
        "Kowalczyk",
        "Nowak",
    ]  # for the screen to leave out
