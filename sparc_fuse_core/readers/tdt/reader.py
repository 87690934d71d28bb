"""TDT blocks: the index (.tsq) with the data of its stores (.tev, or one .sev a channel).

Source: TDT's published layout of tank files. An index record is 40 bytes: its type tells streams,
snippets (spikes), epocs and scalars apart. Only the index is held in memory (a few percent of the
block); samples are read in time order where they lie.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, stacked
from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    MissingCompanionError,
)
from sparc_fuse_core.model import Contents, EventTable, Evidence, Recording, Segment
from sparc_fuse_core.readers.shared.records import RecordFile, Row
from sparc_fuse_core.readers.shared.salvage import ends_early
from sparc_fuse_core.readers.shared.start_time import start_of_unix_time
from sparc_fuse_core.readers.tdt.places import (
    DTYPES,
    PIECE_BYTES,
    SEV_NAME,
    check_places,
    chunks_of,
    gathered,
    inside,
    sev_files,
    sev_header,
    sev_row,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_INDEX = np.dtype(
    [
        ("size", "<i4"),  # in words of four bytes, the record's own ten included
        ("type", "<i4"),
        ("store", "S4"),
        ("channel", "<u2"),
        ("sort_code", "<u2"),
        ("time", "<f8"),
        ("place", "<i8"),  # in .tev; a value (float64) for epocs and scalars
        ("format", "<i4"),
        ("rate_hz", "<f4"),
    ]
)
_STREAM, _SNIP, _ON, _OFF, _SCALAR, _MARK = 0x8101, 0x8201, 0x101, 0x102, 0x201, 0x8801
_TYPE_MASK, _IN_SEV = 0xFF0F, 0x10
_START, _STOP = b"\x01", b"\x02"
_KINDS = {_ON: "epoc onset", _OFF: "epoc offset", _SCALAR: "scalar"}


@dataclass(frozen=True, slots=True)
class _Store:
    """Index records of one store, in the file's order."""

    name: str
    kind: int
    in_sev: bool
    records: np.ndarray[Any, Any]


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a block by its index; see `sparc_fuse_core.readers.Reader`."""
    del options
    evidence: list[Evidence] = []
    with ExitStack() as files:
        index = _index(files.enter_context(RecordFile(path)))
        marks = index[index["type"] == _MARK]
        start = marks[marks["store"] == _START]["time"]
        if len(start):
            origin = float(start[0])
        else:
            timed = index["time"][index["time"] > 0]
            origin = float(timed.min()) if len(timed) else 0.0
            sentence = "The block has no start mark: time counts from its first record."
            evidence.append(Evidence("time", "inferred", sentence))
        stores = _stores(index)
        del index
        data = _data(files, path, stores, evidence)
        recordings: list[Recording] = []
        for store in stores:
            if store.kind == _STREAM:
                recordings += _streams(files, path, store, data, origin)
            elif store.kind == _SNIP:
                recordings += _snippets(path, store, data, origin)
        recordings += _streams_without_index(files, path, stores, evidence)
        events = _events(stores, origin)
        if not recordings and not len(events):
            message = f"{path.name}: the block holds no stream, snippet, epoc or scalar"
            raise EmptyFileError(message)
        if any(not recording.channel_units[0] for recording in recordings):
            sentence = "TDT stores state no physical unit."
            evidence.append(Evidence("units", "missing", sentence))
        yield Contents(
            recordings=tuple(recordings),
            events=events,
            start_time=start_of_unix_time(origin) if origin else "",
            evidence=tuple(evidence),
        )


def _index(file: RecordFile) -> np.ndarray[Any, Any]:
    n_records, left = divmod(file.size_bytes, _INDEX.itemsize)
    if left:
        ends_early(file.name, f"{n_records} whole index records and {left} bytes of one more")
    if not n_records:
        message = f"{file.name}: the index holds no record"
        raise EmptyFileError(message)
    index = np.concatenate([part for _, part in file.records(_INDEX, 0, 0, n_records)])
    times = index["time"]
    # seconds since 1970; damaged bytes make numbers that no date has
    if not np.isfinite(times).all() or times.min() < 0 or times.max() > 253e9:
        message = f"{file.name}: the index is damaged: times are no dates"
        raise CorruptFileError(message)
    return index


def _stores(index: np.ndarray[Any, Any]) -> list[_Store]:
    found = []
    kinds = index["type"] & _TYPE_MASK
    known = np.isin(kinds, [_STREAM, _SNIP, _ON, _OFF, _SCALAR])
    names, first = np.unique(index["store"][known], return_index=True)
    for name in names[np.argsort(first)]:
        for kind in (_STREAM, _SNIP, _ON, _OFF, _SCALAR):
            mine = index[(index["store"] == name) & (kinds == kind)]
            if len(mine):
                in_sev = bool(mine["type"][0] & _IN_SEV)
                found.append(_Store(name.decode("latin-1"), kind, in_sev, mine))
    return found


def _data(
    files: ExitStack, path: Path, stores: Sequence[_Store], evidence: list[Evidence]
) -> RecordFile | None:
    """Open the .tev where a store needs it."""
    needed = [
        store.name
        for store in stores
        if store.kind == _SNIP or (store.kind == _STREAM and not sev_files(path, store.name))
    ]
    if not needed:
        return None
    beside = [p for p in sorted(path.parent.iterdir()) if p.suffix.lower() == ".tev"]
    same = [p for p in beside if p.stem.lower() == path.stem.lower()]
    n_blocks = sum(p.suffix.lower() == ".tsq" for p in path.parent.iterdir())
    if not same and len(beside) == 1 and n_blocks == 1:
        sentence = f"{beside[0].name}, the folder's only .tev, was taken for the block's."
        evidence.append(Evidence("content", "inferred", sentence))
        same = beside
    if not same or any(store.in_sev for store in stores if store.name in needed):
        kind = ".tev" if not same else ".sev"
        message = (
            f"{path.name}: the {kind} with the samples of {', '.join(needed[:5])} is not in its "
            "folder; a block's files belong together"
        )
        raise MissingCompanionError(message)
    return files.enter_context(RecordFile(same[0]))


def _layout(path: Path, store: _Store) -> tuple[np.dtype[Any], int, float]:
    """Return dtype, samples in a record and rate of a store; they never change within one."""
    records = store.records
    formats, sizes, rates = (np.unique(records[key]) for key in ("format", "size", "rate_hz"))
    code = int(formats[0])
    words = int(sizes[0]) - 10
    if len(formats) != 1 or len(sizes) != 1 or len(rates) != 1 or code not in DTYPES:
        message = f"{path.name}: store {store.name} changes its layout; the index is damaged"
        raise CorruptFileError(message)
    dtype = np.dtype(DTYPES[code])
    n_samples, left = divmod(words * 4, dtype.itemsize)
    rate_hz = float(rates[0])
    if n_samples < 1 or left or not (np.isfinite(rate_hz) and rate_hz > 0):
        message = f"{path.name}: store {store.name} has {words} words at {rate_hz} Hz a record"
        raise CorruptFileError(message)
    return dtype, n_samples, rate_hz


def _streams(
    files: ExitStack, path: Path, store: _Store, data: RecordFile | None, origin: float
) -> list[Recording]:
    """Return one recording for the channels of a store; more only where lengths differ."""
    dtype, per_record, rate_hz = _layout(path, store)
    sev = sev_files(path, store.name)
    groups: dict[int, list[int]] = {}
    numbers = np.unique(store.records["channel"])
    of_channel = {int(n): store.records[store.records["channel"] == n] for n in numbers}
    lengths = {
        number: sev_row(files, path, sev, number, dtype) if sev else len(records)
        for number, records in of_channel.items()
    }
    for number, length in lengths.items():
        groups.setdefault(len(length) if isinstance(length, Row) else length, []).append(number)
    recordings = []
    for i, channels in enumerate(groups.values()):
        rows = [lengths[number] for number in channels]
        times = of_channel[channels[0]]["time"] - origin
        if sev:
            signals = stacked(rows)
            runs = [(0, signals.shape[1], float(times[0]))]
        else:
            places = np.stack([of_channel[number]["place"] for number in channels])
            places = inside(path, data, places, per_record * dtype.itemsize)
            if not places.shape[1]:
                continue
            times = times[: places.shape[1]]
            signals = chunks_of(path, data, places, dtype, per_record)
            runs = _runs(times, per_record, rate_hz)
        starts = tuple(float(of_channel[number]["time"][0] - origin) for number in channels)
        apart = max(starts) - min(starts) > 0.5 / rate_hz
        recordings.append(
            Recording(
                store.name if i == 0 else f"{store.name}_{i + 1}",
                signals,
                tuple(str(number) for number in channels),
                ("",) * len(channels),
                rate_hz,
                start_s=runs[0][2],
                channel_start_s=starts if apart else (),
                segments=tuple(Segment(*run) for run in runs) if len(runs) > 1 else (),
            )
        )
    return recordings


def _streams_without_index(
    files: ExitStack, path: Path, stores: Sequence[_Store], evidence: list[Evidence]
) -> list[Recording]:
    """Return the streams that lie in .sev files only: newer blocks index their other stores alone."""
    indexed = {store.name for store in stores if store.kind == _STREAM}
    n_blocks = sum(other.suffix.lower() == ".tsq" for other in path.parent.iterdir())
    found: dict[str, dict[int, list[Path]]] = {}
    for other in sorted(path.parent.iterdir()):
        match = SEV_NAME.fullmatch(other.name)
        mine = n_blocks == 1 or other.name.lower().startswith(f"{path.stem.lower()}_")
        if match and mine and match[1] not in indexed:
            found.setdefault(match[1], {}).setdefault(int(match[2]), []).append(other)
    recordings = []
    for name, channels in found.items():
        groups: dict[tuple[Any, ...], list[tuple[int, Row]]] = {}
        for number, parts in sorted(channels.items()):
            dtype, rate_hz = sev_header(path, parts[0])
            row = sev_row(files, path, channels, number, dtype)
            groups.setdefault((dtype.str, rate_hz, len(row)), []).append((number, row))
        for i, ((_, rate_hz, _), members) in enumerate(groups.items()):
            recordings.append(
                Recording(
                    name if i == 0 else f"{name}_{i + 1}",
                    stacked([row for _, row in members]),
                    tuple(str(number) for number, _ in members),
                    ("",) * len(members),
                    rate_hz,
                )
            )
        sentence = (
            f"Stream {name} is not in the block's index: its rate is that of its .sev files, and it is taken "
            "to begin with the block."
        )
        evidence.append(Evidence("time", "inferred", sentence))
    return recordings


def _runs(
    times: np.ndarray[Any, Any], per_record: int, rate_hz: float
) -> list[tuple[int, int, float]]:
    """Return (first sample, number of samples, start) of stretches whose records follow on."""
    late = np.abs(np.diff(times) - per_record / rate_hz)
    cuts = (np.flatnonzero(late > 1.5 / rate_hz) + 1).tolist()
    edges = [0, *cuts, len(times)]
    return [(a * per_record, (b - a) * per_record, float(times[a])) for a, b in pairwise(edges)]


def _snippets(path: Path, store: _Store, data: RecordFile | None, origin: float) -> list[Recording]:
    """Return the cut-outs of a store as sweeps; nothing of a block that was cut before them."""
    dtype, n_samples, rate_hz = _layout(path, store)
    n_bytes = n_samples * dtype.itemsize
    kept = inside(path, data, store.records["place"][None], n_bytes).shape[1]
    if not kept:
        return []
    records = store.records[:kept]
    records = records[np.argsort(records["time"], kind="stable")]
    places, n_bytes = records["place"], n_samples * dtype.itemsize
    file = check_places(path, data, places, n_bytes)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (low, high), (start, stop), (first, last) = bounds
        block = np.empty((stop - start, n_samples), dtype)
        step = max(1, PIECE_BYTES // n_bytes)
        for at in range(start, stop, step):
            until = min(at + step, stop)
            raw = gathered(file, places[at:until], n_bytes)
            block[at - start : until - start] = np.ascontiguousarray(raw).view(dtype)
        return block[None, :, first:last][low:high]

    snippets = Recording(
        store.name,
        FunctionBlocks((1, len(records), n_samples), dtype, read),
        ("",),
        ("",),
        rate_hz,
        sweep_start_s=tuple((records["time"] - origin).tolist()),
        metadata={"sweeps": f"one for each spike event of store {store.name}, in order of time"},
    )
    return [snippets]


def _events(stores: Sequence[_Store], origin: float) -> EventTable:
    times, labels, channels, kinds = [], [], [], []
    for store in stores:
        records = store.records
        if store.kind == _STREAM:
            continue
        if store.kind == _SNIP:
            labels += [str(code) for code in records["sort_code"].tolist()]
        else:
            labels += [f"{value:g}" for value in records["place"].view("<f8").tolist()]
        times.append(records["time"] - origin)
        channels += [
            f"{store.name} {number}" if number else store.name
            for number in records["channel"].tolist()
        ]
        kinds += [_KINDS.get(store.kind, "spike")] * len(records)
    if not times:
        return EventTable()
    time_s = np.concatenate(times)
    order = np.argsort(time_s, kind="stable").tolist()
    return EventTable(
        time_s=time_s[order].tolist(),
        duration_s=[float("nan")] * len(order),
        label=[labels[i] for i in order],
        channel=[channels[i] for i in order],
        kind=[kinds[i] for i in order],
    )
