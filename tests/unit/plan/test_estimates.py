"""What is stored compressed is planned by its values, not by its size in storage."""

from __future__ import annotations

import pytest

from sparc_fuse_core.errors import SizeLimitError
from sparc_fuse_core.formats.registry import format_named
from sparc_fuse_core.plan.estimates import (
    Estimate,
    estimate,
    fargate_size,
    longest_s,
    with_volume,
)
from sparc_fuse_core.plan.items import Item
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


def test_what_no_volume_holds_is_refused_in_the_cloud_with_the_reason_and_not_here() -> None:
    with pytest.raises(SizeLimitError, match=r"18000 GB of disk.*convert it on a machine"):
        needs("x.czi", 6_000_000 * MB, "czi")
    assert needs("x.czi", 6_000_000 * MB, "czi", here=True).disk_bytes == 18_000_000 * MB
    # a video of 1 GB is 260
    assert needs("x.mp4", 1000 * MB, "video").disk_bytes > 200_000 * MB


def planned(name: str, size_bytes: int, format_name: str) -> Item:
    file = SourceFile(f"files/primary/{name}", size_bytes)
    one = needs(name, size_bytes, format_name)
    values = (one.runner, one.memory_bytes, one.disk_bytes, one.seconds, one.cost_usd)
    return Item((file,), format_name, None, *values, name, "key")


@pytest.mark.parametrize(
    ("size_bytes", "has_volume"),
    [(60_000 * MB, False), (67_000 * MB, True), (1_000_000 * MB, True), (5_000_000 * MB, True)],
)
def test_up_to_five_terabytes_have_a_task_with_the_disk(size_bytes: int, has_volume: bool) -> None:
    item = planned("x.czi", size_bytes, "czi")
    size = fargate_size(item, Settings())
    assert bool(size.volume_gib) == has_volume
    room_gib = (size.volume_gib or size.disk_gib - 10) * 2**30
    assert room_gib > 3.0 * size_bytes, "source, scratch files and result do not fit"
    # ECS takes no larger ones
    assert size.volume_gib <= 16_384
    assert size.disk_gib <= 200
    # three times as slow as it is thought to be, and it still ends
    assert max(12 * 3600, 3 * item.seconds) <= longest_s(item) <= 14 * 24 * 3600


def test_an_item_that_found_the_largest_disk_too_small_gets_several_times_as_much() -> None:
    for size_bytes in (10 * MB, 60_000 * MB):
        item = planned("x.czi", size_bytes, "czi")
        size = with_volume(item, fargate_size(item, Settings()))
        assert 1000 <= size.volume_gib <= 16_384
        assert size.volume_gib * 2**30 > 4 * item.disk_bytes
        assert with_volume(item, size) == size


def test_a_terabyte_costs_what_is_computed_by_hand() -> None:
    """20 MB/s are 50,000 s; 4 vCPUs with 17 GiB; 3 TB and a quarter are 3,492 GiB of a volume."""
    hours = (50_000 + 3) / 3600
    task = hours * (4 * 0.0445 + 17 * 0.0049 + 0.000122)
    volume = hours * 3492 * 0.0836 / 730
    transfer = 1000 * 0.02
    assert needs("x.czi", 1_000_000 * MB, "czi").cost_usd == pytest.approx(
        task + volume + transfer, rel=0.001
    )
