"""HDF5 files that describe themselves: attributes of known names state rate, units and channel names.

A dataset is a recording if it, or a group above it, states a rate, or if a dataset with a name of time lies
beside it; else, if nothing in the file does, long numeric datasets are taken without a rate.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import UncertainMappingError
from sparc_fuse_core.model import Contents, Evidence, Recording
from sparc_fuse_core.readers.hdf5.arrays import StoredBlocks, check_filter, turned
from sparc_fuse_core.readers.hdf5.facts import (
    attribute,
    attributes_of,
    datasets,
    number_of,
    read_small,
    text_of,
    texts_of,
)
from sparc_fuse_core.readers.mat.signals import TIME_NAMES
from sparc_fuse_core.readers.shared.time_axis import (
    SECONDS,
    TimeAxis,
    describe_times,
    is_increasing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import h5py

    from sparc_fuse_core.model import Blocks

#: Attributes that state samples per second; only the second kind states the unit too.
RATE_ATTRIBUTES = (
    *("sampling_rate", "sample_rate", "samplingrate", "samplerate", "sampling rate", "sample rate"),
    *("sampling_frequency", "samplingfrequency", "sampling frequency", "fs", "sfreq", "srate"),
    *("sampling_rate_hz", "sample_rate_hz", "sampling_frequency_hz", "fs_hz"),
)
_UNIT_ATTRIBUTES = ("units", "unit")
_NAME_ATTRIBUTES = ("channel_names", "channels", "channel names", "labels", "column_names")
_LONG = 256
_MAX_RECORDINGS = 1000


def map_by_attributes(file: h5py.File, options: Mapping[str, Any], path: Path) -> Contents:
    """Map a file without a scheme.

    Raises
    ------
    UncertainMappingError
        If no dataset looks like a signal, or far too many do.
    """
    return _Generic(file, options, path).contents()


def is_samples(dataset: h5py.Dataset) -> bool:
    """Whether a dataset can hold samples: numbers along one or two axes, in this file."""
    shape = dataset.shape
    return (
        shape is not None
        and 1 <= len(shape) <= 2
        and dataset.size > 0
        and dataset.dtype.kind in "biuf"
    )


def channels_first(dataset: h5py.Dataset, samples_first: bool) -> Blocks:
    """Return (n_channels, n_samples); a vector is one channel."""
    stored = StoredBlocks(dataset)
    if dataset.dtype.kind == "b":
        stored = _as_bytes(stored)
    if len(dataset.shape) == 2:
        return turned(stored) if samples_first else stored

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        return stored[(slice(start, stop),)][None, :][first:last]

    return FunctionBlocks((1, dataset.shape[0]), stored.dtype, read)


def _as_bytes(stored: Any) -> Any:
    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        block = stored[tuple(slice(*pair) for pair in bounds)]
        return np.asarray(block).astype(np.uint8)

    return FunctionBlocks(stored.shape, np.dtype(np.uint8), read)


def units_of(dataset: h5py.Dataset, n_channels: int) -> tuple[str, ...]:
    """Return the unit of each channel, as the dataset's attributes state it."""
    stated = attribute(dataset, _UNIT_ATTRIBUTES)
    found = texts_of(stated) if stated is not None else ()
    if len(found) == n_channels:
        return found
    return (found[0] if len(found) == 1 else "",) * n_channels


def names_of(dataset: h5py.Dataset, n_channels: int) -> tuple[str, ...]:
    """Return the channels' names by attribute, else the dataset's own name for each."""
    stated = attribute(dataset, _NAME_ATTRIBUTES)
    found = texts_of(stated) if stated is not None else ()
    if len(found) == n_channels:
        return found
    return (PurePosixPath(str(dataset.name)).name,) * n_channels


