"""EEGLAB datasets: a MATLAB struct (.set) with the samples inside or in a .fdt file beside it.

A .fdt holds little-endian float32, all channels of one sample after each other, epochs after each other.
Latencies of events count samples from 1. ``boundary`` events mark where data were cut out; time goes on
counting the samples that are left, as EEGLAB does. EEGLAB takes values for microvolts, but its files do not
say so.
"""

from __future__ import annotations

import math
import os
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, MappedFile, transposed
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, MissingCompanionError
from sparc_fuse_core.model import Contents, Event, EventTable, Evidence, Recording, Segment
from sparc_fuse_core.readers.hdf5.arrays import StoredBlocks, open_hdf5, turned
from sparc_fuse_core.readers.mat import v5 as mat5
from sparc_fuse_core.readers.mat import v73 as mat73
from sparc_fuse_core.readers.shared.salvage import ends_early
from sparc_fuse_core.readers.shared.tree import (
    Cells,
    Left,
    Node,
    Numeric,
    Struct,
    Text,
    as_facts,
    scalar,
    shape_and_class,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Blocks

_HEAD_BYTES = 128
_MAX_EVENTS = 1_000_000
_USED = (
    "data",
    "datfile",
    "nbchan",
    "pnts",
    "trials",
    "srate",
    "times",
    "event",
    "urevent",
    "epoch",
)
_FLOAT32_BYTES = 4


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an EEGLAB dataset; see `sparc_fuse_core.readers.Reader`."""
    del options
    with ExitStack() as stack:
        if h5py.is_hdf5(path):
            file = stack.enter_context(open_hdf5(path))
            variables, told = mat73.read_variables(file, path, _MAX_EVENTS)
        else:
            with path.open("rb") as raw:
                head = raw.read(_HEAD_BYTES)
            variables, told = mat5.read_variables(path, head, _MAX_EVENTS)
        yield Dataset(variables, path, told, stack).contents()


class Dataset:
    """The struct ``EEG``, or its fields as variables of their own (since EEGLAB 2021)."""

    def __init__(
        self, variables: Mapping[str, Node], path: Path, told: list[str], stack: ExitStack
    ) -> None:
        inside = variables.get("EEG")
        self.fields = inside.fields if isinstance(inside, Struct) else variables
        self.path = path
        self.stack = stack
        self.evidence = [
            Evidence("content", "missing", f"said by the library: {text}") for text in told
        ]
        if "srate" not in self.fields or "data" not in self.fields:
            shown = ", ".join(sorted(variables)[:10])
            message = (
                f"{path.name}: no EEGLAB dataset (no `srate` and `data`; found: {shown}); rename it if it "
                "is another kind of file"
            )
            raise CorruptFileError(message)
        self.n_channels = self._count("nbchan")
        self.n_samples = self._count("pnts")
        self.n_epochs = self._count("trials") or 1
        rate_hz = scalar(self.fields["srate"])
        if rate_hz is None or not (math.isfinite(rate_hz) and rate_hz > 0):
            message = f"{path.name}: the sampling rate is {rate_hz}; save it again from EEGLAB"
            raise CorruptFileError(message)
        self.rate_hz = rate_hz
        start_s = scalar(self.fields.get("xmin"))
        self.start_s = start_s if start_s is not None and math.isfinite(start_s) else 0.0

    def _count(self, name: str) -> int:
        value = scalar(self.fields.get(name))
        if value is None:
            return 0
        if not math.isfinite(value) or value < 0 or value % 1:
            message = f"{self.path.name}: `{name}` is {value:g}; save it again from EEGLAB"
            raise CorruptFileError(message)
        return int(value)

    def _say(self, fact: str, basis: Any, sentence: str) -> None:
        self.evidence.append(Evidence(fact, basis, sentence))

    def contents(self) -> Contents:
        """Return the recording and its events."""
        if not self.n_channels or not self.n_samples:
            message = f"{self.path.name}: {self.n_channels} channels of {self.n_samples} samples"
            raise EmptyFileError(message)
        signals = self._signals()
        names, units = self._labels()
        events, boundaries, epochs = self._events()
        is_epoched = self.n_epochs > 1
        if is_epoched:
            self._say("time", "file", "time zero of each epoch is the event that it was cut around")
        recording = Recording(
            "eeg",
            signals,
            names,
            units,
            self.rate_hz,
            start_s=self.start_s,
            segments=() if is_epoched else self._segments(boundaries),
        )
        metadata = self._metadata()
        if is_epoched and len(events):
            events = replace(events, sweep=epochs)
        return Contents(
            (recording,), events=events, metadata=metadata, evidence=tuple(self.evidence)
        )

    # ------------------------------------------------------------------------------- samples

    def _signals(self) -> Blocks:
        data = self.fields["data"]
        if isinstance(data, Numeric):
            return self._inside(data)
        stated = texts(data)
        if not stated or len(stated) != 1:
            message = f"{self.path.name}: `data` is neither samples nor the name of a file"
            raise CorruptFileError(message)
        return self._outside(stated[0])

    def _inside(self, data: Numeric) -> Blocks:
        expected = (self.n_channels, self.n_samples, self.n_epochs)
        shape = data.shape + (1,) * (3 - len(data.shape))
        if shape != expected or not data.is_real:
            message = (
                f"{self.path.name}: `data` is of shape {data.shape}, the header says {expected}"
            )
            raise CorruptFileError(message)
        rows = data.rows
        if len(rows.shape) == 2:
            return turned(rows) if isinstance(rows, StoredBlocks) else transposed(rows)
        return _epochs(rows) if self.n_epochs > 1 else _one_epoch(rows)

    def _outside(self, stated: str) -> Blocks:
        name = PureWindowsPath(stated).name  # either separator
        companion = self._companion(name)
        if companion.suffix.lower() != ".fdt":
            message = (
                f"{self.path.name}: samples in {name!r}, the layout of old EEGLAB versions; open it in EEGLAB "
                "and save it again"
            )
            raise CorruptFileError(message)
        n_values = self.n_channels * self.n_samples * self.n_epochs
        size_bytes = companion.stat().st_size
        if size_bytes < n_values * _FLOAT32_BYTES:
            self._cut(companion.name, size_bytes)
        elif size_bytes != n_values * _FLOAT32_BYTES:
            message = (
                f"{self.path.name}: {companion.name} holds {size_bytes} bytes, the header says "
                f"{n_values * _FLOAT32_BYTES}; upload both files again"
            )
            raise CorruptFileError(message)
        if self.n_epochs == 1:
            table = MappedFile(companion, "<f4", (self.n_samples, self.n_channels))
            self.stack.callback(table.close)
            return transposed(table)
        shape = (self.n_epochs, self.n_samples, self.n_channels)
        stacked = MappedFile(companion, "<f4", shape)
        self.stack.callback(stacked.close)
        return _epochs(stacked)

    def _cut(self, name: str, size_bytes: int) -> None:
        """Keep the whole samples, or epochs, of a .fdt that is shorter than announced."""
        n_samples = size_bytes // (_FLOAT32_BYTES * self.n_channels)
        if self.n_epochs == 1:
            ends_early(self.path.name, f"{n_samples} of {self.n_samples} samples in {name}")
            self.n_samples = n_samples
        else:
            whole = n_samples // self.n_samples
            ends_early(self.path.name, f"{whole} of {self.n_epochs} epochs in {name}")
            self.n_epochs = whole
        if not self.n_samples or not self.n_epochs:
            message = f"{self.path.name}: {name} holds no whole sample"
            raise EmptyFileError(message)

    def _companion(self, name: str) -> Path:
        beside = {entry.name.lower(): entry for entry in os.scandir(self.path.parent)}
        own = f"{self.path.stem}.fdt"
        for candidate in (name, own):
            entry = beside.get(candidate.lower())
            if entry is not None and entry.is_file():
                if candidate != name:
                    sentence = (
                        f"samples are read from {entry.name}: {name}, which is stated, is absent"
                    )
                    self._say("signals", "inferred", sentence)
                return self.path.parent / entry.name
        message = (
            f"{self.path.name}: its samples are in {name!r}, which is not beside it; upload that file to "
            "the same folder"
        )
        raise MissingCompanionError(message, (name,))

    # ------------------------------------------------------------------------------- header

    def _labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        places = _items(self.fields.get("chanlocs"))
        blank = ("",) * self.n_channels
        if len(places) != self.n_channels:
            if places:
                sentence = (
                    f"{len(places)} channel locations for {self.n_channels} channels: no names"
                )
                self._say("names", "missing", sentence)
            names = units = blank
        else:
            names = tuple(_text_of(place.fields.get("labels")) for place in places)
            units = tuple(_text_of(place.fields.get("unit")) for place in places)
        if not any(units):
            sentence = (
                "EEGLAB takes values for microvolts; the file states no unit, so none is written"
            )
            self._say("units", "missing", sentence)
        return names, units

    def _events(self) -> tuple[EventTable, list[float], list[int]]:
        """Return the events, the latencies of boundaries, and the epoch of each event."""
        node = self.fields.get("event")
        items = _items(node)
        if isinstance(node, Left):
            self._say("content", "missing", "the events could not be read")
        events: list[Event] = []
        boundaries: list[float] = []
        epochs: list[int] = []
        for item in items:
            latency = scalar(item.fields.get("latency"))
            if latency is None or not math.isfinite(latency):
                self._say("content", "missing", "events without a latency are left out")
                continue
            label = _text_of(item.fields.get("type"))
            duration = scalar(item.fields.get("duration"))
            time_s = self.start_s + (latency - 1) / self.rate_hz
            if self.n_epochs > 1:
                epoch = min(int((latency - 1) // self.n_samples), self.n_epochs - 1)
                time_s -= epoch * self.n_samples / self.rate_hz
                epochs.append(epoch)
            if label == "boundary":
                boundaries.append(latency)
            events.append(
                Event(
                    time_s,
                    math.nan if duration is None else duration / self.rate_hz,
                    label,
                    "",
                    "boundary" if label == "boundary" else "event",
                )
            )
        self.evidence = list(dict.fromkeys(self.evidence))
        return EventTable.from_events(events), boundaries, epochs

    def _segments(self, boundaries: list[float]) -> tuple[Segment, ...]:
        """Cut at boundaries: a latency of 100.5 lies between samples 100 and 101 (from 1)."""
        cuts = {math.floor(latency) for latency in boundaries}
        edges = [0, *sorted(cut for cut in cuts if 0 < cut < self.n_samples), self.n_samples]
        if len(edges) == 2:
            return ()
        sentence = (
            "data were cut out at boundaries; time counts the samples that are left, as EEGLAB does"
        )
        self._say("time", "file", sentence)
        return tuple(
            Segment(first, last - first, self.start_s + first / self.rate_hz)
            for first, last in pairwise(edges)
        )

    def _metadata(self) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        left: dict[str, Any] = {}
        for name, node in self.fields.items():
            if name in _USED or name == "chanlocs":
                continue
            value, why = as_facts(node)
            if why:
                shape, class_name = shape_and_class(node)
                left[name] = {"shape": list(shape), "class": class_name, "why": why}
            elif value not in ("", [], {}, None):
                kept[name] = value
        metadata: dict[str, Any] = {"eeglab": kept}
        places = [_small_fields(place) for place in _items(self.fields.get("chanlocs"))]
        if any(places):
            metadata["channel_locations"] = places
        if left:
            metadata["unmapped_variables"] = left
            sentence = f"{len(left)} field(s) are neither signals nor small: {', '.join(left)}"
            self._say("content", "missing", sentence)
        return metadata


def _items(node: Node | None) -> tuple[Struct, ...]:
    """Return the elements of a struct array."""
    if isinstance(node, Struct):
        return (node,)
    if isinstance(node, Cells):
        return tuple(item for item in node.items if isinstance(item, Struct))
    return ()


def _small_fields(place: Struct) -> dict[str, Any]:
    """Return the stated properties of one channel."""
    found = {name: as_facts(node)[0] for name, node in place.fields.items()}
    return {name: value for name, value in found.items() if value not in ("", [], {}, None)}


def _text_of(node: Node | None) -> str:
    """Return a text, or a number as text: event types may be either."""
    found = texts(node) if isinstance(node, Text) else None
    if found:
        return found[0]
    value = scalar(node)
    return "" if value is None else f"{value:.15g}"


def _epochs(rows: Any) -> FunctionBlocks:
    """Turn (n_epochs, n_samples, n_channels) into (n_channels, n_epochs, n_samples)."""
    n_epochs, n_samples, n_channels = rows.shape

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (c0, c1), (e0, e1), (start, stop) = bounds
        block = np.empty((c1 - c0, e1 - e0, stop - start), rows.dtype)
        for i in range(e0, e1):
            key = (slice(i, i + 1), slice(start, stop), slice(c0, c1))
            block[:, i - e0] = np.asarray(rows[key])[0].T
        return block

    return FunctionBlocks((n_channels, n_epochs, n_samples), np.dtype(rows.dtype), read)


def _one_epoch(rows: Any) -> FunctionBlocks:
    """Turn (1, n_samples, n_channels) into (n_channels, n_samples)."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        return np.ascontiguousarray(
            np.asarray(rows[(slice(0, 1), slice(start, stop), slice(first, last))])[0].T
        )

    return FunctionBlocks((rows.shape[2], rows.shape[1]), np.dtype(rows.dtype), read)
