"""What an item needs and costs: memory, disk, time, Lambda or Fargate, and the price.

Everything that decides where an item runs is in this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import SizeLimitError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.plan.decoded import Decoded
    from sparc_fuse_core.plan.items import Item, Runner
    from sparc_fuse_core.schemes.schemes import Scheme
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import SourceFile

#: What a worker holds besides its buffers, libraries and verification included. Measured for recordings
#: with a budget of 64 MB: 214 MB in all, whatever their length; a quarter is added.
_BASE_MEMORY_BYTES = {"signal": 140_000_000}
_OTHER_BASE_MEMORY_BYTES = 300_000_000

#: How often the budget is in use at the worst.
_BUDGETS = {"signal": 2}
_OTHER_BUDGETS = 3
_BYTES_PER_S = 20_000_000

#: Disk for source, scratch and result of what is stored about as large as its result, in sizes of the source.
_DISK_PER_SIZE = 3.0


@dataclass(frozen=True, slots=True)
class _Compressed:
    """What is stored much smaller than its values: size of the result in sizes of the source, and its speed."""

    result_per_size: float
    bytes_per_s: float


#: Measured with real files, by extension: slides 5.4 and 10 times, JPEG 2000 11, JPEG 7.5, AVI 112, MP4 105 and
#: 638 (the geometric mean stands here). Speeds of slides and videos in source bytes are measured; the others
#: follow from the speed at which values are written.
_JPEG_2000 = _Compressed(11.0, _BYTES_PER_S / 11)
_JPEG = _Compressed(7.5, _BYTES_PER_S / 7.5)
_SLIDE = _Compressed(7.4, 1_200_000)
_AVI = _Compressed(112.0, 300_000)
_MPEG_4 = _Compressed(260.0, 90_000)
_COMPRESSED = {
    **dict.fromkeys((".jp2", ".jpx", ".jpf", ".j2k", ".j2c"), _JPEG_2000),
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), _JPEG),
    **dict.fromkeys((".svs", ".mrxs", ".ndpi", ".scn", ".bif", ".svslide", ".vms", ".vmu"), _SLIDE),
    ".avi": _AVI,
    **dict.fromkeys(
        (
            *(".mp4", ".mov", ".m4v", ".webm", ".mkv", ".ogv", ".mpg", ".mpeg", ".wmv", ".asf"),
            *(".mts", ".m2ts", ".3gp", ".flv"),
        ),
        _MPEG_4,
    ),
}

_BASE_SECONDS = 3.0

#: Files of one item are fetched side by side.
_SECONDS_PER_FILE = 0.01
_LAMBDA_LIMIT_S = 600.0

_HOURS_A_MONTH = 730

#: Prices in US dollars, eu-north-1, noted on 2026-11-23; see docs/operations.md.
PRICES = {
    "lambda_gb_s": 0.0000166667,
    "lambda_request": 0.0000002,
    "fargate_vcpu_h": 0.0445,
    "fargate_gb_h": 0.0049,
    "fargate_disk_gb_h": 0.000122,
    "volume_gb_month": 0.0836,
    "transfer_gb": 0.02,
    "put": 0.005 / 1000,
    "transition": 25 / 1_000_000,
}

#: Extras that the Lambda image has. A format of another extra goes to Fargate, whose image has them all:
#: those libraries are under the GPL (also FFmpeg as PyAV brings it, with x264), need Java, or read what is
#: rare.
LAMBDA_EXTRAS = ("dense", "igor", "images", "signals", "slides")

#: What is planned may be so many times too little or too much; a cost limit is held against the upper end.
ACCURACY = 2.0

#: Fargate sizes: CPU units, and the memory (MiB) that a task of them can have: least, most, step.
_FARGATE_SIZES = (
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 17408, 30720, 1024),
    (8192, 32768, 61440, 4096),
    (16384, 65536, 122880, 8192),
)

#: A volume is as fast as the task's processors allow: 75 MiB/s with 2 vCPUs, 120 with 4.
#: AWS, "Performance of Amazon EBS volumes for Fargate on-demand tasks".
_VOLUME_CPU = 4096

#: The largest volume that ECS makes for a task; and the least for an item that found 200 GiB too little.
_VOLUME_GIB = 16_384
_NEXT_VOLUME_GIB = 1000

#: In the price of a task; the image lies on it too.
_FREE_DISK_GIB = 20
_LEAST_DISK_GIB = 21

#: A task is ended after so many times the planned time, and never before the first of these or after the last.
_LATE = 4.0
_TIMES_S = (12 * 3600, 14 * 24 * 3600)

#: Smaller ones only where the account's quota leaves no other.
_USUAL_CPU = 2048

_FARGATE_DISK_GIB = 200


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one item needs, and where it runs in the cloud."""

    runner: Runner
    memory_bytes: int
    disk_bytes: int
    seconds: float
    cost_usd: float


