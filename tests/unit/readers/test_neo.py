"""NEO behind this project's model: sets, second reader, what NEO makes up, what it reads wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import (
    CorruptFileError,
    FormatMismatchError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.formats.choice import NEO_TOO
from sparc_fuse_core.formats.extras import missing_extra
from sparc_fuse_core.formats.registry import FORMATS, format_named, load_reader
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.readers.neo.kinds import KINDS, SECOND
from sparc_fuse_core.readers.neo.reader import opened, read
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source
from tests.samples import abf, brainvision, neo_formats

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.samples import Truth


def test_every_row_of_neo_has_a_kind() -> None:
    assert {row.name for row in FORMATS if row.reader == "neo"} == set(KINDS)
    assert set(SECOND) == NEO_TOO
    for name in SECOND:
        assert format_named(name).reader not in (None, "neo")
    assert not missing_extra(format_named("nix"))


@pytest.mark.parametrize(
    ("write", "format_name", "n_files"),
    [
        (neo_formats.spikeglx, "spikeglx", 2),
        (neo_formats.neuroscope, "neuroscope", 3),
        (neo_formats.neuronexus, "neuronexus", 3),
        (neo_formats.openephys_files, "openephys-files", 3),
        (neo_formats.mcsraw, "mcsraw", 1),
        (neo_formats.elan, "elan", 3),
        (neo_formats.spikegadgets, "spikegadgets", 1),
    ],
)
def test_sets_are_one_item(
    tmp_path: Path, write: Callable[[Path], Truth], format_name: str, n_files: int
) -> None:
    folder = tmp_path / "primary" / "sub-1"
    folder.mkdir(parents=True)
    truth = write(folder)
    source = open_source(str(tmp_path), settings=Settings())
    plan = plan_dataset(source, Schemes(), Settings())
    (item,) = plan.items
    assert item.format == format_name
    assert item.path.rpartition("/")[2] == truth.path.name
    assert len(item.files) == n_files
    assert item.runner == "fargate"
    assert not plan.skipped


def test_it_is_a_second_reader_of_what_is_read_here(tmp_path: Path) -> None:
    for module, row in ((brainvision, "brainvision"), (abf, "abf")):
        sample = next(one for one in module.SAMPLES if one.format == row)
        folder = tmp_path / row
        folder.mkdir()
        truth = sample.write(folder)
        with (
            opened(truth.path, row) as theirs,
            load_reader(format_named(row))(truth.path, {}) as ours,
        ):
            assert any("neo" in one.sentence for one in theirs.evidence)
            a, b = theirs.recordings[0], ours.recordings[0]
            assert a.sampling_rate_hz == pytest.approx(b.sampling_rate_hz)
            assert a.channel_names[0] == b.channel_names[0]
            np.testing.assert_array_equal(
                np.asarray(a.signals[(slice(0, 1),)]).ravel()[:50],
                np.asarray(b.signals[(slice(0, 1),)]).ravel()[:50],
            )
    with pytest.raises(FormatMismatchError, match="no reader"), opened(tmp_path, "tiff"):
        pass


def test_starts_of_records_are_the_files(tmp_path: Path) -> None:
    path = neo_formats.winwcp(tmp_path).path
    with load_reader(format_named("winwcp"))(path, {}) as contents:
        assert contents.recordings[0].sweep_start_s == (0.0, 2.5, 5.0)


def test_the_date_of_a_recording_is_kept_and_the_patient_is_not_a_fact(tmp_path: Path) -> None:
    path = neo_formats.micromed(tmp_path).path
    with load_reader(format_named("micromed"))(path, {}) as contents:
        assert contents.start_time == "2021-06-05T07:08:09"
        assert contents.metadata == {"patient": "MARIA ROSSI"}


def test_field_potentials_without_a_stated_rate_have_none(tmp_path: Path) -> None:
    path = neo_formats.neuroscope(tmp_path).path
    header = path.with_suffix(".xml")
    header.write_text(header.read_text().replace("lfpSamplingRate", "other"))
    with load_reader(format_named("neuroscope"))(path, {}) as contents:
        rates = {one.name: one.sampling_rate_hz for one in contents.recordings}
    assert rates == {"dat": 20000.0, "lfp": None}


def test_a_recording_begun_twice_is_refused(tmp_path: Path) -> None:
    path = neo_formats.openephys_files(tmp_path).path
    for c in (1, 2):
        first = tmp_path / f"100_CH{c}.continuous"
        first.with_name(f"100_CH{c}_2.continuous").write_bytes(first.read_bytes())
    (tmp_path / "all_channels_2.events").write_bytes(
        (tmp_path / "all_channels.events").read_bytes()
    )
    with (
        pytest.raises(UnsupportedFeatureError, match="begun again"),
        load_reader(format_named("openephys-files"))(path, {}),
    ):
        pass


def test_time_stamps_that_fall_are_damage(tmp_path: Path) -> None:
    path = neo_formats.neuronexus(tmp_path).path
    stamps = tmp_path / "run_timestamp.xdat"
    ticks = np.frombuffer(stamps.read_bytes(), "<i8").copy()
    ticks[7] = 3
    stamps.write_bytes(ticks.tobytes())
    with (
        pytest.raises(CorruptFileError, match="do not rise"),
        load_reader(format_named("neuronexus"))(path, {}),
    ):
        pass


@pytest.mark.parametrize(
    ("rate", "rate_hz"), [((500, "Hz"), 500.0), ((30, "kHz"), 30_000.0), ((0.5, "MHz"), 500_000.0)]
)
def test_nix_rates_in_other_units(tmp_path: Path, rate: tuple[float, str], rate_hz: float) -> None:
    """NEO's own reader takes an interval in ``1/kHz`` for one in seconds."""
    _write_nix(tmp_path / "x.nix", rate)
    with read(tmp_path / "x.nix", {}) as contents:
        (recording,) = contents.recordings
        assert recording.sampling_rate_hz == pytest.approx(rate_hz)
        assert recording.channel_units == ("mV",)
        assert list(contents.events.time_s) == [0.25]


