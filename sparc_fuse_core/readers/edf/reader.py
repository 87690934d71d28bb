"""EDF, EDF+, BDF and BDF+: every signal at its own rate, stored integers, annotations, gaps.

The records are read by position, so memory does not grow with the file (edfio, which tests compare with,
loads a BDF file whole). Signals with equally many samples in a record form one stream. Times count from
the first sample; where that is within a second, EDF+ says so and the stated start includes it.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import EmptyFileError
from sparc_fuse_core.model import Contents, EventTable, Evidence, Recording, Segment, rate_name
from sparc_fuse_core.readers.edf.annotations import Stretch, read_annotations, runs_of
from sparc_fuse_core.readers.edf.header import read_header
from sparc_fuse_core.readers.shared.records import RecordFile
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.readers.edf.header import EdfHeader, EdfSignal

#: Records larger than this are read one signal at a time.
_LARGE_RECORD_BYTES = 8 << 20


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an EDF or BDF file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with RecordFile(path) as file:
        header = read_header(file)
        annotations = read_annotations(file, header)
        runs, time_evidence = runs_of(path.name, header, annotations.onsets)
        origin = runs[0].start
        streams: dict[int, list[EdfSignal]] = {}
        for signal in header.signals:
            if not signal.is_annotations:
                streams.setdefault(signal.n_in_record, []).append(signal)
        if not streams and not annotations.events:
            message = f"{path.name}: it holds neither signals nor annotations"
            raise EmptyFileError(message)
        evidence = [*header.evidence, *time_evidence]
        if annotations.n_unreadable:
            sentence = f"{annotations.n_unreadable} annotations are not readable and left out"
            evidence.append(Evidence("content", "missing", sentence))
        events = annotations.events
        yield Contents(
            recordings=tuple(
                _recording(file, header, signals, runs, origin) for signals in streams.values()
            ),
            events=EventTable(
                time_s=[float(onset - origin) for onset, _, _ in events],
                duration_s=[duration_s for _, duration_s, _ in events],
                label=[text for _, _, text in events],
                channel=[""] * len(events),
                kind=["annotation"] * len(events),
            ),
            start_time=_start(header, origin),
            metadata=header.facts,
            evidence=tuple(evidence),
        )


def _start(header: EdfHeader, origin: Decimal) -> str:
    if header.start is None or abs(origin) > Decimal(10) ** 9:
        return ""
    start = header.start + timedelta(microseconds=int(origin * 1_000_000))
    return stated_start(start.isoformat())


def _recording(
    file: RecordFile,
    header: EdfHeader,
    signals: list[EdfSignal],
    runs: tuple[Stretch, ...],
    origin: Decimal,
) -> Recording:
    """Make one stream of signals with equally many samples in a record."""
    n_in_record = signals[0].n_in_record
    rate_hz = float(n_in_record / header.record_s) if header.record_s else None
    segments = tuple(
        Segment(
            run.first_record * n_in_record, run.n_records * n_in_record, float(run.start - origin)
        )
        for run in runs
    )
    facts: dict[str, Any] = {}
    for key in ("transducer", "prefilter"):
        if any(getattr(signal, key) for signal in signals):
            facts[key] = [getattr(signal, key) for signal in signals]
    return Recording(
        name=rate_name(rate_hz),
        signals=_samples(file, header, signals),
        channel_names=tuple(signal.label for signal in signals),
        channel_units=tuple(signal.unit for signal in signals),
        sampling_rate_hz=rate_hz,
        gain=tuple(signal.gain for signal in signals),
        offset=tuple(signal.offset for signal in signals),
        segments=segments if len(segments) > 1 else (),
        metadata=facts,
    )


def _samples(file: RecordFile, header: EdfHeader, signals: list[EdfSignal]) -> FunctionBlocks:
    """Blocks of shape (n_channels, n_samples): int16, or int32 for the 24 bits of BDF."""
    width, n_in_record = header.bytes_per_sample, signals[0].n_in_record
    dtype = np.dtype("<i2" if width == 2 else "<i4")
    n_bytes = n_in_record * width
    record = np.dtype((np.uint8, (header.record_bytes,)))

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = np.empty((last - first, stop - start), dtype)
        if stop <= start:
            return block
        begin, end = start // n_in_record, -(-stop // n_in_record)
        if header.record_bytes > _LARGE_RECORD_BYTES:
            for at in range(begin, end):
                low, high = max(start, at * n_in_record), min(stop, (at + 1) * n_in_record)
                for row, signal in enumerate(signals[first:last]):
                    place = header.header_bytes + at * header.record_bytes + signal.first_byte
                    raw = file.read(place + (low - at * n_in_record) * width, (high - low) * width)
                    block[row, low - start : high - start] = _integers(raw, width)
            return block
        for at, records in file.records(record, header.header_bytes, begin, end):
            origin = at * n_in_record
            low, high = max(start, origin), min(stop, origin + len(records) * n_in_record)
            for row, signal in enumerate(signals[first:last]):
                raw = records[:, signal.first_byte : signal.first_byte + n_bytes].reshape(-1)
                block[row, low - start : high - start] = _integers(
                    raw[(low - origin) * width : (high - origin) * width], width
                )
        return block

    return FunctionBlocks((len(signals), header.n_records * n_in_record), dtype, read)


def _integers(raw: np.ndarray[Any, Any], width: int) -> np.ndarray[Any, Any]:
    """Return 16-bit integers as they are, 24-bit ones with their sign in 32 bits."""
    if width == 2:
        return np.ascontiguousarray(raw).view("<i2")
    wide = np.zeros((len(raw) // 3, 4), np.uint8)
    wide[:, 1:] = raw.reshape(-1, 3)
    return wide.view("<i4")[:, 0] >> 8
