"""One table of units for all readers: names of the OME-NGFF specification, seconds, spellings once."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.readers.shared.time_axis import SECONDS as AXIS_SECONDS
from sparc_fuse_core.readers.shared.units import (
    SECONDS,
    SECONDS_IN,
    TIMES,
    length_unit,
    seconds_of,
    time_unit,
)
from sparc_fuse_core.readers.shared.vocabulary import time_unit_of

if TYPE_CHECKING:
    from pathlib import Path

#: OME-NGFF 0.5, axes metadata.
NGFF_TIMES = {"picosecond", "nanosecond", "microsecond", "millisecond", "second"}
NGFF_TIMES |= {"minute", "hour", "day"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("micrometer", "micrometer"),
        ("millimeter", "millimeter"),
        ("inch", "inch"),
        ("in", "inch"),
        ("Micron", "micrometer"),
        ("\\u00B5m", "micrometer"),
        ("μm", "micrometer"),
        ("Å", "angstrom"),
        ("mm\0", "millimeter"),
        ("furlong", ""),
        ("", ""),
    ],
)
def test_lengths_keep_their_unit(text: str, name: str) -> None:
    assert length_unit(text) == name


@pytest.mark.parametrize(
    ("text", "name", "short"),
    [
        ("msec", "millisecond", "ms"),
        ("µs", "microsecond", "us"),
        ("μs", "microsecond", "us"),
        ("\\u00B5s", "microsecond", ""),
        ("Minuten", "minute", "min"),
        ("ps", "picosecond", ""),
        ("Hz", "", ""),
    ],
)
def test_times_have_a_name_and_a_short_one(text: str, name: str, short: str) -> None:
    assert time_unit(text) == name
    assert time_unit_of(text) == short


def test_the_table_is_whole_and_says_nothing_twice() -> None:
    assert {unit.name for unit in TIMES} == NGFF_TIMES
    words = [word for unit in TIMES for word in unit.spellings.split()]
    assert len(words) == len(set(words))
    assert SECONDS["us"] == Fraction(1, 1_000_000)
    assert {short: float(seconds) for short, seconds in SECONDS.items()} == AXIS_SECONDS
    assert (SECONDS_IN["msec"], seconds_of("day"), seconds_of("meter")) == (1e-3, 86400.0, None)


@pytest.mark.parametrize("unit", ["micrometer", "millimeter", "inch"])
def test_nrrd_keeps_units_that_are_spelled_out(tmp_path: Path, unit: str) -> None:
    pixels = np.arange(24, dtype="<u2")
    header = (
        "NRRD0004\ntype: uint16\ndimension: 3\nsizes: 4 3 2\nspace dimension: 3\n"
        f'space units: "{unit}" "{unit}" "{unit}"\nspace directions: (2,0,0) (0,2,0) (0,0,5)\n'
        "encoding: raw\nendian: little\n\n"
    )
    path = tmp_path / "volume.nrrd"
    path.write_bytes(header.encode() + pixels.tobytes())
    with load_reader(format_named("nrrd"))(path, {}) as contents:
        (image,) = contents.images
        assert dict(image.axis_units) == dict.fromkeys("zyx", unit)
        assert dict(image.scale) == {"z": 5.0, "y": 2.0, "x": 2.0}
