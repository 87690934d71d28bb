"""One test that every reader passes, on every sample: to add a reader is to add samples."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparc_fuse_core import errors
from sparc_fuse_core.formats.registry import FORMATS, format_named, load_reader
from sparc_fuse_core.formats.signatures import recognise
from sparc_fuse_core.privacy.screening import screen
from tests.samples import (
    ImageTruth,
    Sample,
    ShapesTruth,
    StreamTruth,
    Truth,
    all_samples,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sparc_fuse_core.model import ArrayGroup, Contents, Image, Recording, Shapes, StoredArray

SAMPLES = all_samples()


@pytest.fixture(params=SAMPLES, ids=[sample.name for sample in SAMPLES])
def sample(request: pytest.FixtureRequest) -> Sample:
    return request.param


def test_every_format_with_a_reader_has_a_sample() -> None:
    unread = {row.name for row in FORMATS if row.reader} - {sample.format for sample in SAMPLES}
    assert not unread


@pytest.mark.usefixtures("no_open_files")
def test_reader_complies(sample: Sample, tmp_path: Path) -> None:
    truth = sample.write(tmp_path)
    if truth.error:
        _check_refusal(sample, truth)
        return
    row = format_named(sample.format)
    assert recognise(truth.path, row) is row
    with load_reader(row)(truth.path, truth.options) as contents:
        _check_contents(contents, truth)
        _check_listed(contents, sample.format)


def _check_listed(contents: Contents, format_name: str) -> None:
    """What a reader states is a fact, free text or identity: list it in `sparc_fuse_core.privacy.facts`."""
    aside = screen(contents, format_name, free_text=True).aside
    # a document is never published whole
    assert {one.name for one in aside if one.why == "unlisted"} <= {"ome_xml", "xml"}


def _check_refusal(sample: Sample, truth: Truth) -> None:
    expected = getattr(errors, truth.error)
    with pytest.raises(expected) as caught:  # noqa: PT012
        row = recognise(truth.path, format_named(sample.format))
        with load_reader(row)(truth.path, truth.options) as contents:
            for recording in contents.recordings:
                recording.signals[(slice(None),) * len(recording.signals.shape)]
            for image in contents.images:
                image.pixels[(slice(None),) * len(image.pixels.shape)]
    assert truth.path.name in str(caught.value), "the error must name the file"
    assert truth.error_says in str(caught.value)


def _check_contents(contents: Contents, truth: Truth) -> None:
    assert len(contents.recordings) == len(truth.streams)
    assert len(contents.images) == len(truth.images)
    for recording, stream in zip(contents.recordings, truth.streams, strict=True):
        _check_recording(recording, stream)
    for image, expected in zip(contents.images, truth.images, strict=True):
        _check_image(image, expected)
    kept = dict(_arrays_in(contents.arrays, "")) if contents.arrays is not None else {}
    kept |= {
        f"{table.name}/{one.name}".strip("/"): one
        for table in contents.tables
        for one in table.columns
    }
    assert kept.keys() == truth.arrays.keys()
    for path, expected in truth.arrays.items():
        values = kept[path].values
        np.testing.assert_array_equal(values[(slice(None),) * len(values.shape)], expected)
        assert np.dtype(values.dtype).kind == expected.dtype.kind
    assert len(contents.shapes) == len(truth.shapes)
    for shapes, wanted in zip(contents.shapes, truth.shapes, strict=True):
        _check_shapes(shapes, wanted)
    events = contents.events
    found = list(zip(events.time_s, events.label, events.channel, strict=True))
    assert [(label, channel) for _, label, channel in found] == [
        (label, channel) for _, label, channel in truth.events
    ]
    assert [time for time, _, _ in found] == pytest.approx([t for t, _, _ in truth.events])


def _arrays_in(group: ArrayGroup, path: str) -> Iterator[tuple[str, StoredArray]]:
    for array in group.arrays:
        yield f"{path}/{array.name}".strip("/"), array
    for below in group.groups:
        yield from _arrays_in(below, f"{path}/{below.name}")


def _check_recording(recording: Recording, stream: StreamTruth) -> None:
    assert recording.signals.shape == stream.physical.shape
    assert np.dtype(recording.signals.dtype).newbyteorder("=") == np.dtype(stream.dtype)
    assert recording.channel_names == stream.names
    assert recording.channel_units == stream.units
    assert recording.sampling_rate_hz == (
        pytest.approx(stream.rate_hz, rel=1e-12) if stream.rate_hz is not None else None
    )
    assert recording.start_s == pytest.approx(stream.start_s)
    found = [(s.start_sample, s.n_samples, pytest.approx(s.start_s)) for s in recording.segments]
    assert found == list(stream.segments)
    if stream.times is None:
        assert recording.times is None
    else:
        assert recording.times is not None
        np.testing.assert_allclose(recording.times[(slice(None),)], stream.times, rtol=1e-12)
    whole = _slices_equal_the_whole(recording.signals)
    physical = np.asarray(whole, dtype=float)
    if recording.gain is not None and recording.offset is not None:
        column = (slice(None),) + (None,) * (physical.ndim - 1)
        physical = physical * np.array(recording.gain)[column] + np.array(recording.offset)[column]
    np.testing.assert_allclose(physical, stream.physical, rtol=1e-12, atol=stream.tolerance)


def _check_image(image: Image, expected: ImageTruth) -> None:
    assert image.axes == expected.axes
    assert tuple(image.pixels.shape) == expected.pixels.shape
    assert np.dtype(image.pixels.dtype).newbyteorder("=") == expected.pixels.dtype
    assert dict(image.scale) == pytest.approx(dict(expected.scale))
    assert dict(image.axis_units) == dict(expected.axis_units)
    assert image.channel_names == expected.channel_names
    assert image.kind == expected.kind
    whole = _slices_equal_the_whole(image.pixels)
    np.testing.assert_allclose(
        np.asarray(whole, dtype=float),
        np.asarray(expected.pixels, dtype=float),
        rtol=0,
        atol=expected.tolerance,
    )


def _check_shapes(shapes: Shapes, expected: ShapesTruth) -> None:
    assert shapes.kind == expected.kind
    assert set(shapes.arrays) == set(expected.arrays)
    for name, values in expected.arrays.items():
        assert shapes.arrays[name].dtype == values.dtype, name
        np.testing.assert_array_equal(shapes.arrays[name], values, err_msg=name)
    assert dict(shapes.units) == dict(expected.units)


def _slices_equal_the_whole(blocks: Any) -> np.ndarray:
    """Any slice equals the same slice of the whole; return the whole."""
    whole = np.array(blocks[(slice(None),) * len(blocks.shape)])
    assert whole.shape == tuple(blocks.shape)
    assert whole.dtype == blocks.dtype
    bounds = st.tuples(*(st.tuples(st.integers(0, n), st.integers(0, n)) for n in blocks.shape))

    @settings(max_examples=15)
    @given(bounds=bounds)
    def check(bounds: tuple[tuple[int, int], ...]) -> None:
        key = tuple(slice(min(pair), max(pair) + 1) for pair in bounds)
        np.testing.assert_array_equal(np.asarray(blocks[key]), whole[key])

    check()
    return whole


def test_readers_are_imported_only_when_used() -> None:
    code = (
        "import sys, sparc_fuse_core.formats.registry, sparc_fuse_core.sources;"
        "heavy = {'numpy', 'zarr', 'boto3', 'scipy', 'requests'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
