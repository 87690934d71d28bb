"""MNE behind this project's model: sets, epochs, averages, starts, who was recorded, what MNE makes up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import MissingCompanionError, SizeLimitError
from sparc_fuse_core.formats.registry import FORMATS, format_named, load_reader
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.readers.mne import fif as fif_module
from sparc_fuse_core.readers.mne.kinds import KINDS
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source
from tests.samples import mne_formats

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.samples import Truth

mne = pytest.importorskip("mne")


def test_every_row_of_mne_has_a_kind() -> None:
    assert {row.name for row in FORMATS if row.reader == "mne"} == set(KINDS)


@pytest.mark.parametrize(
    ("write", "format_name", "n_files"),
    [
        (mne_formats.fif, "fif", 1),
        (mne_formats.fif_parts, "fif", 2),
        (mne_formats.persyst, "persyst", 2),
        (mne_formats.nicolet, "nicolet", 2),
        (mne_formats.neuroscan, "neuroscan", 1),
        (mne_formats.nihon, "nihon", 4),
        (mne_formats.mff, "egi-mff", 8),
    ],
)
def test_sets_are_one_item(
    tmp_path: Path, write: Callable[[Path], Truth], format_name: str, n_files: int
) -> None:
    folder = tmp_path / "primary" / "sub-1"
    folder.mkdir(parents=True)
    truth = write(folder)
    plan = plan_dataset(open_source(str(tmp_path), settings=Settings()), Schemes(), Settings())
    (item,) = plan.items
    assert item.format == format_name
    assert item.path.rpartition("/")[2] == truth.path.name
    assert len(item.files) == n_files
    assert item.runner == "fargate"
    assert not plan.skipped


def test_parts_of_bids_are_one_item_and_other_runs_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "primary"
    folder.mkdir()
    whole = mne_formats.fif(folder).path
    data = whole.read_bytes()
    whole.unlink()
    for name in ("a_run-1_split-01_meg", "a_run-1_split-02_meg", "a_run-2_meg", "a_run-2_meg-1"):
        (folder / f"{name}.fif").write_bytes(data)
    plan = plan_dataset(open_source(str(tmp_path), settings=Settings()), Schemes(), Settings())
    assert [(item.path.rpartition("/")[2], len(item.files)) for item in plan.items] == [
        ("a_run-1_split-01_meg.fif", 2),
        ("a_run-2_meg.fif", 2),
    ]


def test_a_start_has_a_zone_where_the_format_has_one(tmp_path: Path) -> None:
    stated = {}
    for name in ("fif", "gdf", "persyst", "nicolet", "nihon", "mff"):
        folder = tmp_path / name
        folder.mkdir()
        path = getattr(mne_formats, name)(folder).path
        with load_reader(format_named({"mff": "egi-mff"}.get(name, name)))(path, {}) as contents:
            stated[name] = contents.start_time
    assert stated.pop("fif") == "2020-09-13T12:26:40.250000+00:00"
    assert stated.pop("persyst") == "2021-03-04T10:11:12"
    assert stated.pop("nicolet") == "2015-01-01T12:00:00"
    assert stated.pop("gdf") == "2020-07-28T09:05:00"
    assert stated.pop("nihon") == "2021-03-04T10:11:12"
    assert stated.pop("mff") == "2021-03-04T09:11:12+00:00"
    assert not stated


def test_a_date_that_may_be_read_two_ways_is_left_out(tmp_path: Path) -> None:
    for date, start in (("03/04/2021", ""), ("03/25/2021", "2021-03-25T10:11:12")):
        path = mne_formats.persyst(tmp_path, date=date).path
        with load_reader(format_named("persyst"))(path, {}) as contents:
            assert contents.start_time == start
    for date, day in (("11/25/98", "1998-11-25"), ("25/11/98", "1998-11-25"), ("05/10/03", "")):
        path = mne_formats.neuroscan(tmp_path, date=date).path
        with load_reader(format_named("neuroscan"))(path, {}) as contents:
            assert contents.start_time == (f"{day}T09:05:03" if day else "")


def test_who_was_recorded_is_no_fact(tmp_path: Path) -> None:
    path = mne_formats.fif(tmp_path, mne_formats.subject("Ann", "Qzylbra", "4711")).path
    with load_reader(format_named("fif"))(path, {}) as contents:
        assert contents.metadata == {"patient": "Ann Qzylbra 4711"}
        assert "Qzylbra" not in repr(contents.recordings)
    path = mne_formats.persyst(tmp_path, first="Ann").path
    with load_reader(format_named("persyst"))(path, {}) as contents:
        assert contents.metadata == {"patient": "Ann"}


def _epochs() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(3, 2, 40)).astype("float32") * 1e-6


def test_epochs_are_sweeps_around_their_event(tmp_path: Path) -> None:
    values = _epochs()
    info = mne.create_info(["Cz", "Pz"], 100.0, "eeg")
    events = np.array([[10, 0, 1], [60, 0, 2], [130, 0, 1]])
    epochs = mne.EpochsArray(
        values, info, events, tmin=-0.1, event_id={"tone": 1, "light": 2}, verbose="ERROR"
    )
    path = tmp_path / "visit-epo.fif"
    epochs.save(path, fmt="single", verbose="ERROR")
    with load_reader(format_named("fif"))(path, {}) as contents:
        (one,) = contents.recordings
        assert one.signals.shape == (2, 3, 40)
        assert one.start_s == pytest.approx(-0.1)
        assert one.channel_units == ("V", "V")
        np.testing.assert_allclose(one.signals[:, :, :], values.transpose(1, 0, 2), rtol=1e-6)
        np.testing.assert_array_equal(one.signals[1:, 1:2, 5:9], one.signals[:, :, :][1:, 1:2, 5:9])
        assert list(contents.events.label) == ["tone", "light", "tone"]
        assert list(contents.events.sweep) == [0, 1, 2]


def test_averages_say_how_many_they_are_of(tmp_path: Path) -> None:
    info = mne.create_info(["Cz", "Pz"], 100.0, "eeg")
    average = mne.EvokedArray(_epochs()[0], info, tmin=-0.1, comment="tone", nave=37)
    path = tmp_path / "visit-ave.fif"
    average.save(path, verbose="ERROR")
    with load_reader(format_named("fif"))(path, {}) as contents:
        (one,) = contents.recordings
        assert one.metadata["n_averaged"] == 37
        assert one.start_s == pytest.approx(-0.1)
        np.testing.assert_allclose(one.signals[:, :], _epochs()[0], rtol=1e-6)


def test_projections_are_told_and_not_applied(tmp_path: Path) -> None:
    info = mne.create_info(["Cz", "Pz"], 100.0, "eeg")
    values = _epochs()[0]
    raw = mne.io.RawArray(values, info, verbose="ERROR")
    raw.set_eeg_reference(projection=True, verbose="ERROR")
    path = tmp_path / "visit_raw.fif"
    raw.save(path, verbose="ERROR")
    with load_reader(format_named("fif"))(path, {}) as contents:
        (one,) = contents.recordings
        gain = np.array(one.gain or (1.0, 1.0))[:, None]
        np.testing.assert_allclose(one.signals[:, :] * gain, values, rtol=1e-6)
        assert any("none is applied" in said.sentence for said in contents.evidence)


def test_annotations_are_on_the_clock_of_the_samples(tmp_path: Path) -> None:
    info = mne.create_info(["Cz"], 100.0, "eeg")
    raw = mne.io.RawArray(np.zeros((1, 500)), info, first_samp=300, verbose="ERROR")
    raw.set_meas_date(1_600_000_000)
    raw.set_annotations(mne.Annotations([3.5], [0.25], ["blink"], orig_time=raw.info["meas_date"]))
    path = tmp_path / "visit_raw.fif"
    raw.save(path, verbose="ERROR")
    with load_reader(format_named("fif"))(path, {}) as contents:
        assert contents.recordings[0].start_s == pytest.approx(3.0)
        assert list(contents.events.time_s) == pytest.approx([3.5])
        assert list(contents.events.duration_s) == pytest.approx([0.25])


def test_a_packed_bomb_is_refused_before_it_fills_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gzip

    monkeypatch.setenv("SPARC_FUSE_MAX_UNPACKED_BYTES", "20000000")
    monkeypatch.setattr(fif_module, "_BLOCK", 1_000_000)
    path = tmp_path / "bomb_raw.fif.gz"
    path.write_bytes(gzip.compress(mne_formats.fif(tmp_path).path.read_bytes() + bytes(60_000_000)))
    with (
        pytest.raises(SizeLimitError, match="size bomb"),
        load_reader(format_named("fif"))(path, {}),
    ):
        pass


def test_a_unit_of_gdf_that_is_not_known_is_absent(tmp_path: Path) -> None:
    path = mne_formats.gdf(tmp_path).path
    data = bytearray(path.read_bytes())
    at = data.index((544).to_bytes(2, "little"), 256)
    data[at : at + 2] = (9000).to_bytes(2, "little")
    path.write_bytes(data)
    with load_reader(format_named("gdf"))(path, {}) as contents:
        assert contents.recordings[0].channel_units == ("uV", "")


def test_names_of_a_device_are_told_from_those_of_a_file(tmp_path: Path) -> None:
    path = mne_formats.nihon(tmp_path).path
    (tmp_path / "MB01.21E").unlink()
    with load_reader(format_named("nihon"))(path, {}) as contents:
        assert contents.recordings[0].channel_names == ("FP1", "DC01")
        assert any(one.fact == "names" for one in contents.evidence)


def test_events_of_egi_have_their_durations_and_make_no_channels(tmp_path: Path) -> None:
    path = mne_formats.mff(tmp_path).path
    with load_reader(format_named("egi-mff"))(path, {}) as contents:
        assert list(contents.events.duration_s) == pytest.approx([0.02])
        assert "TONE" not in contents.recordings[0].channel_names


def test_mne_reads_the_same_gdf(tmp_path: Path) -> None:
    path = mne_formats.gdf(tmp_path).path
    raw = mne.io.read_raw_gdf(path, eog=(), misc=(), stim_channel=None, verbose="ERROR")
    with load_reader(format_named("gdf"))(path, {}) as contents:
        (one,) = contents.recordings
        ours = one.signals[:, :] * np.array(one.gain)[:, None] + np.array(one.offset)[:, None]
        # microvolts; the percents of the second MNE takes for volts
        np.testing.assert_allclose(ours, raw.get_data() * [[1e6], [1.0]], rtol=1e-9, atol=1e-9)
        assert raw.info["sfreq"] == one.sampling_rate_hz


def test_a_persyst_header_that_names_no_possible_file(tmp_path: Path) -> None:
    path = mne_formats.persyst(tmp_path).path
    text = path.read_text("latin-1")
    path.write_text(re.sub(r"(?m)^File=.*$", "File=" + "n" * 5000, text), "latin-1")
    with (
        pytest.raises(MissingCompanionError, match="nnn"),
        load_reader(format_named("persyst"))(path, {}),
    ):
        pass
