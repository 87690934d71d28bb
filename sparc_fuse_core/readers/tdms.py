"""LabVIEW .tdms: channels of a group that share increment, start, length and type are a stream.

npTDMS reads the index of the file at once and values when they are sliced, scaled as the file states.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from nptdms import TdmsFile

from sparc_fuse_core.blocks import FunctionBlocks, stacked
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Contents, Recording
from sparc_fuse_core.model.arrays import ArrayGroup, StoredArray
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MOST_CHANNELS = 100_000
#: Texts and values that no increment goes with are kept whole; longer ones are left out.
_MOST_KEPT = 10_000_000


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a .tdms file; see `sparc_fuse_core.readers.Reader`."""
    del options
    # an index beside the file may be of another one: the file has all that it has
    with path.open("rb") as opened, TdmsFile.open(opened) as file:
        channels = [one for group in file.groups() for one in group.channels() if len(one)]
        if not channels:
            message = f"{path.name}: holds no value; upload the original again"
            raise EmptyFileError(message)
        if len(channels) > _MOST_CHANNELS or any(len(one) < 0 for one in channels):
            message = f"{path.name}: announces {len(channels)} channels; it is damaged"
            raise CorruptFileError(message)
        waves = [one for one in channels if _increment_s(one) is not None and _is_real(one)]
        taken = set(map(id, waves))
        others = [one for one in channels if id(one) not in taken]
        starts = [one.properties.get("wf_start_time") for one in waves]
        moments = [np.datetime64(one) for one in starts if isinstance(one, np.datetime64)]
        first = min((one for one in moments if not np.isnat(one)), default=None)
        recordings = _recordings(waves, first)
        yield Contents(
            recordings=tuple(recordings),
            arrays=_kept(others),
            start_time=_iso(first),
        )


def _increment_s(channel: Any) -> float | None:
    """Return the seconds from sample to sample that a channel states."""
    step = channel.properties.get("wf_increment")
    if isinstance(step, int | float) and math.isfinite(step) and step > 0:
        return float(step)
    return None


def _is_real(channel: Any) -> bool:
    return np.dtype(channel.dtype).kind in "iuf"


def _recordings(waves: list[Any], first: np.datetime64 | None) -> list[Recording]:
    streams: dict[tuple[Any, ...], list[Any]] = {}
    for one in waves:
        key = (
            one.group_name,
            _increment_s(one),
            _start_s(one, first),
            len(one),
            np.dtype(one.dtype),
        )
        streams.setdefault(key, []).append(one)
    return [
        Recording(
            group,
            stacked([_Values(one) for one in members]),
            tuple(one.name for one in members),
            tuple(_unit(one) for one in members),
            # 0.001 s is 1000 Hz: fifteen digits are what the increment has
            float(f"{1.0 / step:.15g}"),
            start_s=start_s,
        )
        for (group, step, start_s, _, _), members in streams.items()
    ]


def _start_s(channel: Any, first: np.datetime64 | None) -> float:
    """Return when a channel's first sample was taken, from the earliest of the file on."""
    offset = channel.properties.get("wf_start_offset", 0.0)
    start = channel.properties.get("wf_start_time")
    seconds = float(offset) if isinstance(offset, int | float) and math.isfinite(offset) else 0.0
    if first is not None and isinstance(start, np.datetime64) and not np.isnat(start):
        seconds += float((start - first) / np.timedelta64(1, "us")) / 1e6
    return seconds


def _unit(channel: Any) -> str:
    unit = channel.properties.get("unit_string", "")
    return unit.strip() if isinstance(unit, str) else ""


def _iso(moment: np.datetime64 | None) -> str:
    """Return a moment with its zone: LabVIEW's times are UTC."""
    if moment is None:
        return ""
    return stated_start(f"{moment.astype('datetime64[us]')}+00:00")


class _Values:
    """The values of one channel: read when they are sliced."""

    def __init__(self, channel: Any) -> None:
        self.dtype = np.dtype(channel.dtype)
        self.shape = (len(channel),)
        self._channel = channel

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: slice) -> np.ndarray[Any, Any]:
        start, stop, _ = key.indices(len(self))
        if stop <= start:
            return np.empty(0, self.dtype)
        return np.asarray(self._channel.read_data(start, stop - start), self.dtype)


def _kept(channels: list[Any]) -> ArrayGroup | None:
    """Return what states no increment: numbers, times and texts by group, without a claim."""
    groups: dict[str, dict[str, StoredArray]] = {}
    for one in channels:
        array = _array(one)
        if array is not None:
            groups.setdefault(one.group_name, {}).setdefault(one.name, array)
    if not groups:
        return None
    return ArrayGroup(
        groups=tuple(ArrayGroup(name, tuple(arrays.values())) for name, arrays in groups.items())
    )


def _array(channel: Any) -> StoredArray | None:
    dtype = np.dtype(channel.dtype)
    if dtype.kind in "biufc" and dtype.itemsize <= 16:
        values = _Values(channel)

        def read_block(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
            return values[slice(*bounds[0])]

        blocks = FunctionBlocks(values.shape, dtype, read_block)
        return StoredArray(channel.name, blocks, units=_unit(channel))
    if len(channel) > _MOST_KEPT:
        return None
    whole = np.asarray(channel[:])
    if dtype.kind == "M":
        texts = np.datetime_as_string(whole.astype("datetime64[us]"), timezone="UTC")
        return StoredArray(channel.name, np.asarray(texts, dtype=str))
    return StoredArray(channel.name, whole.astype(str)) if dtype.kind in "OUS" else None