def test_nix_times_in_other_units(tmp_path: Path) -> None:
    _write_nix(tmp_path / "x.nix", (500, "Hz"), time_unit="ms")
    with pytest.raises(UnsupportedFeatureError, match="are in ms"), read(tmp_path / "x.nix", {}):
        pass


def test_nix_of_others_states_its_dimensions(tmp_path: Path) -> None:
    nixio = pytest.importorskip("nixio")
    file = nixio.File.open(str(tmp_path / "x.nix"), nixio.FileMode.Overwrite)
    array = file.create_block("session", "nix.session").create_data_array(
        "membrane", "nix.sampled", data=np.arange(100.0)
    )
    array.unit = "mV"
    array.append_sampled_dimension(0.5, unit="ms")
    file.close()
    with read(tmp_path / "x.nix", {}) as contents:
        (recording,) = contents.recordings
        assert recording.sampling_rate_hz == pytest.approx(2000.0)
        assert recording.channel_units == ("mV",)


def test_spikegadgets_of_too_many_channels(tmp_path: Path) -> None:
    """NEO would go through each of them."""
    path = neo_formats.spikegadgets(tmp_path).path
    stored = path.read_bytes()
    changed = re.sub(rb'numChannels="\d+"', b'numChannels="999999999999"', stored)
    assert changed != stored
    path.write_bytes(changed)
    with pytest.raises(CorruptFileError, match="channels"), opened(path, "spikegadgets"):
        pass


def _write_nix(path: Path, rate: tuple[float, str], time_unit: str = "s") -> None:
    neo = pytest.importorskip("neo")
    pq = pytest.importorskip("quantities")
    block, segment = neo.Block(), neo.Segment()
    block.segments.append(segment)
    values = np.arange(50.0).reshape(-1, 1)
    segment.analogsignals.append(
        neo.AnalogSignal(values, units="mV", sampling_rate=pq.Quantity(*rate))
    )
    segment.events.append(
        neo.Event(times=pq.Quantity([0.25], time_unit), labels=np.array(["on"], dtype="U"))
    )
    writer = neo.io.NixIO(str(path), "ow")
    writer.write_block(block)
    writer.close()
