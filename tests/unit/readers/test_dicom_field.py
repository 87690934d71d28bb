"""What a DICOM image says beside its pixels: which image it is, what its values stand for, where slices lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import Dataset

from sparc_fuse_core.errors import CorruptFileError
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
