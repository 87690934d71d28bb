"""Shared TDT blocks against what was written into them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import MissingCompanionError
from sparc_fuse_core.formats.registry import find_format, load_reader

if TYPE_CHECKING:
    from pathlib import Path


def test_block_equals_what_was_written(shared_samples: Path) -> None:
    path = shared_samples / "timeseries" / "tdt" / "SynthBlock-1" / "Synth_SynthBlock-1.tsq"
    truth = json.loads(path.with_name(path.name + ".expected.json").read_text())["content"]
    with load_reader(find_format(path.name))(path, {}) as contents:
        streams = {recording.name: recording for recording in contents.recordings}
        assert set(streams) == {name for name in truth if not name.startswith("epoc ")}
        for name, recording in streams.items():
            stated = truth[name]
            # the index holds the rate as a 32-bit number
            assert recording.sampling_rate_hz == pytest.approx(stated["fs"], rel=1e-7)
            assert list(recording.signals.shape) == stated["shape"]
            assert recording.signals.dtype == np.dtype(stated["dtype"])
            values = recording.signals[:, :]
            assert values[0, :3].tolist() == stated["first"]
            assert values[-1, -3:].tolist() == stated["last"]
        epoc = truth["epoc Tick"]
        assert len(contents.events) == epoc["n"]
        assert list(contents.events.time_s) == pytest.approx(epoc["onset"], abs=1e-6)
        assert [float(label) for label in contents.events.label] == epoc["data"]
        assert set(contents.events.channel) == {"Tick"}


def test_block_without_samples_is_refused(shared_samples: Path) -> None:
    (path,) = (shared_samples / "timeseries" / "tdt" / "missing_tev").glob("*.tsq")
    with (
        pytest.raises(MissingCompanionError, match=r"\.tev with the samples of DelF"),
        load_reader(find_format(path.name))(path, {}),
    ):
        pass
