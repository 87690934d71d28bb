"""DICOM: what is not copied is counted; text in the pixels is refused unless asked for."""

import numpy as np
import pytest

from sparc_fuse_core.errors import BurnedInTextError
from sparc_fuse_core.privacy.pixels import refuse_burned_in
from sparc_fuse_core.privacy.screening import screen
from sparc_fuse_core.readers.dicom.reader import read
from tests.samples.dicom import dataset, save

_PIXELS = np.zeros((4, 4), "uint16")


def _overlay(data, *, in_pixels):
    data.add_new((0x6000, 0x0010), "US", 4)
    data.add_new((0x6000, 0x0011), "US", 4)
    data.add_new((0x6000, 0x0100), "US", 16 if in_pixels else 1)
    data.add_new((0x6000, 0x0102), "US", 12 if in_pixels else 0)
    if not in_pixels:
        data.add_new((0x6000, 0x3000), "OW", b"\0\0")
    return data


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (dataset(_PIXELS, BurnedInAnnotation="YES"), "burned"),
        (_overlay(dataset(_PIXELS), in_pixels=True), "overlay"),
        (dataset(_PIXELS, BurnedInAnnotation="NO"), ""),
        (_overlay(dataset(_PIXELS), in_pixels=False), ""),
    ],
)
def test_text_in_pixels_is_refused(tmp_path, data, what):
    with read(save(data, tmp_path / "a.dcm"), {}) as contents:
        done = screen(contents, "dicom", free_text=False).contents
        if what:
            with pytest.raises(BurnedInTextError, match=rf"a\.dcm.*{what}.*--burned-in publish"):
                refuse_burned_in(done, "a.dcm")
        else:
            refuse_burned_in(done, "a.dcm")


def test_private_elements_and_descriptions_are_counted(tmp_path):
    data = dataset(_PIXELS, SeriesDescription="T2 of the nerve", OperatorsName="Doe")
    block = data.private_block(0x0029, "MAKER", create=True)
    block.add_new(0x01, "LO", "Doe^Jane")
    path = save(data, tmp_path / "a.dcm")
    for free_text in (True, False):
        with read(path, {}) as contents:
            done = screen(contents, "dicom", free_text=free_text)
        assert "Doe" not in str(done.contents.metadata)
        assert done.counts["private"] == 2
        kept = done.contents.metadata.get("elements", {})
        assert kept == ({"SeriesDescription": "T2 of the nerve"} if free_text else {})
