"""Text as programs and people export it: what the header states is used, what it does not is not guessed.

The files are written here cell by cell; expected are names, units, rate, start and values as the text has them.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sparc_fuse_core.convert.scores import score
from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.text.reader import read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

N = 320
RNG = np.random.default_rng(15)
A, B = np.round(RNG.normal(size=N), 3), np.round(90 + RNG.normal(size=N), 2)
T = [f"{i / 250:.3f}" for i in range(N)]
MS = [f"{i * 4}" for i in range(N)]


def rows(*columns: Iterable[object], sep: str = ",") -> str:
    return "".join(sep.join(map(str, row)) + "\n" for row in zip(*columns, strict=True))


def clock(start: int, i: int) -> str:
    seconds = start + i
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


#: name, text → names, units, rate, start time; values are A, then B.
SIGNALS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], float | None, str]] = {
    "suffix.csv": (
        "t_ms,eeg_uV,bp_mmHg\n" + rows(MS, A, B),
        ("eeg", "bp"),
        ("uV", "mmHg"),
        250,
        "",
    ),
    "rates_in_names.csv": (
        "ECG [mV] @250Hz,BP (250 Hz)\n" + rows(A, B),
        ("ECG", "BP"),
        ("mV", ""),
        250,
        "",
    ),
    "one_name_with_hertz.csv": (
        "time_s,ECG,Stim (20 Hz)\n" + rows(T, A, B),
        ("ECG", "Stim (20 Hz)"),
        ("", ""),
        250,
        "",
    ),
    "lists_in_comments.csv": (
        "# columns: time, ECG, BP\n# units: s, mV, mmHg\n" + rows(T, A, B),
        ("ECG", "BP"),
        ("mV", "mmHg"),
        250,
        "",
    ),
    "units_listed_below_names.csv": (
        "ECG,BP\n# units: mV, mmHg\n# fs: 250 Hz\n" + rows(A, B),
        ("ECG", "BP"),
        ("mV", "mmHg"),
        250,
        "",
    ),
    "units_in_braces.csv": (
        "# fs: 250 Hz\n# units: {ECG: mV, BP: mmHg}\nECG,BP\n" + rows(A, B),
        ("ECG", "BP"),
        ("", ""),
        250,
        "",
    ),
    "percent_after_a_blank.csv": (
        "Time s,HR bpm,SpO2 %\n" + rows(T, A, B),
        ("HR", "SpO2"),
        ("bpm", "%"),
        250,
        "",
    ),
    "oscilloscope.csv": (
        "Model,X\nHorizontal Units,s\nSample Interval,0.004\nVertical Units,V\n,\nLabel,,\nTIME,CH1,CH2\n"
        + rows(T, A, B),
        ("CH1", "CH2"),
        ("", ""),
        250,
        "",
    ),
    "scans.csv": (
        "Scan rate (scans/s): 250\nacc_g,gyro_dps\n" + rows(A, B),
        ("acc", "gyro"),
        ("g", "dps"),
        250,
        "",
    ),
    "lengths.csv": (
        "time_s,x_mm,depth_um\n" + rows(T, A, B),
        ("x", "depth"),
        ("mm", "um"),
        250,
        "",
    ),
    "concentrations.csv": (
        "time_s,glucose_mM,ATP_uM\n" + rows(T, A, B),
        ("glucose", "ATP"),
        ("mM", "uM"),
        250,
        "",
    ),
    "x_axis.csv": (
        "x-axis,1,2\nsecond,Volt,Volt\n" + rows(T, A, B),
        ("1", "2"),
        ("Volt", "Volt"),
        250,
        "",
    ),
    "unit_row_with_parentheses.csv": (
        "Time,acc,gsr\nms,m/(s^2),uS\n" + rows(MS, A, B),
        ("acc", "gsr"),
        ("m/s^2", "uS"),
        250,
        "",
    ),
    "slash.csv": (
        "Time/s,ECG/mV,BP/mmHg\n" + rows(T, A, B),
        ("ECG", "BP"),
        ("mV", "mmHg"),
        250,
        "",
    ),
    "braces.csv": (
        "Time {s},ECG {mV},BP {mmHg}\n" + rows(T, A, B),
        ("ECG", "BP"),
        ("mV", "mmHg"),
        250,
        "",
    ),
    "comma.csv": (
        '"Time, s","ECG, mV","Temp, °C (LGR S/N: 1)"\n' + rows(T, A, B),
        ("ECG", "Temp"),
        ("mV", "°C"),
        250,
        "",
    ),
    "labelled.csv": (
        "Channel,ECG,BP\nUnits,mV,mmHg\nRate (Hz),250,250\n" + rows([""] * N, A, B),
        ("ECG", "BP"),
        ("mV", "mmHg"),
        250,
        "",
    ),
    "labelled_numbers.csv": (
        "Sampling Rate,250\nChannel,ECG,BP\nUnits,mV,mmHg\n" + rows(range(1, N + 1), A, B),
        ("ECG", "BP"),
        ("mV", "mmHg"),
        250,
        "",
    ),
    "interval.csv": (
        "Sampling interval (ms):,4\nECG,BP\n" + rows(A, B),
        ("ECG", "BP"),
        ("", ""),
        250,
        "",
    ),
    "interval_cells.csv": (
        "Sample interval,0.004,s\nECG,BP\n" + rows(A, B),
        ("ECG", "BP"),
        ("", ""),
        250,
        "",
    ),
    "comment.txt": (
        "# fs=250, units=mV\n# ECG BP\n" + rows(A, B, sep="\t"),
        ("", ""),
        ("mV", "mV"),
        250,
        "",
    ),
    "json.txt": (
        '# {"fs": 250, "units": ["mV", "V"]}\n' + rows(A, B, sep="\t"),
        ("", ""),
        ("mV", "V"),
        250,
        "",
    ),
    "german.csv": (
        "Abtastrate;250 Hz\n\nEKG;Druck\nmV;mmHg\n" + rows(A, B, sep=";").replace(".", ","),
        ("EKG", "Druck"),
        ("mV", "mmHg"),
        250,
        "",
    ),
    "rate_tells_unit.csv": (
        "# Sample rate: 250 Hz\ntime,a,b\n" + rows(MS, A, B),
        ("a", "b"),
        ("", ""),
        250,
        "",
    ),
    "elapsed.csv": (
        "Elapsed Time,a,b\n" + rows([clock(86_100, i) for i in range(N)], A, B),
        ("a", "b"),
        ("", ""),
        1,
        "",
    ),
    "mmss.csv": (
        "Time,a,b\n" + rows([f"{i // 120}:{i % 120 / 2:04.1f}" for i in range(N)], A, B),
        ("a", "b"),
        ("", ""),
        2,
        "",
    ),
    "dmy.csv": (
        "Datetime,a,b\n" + rows([f"25/12/2021 {clock(36_000, i)}" for i in range(N)], A, B),
        ("a", "b"),
        ("", ""),
        1,
        "2021-12-25T10:00:00",
    ),
    "date_and_time.csv": (
        "Datum;Zeit;a;b\n"
        + rows(["25.12.2021"] * N, [clock(36_000, i) for i in range(N)], A, B, sep=";"),
        ("a", "b"),
        ("", ""),
        1,
        "2021-12-25T10:00:00",
    ),
    "zone.csv": (
        "timestamp,a,b\n" + rows([f"2021-03-28T{clock(3590, i)}+01:00" for i in range(N)], A, B),
        ("a", "b"),
        ("", ""),
        1,
        "2021-03-28T00:59:50+01:00",
    ),
    "unix.csv": (
        "unix_time_ms,a,b\n" + rows([1_614_852_930_000 + 20 * i for i in range(N)], A, B),
        ("a", "b"),
        ("", ""),
        50,
        "2021-03-04T10:15:30Z",
    ),
    "excel.csv": (
        "ExcelDateTime,a,b\n"
        + rows([f"{44259.42743055556 + i / 86400:.10f}" for i in range(N)], A, B),
        ("a", "b"),
        ("", ""),
        1,
        "2021-03-04T10:15:30",
    ),
    "start_lines.csv": (
        "Start Date,25/12/2021\nStart Time,10:15:30\nSampling Rate,250 Hz\n\nECG (mV),BP (mmHg)\n"
        + rows(A, B),
        ("ECG", "BP"),
        ("mV", "mmHg"),
        250,
        "2021-12-25T10:15:30",
    ),
    "actigraph.csv": (
        "------------ Data File Created By ActiGraph GT3X+ date format dd.MM.yyyy Filter Normal\n"
        "Serial Number: X\nStart Time 10:15:30\nStart Date 25.12.2021\nEpoch Period (hh:mm:ss) 00:00:10\n"
        "Download Date 26.12.2021\n----------\nAxis1,Axis2\n" + rows(A, B),
        ("Axis1", "Axis2"),
        ("", ""),
        0.1,
        "2021-12-25T10:15:30",
    ),
    "acqknowledge.txt": (
        "rec.acq\nRecording on: 2025-02-21 11:05:38.634\n0.5 msec/sample\n2 channels\n"
        "ECG - ECG100C\nmV\nRSP\nVolts\n"
        f"min\tCH1\tCH9\t\n\t{N}\t{N}\t\n"
        + rows([f"{i / 120_000:.6G}" for i in range(N)], A, B, [""] * N, sep="\t"),
        ("ECG - ECG100C", "RSP"),
        ("mV", "Volts"),
        2000,
        "2025-02-21T11:05:38.634",
    ),
    "acq_no_time.txt": (
        f"rec.acq\n1 kHz\n2 channels\nECG\nmV\nRSP\nVolts\nCH1,CH2\n{N},{N}\n" + rows(A, B),
        ("ECG", "RSP"),
        ("mV", "Volts"),
        1000,
        "",
    ),
    "labview.lvm": (
        "LabVIEW Measurement\t\nSeparator\tTab\nDecimal_Separator\t.\nX_Columns\tOne\nDate\t2021/03/04\n"
        "Time\t10:15:30.1234567890123\n***End_of_Header***\t\n\t\nChannels\t2\t\t\nY_Unit_Label\tmV\tmmHg\t\n"
        "X_Dimension\tTime\tTime\t\nX0\t0\t0\t\nDelta_X\t0.004\t0.004\t\n***End_of_Header***\t\t\t\n"
        "X_Value\tECG\tBP\tComment\n" + rows(T, A, B, sep="\t"),
        ("ECG", "BP"),
        ("mV", "mmHg"),
        250,
        "2021-03-04T10:15:30.123456",
    ),
    "physionet.csv": (
        "'Elapsed time','MLII','V5'\n'hh:mm:ss.mmm','mV','mV'\n"
        + rows([f"'0:00.{i:03d}'" for i in range(N)], A, B),
        ("MLII", "V5"),
        ("mV", "mV"),
        1000,
        "",
    ),
    "r.txt": (
        '"time_s" "ecg_mV" "bp_mmHg"\n' + rows([f'"{i + 1}"' for i in range(N)], T, A, B, sep=" "),
        ("ecg", "bp"),
        ("mV", "mmHg"),
        250,
        "",
    ),
    "no_time.csv": ("ECG (mV),BP (mmHg)\n" + rows(A, B), ("ECG", "BP"), ("mV", "mmHg"), None, ""),
}


def _written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.usefixtures("no_open_files")
@pytest.mark.parametrize("name", SIGNALS)
def test_what_the_header_states_is_used(name: str, tmp_path: Path) -> None:
    text, names, units, rate_hz, start_time = SIGNALS[name]
    with read(_written(tmp_path, name, text), {}) as contents:
        (recording,) = contents.recordings
        assert recording.channel_names == names
        assert recording.channel_units == units
        assert recording.sampling_rate_hz == (rate_hz and pytest.approx(rate_hz, rel=1e-12))
        assert contents.start_time[:26] == start_time
        assert recording.start_s == 0
        values = np.asarray(recording.signals[:, :], float)
        np.testing.assert_array_equal(values, np.stack([A, B]))
        assert score(contents, None).value is not None


#: Files whose rows nothing calls samples; a word of the reason.
TABLES = {
    "participants.tsv": ("participant_id\tsex\tage_weeks\nsub-1\tF\t12\nsub-2\tM\t14\n", "no time"),
    "results.csv": ("group,n,mean_HR\ncontrol,8,352.1\nVNS,8,310.7\n", "no time"),
    "numeric_results.csv": ("weight_g,mean_HR\n312,350.1\n298,340\n", "no time"),
    "psd.csv": ("# fs = 512 Hz\nfreq_Hz,power\n" + rows(range(N), A), "'freq_Hz'"),
    "psd_alone.csv": ("# fs = 512 Hz\npsd\n" + rows(A), "'psd'"),
    "correlogram.csv": ("lag_ms,xcorr\n" + rows(range(-N // 2, N // 2), A), "'lag_ms'"),
    "numbers.csv": (rows(A, B), "no time"),
    "interval_without_unit.txt": ("# dt = 0.05\n" + rows(A), "no time"),
    "two_rates.csv": ("Sampling interval: 4 ms\nSampling rate: 500 Hz\nECG\n" + rows(A), "250 Hz"),
    "rate_against_time.csv": ("# Sample rate: 1000 Hz\nTime (s),ECG\n" + rows(T, A), "1000 Hz"),
    "open_dates.csv": (
        "Datetime,a\n" + rows([f"0{1 + i // 160}/02/2021 {clock(i, 0)}" for i in range(N)], A),
        "two ways",
    ),
    "means_over_time.csv": ("time_min,mean,sem\n0,1,0.1\n10,2,0.1\n20,3,0.2\n", "'sem'"),
    "time_goes_back.csv": (
        "Time (s),ECG (mV)\n" + rows([f"{i % 100 / 250:.3f}" for i in range(N)], A),
        "goes back",
    ),
    "peaks.csv": ("peak,height_mV,time_s\n1,1.2,0.5\n2,1.3,1.4\n3,1.1,2.3\n", "'peak'"),
    "results_by_rate.csv": ("Force (20 Hz),EMG (20 Hz)\n1,0.2\n2,0.4\n", "stimulus"),
    "weights_by_day.csv": (
        "date,weight (g)\n"
        + rows([f"2021-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(N)], B),
        "'date'",
    ),
    "weights_day_first.csv": (
        "date,weight (g)\n" + rows([f"{13 + i % 15}/{1 + i // 30:02d}/2021" for i in range(N)], B),
        "'date'",
    ),
    "spikes_with_amplitudes.csv": (
        "spike_time (s),amplitude (uV)\n"
        + rows([f"{i * 0.31 + i % 3 / 9:.4f}" for i in range(N)], B),
        "'spike_time (s)'",
    ),
    "words.csv": ("id,group\nsub-1,A\nsub-2,B\n", "no column of numbers"),
}


@pytest.mark.usefixtures("no_open_files")
@pytest.mark.parametrize("name", TABLES)
def test_what_is_no_recording_is_kept_without_a_claim(name: str, tmp_path: Path) -> None:
    text, reason = TABLES[name]
    with read(_written(tmp_path, name, text), {}) as contents:
        assert not contents.recordings
        assert not len(contents.events)
        (table,) = contents.tables
        body = [line for line in text.splitlines() if not line.startswith("#")]
        assert table.n_rows in (len(body), len(body) - 1, len(body) - 3)
        assert reason in contents.evidence[0].sentence
        assert score(contents, None).value is None


def test_a_table_is_kept_without_a_loss(tmp_path: Path) -> None:
    text = "id,dose,code,note\nm1,1.5,007,ok\nm2,>20,008,\n"
    with read(_written(tmp_path, "t.csv", text), {}) as contents:
        (table,) = contents.tables
        kept = {column.name: list(column.values[(slice(None),)]) for column in table.columns}
    assert kept == {
        "id": ["m1", "m2"],
        "dose": ["1.5", ">20"],
        "code": ["007", "008"],
        "note": ["ok", ""],
    }


EVENTS: dict[str, tuple[str, list[float], list[str]]] = {
    "bids.tsv": (
        "onset\tduration\ttrial_type\n0.5\t1\tgo\n2.5\t1\tstop\n",
        [0.5, 2.5],
        ["go", "stop"],
    ),
    "times.csv": ("time_ms,event\n500,on\n1500,off\n", [0.5, 1.5], ["on", "off"]),
    "codes.csv": ("time_s,code\n0.5,1\n1.7,2\n2.2,1\n", [0.5, 1.7, 2.2], ["1", "2", "1"]),
    "spikes.txt": ("spike_times_ms\n12.5\n30\n31\n", [0.0125, 0.03, 0.031], ["", "", ""]),
    "tags.csv": ("1614852930.00\n1614852935.50\n", [0.0, 5.5], ["", ""]),
}


@pytest.mark.parametrize("name", EVENTS)
def test_tables_of_events_become_events(name: str, tmp_path: Path) -> None:
    text, times, labels = EVENTS[name]
    with read(_written(tmp_path, name, text), {}) as contents:
        assert not contents.recordings
        assert list(contents.events.time_s) == times
        assert list(contents.events.label) == labels


def test_the_end_of_an_event_tells_its_duration(tmp_path: Path) -> None:
    text = "start (ms),end (ms),label\n500,1500,REM\n2500,4000,NREM\n"
    with read(_written(tmp_path, "sleep.csv", text), {}) as contents:
        assert list(contents.events.time_s) == [0.5, 2.5]
        assert list(contents.events.duration_s) == [1.0, 1.5]
    text = text.replace("(ms),e", "(s),e")  # the two are in units of their own
    with read(_written(tmp_path, "units.csv", text), {}) as contents:
        assert np.isnan(contents.events.duration_s).all()


def _streams(path: Path, **options: Any) -> list[tuple[Any, ...]]:
    with read(path, options) as contents:
        return [
            (r.channel_names, r.channel_units, r.sampling_rate_hz, tuple(r.signals.shape))
            for r in contents.recordings
        ]


def test_a_row_of_names_that_reads_like_units_holds_names(tmp_path: Path) -> None:
    path = _written(tmp_path, "f.csv", "# fps: 25\nframe,dF/F\n" + rows(range(N), A))
    assert _streams(path) == [(("dF/F",), ("",), 25.0, (1, N))]


def test_pairs_of_time_and_value_are_streams_of_their_own(tmp_path: Path) -> None:
    slow = [f"{i / 25:.2f}" if i < 40 else "" for i in range(N)]
    text = "X [s],EMG [V],X [s],ACC [g]\n" + rows(
        T, A, slow, [b if i < 40 else "" for i, b in enumerate(B)]
    )
    assert _streams(_written(tmp_path, "pairs.csv", text)) == [
        (("EMG",), ("V",), 250.0, (1, N)),
        (("ACC",), ("g",), 25.0, (1, 40)),
    ]


def test_columns_with_rates_of_their_own_are_streams_of_their_own(tmp_path: Path) -> None:
    slow = [b if i < N // 10 else "" for i, b in enumerate(B)]
    text = "Channel,ECG,Temp\nUnits,mV,degC\nRate (Hz),250,25\n" + rows([""] * N, A, slow)
    assert _streams(_written(tmp_path, "rates.csv", text)) == [
        (("ECG",), ("mV",), 250.0, (1, N)),
        (("Temp",), ("degC",), 25.0, (1, N // 10)),
    ]
    # lengths that do not go with the rates: one of the two is wrong
    text = text.replace("Rate (Hz),250,25", "Rate (Hz),250,125")
    assert _streams(_written(tmp_path, "wrong.csv", text)) == []


def test_channels_and_trials_below_each_other(tmp_path: Path) -> None:
    text = "time_s,channel,value_mV\n" + "".join(
        f"{T[i]},{c},{v}\n" for i in range(N) for c, v in (("ECG", A[i]), ("BP", B[i]))
    )
    assert _streams(_written(tmp_path, "long.csv", text)) == [
        (("ECG", "BP"), ("mV", "mV"), 250.0, (2, N))
    ]
    text = "trial,time_ms,emg_mV\n" + "".join(
        f"{k},{i},{A[i]}\n" for k in range(4) for i in range(50)
    )
    assert _streams(_written(tmp_path, "trials.csv", text)) == [
        (("emg",), ("mV",), 1000.0, (1, 4, 50))
    ]


def test_words_between_the_numbers_are_channels_states_and_remarks(tmp_path: Path) -> None:
    ttl = ["TRUE" if i % 50 < 20 else "FALSE" for i in range(N)]
    phase = ["base" if i < 100 else "stim" if i < 200 else "" for i in range(N)]
    lines = rows(T, A, ttl, phase).splitlines()
    lines[125] += ",drug"  # a remark that only this row has
    text = "Time (s),ECG (mV),TTL,phase,Comment\n" + "\n".join(lines) + "\n"
    with read(_written(tmp_path, "words.csv", text), {}) as contents:
        (recording,) = contents.recordings
        assert recording.channel_names == ("ECG", "TTL")
        np.testing.assert_array_equal(recording.signals[1:, :][0], [cell == "TRUE" for cell in ttl])
        events = contents.events
        assert list(zip(events.time_s, events.label, events.channel, strict=True)) == [
            (0.0, "base", "phase"),
            (0.4, "stim", "phase"),
            (0.5, "drug", ""),
        ]
        assert events.duration_s[0] == pytest.approx(0.4)


def test_a_stated_missing_value_and_a_stated_scale_are_used(tmp_path: Path) -> None:
    a = [-9999 if i % 50 == 3 else value for i, value in enumerate(A)]
    text = "# missing value: -9999\nTime (s),ECG (mV)\n" + rows(T, a)
    with read(_written(tmp_path, "missing.csv", text), {}) as contents:
        values = contents.recordings[0].signals[:, :][0]
        np.testing.assert_array_equal(np.isnan(values), [value == -9999 for value in a])
    counts = np.arange(N) - 100
    text = "Channel,ECG\nUnits,mV\nScale,0.5\nOffset,10\nRate (Hz),250\n" + rows([""] * N, counts)
    with read(_written(tmp_path, "scale.csv", text), {}) as contents:
        (recording,) = contents.recordings
        assert (recording.gain, recording.offset) == ((0.5,), (10.0,))
        np.testing.assert_array_equal(recording.signals[:, :][0], counts)


def test_spike2_sections_are_channels_and_events(tmp_path: Path) -> None:
    text = (
        '"INFORMATION"\n"rec"\n""\n"SUMMARY"\n"1"\t"Waveform"\t"ECG"\t"mV"\t100.000\t1.0\t0.0\n"2"\t"Evt-"\t"Stim"\n\n'
        '"CHANNEL"\t"1"\n"Waveform"\n"No comment"\n"ECG"\n\n"mV"\t100.000\n"START"\t0.50000\t0.01000\n'
        + rows(A[:100])
        + '"START"\t3.00000\t0.01000\n'
        + rows(A[100:150])
        + '\n"CHANNEL"\t"2"\n"Evt-"\n"No comment"\n"Stim"\n\n0.75000\n1.25000\n'
    )
    with read(_written(tmp_path, "spike2.txt", text), {}) as contents:
        (recording,) = contents.recordings
        assert recording.channel_names == ("ECG",)
        assert recording.channel_units == ("mV",)
        assert recording.sampling_rate_hz == 100.0
        runs = [(s.start_sample, s.n_samples, s.start_s) for s in recording.segments]
        assert runs == [(0, 100, 0.5), (100, 50, 3.0)]
        np.testing.assert_array_equal(recording.signals[:, :][0], A[:150])
        assert list(contents.events.time_s) == [0.75, 1.25]
        assert set(contents.events.channel) == {"Stim"}


def test_empatica_states_start_and_rate_above_the_samples(tmp_path: Path) -> None:
    text = "1614852930.00\n64.000000\n" + rows(A)
    with read(_written(tmp_path, "BVP.csv", text), {}) as contents:
        (recording,) = contents.recordings
        assert (recording.channel_names, recording.sampling_rate_hz) == (("BVP",), 64.0)
        assert contents.start_time == "2021-03-04T10:15:30Z"
        np.testing.assert_array_equal(recording.signals[:, :][0], A)
    text = "1614852930.00, IBI\n0.8,0.8\n1.6,0.8\n2.5,0.9\n3.2,0.7\n4.1,0.9\n"
    with read(_written(tmp_path, "IBI.csv", text), {}) as contents:
        (recording,) = contents.recordings
        assert recording.channel_units == ("s",)
        assert list(recording.times[(slice(None),)]) == [0.8, 1.6, 2.5, 3.2, 4.1]


def test_bids_physiology_has_its_header_in_a_json(tmp_path: Path) -> None:
    path = tmp_path / "sub-1_task-x_physio.tsv.gz"
    path.write_bytes(gzip.compress(rows(A, B, sep="\t").encode()))
    assert _streams(path) == []  # rows without a header
    facts = {
        "SamplingFrequency": 50,
        "StartTime": -22.5,
        "Columns": ["resp", "ecg"],
        "resp": {"Units": "V"},
    }
    (tmp_path / "sub-1_task-x_physio.json").write_text(json.dumps(facts))
    assert _streams(path) == [(("resp", "ecg"), ("V", ""), 50.0, (2, N))]
    with read(path, {}) as contents:
        assert contents.recordings[0].start_s == -22.5


def test_a_rate_of_the_caller_makes_signals_of_what_states_none(tmp_path: Path) -> None:
    bare = _written(tmp_path, "bare.csv", "a,b\n" + rows(A, B))
    assert _streams(bare, sampling_rate_hz=100.0) == [(("a", "b"), ("", ""), 100.0, (2, N))]
    # but not of a table of subjects, and not against what a file states
    people = _written(tmp_path, "p.csv", TABLES["participants.tsv"][0].replace("\t", ","))
    assert _streams(people, sampling_rate_hz=100.0) == []
    own = _written(tmp_path, "own.csv", SIGNALS["slash.csv"][0])
    assert _streams(own, sampling_rate_hz=100.0)[0][2] == 250.0


def test_labelled_row_wider_than_the_table(tmp_path: Path) -> None:
    """A sheet is as wide as its widest row: the units stand over the columns, not beside them."""
    rows = "".join(f"{i % 7},{i % 5},\n" for i in range(300))
    path = tmp_path / "a.csv"
    path.write_text(f"Interval (ms),4,\nUnits,mV,mmHg\nECG,BP,\n{rows}")
    with read(path, {}) as contents:
        (one,) = contents.recordings
        assert (one.channel_names, one.channel_units) == (("ECG", "BP"), ("mV", "mmHg"))


@pytest.mark.parametrize("cells", ["<0.5,1", "---,1", "OVF,1", "OVF,OVF"])
def test_a_first_row_with_a_word_is_data_below_the_names(cells: str, tmp_path: Path) -> None:
    text = f"time (s),conc,flow\n0,{cells}\n1,0.7,2\n2,0.8,2\n3,0.9,2\n"
    with read(_written(tmp_path, "damaged.csv", text), {}) as contents:
        (recording,) = contents.recordings
        assert recording.channel_names == ("conc", "flow")
        values = np.asarray(recording.signals[:, :], float)
        assert values.shape == (2, 4)
        assert np.isnan(values[0, 0])
        assert recording.start_s == 0


def test_numbered_names_below_a_row_of_words_are_names(tmp_path: Path) -> None:
    text = "kind,EEG,EEG\ntime (s),1,2\n" + rows(T, A, B)
    with read(_written(tmp_path, "numbered.csv", text), {}) as contents:
        assert contents.recordings[0].signals.shape == (2, N)


def test_dates_beside_the_time_of_the_rows_are_named(tmp_path: Path) -> None:
    text = "time (s),day,ECG (mV)\n" + rows(T, ["2021-03-04"] * N, A)
    with read(_written(tmp_path, "dated.csv", text), {}) as contents:
        assert contents.recordings[0].channel_names == ("ECG",)
        assert any("'day'" in one.sentence for one in contents.evidence)


@pytest.mark.parametrize(
    ("above", "name"),
    [
        ("Name,A B\nSample Rate,250 Hz\nLead,Lead I\nUnit,uV\n\n", "Lead I"),
        ("Name: Madonna\nSample rate: 250 Hz\nUnit: uV\n", ""),
        ("Signal: resp belt\nfs: 250 Hz\nunit: uV\n", "resp belt"),
        ("% Sampling Frequency (kHz): 0.25\n% Channels: EMG\n% Units: uV\n", "EMG"),
    ],
)
def test_one_column_is_called_as_its_lead_and_never_as_a_person(
    tmp_path: Path, above: str, name: str
) -> None:
    with read(_written(tmp_path, "lead.csv", above + rows(A)), {}) as contents:
        (recording,) = contents.recordings
        assert (recording.channel_names, recording.sampling_rate_hz) == ((name,), 250)
        assert recording.channel_units == ("uV",)


@pytest.mark.parametrize(
    ("name", "text", "names", "units"),
    [
        (
            "tektronix.csv",
            "Model,MSO\nHorizontal Units,S,,\nSample Interval,0.004,,\nVertical Units,mV,mmHg,\n"
            "Vertical Scale,1,2,\nLabel,,,\nTIME,CH1,CH2\n" + rows(T, A, B),
            ("CH1", "CH2"),
            ("mV", "mmHg"),
        ),
        (
            "capital_unit.txt",
            "Time\tAxial Force\tDisp\nSec\tN\tmm\n" + rows(T, A, B, sep="\t"),
            ("Axial Force", "Disp"),
            ("N", "mm"),
        ),
        (
            "data_set.csv",
            '"Latest: Time (s)","Latest: Force (N)","Latest: X (mm)"\n' + rows(T, A, B),
            ("Latest: Force", "Latest: X"),
            ("N", "mm"),
        ),
        (
            "run.csv",
            "Time (s) Run #1,Force (N) Run #1,X (mm) Run #1\n" + rows(T, A, B),
            ("Force Run #1", "X Run #1"),
            ("N", "mm"),
        ),
    ],
)
def test_headers_of_instruments(
    tmp_path: Path, name: str, text: str, names: tuple[str, ...], units: tuple[str, ...]
) -> None:
    (tmp_path / name).write_text(text)
    with read(tmp_path / name, {}) as contents:
        (one,) = contents.recordings
        assert (one.channel_names, one.channel_units) == (names, units)
        assert one.sampling_rate_hz == 250
        np.testing.assert_array_equal(one.signals[(slice(0, 2), slice(0, N))], [A, B])


def test_what_was_set_step_by_step_is_no_channel(tmp_path: Path) -> None:
    text = "Voltage (mV),Current (pA)\n" + rows((f"{-100 + i / 2}" for i in range(N)), A)
    (tmp_path / "iv.csv").write_text(text)
    with read(tmp_path / "iv.csv", {}) as contents:
        assert not contents.recordings
        assert "which is no time" in contents.evidence[0].sentence


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        (rows(A, B), True),
        ("Dose (mg),HR (bpm)\n" + rows(range(N), B), False),
        ("freq_Hz,psd\n" + rows(T, A), False),
        ("Voltage (mV),Current (pA)\n" + rows(range(N), A), True),
        ("Mean,SD\n" + rows(A, B), False),
    ],
)
def test_a_rate_is_asked_for_where_it_makes_signals(tmp_path: Path, text: str, asks: bool) -> None:
    (tmp_path / "a.csv").write_text(text)
    with read(tmp_path / "a.csv", {}) as contents:
        assert not contents.recordings
        said = contents.evidence[0].sentence
    with read(tmp_path / "a.csv", {"sampling_rate_hz": 1000}) as contents:
        assert bool(contents.recordings) is asks
    assert ("--rate 1000" in said) is asks
    assert "mapping scheme" in said


def test_units_in_every_cell_are_to_be_written_into_the_header(tmp_path: Path) -> None:
    text = "Time (s),SpO2\n" + "".join(f"{i},{95 + i % 4}%\n" for i in range(N))
    (tmp_path / "a.csv").write_text(text)
    with read(tmp_path / "a.csv", {}) as contents:
        assert not contents.recordings
        assert "into the header instead of each cell ('95%')" in contents.evidence[0].sentence
    (tmp_path / "b.csv").write_text(text.replace("%\n", "\n").replace("SpO2", "SpO2 (%)"))
    with read(tmp_path / "b.csv", {}) as contents:
        assert contents.recordings[0].channel_units == ("%",)


@pytest.mark.parametrize("at", [100, 1500])  # within the beginning that is looked at, and beyond
@pytest.mark.parametrize("header", ["Time (s),ECG (mV)\n", "Time,ECG\ns,mV\n"])
def test_a_header_that_stands_again_amid_the_rows(tmp_path: Path, at: int, header: str) -> None:
    values = np.round(np.random.default_rng(1).normal(size=2000), 3)
    lines = [f"{i / 250:.3f},{v}\n" for i, v in enumerate(values)]
    text = header + "".join(lines[:at]) + header + "".join(lines[at:])
    (tmp_path / "a.csv").write_text(text)
    with read(tmp_path / "a.csv", {}) as contents:
        (one,) = contents.recordings
        assert (one.channel_units, one.sampling_rate_hz) == (("mV",), 250)
        np.testing.assert_array_equal(one.signals[(slice(None), slice(None))][0], values)
        assert any("repeat the header" in one.sentence for one in contents.evidence)


def test_another_header_amid_the_rows_is_another_table(tmp_path: Path) -> None:
    text = "Time (s),ECG (mV)\n" + rows(T, A) + "Time (s),BP (mmHg)\n" + rows(T, B)
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(CorruptFileError, match="several tables"), read(tmp_path / "a.csv", {}):
        pass
