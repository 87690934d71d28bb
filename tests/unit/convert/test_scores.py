"""Scores fall once for each kind of fact that is not stated, and say why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sparc_fuse_core.convert.scores import COSTS, score
from sparc_fuse_core.errors import EmptyFileError
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Image, Recording
from sparc_fuse_core.schemes.schemes import Scheme

STATED = Recording("r", np.zeros((2, 5)), ("a", "b"), ("mV", "mV"), 1000.0)
PLANE = Image(
    "i",
    np.zeros((2, 3, 4), "u1"),
    "cyx",
    {"y": 1.0, "x": 1.0},
    {"y": "micrometer", "x": "micrometer"},
    channel_names=("one", "two"),
)


def _of(*recordings: Recording, evidence: tuple[Evidence, ...] = ()) -> float:
    return score(Contents(recordings=recordings, evidence=evidence), None).value


@pytest.mark.parametrize(
    ("recording", "value"),
    [
        (STATED, 1.0),
        (replace(STATED, channel_units=("mV", "")), 0.9),
        (replace(STATED, channel_names=("", "b")), 0.9),
        (replace(STATED, channel_units=("", ""), channel_names=("", "")), 0.8),  # a WAV
        (replace(STATED, sampling_rate_hz=None), 0.7),
        (replace(STATED, sampling_rate_hz=None, times=np.arange(5.0)), 1.0),
        (replace(STATED, sampling_rate_hz=None, times=np.arange(5.0), time_units=""), 0.95),
        (replace(STATED, sampling_rate_hz=None, channel_units=("", "")), 0.6),  # header, no time
    ],
)
def test_gaps_of_a_recording_cost(recording: Recording, value: float) -> None:
    assert _of(recording) == pytest.approx(value)


@pytest.mark.parametrize(
    ("image", "value"),
    [
        (PLANE, 1.0),
        (replace(PLANE, channel_names=()), 0.9),
        (replace(PLANE, scale={}, axis_units={}), 0.9),
        (replace(PLANE, axis_units={}), 0.95),
        (replace(PLANE, axes="zyx", channel_names=()), 0.9),
        (replace(PLANE, scale={}, axis_units={}, channel_names=()), 0.8),
    ],
)
def test_gaps_of_an_image_cost(image: Image, value: float) -> None:
    assert score(Contents(images=(image,)), None).value == pytest.approx(value)


def test_each_kind_of_fact_costs_once_by_its_worst_case() -> None:
    evidence = (
        Evidence("time", "inferred", "one"),
        Evidence("time", "inferred", "two"),
        Evidence("time", "missing", "three"),
        Evidence("time", "inferred", "one"),
    )
    result = score(Contents(recordings=(STATED,), evidence=evidence), None)
    assert result.value == pytest.approx(1 - COSTS["time"]["missing"])
    assert result.sentences == ("one", "two", "three")


@pytest.mark.parametrize("basis", ["file", "scheme"])
def test_stated_facts_cost_nothing(basis: str) -> None:
    evidence = tuple(Evidence(fact, basis, fact) for fact in COSTS)  # type: ignore[arg-type]
    assert _of(STATED, evidence=evidence) == 1.0


def test_a_scheme_is_named_first() -> None:
    result = score(Contents(recordings=(STATED,)), Scheme("108_csv", ("108",)))
    assert result.sentences[0] == "Mapped by the scheme 108_csv."
    assert result.value == 1.0


def test_the_worst_stream_counts() -> None:
    bare = replace(STATED, name="s", sampling_rate_hz=None)
    assert _of(STATED, bare) == pytest.approx(0.7)


def test_the_score_never_falls_below_zero() -> None:
    evidence = tuple(Evidence(fact, "missing", fact) for fact in COSTS)
    assert _of(STATED, evidence=evidence) == 0.0


def test_nothing_is_an_error_not_a_score() -> None:
    with pytest.raises(EmptyFileError):
        score(Contents(), None)
    events = EventTable.from_events([Event(1.0, label="go")])
    assert score(Contents(events=events), None).value == 1.0
