"""When a recording began, stated beside the samples: ``bext`` of WAV, messages of Open Ephys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from sparc_fuse_core.readers import openephys, wav
from tests.samples.openephys import _write

if TYPE_CHECKING:
    from pathlib import Path

#: What version 0.6 of the GUI writes beside ``structure.oebin``.
MESSAGES = (
    "Software Time (milliseconds since midnight Jan 1st 1970 UTC): {}\n"
    "Start Time for Rhythm (100) - Probe-A @ 1000 Hz: 500\n"
)


def _broadcast_wave(path: Path, **facts: str) -> Path:
    """Write a WAV file with a broadcast extension by FFmpeg."""
    with av.open(str(path), "w", format="wav", options={"write_bext": "1"}) as container:
        container.metadata.update(facts)
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = np.arange(400, dtype=np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("date", "time", "start"),
    [
        ("2021-03-04", "10:15:30", "2021-03-04T10:15:30"),
        ("2021:03:04", "10-15-30", "2021-03-04T10:15:30"),
        ("2021-03-04", "", "2021-03-04"),
        ("", "10:15:30", ""),
        ("0000-00-00", "00:00:00", ""),
        ("2021-13-04", "10:15:30", ""),
        ("4 Mar 2021", "10:15:30", ""),
    ],
)
def test_broadcast_extension_of_wav(tmp_path: Path, date: str, time: str, start: str) -> None:
    facts = {"origination_date": date, "origination_time": time, "originator": "Jane Doe"}
    path = _broadcast_wave(tmp_path / "x.wav", **facts)
    assert b"bext" in path.read_bytes()[:64]
    with wav.read(path, {}) as contents:
        assert contents.start_time == start
        (recording,) = contents.recordings
        np.testing.assert_array_equal(recording.signals[:, :][0], range(400))
        assert "Jane" not in repr(recording.metadata) + repr(contents.metadata)


def test_a_short_broadcast_extension_states_nothing(tmp_path: Path) -> None:
    path = _broadcast_wave(
        tmp_path / "x.wav", origination_date="2021-03-04", origination_time="10:15:30"
    )
    stored = path.read_bytes()
    at = stored.index(b"bext")
    size = int.from_bytes(stored[at + 4 : at + 8], "little")
    path.write_bytes(
        stored[: at + 4]
        + (100).to_bytes(4, "little")
        + stored[at + 8 : at + 108]
        + stored[at + 8 + size :]
    )
    with wav.read(path, {}) as contents:
        assert contents.start_time == ""


def test_software_time_of_open_ephys(tmp_path: Path) -> None:
    """It is that of the first sample; time counts from earlier, when acquisition began."""
    _write(tmp_path, modern=True)
    milliseconds = 1_614_852_942_600  # 2021-03-04T10:15:42.600 UTC; the first sample is at 12.5 s
    (tmp_path / "sync_messages.txt").write_text(MESSAGES.format(milliseconds))
    with openephys.read(tmp_path / "structure.oebin", {}) as contents:
        assert contents.start_time == "2021-03-04T10:15:30.100000+00:00"
        assert [r.start_s for r in contents.recordings] == [12.5, 12.5]
        assert any("12.5 s" in one.sentence for one in contents.evidence)


@pytest.mark.parametrize(
    "text",
    [
        "Software time: 45678901234@1000000000Hz\nProcessor: 100 start time: 500@1000Hz\n",
        MESSAGES.format(0),
        MESSAGES.format("9" * 40),
        MESSAGES.format("-5"),
        "",
    ],
)
def test_a_time_that_is_no_date(tmp_path: Path, text: str) -> None:
    _write(tmp_path, modern=True)
    (tmp_path / "sync_messages.txt").write_text(text)
    with openephys.read(tmp_path / "structure.oebin", {}) as contents:
        assert contents.start_time == ""
