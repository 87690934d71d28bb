"""What a DICOM image says beside its pixels: which image it is, what its values stand for, where slices lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import Dataset

from sparc_fuse_core.errors import CorruptFileError, UnsupportedFeatureError
from sparc_fuse_core.readers.dicom.csa import csa_numbers
from sparc_fuse_core.readers.dicom.reader import read
from tests.samples import all_samples
from tests.samples.dicom import dataset, save

if TYPE_CHECKING:
    from pathlib import Path


def _sample(name: str, folder: Path) -> Path:
    return next(sample for sample in all_samples() if sample.name == name).write(folder).path


def _names(path: Path) -> tuple[list[str], list[dict[str, Any]], str]:
    with read(path, {}) as contents:
        said = " ".join(entry.sentence for entry in contents.evidence)
        images = contents.images
        return [image.name for image in images], [dict(image.metadata) for image in images], said


def test_each_image_of_an_enhanced_file_says_which_it_is(tmp_path: Path) -> None:
    names, facts, said = _names(_sample("dicom-enhanced", tmp_path))
    assert names == ["M echo 1.5 ms", "FIELD_MAP Hz"]
    assert facts[0]["FrameType"] == ["ORIGINAL", "PRIMARY", "M", "NONE"]
    assert facts[0]["EchoTime"] == 1.5
    assert facts[1]["real_world_value"] == {"unit": "Hz", "slope": 0.25, "intercept": -500.0}
    assert "stored × 0.25 + -500, in Hz" in said
    assert "told apart by type, echo time, unit" in said


def test_a_series_split_by_echo_says_so(tmp_path: Path) -> None:
    for echo, z in np.ndindex(2, 3):
        data = dataset(
            np.full((4, 5), 10 * echo + z, np.uint16),
            EchoTime=[4.2, 8.4][echo],
            ImagePositionPatient=[0, 0, 2.0 * z],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )
        save(data, tmp_path / f"IM{3 * echo + z}")
    names, facts, said = _names(tmp_path / "IM0")
    assert names == ["echo 4.2 ms", "echo 8.4 ms"]
    assert [fact["EchoTime"] for fact in facts] == [4.2, 8.4]
    assert "told apart by echo time" in said


def test_dose_and_region_are_in_the_metadata(tmp_path: Path) -> None:
    _, (dose,), said = _names(_sample("dicom-dose", tmp_path))
    assert (dose["DoseGridScaling"], dose["DoseUnits"]) == (0.001, "GY")
    assert dose["slice_positions_mm"] == [25.0, 27.5, 30.0]
    assert "stored × 0.001, in GY" in said
    (other := tmp_path / "other").mkdir()
    _, (ultrasound,), _ = _names(_sample("dicom-ultrasound", other))
    assert ultrasound["ultrasound_regions"] == [
        {
            "format": "2D",
            "x": [1, 7],
            "y": [2, 6],
            "step_x": 0.02,
            "step_y": -0.01,
            "unit_x": "cm",
            "unit_y": "cm",
        }
    ]


def test_slices_of_a_mosaic_lie_where_the_sheet_is_centred(tmp_path: Path) -> None:
    _, (facts,), said = _names(_sample("dicom-mosaic", tmp_path))
    # only x and y of the stated corner are those of the sheet: the normal is z
    assert facts["slice_positions_mm"] == [-10.0, -6.5, -3.0, 0.5, 4.0]
    assert "cut from a Siemens mosaic" in said
    (other := tmp_path / "other").mkdir()
    _, _, said = _names(_sample("dicom-mosaic-unstated", other))
    assert "whose number is not stated: kept as one sheet" in said


@pytest.mark.parametrize("n_bytes", [0, 7, 40, 130, 190])
def test_a_cut_csa_header_gives_what_is_whole(n_bytes: int) -> None:
    from tests.samples.dicom_field import csa

    data = dataset(np.zeros((2, 2), np.uint8))
    whole = csa({"B_value": ["50"], "Other": ["1", "2"]})
    data.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(
        0x10, "OB", whole[:n_bytes]
    )
    found = csa_numbers(data)
    assert found in ({}, {"B_value": (50.0,)})


def test_more_frames_than_bits_are_refused(tmp_path: Path) -> None:
    data = dataset(np.zeros((2, 3), np.uint8), NumberOfFrames=10**8)
    with pytest.raises(CorruptFileError, match="announces 100000000 frames"):
        _names(save(data, tmp_path / "many.dcm"))


@pytest.mark.parametrize(
    ("seconds", "step_s"),
    [
        ((0.0, 3.0125), 3.0),  # a clock of 2.5 ms
        ((0.0, 14.5, 17.5), 3.0),  # the first volume before its preparation
        ((0.0, 14.5), None),  # two times that contradict the repetition
        ((0.0, 7.0, 14.0), 7.0),  # not every repetition is a volume
    ],
)
def test_volumes_follow_the_stated_repetition(
    tmp_path: Path, seconds: tuple[float, ...], step_s: float | None
) -> None:
    for t, second in enumerate(seconds):
        data = dataset(
            np.full((4, 5), t, np.uint16),
            AcquisitionNumber=t + 1,
            AcquisitionTime=f"1000{second:07.4f}",
            RepetitionTime=3000,
            ImagePositionPatient=[0, 0, 0],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )
        save(data, tmp_path / f"v{t}.dcm")
    with read(tmp_path / "v0.dcm", {}) as contents:
        (image,) = contents.images
        assert image.axes == "tyx"
        assert image.scale.get("t") == (None if step_s is None else pytest.approx(step_s))
        assert ("frame_times_s" in image.metadata) is (step_s is None)


def test_segments_say_what_they_outline(tmp_path: Path) -> None:
    data = dataset(np.zeros((4, 5), np.uint8), Modality="SEG", SegmentSequence=[])
    for number, label in ((1, "Liver"), (2, "Kidney")):
        segment = Dataset()
        segment.SegmentNumber, segment.SegmentLabel = number, label
        data.SegmentSequence.append(segment)
    own = Dataset()
    own.ReferencedSegmentNumber = 2
    group = Dataset()
    group.SegmentIdentificationSequence = [own]
    data.PerFrameFunctionalGroupsSequence = [group]
    save(data, tmp_path / "seg.dcm")
    _, (facts,), _ = _names(tmp_path / "seg.dcm")
    assert (facts["segment_number"], facts["segment_label"]) == (2, "Kidney")


def test_regions_of_several_sizes_say_that_no_size_holds_for_the_picture(tmp_path: Path) -> None:
    regions = []
    for top, step in ((0, 0.01), (2, 0.02)):
        region = Dataset()
        region.RegionSpatialFormat = 1
        region.RegionLocationMinX0, region.RegionLocationMaxX1 = 0, 4
        region.RegionLocationMinY0, region.RegionLocationMaxY1 = top, top + 1
        region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
        region.PhysicalDeltaX = region.PhysicalDeltaY = step
        regions.append(region)
    data = dataset(np.zeros((4, 5), np.uint8), SequenceOfUltrasoundRegions=regions)
    if "PixelSpacing" in data:
        del data.PixelSpacing
    save(data, tmp_path / "us.dcm")
    _, (facts,), said = _names(tmp_path / "us.dcm")
    assert [region["step_x"] for region in facts["ultrasound_regions"]] == [0.01, 0.02]
    assert "no size of a pixel that holds for all of the picture" in said


def _saved(folder: Path, data: Dataset, **elements: Any) -> Path:
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    return save(data, folder / "one.dcm")


def test_detectors_and_windows_are_images_and_slots_are_times(tmp_path: Path) -> None:
    counts = np.arange(4 * 20, dtype=np.uint16).reshape(4, 4, 5)
    static = {
        "FrameIncrementPointer": [0x00540010, 0x00540020],
        "EnergyWindowVector": [1, 1, 2, 2],
        "DetectorVector": [1, 2, 1, 2],
    }
    names, _, said = _names(_saved(tmp_path, dataset(counts, Modality="NM"), **static))
    assert names == [
        f"detector {detector} energy window {window}" for window in (1, 2) for detector in (1, 2)
    ]
    assert "told apart by detector, energy window" in said
    for vector, axes, steps in (
        ("TimeSliceVector", "tyx", {}),
        ("AngularViewVector", "tyx", {}),
        ("SliceVector", "zyx", {"z": 3.0}),
    ):
        stated = {
            vector: [1, 2, 3, 4],
            "SpacingBetweenSlices": -3,
            "FrameIncrementPointer": 0x00540080,
        }
        if vector != "SliceVector":
            del stated["FrameIncrementPointer"]
        with read(_saved(tmp_path, dataset(counts, Modality="NM"), **stated), {}) as contents:
            (image,) = contents.images
            assert (image.axes, dict(image.scale)) == (axes, steps)
            np.testing.assert_array_equal(image.pixels[:], counts)


def test_slices_of_a_tilted_gantry_are_told(tmp_path: Path) -> None:
    tilt = np.radians(20)
    up = [1, 0, 0, 0, float(np.cos(tilt)), float(-np.sin(tilt))]
    for shifted in (True, False):
        folder = tmp_path / str(shifted)
        folder.mkdir()
        for z in range(4):
            # the table moves along z, or the slices along their normal
            along = (
                [0, 0, 5.0 * z]
                if shifted
                else [0, float(np.sin(tilt)) * z, float(np.cos(tilt)) * z]
            )
            data = dataset(
                np.full((4, 5), z, np.uint16),
                PixelSpacing=[0.5, 0.5],
                ImagePositionPatient=along,
                ImageOrientationPatient=up,
            )
            save(data, folder / f"IM{z}")
        with read(folder / "IM0", {}) as contents:
            (image,) = contents.images
            assert image.scale["z"] == pytest.approx(5 * np.cos(tilt) if shifted else 1.0)
            assert ("slice_origins_mm" in image.metadata) is shifted
            said = " ".join(entry.sentence for entry in contents.evidence)
            assert ("shifted in their plane, 5.13 mm" in said) is shifted


def test_directions_of_diffusion_are_stated(tmp_path: Path) -> None:
    directions = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    for t, z in np.ndindex(2, 2):
        data = dataset(
            np.full((4, 5), 2 * t + z, np.uint16),
            InstanceNumber=2 * t + z,
            ImagePositionPatient=[0, 0, 2.0 * z],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            DiffusionBValue=1000.0,
            DiffusionGradientOrientation=directions[t],
        )
        save(data, tmp_path / f"IM{2 * t + z}")
    _, (facts,), said = _names(tmp_path / "IM0")
    assert facts["diffusion_gradient_directions"] == directions
    assert "told apart by the direction of the diffusion gradient" in said


@pytest.mark.parametrize(
    ("syntax", "says"),
    [
        ("1.2.840.10008.1.2.4.102", "MPEG-4"),
        ("1.2.840.10008.1.2.4.110", "JPEG XL"),
        ("1.2.999.1", "transfer syntax 1.2.999.1 "),
    ],
)
def test_a_syntax_that_is_not_read_is_named(tmp_path: Path, syntax: str, says: str) -> None:
    path = save(dataset(np.zeros((4, 5), np.uint8)), tmp_path / "one.dcm")
    content = path.read_bytes()
    at = content.index(b"1.2.840.10008.1.2.1\0")
    stated = syntax.encode() + b"\0" * (len(syntax) % 2)
    n_more = len(stated) - 20
    group = int.from_bytes(content[140:144], "little") + n_more
    path.write_bytes(
        content[:140]
        + group.to_bytes(4, "little")
        + content[144 : at - 2]
        + len(stated).to_bytes(2, "little")
        + stated
        + content[at + 20 :]
    )
    with pytest.raises(UnsupportedFeatureError, match=says), read(path, {}):
        pass


def test_segments_of_a_label_map_have_names_and_shares_say_of_what(tmp_path: Path) -> None:
    with read(_sample("dicom-labelmap", tmp_path), {}) as contents:
        (image,) = contents.images
        assert image.metadata["segments"] == [{"segment_number": 1, "segment_label": "liver"}]
    with read(_sample("dicom-fractional", tmp_path), {}) as contents:
        said = [entry.sentence for entry in contents.evidence]
        assert "stored / 200 is the probability of the segment; the stored values are kept" in said
