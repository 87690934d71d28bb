"""Neurodata Without Borders 1 and 2, read by h5py from the layout that the format prescribes.

Every TimeSeries, of whatever type and from whatever extension, has ``data`` (time first) with its unit,
conversion and offset, and either ``timestamps`` or a ``starting_time`` with a rate: that is all that is
needed, so extensions are read without loading their specifications, and versions 1 and 2 alike.

Layout: NWB schema 2.x (nwb-schema.readthedocs.io), NWB format 1.0.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import h5py

from sparc_fuse_core.errors import NothingToConvertError, OutsideFileError, SparcFuseError
from sparc_fuse_core.model import Contents, Evidence, Image, Recording
from sparc_fuse_core.readers.hdf5.arrays import damage_told, member, open_hdf5
from sparc_fuse_core.readers.hdf5.facts import attributes_of, read_small, text_of
from sparc_fuse_core.readers.nwb.events import (
    EventColumns,
    intervals_of,
    moments_of,
    series_events,
    spikes_of,
)
from sparc_fuse_core.readers.nwb.images import is_image_series, read_images
from sparc_fuse_core.readers.nwb.series import Series, is_series, read_series, stacked_sweeps
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MAX_DEPTH = 30
#: Places that hold no series and no events of their own.
_SKIPPED = ("specifications", "general", ".specloc")
_MAX_LISTED = 1000


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an NWB file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with open_hdf5(path) as file:
        with damage_told(path):
            contents = _NwbFile(file, path).contents()
        yield contents


class _NwbFile:
    """One walk over the file, collecting series, events and facts."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self.file = file
        self.path = path
        self.series: list[Series] = []
        self.image_series: dict[str, h5py.Group] = {}
        self.events = EventColumns()
        self.facts: dict[str, Any] = {}
        self.left: dict[str, Any] = {}
        self.evidence: list[Evidence] = []
        self._seen: set[Any] = set()

    def contents(self) -> Contents:
        for name in self.file:
            item = None if name in _SKIPPED else member(self.file, name)
            if isinstance(item, h5py.Group):
                self._walk(item, name, 0)
        recordings = self._recordings()
        images = self._images() if not recordings else ()
        if recordings:
            for path, group in self.image_series.items():
                self._leave(
                    path, group["data"], "an image series beside recordings, which lead the result"
                )
        if not recordings and not self.events and not images:
            noted = f" (noted: {', '.join(list(self.left)[:10])})" if self.left else ""
            what = "no time series, no image series and no event"
            message = f"{self.path.name}: the NWB file holds {what}{noted}"
            raise NothingToConvertError(message)
        if self.left:
            sentence = f"{len(self.left)} item(s) are neither series nor events; they are listed"
            self.evidence.append(Evidence("content", "missing", sentence))
        return Contents(
            recordings,
            images=images,
            events=self.events.table(),
            start_time=self._start(),
            metadata=self._metadata(),
            evidence=tuple(dict.fromkeys(self.evidence)),
        )

    def _images(self) -> tuple[Image, ...]:
        names = Counter(PurePosixPath(path).name for path in self.image_series)
        found = []
        for path, group in self.image_series.items():
            image = read_images(group, path, self.path, self.evidence)
            found.append(image if names[image.name] == 1 else replace(image, name=path))
        return tuple(found)

    def _walk(self, group: h5py.Group, path: str, depth: int) -> None:
        if depth > _MAX_DEPTH or group.id in self._seen:
            return
        self._seen.add(group.id)
        kind = text_of(group.attrs.get("neurodata_type", ""))
        try:
            if is_series(group):
                self._take_series(group, path, kind)
                return
            if self._take_table(group, path, kind):
                return
        except OutsideFileError:
            self._leave(path, None, "a part of it lies in another file, which is not followed")
            return
        for name in group:
            item = member(group, name)
            below = f"{path}/{name}"
            if isinstance(item, h5py.Group):
                self._walk(item, below, depth + 1)
            elif item is None:
                self._leave(below, None, "leads to another file, or nowhere")
            elif read_small(item) is None:
                self._leave(below, item, "no series of a known layout")

    def _leave(self, path: str, item: Any, why: str) -> None:
        if len(self.left) < _MAX_LISTED:
            shape = getattr(item, "shape", None)
            self.left[path] = {"shape": None if shape is None else list(shape), "why": why}

    def _take_series(self, group: h5py.Group, path: str, kind: str) -> None:
        if series_events(group, kind, self.events):
            return
        data = group["data"]
        if is_image_series(group, kind):
            self.image_series[path] = group
        elif not isinstance(data, h5py.Dataset):
            self._leave(path, data, "its data are no dataset")
        elif data.shape is None or len(data.shape) not in (1, 2) or data.dtype.kind not in "biuf":
            self._leave(path, data, f"{kind or 'series'} of more than two axes, or of no numbers")
        elif not data.size:
            self._leave(path, data, "empty")
        else:
            self.series.append(read_series(group, data, path, kind, self.path, self.evidence))

    def _take_table(self, group: h5py.Group, path: str, kind: str) -> bool:
        """Take intervals and units as events; return whether the group was one of them."""
        is_units = kind == "Units" or "spike_times" in group or path.endswith("/UnitTimes")
        if is_units:
            facts = spikes_of(group, self.events)
        elif {"start_time", "stop_time"} <= set(group):
            facts = intervals_of(group, path, self.events)
        elif "timestamp" in group and "colnames" in group.attrs:
            facts = moments_of(group, path, self.events)
        else:
            return False
        if facts:
            self.facts[path] = facts
        return True

    def _recordings(self) -> tuple[Recording, ...]:
        merged = stacked_sweeps(self.series)
        counts = Counter(series.name for series in merged)
        result = []
        for series in merged:
            label = series.name if counts[series.name] == 1 else series.path
            try:
                result.append(series.recording(label))
            except SparcFuseError:
                raise
            except ValueError as err:
                self._leave(series.path, series.signals, f"contradicts itself: {err}")
        return tuple(result)

    def _start(self) -> str:
        """Return the time that all times of the file count from, as it states it."""
        for name in ("timestamps_reference_time", "session_start_time"):
            stored = member(self.file, name) if name in self.file else None
            value = read_small(stored) if isinstance(stored, h5py.Dataset) else None
            if isinstance(value, str) and value:
                return stated_start(value)
        return ""

    def _metadata(self) -> dict[str, Any]:
        version = self.file.attrs.get("nwb_version")
        if version is None and "nwb_version" in self.file:
            stored = member(self.file, "nwb_version")
            version = read_small(stored) if isinstance(stored, h5py.Dataset) else None
        metadata: dict[str, Any] = {"nwb_version": text_of(version)}
        for name in self.file:
            item = member(self.file, name)
            if isinstance(item, h5py.Dataset):
                value = read_small(item)
                if value not in (None, ""):
                    metadata[name] = value
        general = member(self.file, "general") if "general" in self.file else None
        if isinstance(general, h5py.Group):
            facts = _facts_of(general, 0)
            if facts:
                metadata["general"] = facts
        metadata.update(self.facts)
        if self.left:
            metadata["unmapped"] = self.left
        return metadata


def _facts_of(group: h5py.Group, depth: int) -> dict[str, Any]:
    """Return the small datasets and attributes below a group, empty ones left out."""
    facts = {
        name: value
        for name, value in attributes_of(group).items()
        if name not in ("namespace", "neurodata_type", "object_id", "colnames") and value != ""
    }
    for name in list(group)[:_MAX_LISTED]:
        item = member(group, name)
        value: Any = None
        if isinstance(item, h5py.Group) and depth < 4:
            value = _facts_of(item, depth + 1)
        elif isinstance(item, h5py.Dataset):
            value = read_small(item)
        if value not in (None, "", {}, []):
            facts[name] = value
    return facts
