"""What is aimed at, as data. Seconds were set elsewhere, so each comes with what the floor took there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """``field`` of a workload's way must not exceed ``limit``.

    Attributes
    ----------
    of
        The limit is a multiple of the same field of this other way.
    floor
        What the floor took where the limit was set; if the floor takes longer here, so may the work.
    """

    workload: str
    way: str
    field: str
    limit: float
    of: str = ""
    floor: float = 0.0


TARGETS = (
    Target("rhd", "ours", "cpu_s", 1.5, floor=1.0),
    Target("rhd", "ours", "cpu_s", 1 / 3, of="spikeinterface"),
    Target("rhd", "verified", "cpu_s", 1.6, of="ours"),
    Target("rhd", "ours", "peak_rss_mb", 180),
    Target("rhd", "verified", "peak_rss_mb", 1.1, of="ours"),
    Target("rhd", "ours", "mb_out", 110),
    Target("rhd10", "ours", "peak_rss_mb", 180),
    Target("rhd10", "verified", "cpu_s", 1.6, of="ours"),
    Target("dense", "ours", "mb_out", 88),
    Target("bucket", "ours", "cpu_s", 2.2, floor=1.0),
    Target("bucket", "ours", "requests", 65),
    Target("bucket", "ours", "mb_moved", 112),
    Target("stack", "ours", "cpu_s", 3.0, floor=2.15),
    Target("stack", "verified", "cpu_s", 1.6, of="ours"),
    Target("stack2g", "ours", "peak_rss_mb", 256),
    Target("virtual20g", "ours", "peak_rss_mb", 256),
    Target("jpeg", "ours", "cpu_s", 3.0, floor=2.1),
    Target("jpeg", "ours", "objects", 40),
    Target("jpeg", "verified", "cpu_s", 1.6, of="ours"),
    Target("csv", "ours", "cpu_s", 1.6, floor=1.2),
    Target("csv", "verified", "cpu_s", 1.6, of="ours"),
    Target("mat5", "ours", "cpu_s", 2.0, floor=1.6),
    Target("mat5", "verified", "cpu_s", 1.6, of="ours"),
    Target("mat73", "ours", "cpu_s", 2.0, floor=1.6),
    Target("mat73", "ours", "peak_rss_mb", 130),
    Target("mat73", "verified", "cpu_s", 1.6, of="ours"),
    Target("slice", "ours", "wall_s", 0.065, floor=0.047),
    Target("slice", "ours", "requests", 4),
    Target("slice", "ours", "mb_moved", 0.15),
    Target("slice", "plain xarray", "wall_s", 0.32, floor=0.047),
    Target("slice", "plain xarray", "requests", 12),
    Target("slice", "plain xarray", "mb_moved", 0.15),
    Target("overview", "ours", "wall_s", 0.065),
    Target("overview", "ours", "requests", 5),
    Target("overview", "ours", "mb_moved", 0.1),
    Target("upload", "ours", "wall_s", 0.8),
    Target("upload", "ours", "cpu_s", 0.45),
    Target("import", "ours", "cpu_s", 0.05),
    Target("planning", "ours", "cpu_s", 0.3),
    Target("plan50k", "ours", "cpu_s", 20),
    Target("plan50k", "ours", "peak_rss_mb", 300),
)