class _Generic:
    def __init__(self, file: h5py.File, options: Mapping[str, Any], path: Path) -> None:
        self.path = path
        self.file = file
        self.orientation = str(options.get("orientation", ""))
        self.rate_hz = options.get("sampling_rate_hz")
        self.outside: list[str] = []
        self.all = dict(datasets(file, outside=self.outside))
        self.candidates = {name: item for name, item in self.all.items() if is_samples(item)}
        self.evidence: list[Evidence] = []
        self.used: set[str] = set()

    def _say(self, fact: str, basis: Any, sentence: str) -> None:
        self.evidence.append(Evidence(fact, basis, sentence))

    def contents(self) -> Contents:
        candidates = self.candidates
        recordings = []
        for name, item in candidates.items():
            recording = self._timed(name, item)
            if recording is not None:
                recordings.append(recording)
        if not recordings:
            recordings = [
                self._long(name, item) for name, item in candidates.items() if _is_long(item)
            ]
        if not recordings or len(recordings) > _MAX_RECORDINGS:
            shown = ", ".join(list(self.all)[:20]) + (", …" if len(self.all) > 20 else "")
            what = "no dataset says" if not recordings else f"{len(recordings)} datasets may say"
            message = (
                f"{self.path.name}: {what} that it is a signal (found: {shown}{self._outside()}); describe the "
                "file by a mapping scheme: `sparc-fuse scheme new --from <this file>` starts one"
            )
            raise UncertainMappingError(message)
        return Contents(tuple(recordings), metadata=self._metadata(), evidence=tuple(self.evidence))

    def _timed(self, name: str, item: h5py.Dataset) -> Recording | None:
        """Return a recording if a rate is stated for a dataset, or times lie beside it."""
        leaf = PurePosixPath(name).name.lower()
        if leaf in TIME_NAMES:
            return None
        rate_hz = self._stated_rate(name, item)
        if rate_hz is not None and max(item.shape) > 1:
            return self._recording(name, item, TimeAxis(rate_hz, 0.0, None, "s"), None)
        clock = self._times_beside(name)
        if clock is None:
            return None
        times_name, times = clock
        if times.shape[0] not in item.shape or times.shape[0] < 2 or item == times:
            return None
        if len(item.shape) == 2 and item.shape[0] == item.shape[1] and not self.orientation:
            return None
        vector = StoredBlocks(times)
        if not is_increasing(vector):
            self._say("time", "missing", f"`{times_name}` does not increase: not taken as time")
            return None
        unit = text_of(attribute(times, _UNIT_ATTRIBUTES))
        unit = unit if unit in SECONDS else TIME_NAMES[PurePosixPath(times_name).name.lower()]
        self.used.add(times_name)
        self._say("time", "inferred", f"`{times_name}` is taken as time of `{name}` by its name")
        return self._recording(name, item, describe_times(vector, unit), times.shape[0])

    def _stated_rate(self, name: str, item: h5py.Dataset) -> float | None:
        """Return the rate that the dataset, or a group above it, states by a known attribute."""
        place: Any = item
        for _ in range(len(PurePosixPath(name).parts) + 1):
            value = attribute(place, RATE_ATTRIBUTES)
            rate_hz = None if value is None else number_of(value)
            if rate_hz is not None and rate_hz > 0:
                if place != item and not self._is_longest(item, str(place.name)):
                    return None
                self._say(
                    "time", "file", f"an attribute of `{place.name}` states the rate of `{name}`"
                )
                return rate_hz
            place = place.parent
        if self.rate_hz is None or not self._is_longest(item, "/"):
            return None
        self._say("time", "scheme", f"the rate of {self.rate_hz:g} Hz is the scheme's")
        return float(self.rate_hz)

    def _is_longest(self, item: h5py.Dataset, group: str) -> bool:
        """Whether a rate stated for a group can be meant for a dataset: no other in it is longer.

        Beside samples lie lists of channels, weights and marks, which have no rate.
        """
        prefix = group.strip("/") + "/" if group.strip("/") else ""
        longest = max(
            max(other.shape) for name, other in self.candidates.items() if name.startswith(prefix)
        )
        return bool(max(item.shape) == longest)

    def _times_beside(self, name: str) -> tuple[str, h5py.Dataset] | None:
        folder = str(PurePosixPath(name).parent)
        found = [
            (other, item)
            for other, item in self.all.items()
            if str(PurePosixPath(other).parent) == folder
            and PurePosixPath(other).name.lower() in TIME_NAMES
            and is_samples(item)
            and len(item.shape) == 1
        ]
        return found[0] if len(found) == 1 else None

    def _recording(
        self, name: str, item: h5py.Dataset, axis: TimeAxis, n_samples: int | None
    ) -> Recording:
        check_filter(item, self.path)
        samples_first = self._samples_first(name, item, n_samples)
        signals = channels_first(item, samples_first)
        n_channels = signals.shape[0]
        self.used.add(name)
        return Recording(
            name,
            signals,
            names_of(item, n_channels),
            units_of(item, n_channels),
            axis.rate_hz,
            start_s=axis.start_s,
            times=axis.times,
            time_units=axis.units if axis.times is not None else "s",
            metadata=attributes_of(item),
        )

    def _samples_first(self, name: str, item: h5py.Dataset, n_samples: int | None) -> bool:
        if len(item.shape) == 1:
            return True
        if self.orientation:
            return self.orientation == "samples_first"
        if n_samples is not None:
            return bool(item.shape[0] == n_samples)
        self._say("axes", "inferred", f"the longer axis of `{name}` is taken as time")
        return bool(item.shape[0] >= item.shape[1])

    def _long(self, name: str, item: h5py.Dataset) -> Recording:
        self._say("signals", "inferred", f"`{name}` is taken as a signal only because it is long")
        self._say("time", "missing", f"no time and no rate for `{name}`: samples are counted")
        return self._recording(name, item, TimeAxis(None, 0.0, None, "s"), None)

    def _outside(self) -> str:
        """Return what is said of members that lie in other files, or ``""``."""
        if not self.outside:
            return ""
        shown = ", ".join(self.outside[:5]) + (", …" if len(self.outside) > 5 else "")
        return f"; not followed, because in another file or nowhere: {shown}"

    def _metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = attributes_of(self.file)
        kept: dict[str, Any] = {}
        left: dict[str, Any] = {}
        for name, item in list(self.all.items())[:_MAX_RECORDINGS]:
            if name in self.used:
                continue
            value = read_small(item)
            if value is None:
                shape = None if item.shape is None else list(item.shape)
                left[name] = {"shape": shape, "type": str(item.dtype)}
            else:
                kept[name] = value
        if self.outside:
            self._say("content", "missing", self._outside().removeprefix("; "))
        if kept:
            metadata["datasets"] = kept
        if left:
            metadata["unmapped_datasets"] = left
            self._say("content", "missing", f"{len(left)} dataset(s) are neither signals nor small")
        return metadata


def _is_long(item: h5py.Dataset) -> bool:
    short, long = (1, item.shape[0]) if len(item.shape) == 1 else sorted(item.shape)
    return bool(long >= _LONG and long >= 4 * short)
