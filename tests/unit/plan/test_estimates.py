"""What is stored compressed is planned by its values, not by its size in storage."""

from __future__ import annotations

import pytest

from sparc_fuse_core.errors import SizeLimitError
from sparc_fuse_core.formats.registry import format_named
from sparc_fuse_core.plan.estimates import Estimate, estimate
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import SourceFile

MB = 1_000_000


def needs(name: str, size_bytes: int, format_name: str, *, here: bool = False) -> Estimate:
    file = SourceFile(f"files/primary/{name}", size_bytes)
    return estimate([file], format_named(format_name), None, Settings(), here=here)


@pytest.mark.parametrize(
    ("name", "row", "result_per_size"),
    [
        ("x.svs", "slide", 5.4),
        ("x.svs", "slide", 10.0),
        ("x.jp2", "jpeg2000", 11.0),
        ("x.jpg", "raster", 7.5),
        ("x.avi", "video", 112.0),
    ],
)
def test_disk_is_within_a_factor_of_two_of_what_was_measured(
    name: str, row: str, result_per_size: float
) -> None:
    planned = needs(name, 100 * MB, row).disk_bytes
    measured = (1 + result_per_size) * 100 * MB
    assert measured / 2 < planned < measured * 2


def test_time_follows_the_measured_speeds() -> None:
    assert 200 / 2.2 / 2 < needs("x.svs", 200 * MB, "slide").seconds < 200 / 0.7
    assert 10 / 0.3 / 2 < needs("x.avi", 10 * MB, "video").seconds < 2 * 10 / 0.3
    assert 10 / 0.09 / 2 < needs("x.mp4", 10 * MB, "video").seconds < 2 * 10 / 0.09


def test_a_slide_of_a_gigabyte_is_not_for_lambda_and_costs_its_time() -> None:
    slide, plain = needs("x.svs", 1000 * MB, "slide"), needs("x.czi", 1000 * MB, "czi")
    assert slide.runner == "fargate"
    assert slide.cost_usd > plain.cost_usd
    assert needs("x.svs", 300 * MB, "slide").runner == "lambda"


def test_a_video_that_no_task_holds_is_refused_there_and_not_here() -> None:
    with pytest.raises(SizeLimitError, match="the largest task"):
        needs("x.mp4", 1000 * MB, "video")
    assert needs("x.mp4", 1000 * MB, "video", here=True).disk_bytes > 200_000 * MB
