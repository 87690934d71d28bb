"""Our own readers of recordings against neo, where neo reads the layout rightly."""

from __future__ import annotations

import gc
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from neo.rawio import BlackrockRawIO, IntanRawIO, PlexonRawIO

from sparc_fuse_core.formats.registry import format_named, load_reader
from tests.samples import all_samples, blackrock

if TYPE_CHECKING:
    from pathlib import Path

_CHANNELS = list(blackrock._CHANNELS)
SAMPLES = {sample.name: sample for sample in all_samples()}


def _neo(kind: str, path: Path) -> Any:
    if kind == "intan":
        reader = IntanRawIO(filename=str(path))
    elif kind == "blackrock":
        reader = BlackrockRawIO(filename=str(path.with_suffix("")))
    else:
        reader = PlexonRawIO(filename=str(path), progress_bar=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of neo, about its own choices
        reader.parse_header()
    return reader


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # neo leaves .nsX files open
@pytest.mark.parametrize(
    ("name", "streams"),
    [
        ("intan-rhd-1.0", {0: 0, 1: 1, 2: 2, 3: 3}),
        ("blackrock-3.0", {0: 0}),
        ("plexon-plx", {0: 0, 1: 1}),
    ],
)
def test_stored_values_equal_neo(
    name: str, streams: dict[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = SAMPLES[name]
    # neo takes names for UTF-8; the specification's are one byte a character
    plain = [("ainp1", *rest) if name == "ainp µ" else (name, *rest) for name, *rest in _CHANNELS]
    monkeypatch.setattr(blackrock, "_CHANNELS", plain)
    truth = sample.write(tmp_path)
    other = _neo(sample.format, truth.path)
    with load_reader(format_named(sample.format))(truth.path, {}) as contents:
        for ours, theirs in streams.items():
            recording = contents.recordings[ours]
            chunk = other.get_analogsignal_chunk(block_index=0, seg_index=0, stream_index=theirs)
            # after a pause neo leaves zeros in a Plexon stream
            n = recording.segments[0].n_samples if recording.segments else recording.n_samples
            ours_now, theirs_now = recording.signals[:, :n], np.asarray(chunk).T[:, :n]
            np.testing.assert_array_equal(ours_now, theirs_now)
            stream = other.header["signal_streams"][theirs]["id"]
            channels = other.header["signal_channels"]
            channels = channels[channels["stream_id"] == stream]
            # neo divides rates as 32-bit numbers
            rates = channels["sampling_rate"].tolist()
            assert rates == pytest.approx([recording.sampling_rate_hz] * len(rates), rel=1e-6)
            assert recording.gain == pytest.approx(channels["gain"].tolist())
    del other
    gc.collect()