@dataclass(frozen=True, slots=True)
class FargateSize:
    """What a Fargate task is started with.

    Attributes
    ----------
    disk_gib
        Of the task itself, the image included.
    volume_gib
        Of the EBS volume that is made for it and deleted after it; 0 for none.
    """

    cpu_units: int
    memory_mib: int
    disk_gib: int
    volume_gib: int = 0

    @property
    def vcpus(self) -> float:
        """Processors, as AWS counts them for its quotas."""
        return self.cpu_units / 1024


def estimate(
    files: Sequence[SourceFile],
    row: Format,
    scheme: Scheme | None,
    settings: Settings,
    decoded: Mapping[str, Decoded] | None = None,
    *,
    here: bool = False,
) -> Estimate:
    """Return what the item of ``files`` needs; on this machine (``here``) nothing is too large.

    Parameters
    ----------
    decoded
        What the headers of compressed files tell, by path; the measured factor of the format elsewhere.

    Raises
    ------
    SizeLimitError
        If the largest task has too little of it.
    """
    size_bytes = sum(file.size_bytes for file in files)
    memory_bytes = _BASE_MEMORY_BYTES.get(row.kind, _OTHER_BASE_MEMORY_BYTES)
    memory_bytes += _BUDGETS.get(row.kind, _OTHER_BUDGETS) * settings.memory_budget_bytes
    memory_bytes += round(row.memory_factor * size_bytes)
    disk_bytes, seconds = _disk_and_time(files, decoded or {})
    seconds += _BASE_SECONDS + len(files) * _SECONDS_PER_FILE
    too_large = (
        memory_bytes > settings.fargate_memory_bytes or disk_bytes > settings.fargate_volume_bytes
    )
    if too_large and not here:
        message = (
            f"{files[0].path}: needs about {memory_bytes / 1e9:.0f} GB of memory and "
            f"{disk_bytes / 1e9:.0f} GB of disk; the largest task has "
            f"{settings.fargate_memory_bytes / 1e9:.0f} and, as a volume, "
            f"{settings.fargate_volume_bytes / 1e9:.0f}; convert it on a machine with that much "
            "(sparc-fuse convert)"
        )
        raise SizeLimitError(message)
    runner: Runner = "lambda"
    if (
        not in_lambda_image(row, scheme)
        or memory_bytes > settings.lambda_memory_bytes
        or disk_bytes > settings.lambda_disk_bytes
        or seconds > _LAMBDA_LIMIT_S
    ):
        runner = "fargate"
    return Estimate(
        runner,
        memory_bytes,
        disk_bytes,
        seconds,
        _cost_usd(runner, seconds, memory_bytes, disk_bytes, files, settings),
    )


def in_lambda_image(row: Format, scheme: Scheme | None) -> bool:
    """Return whether the Lambda image has what reads a file; the Fargate image has it always."""
    # a scheme that asks for another library than the usual one (nd2reader, GPL) means Fargate too
    asks = scheme is not None and "library" in scheme.options
    return not asks and (not row.extra or row.extra in LAMBDA_EXTRAS)


def _cost_usd(
    runner: Runner,
    seconds: float,
    memory_bytes: int,
    disk_bytes: int,
    files: Sequence[SourceFile],
    settings: Settings,
) -> float:
    if runner == "lambda":
        work = seconds * settings.lambda_memory_bytes / 1e9 * PRICES["lambda_gb_s"]
        work += PRICES["lambda_request"]
    else:
        billed_h = max(seconds, 60.0) / 3600
        least_cpu = _VOLUME_CPU if disk_bytes > settings.fargate_disk_bytes else _USUAL_CPU
        cpu_units, memory_mib = _cpu_and_memory(memory_bytes, least_cpu)
        disk_gib, volume_gib = _disks(disk_bytes, settings)
        work = billed_h * (
            cpu_units / 1024 * PRICES["fargate_vcpu_h"]
            + memory_mib / 1024 * PRICES["fargate_gb_h"]
            + max(0, disk_gib - _FREE_DISK_GIB) * PRICES["fargate_disk_gb_h"]
            + volume_gib * PRICES["volume_gb_month"] / _HOURS_A_MONTH
        )
    rest = sum(file.size_bytes for file in files) / 1e9 * PRICES["transfer_gb"]
    return work + rest + max(100, len(files)) * PRICES["put"] + 8 * PRICES["transition"]


def _disks(disk_bytes: int, settings: Settings) -> tuple[int, int]:
    """Return GiB of the task's own disk and of a volume, with a quarter more than is planned."""
    wanted_gib = round(1.25 * disk_bytes / 2**30)
    if disk_bytes > settings.fargate_disk_bytes:
        return _LEAST_DISK_GIB, min(_VOLUME_GIB, wanted_gib)
    return min(_FARGATE_DISK_GIB, _LEAST_DISK_GIB + wanted_gib), 0


