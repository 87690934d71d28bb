"""A shared real ND2 file against its stated truth, through both libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.errors import SchemeError
from sparc_fuse_core.readers.nd2.reader import read
from tests.shared_images import check_images

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = ("5-FAM/pH 9.0", "FM 4-64/2% CHAPS")


@pytest.fixture
def cluster(shared_samples: Path) -> Path:
    return shared_samples / "imaging" / "nd2" / "cluster.nd2"


def test_shared_file_equals_its_truth(cluster: Path) -> None:
    step = 0.16780898323268245
    expected = {
        "axes": "tczyx",
        # the mean of 11.08618 - 0.44508 and 21.74018 - 11.08618 s, as each frame states
        "scale": {"x": step, "y": step, "z": 0.5, "t": 10.647547206794844},
        "units": dict.fromkeys("xyz", "micrometer") | {"t": "second"},
        "names": _NAMES,
    }
    assert not check_images(cluster, "nd2", [expected])


def test_fallback_reads_the_same_pixels(cluster: Path) -> None:
    whole = (slice(None),) * 5
    with read(cluster, {}) as first, read(cluster, {"library": "nd2reader"}) as second:
        image, other = first.images[0], second.images[0]
        assert (image.axes, image.channel_names) == (other.axes, other.channel_names)
        assert other.pixels.dtype == np.uint16
        np.testing.assert_array_equal(image.pixels[whole], other.pixels[whole])
        assert [part.fact for part in second.evidence] == ["scale"]


def test_unknown_library_is_refused(cluster: Path) -> None:
    with (
        pytest.raises(SchemeError, match="known: 'nd2', 'nd2reader'"),
        read(cluster, {"library": "pims"}),
    ):
        pass
