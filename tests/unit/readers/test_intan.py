"""Shared Intan files against what Intan's own script and another library found in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.formats.registry import format_named, load_reader

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.model import Recording


def _truth(path: Path) -> dict:
    return json.loads(path.with_name(path.name + ".expected.json").read_text())["content"]


def _physical(recording: Recording) -> np.ndarray:
    stored = np.asarray(recording.signals[:, :], dtype=float)
    if recording.gain is None or recording.offset is None:
        return stored
    return stored * np.array(recording.gain)[:, None] + np.array(recording.offset)[:, None]


def test_rhd_equals_the_vendor_script(shared_samples: Path) -> None:
    path = shared_samples / "timeseries" / "rhd" / "example_intan_file.rhd"
    truth = _truth(path)
    with load_reader(format_named("intan"))(path, {}) as contents:
        assert len(contents.recordings) == len(truth["streams"])
        for recording, stream in zip(contents.recordings, truth["streams"], strict=True):
            assert recording.sampling_rate_hz == stream["fs"]
            assert recording.n_samples == stream["n"]
            assert not recording.segments
            for i, (values, channel) in enumerate(
                zip(_physical(recording), stream["channels"], strict=True)
            ):
                assert recording.channel_names[i] == channel["name"]
                assert recording.channel_units[i] == channel["units"]
                found = [*values[:3], *values[-3:], values.min(), values.max(), values.mean()]
                expected = [*channel["first"], *channel["last"]]
                expected += [channel["min"], channel["max"], channel["mean"]]
                assert found == pytest.approx(expected, abs=1e-9)
        vendor = truth["vendor"]["t_amplifier"]
        first = contents.recordings[0]
        last_s = first.start_s + (first.n_samples - 1) / first.sampling_rate_hz
        assert (first.start_s, last_s) == pytest.approx((vendor["first"][0], vendor["last"][-1]))


def test_rhs_equals_what_was_written(shared_samples: Path) -> None:
    path = shared_samples / "timeseries" / "rhs" / "synth_rhs.rhs"
    truth = _truth(path)
    with load_reader(format_named("intan"))(path, {}) as contents:
        streams = {recording.name: recording for recording in contents.recordings}
        amplifier = streams["amplifier"]
        assert list(amplifier.channel_names) == truth["amp_names"]
        assert (amplifier.sampling_rate_hz, amplifier.n_samples) == (truth["fs"], truth["n"])
        values = _physical(amplifier)
        assert list(values[0, :3]) == pytest.approx(truth["amp_uV_first"])
        assert list(values[-1, -3:]) == pytest.approx(truth["amp_uV_last"])
        assert list(_physical(streams["adc"])[0, :3]) == pytest.approx(truth["adc_V_first"])
        current_ua = _physical(streams["stim"]) * 1e6
        assert current_ua[:, 2 * 128 : 3 * 128].max() == pytest.approx(truth["stim_uA_block2"])
        digital = streams["digital_in"].signals[:, :][0].astype(int)
        assert np.count_nonzero(np.diff(digital) == 1) == truth["digital_edges"]  # rising