def copy_cost_usd(n_objects: int) -> float:
    """Return what it costs to copy a result of ``n_objects`` inside the bucket."""
    return (n_objects + 2) * PRICES["put"] + 8 * PRICES["transition"]


def fargate_size(item: Item, settings: Settings, most_vcpus: float | None = None) -> FargateSize:
    """Return the smallest task that holds ``item``.

    One that was planned for Lambda comes to Fargate only if Lambda's memory, disk or time was too little.

    Parameters
    ----------
    most_vcpus
        Processors that the account may run at once, where that is known.

    Raises
    ------
    SizeLimitError
        If no task of so few processors has the memory.
    """
    memory_bytes, disk_bytes = item.memory_bytes, item.disk_bytes
    if item.runner == "lambda":
        memory_bytes = 2 * settings.lambda_memory_bytes
        disk_bytes = max(disk_bytes, 3 * settings.lambda_disk_bytes)
    disk_gib, volume_gib = _disks(disk_bytes, settings)
    least_cpu = _VOLUME_CPU if volume_gib else _USUAL_CPU
    cpu_units, memory_mib = _cpu_and_memory(memory_bytes, least_cpu)
    if most_vcpus is not None and cpu_units > 1024 * most_vcpus:
        fitting = [size for size in _FARGATE_SIZES if size[0] <= 1024 * most_vcpus]
        if not fitting or (item.runner == "fargate" and memory_bytes > fitting[-1][2] * 2**20):
            message = (
                f"{item.path}: needs a task of {cpu_units / 1024:g} vCPUs, and the account may run "
                f"{most_vcpus:g} of Fargate at once; ask AWS for more (Service Quotas, Fargate)"
            )
            raise SizeLimitError(message)
        wanted = min(memory_bytes, fitting[-1][2] * 2**20)
        cpu_units, memory_mib = _cpu_and_memory(wanted, fitting[-1][0])
    return FargateSize(cpu_units, memory_mib, disk_gib, volume_gib)


def largest_size(most_vcpus: float | None = None) -> FargateSize | None:
    """Return the largest task that the account may run; None if that is none."""
    fitting = [s for s in _FARGATE_SIZES if most_vcpus is None or s[0] <= 1024 * most_vcpus]
    if not fitting:
        return None
    return FargateSize(fitting[-1][0], fitting[-1][2], _FARGATE_DISK_GIB)


def with_volume(item: Item, size: FargateSize) -> FargateSize:
    """Return a task with a volume: the planned one, or for an item that found the largest disk too small."""
    if size.volume_gib:
        return size
    wanted_gib = max(_NEXT_VOLUME_GIB, round(5 * item.disk_bytes / 2**30))
    return FargateSize(
        size.cpu_units, size.memory_mib, _LEAST_DISK_GIB, min(_VOLUME_GIB, wanted_gib)
    )


def longest_s(item: Item) -> int:
    """Return the seconds after which the task of an item is ended."""
    return round(min(max(_LATE * item.seconds, _TIMES_S[0]), _TIMES_S[1]))


def _disk_and_time(
    files: Sequence[SourceFile], decoded: Mapping[str, Decoded]
) -> tuple[int, float]:
    """Return the disk that source, scratch files and result take at once, and the seconds of decoding."""
    # companions of a slide (.dat) are compressed as it is
    compressed = _COMPRESSED.get(_suffix(files[0].path))
    disk_bytes, seconds = 0.0, 0.0
    for file in files:
        known = decoded.get(file.path)
        disk_bytes += file.size_bytes
        if known is not None:
            speed = _BYTES_PER_S
            if compressed:
                speed = round(compressed.bytes_per_s * compressed.result_per_size)
            disk_bytes += known.disk_bytes
            seconds += max(known.n_bytes, file.size_bytes) / speed
        elif compressed:
            disk_bytes += max(_DISK_PER_SIZE - 1, compressed.result_per_size) * file.size_bytes
            seconds += file.size_bytes / compressed.bytes_per_s
        else:
            disk_bytes += (_DISK_PER_SIZE - 1) * file.size_bytes
            seconds += file.size_bytes / _BYTES_PER_S
    return round(disk_bytes), seconds


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def _cpu_and_memory(memory_bytes: int, least_cpu: int = _USUAL_CPU) -> tuple[int, int]:
    """Return CPU units and MiB of the smallest task that holds ``memory_bytes``."""
    wanted = -(-memory_bytes // 2**20)
    for cpu, least, most, step in _FARGATE_SIZES:
        if cpu >= least_cpu and wanted <= most:
            return cpu, max(least, least - (least - wanted) // step * step)
    return _FARGATE_SIZES[-1][0], _FARGATE_SIZES[-1][2]
