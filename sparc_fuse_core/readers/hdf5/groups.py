"""HDF5 files in which groups are subjects, trials or moments, as a scheme says.

``group_path = "{subject}/{start}"`` names the levels of groups above the datasets. Groups of a level in
``separate_levels`` never share a stream; at the ``time_level`` the name of a group is the ISO 8601 time at
which its samples begin, and its datasets are segments of one stream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import h5py

from sparc_fuse_core.errors import SchemeError, UncertainMappingError
from sparc_fuse_core.model import Contents, Evidence, Recording, Segment
from sparc_fuse_core.readers.exports.claims import stacked_rows
from sparc_fuse_core.readers.hdf5.arrays import check_filter, member
from sparc_fuse_core.readers.hdf5.facts import attributes_of, read_small
from sparc_fuse_core.readers.hdf5.rows import channels_first, is_samples, names_of, units_of
from sparc_fuse_core.readers.hdf5.wavesurfer import end_to_end
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Blocks

_LEVEL = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class _Place:
    """One group at the end of the path, and the name of each level above it."""

    group: h5py.Group
    levels: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Part:
    """One dataset of a stream."""

    dataset: h5py.Dataset
    signals: Blocks
    start: datetime | None


def map_groups(file: h5py.File, options: Mapping[str, Any], path: Path) -> Contents:
    """Map a file by levels of groups.

    Raises
    ------
    SchemeError
        If no group fits the path, or a name at the time's level is no time.
    UncertainMappingError
        If the groups hold no dataset that the scheme names.
    """
    return _Grouped(file, options, path).contents()


class _Grouped:
    def __init__(self, file: h5py.File, options: Mapping[str, Any], path: Path) -> None:
        self.file = file
        self.path = path
        self.pattern = str(options["group_path"])
        self.time_level = str(options.get("time_level", ""))
        self.separate = tuple(options.get("separate_levels", ()))
        self.rates_hz: dict[str, float] = dict(options.get("dataset_rates_hz", {}))
        self.wanted = tuple(options.get("signal_datasets", ())) or tuple(self.rates_hz)
        self.samples_first = options.get("orientation", "samples_first") == "samples_first"
        known = _LEVEL.findall(self.pattern)
        for level in (*self.separate, *filter(None, [self.time_level])):
            if level not in known:
                raise SchemeError(
                    f"{path.name}: the scheme's level {level!r} is not in {self.pattern!r}"
                )
        self.evidence: list[Evidence] = []
        self.left: dict[str, Any] = {}

    def contents(self) -> Contents:
        places = list(_places(self.file, self.pattern.strip("/").split("/"), {}))
        if not places:
            shown = ", ".join(list(self.file)[:10])
            raise SchemeError(
                f"{self.path.name}: no group fits {self.pattern!r} (at the top: {shown})"
            )
        recordings = self._segmented(places) if self.time_level else self._single(places)
        if not recordings:
            found = ", ".join(sorted({name for place in places for name in place.group})[:20])
            raise UncertainMappingError(
                f"{self.path.name}: no dataset of the scheme ({', '.join(self.wanted)}) in the groups of "
                f"{self.pattern!r}, which hold: {found}; correct the scheme's `signal_datasets`"
            )
        self._say(
            "signals", "scheme", f"groups {self.pattern!r}, datasets {', '.join(self.wanted)}"
        )
        metadata: dict[str, Any] = attributes_of(self.file)
        if self.left:
            metadata["unmapped_datasets"] = self.left
            sentence = f"{len(self.left)} dataset(s) are neither signals nor small"
            self._say("content", "missing", sentence)
        starts = {recording.metadata.get("start_time", "") for recording in recordings}
        return Contents(
            tuple(recordings),
            start_time=stated_start(starts.pop()) if len(starts) == 1 else "",
            metadata=metadata,
            evidence=tuple(dict.fromkeys(self.evidence)),
        )

    def _say(self, fact: str, basis: Any, sentence: str) -> None:
        self.evidence.append(Evidence(fact, basis, sentence))

    def _members(self, place: _Place) -> Iterator[tuple[str, h5py.Dataset]]:
        """Yield the signals of a group; what is neither signal nor metadata is remembered."""
        for name in place.group:
            item = member(place.group, name)
            if not isinstance(item, h5py.Dataset):
                continue
            wanted = any(fnmatchcase(name, pattern) for pattern in self.wanted)
            if wanted and is_samples(item):
                check_filter(item, self.path)
                yield name, item
            elif item.shape is None or read_small(item) is None:
                shape = None if item.shape is None else list(item.shape)
                self.left[str(item.name)] = {"shape": shape, "type": str(item.dtype)}

    def _facts(self, place: _Place) -> dict[str, Any]:
        """Return the small datasets of a group that are no signals, and its attributes."""
        facts: dict[str, Any] = {**place.levels, **attributes_of(place.group)}
        for name in place.group:
            item = member(place.group, name)
            if not isinstance(item, h5py.Dataset):
                continue
            is_signal = any(fnmatchcase(name, pattern) for pattern in self.wanted)
            if not (is_signal and is_samples(item)):
                value = read_small(item)
                if value is not None:
                    facts[name] = value
        return facts

    def _rate_hz(self, name: str) -> float | None:
        rate_hz = self.rates_hz.get(name)
        if rate_hz is None:
            self._say("time", "missing", f"no rate is known for `{name}`")
            return None
        self._say("time", "scheme", f"the rate of `{name}`, {rate_hz:g} Hz, is the scheme's")
        return float(rate_hz)

    # ------------------------------------------------------------------------- one record a group

    def _single(self, places: list[_Place]) -> list[Recording]:
        """Make one recording of each group; datasets that differ in length, type or rate stay apart."""
        recordings = []
        for place in places:
            label = "/".join(place.levels[level] for level in self.separate or place.levels)
            groups: dict[tuple[Any, ...], list[tuple[str, h5py.Dataset, Blocks]]] = {}
            for name, item in self._members(place):
                signals = channels_first(item, self.samples_first)
                key = (signals.shape[1], str(signals.dtype), self.rates_hz.get(name))
                groups.setdefault(key, []).append((name, item, signals))
            for members in groups.values():
                name = label if len(groups) == 1 else f"{label}/{members[0][0]}"
                recordings.append(self._joined(name, members, self._facts(place)))
        return recordings

    def _joined(
        self, label: str, members: list[tuple[str, h5py.Dataset, Blocks]], facts: dict[str, Any]
    ) -> Recording:
        names: list[str] = []
        units: list[str] = []
        for name, item, signals in members:
            names += names_of(item, signals.shape[0])
            units += units_of(item, signals.shape[0])
            own = attributes_of(item)
            if own:
                facts = {**facts, f"{name}_attributes": own}
        rate_hz = self._rate_hz(members[0][0])
        rows = [signals for _, _, signals in members]
        return Recording(
            label,
            stacked_rows(rows, str(rows[0].dtype)),
            tuple(names),
            tuple(units),
            rate_hz,
            metadata=facts,
        )

    # ------------------------------------------------------------------------- segments in time

    def _segmented(self, places: list[_Place]) -> list[Recording]:
        """Make one recording of each dataset's name; groups are its segments, in order of time."""
        streams: dict[tuple[tuple[str, ...], str], list[_Part]] = {}
        origins: dict[tuple[str, ...], datetime] = {}
        for place in sorted(places, key=self._start_of):
            keep_apart = tuple(place.levels[level] for level in self.separate)
            start = self._start_of(place)
            origins.setdefault(keep_apart, start)
            for name, item in self._members(place):
                part = _Part(item, channels_first(item, self.samples_first), start)
                streams.setdefault((keep_apart, name), []).append(part)
        recordings = []
        for (keep_apart, name), parts in streams.items():
            alike: dict[tuple[Any, ...], list[_Part]] = {}
            for part in parts:
                key = (part.signals.shape[0], str(part.signals.dtype), units_of(part.dataset, 1))
                alike.setdefault(key, []).append(part)
            for i, same in enumerate(alike.values()):
                label = "_".join((*keep_apart, name)) + (f"_{i + 1}" if i else "")
                recordings.append(self._stream(label, name, same, origins[keep_apart], keep_apart))
        return recordings

    def _start_of(self, place: _Place) -> datetime:
        text = place.levels[self.time_level]
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            message = f"{self.path.name}: group {place.group.name}: {text!r} is no ISO 8601 time"
            raise SchemeError(message) from None

    def _stream(
        self,
        label: str,
        name: str,
        parts: list[_Part],
        origin: datetime,
        keep_apart: tuple[str, ...],
    ) -> Recording:
        rate_hz = self._rate_hz(name)
        n_channels = parts[0].signals.shape[0]
        segments: list[Segment] = []
        position = 0
        for part in parts:
            n_samples = part.signals.shape[1]
            start_s = self._offset_s(part, origin)
            if segments and rate_hz:
                before = segments[-1]
                if start_s < before.start_s + (before.n_samples - 1) / rate_hz:
                    sentence = f"segments of `{label}` overlap in time, as their names state"
                    self._say("time", "file", sentence)
            segments.append(Segment(position, n_samples, start_s))
            position += n_samples
        facts: dict[str, Any] = dict(zip(self.separate, keep_apart, strict=True))
        facts["start_time"] = origin.isoformat()
        return Recording(
            label,
            end_to_end([part.signals for part in parts]) if len(parts) > 1 else parts[0].signals,
            names_of(parts[0].dataset, n_channels),
            units_of(parts[0].dataset, n_channels),
            rate_hz,
            start_s=segments[0].start_s,
            segments=tuple(segments) if len(segments) > 1 else (),
            metadata=facts,
        )

    def _offset_s(self, part: _Part, origin: datetime) -> float:
        if part.start is None or (part.start.tzinfo is None) != (origin.tzinfo is None):
            message = f"{self.path.name}: some times of groups have a time zone and some have none"
            raise SchemeError(message)
        return (part.start - origin).total_seconds()


def _places(group: h5py.Group, steps: list[str], levels: dict[str, str]) -> Iterator[_Place]:
    if not steps:
        yield _Place(group, levels)
        return
    level = _LEVEL.fullmatch(steps[0])
    for name in group:
        item = member(group, name)
        if isinstance(item, h5py.Group) and (level or name == steps[0]):
            found = {**levels, level[1]: name} if level else levels
            yield from _places(item, steps[1:], found)
