"""Spike2 .smrx files, laid out byte by byte as CED's own library writes them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, StreamTruth, Truth
from tests.samples.smr import Source, int16

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_RNG = np.random.default_rng(19)
_PAGE = 4096
_TICK_S = 1e-6


def _padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 8)


def _contents(source: Source, n_in_block: int) -> list[tuple[int, int, bytes]]:
    """Data blocks: (first tick, number of segments or items, bytes)."""
    found = []
    if source.kind in (1, 9):
        kind = "<i2" if source.kind == 1 else "<f4"
        for i in range(0, len(source.blocks), n_in_block):
            part = source.blocks[i : i + n_in_block]
            raw = b"".join(
                struct.pack("<qii", start, len(v), 0) + _padded(v.astype(kind).tobytes())
                for start, v in part
            )
            found.append((part[0][0], len(part), raw))
        return found
    for i in range(0, len(source.rows), n_in_block):
        part = source.rows[i : i + n_in_block]
        raw = b""
        for tick, codes, payload in part:
            raw += struct.pack("<q", tick)
            if codes:
                raw += _padded(codes + b"\x49\x7f\0\0" + payload)
        found.append((part[0][0], len(part), raw))
    return found


def smrx_bytes(
    sources: Sequence[Source | None], *, n_in_block: int = 2, two_levels: bool = False
) -> bytes:
    """Lay out a file; a channel's index has one level of pages or two."""
    texts = ["a comment"]
    records, body = bytearray(272 * len(sources)), bytearray()
    begin = 16 * _PAGE

    def put(raw: bytes) -> int:
        body.extend(raw + bytes(-len(raw) % _PAGE))
        return begin + len(body) - len(raw) - (-len(raw) % _PAGE)

    for i, source in enumerate(sources):
        if source is None:
            continue
        blocks = _contents(source, n_in_block)
        places = [put(struct.pack("<qHxxi", 0, i, n) + raw) for _, n, raw in blocks]
        groups = [range(k, min(k + 2, len(blocks))) for k in range(0, len(blocks), 2)]
        groups = groups if two_levels else [range(len(blocks))]
        pages = []
        for group in groups if blocks else []:
            items = b"".join(struct.pack("<qq", blocks[k][0], places[k]) for k in group)
            page = put(struct.pack("<qHxxi", 0x100, i, len(group)) + items)
            pages.append(page)
            for position, k in enumerate(group):
                struct.pack_into("<q", body, places[k] - begin, page | position)
        root = pages[0] if pages else 0
        if two_levels and pages:
            firsts = [blocks[group[0]][0] for group in groups]
            items = b"".join(struct.pack("<qq", t, p) for t, p in zip(firsts, pages, strict=True))
            root = put(struct.pack("<qHxxi", 0x200, i, len(pages)) + items)
            for position, page in enumerate(pages):
                struct.pack_into("<q", body, page - begin, root | position | 0x100)
        n_payload = len(source.rows[0][2]) if source.rows else 0
        has_codes = bool(source.rows and source.rows[0][1])
        size = {1: 2, 9: 4}.get(source.kind, 16 + -(-n_payload // 8) * 8 if has_codes else 8)
        n_rows = n_payload // {6: 2, 7: 4}.get(source.kind, 1) // source.n_traces
        texts += [source.title, source.unit]
        at = 272 * i
        struct.pack_into("<qqqq", records, at, root, 0, len(blocks), 0)
        struct.pack_into("<iHH", records, at + 0x20, size, n_rows, source.n_traces)
        records[at + 0x2E] = source.kind
        struct.pack_into("<ii", records, at + 0x34, len(texts) - 1, len(texts))
        struct.pack_into(
            "<qddd", records, at + 0x40, source.ticks, 1.0, source.scale, source.offset
        )
    pool = b"".join(
        struct.pack("<i", 1) + t.encode() + bytes(4 - len(t.encode()) % 4) for t in texts
    )
    pool = struct.pack("<ii", len(pool) // 4, len(texts)) + pool
    head = bytearray(0x800)
    struct.pack_into("<4sI", head, 0, b"S64l", 0x0101)
    struct.pack_into("<d", head, 0x20, _TICK_S)
    struct.pack_into("<5i", head, 0x30, 0x800, 0x800 + len(records), len(sources), 272, 1)
    return (bytes(head) + bytes(records) + pool).ljust(begin, b"\0") + bytes(body)


def _sources() -> list[Source | None]:
    """A gap, nine segments of odd lengths, two rates, floats, and every kind of mark."""
    odd, at = [], 0
    for n in (1, 3, 7, 2, 9, 5, 11, 1, 13):
        odd.append((at, int16(n)))
        at += n * 100 + 5000
    return [
        Source(
            1,
            "ECG",
            "mV",
            100,
            2.5,
            -0.1,
            [(0, int16(50)), (5000, int16(31)), (600_000, int16(20))],
        ),
        None,
        Source(1, "odd", "V", 100, 1.0, 0.0, odd),
        Source(9, "Flow", "L/s", 400, blocks=[(0, _RNG.normal(size=35).astype("f4"))]),
        Source(3, "Stim", rows=[(t, b"", b"") for t in (1704, 32_072, 66_243)]),
        Source(8, "Notes", rows=[(100_000, b"\0\0\0\0", "5 µM\0".encode().ljust(32, b"\0"))]),
        Source(5, "Keys", rows=[(200_000, b"K\0\0\0", b""), (200_001, b"\x09\0\0\0", b"")]),
    ]


def _full(folder: Path, *, two_levels: bool) -> Truth:
    path = folder / f"levels{1 + two_levels}.smrx"
    sources = _sources()
    path.write_bytes(smrx_bytes(sources, two_levels=two_levels, n_in_block=2))
    ecg, _, odd, flow = sources[:4]
    assert ecg is not None
    assert odd is not None
    assert flow is not None
    segments, position = [], 0
    for start, values in odd.blocks:
        segments.append((position, len(values), start * _TICK_S))
        position += len(values)
    streams = (
        StreamTruth(
            _physical(ecg),
            1e4,
            ("ECG",),
            ("mV",),
            "int16",
            1e-9,
            segments=((0, 81, 0.0), (81, 20, 0.6)),
        ),
        StreamTruth(_physical(odd), 1e4, ("odd",), ("V",), "int16", 1e-9, segments=tuple(segments)),
        StreamTruth(_physical(flow), 2500.0, ("Flow",), ("L/s",), "float32"),
    )
    events = (
        (0.001704, "", "Stim"),
        (0.032072, "", "Stim"),
        (0.066243, "", "Stim"),
        (0.1, "5 µM", "Notes"),
        (0.2, "K", "Keys"),
        (0.200001, "09", "Keys"),
    )
    return Truth(path, streams, events=events)


def _physical(source: Source) -> np.ndarray:
    values = np.concatenate([values for _, values in source.blocks])[None]
    if source.kind == 9:
        return values.astype(float)
    return values * (source.scale / 6553.6) + source.offset  # 64-bit numbers in this container


def _wave_marks(folder: Path) -> Truth:
    path = folder / "marks.smrx"
    points = int16(5 * 10).reshape(5, 10)
    rows = [(1000 * (i + 1), b"\x02\0\0\0", points[i].tobytes()) for i in range(5)]
    path.write_bytes(smrx_bytes([Source(6, "MU", "V", 40, 5.0, 0.5, rows=rows)]))
    physical = points[None] * (5.0 / 6553.6) + 0.5
    stream = StreamTruth(physical, 25_000.0, ("MU",), ("V",), "int16", 1e-9)
    return Truth(path, (stream,), events=tuple((1e-3 * (i + 1), "02", "MU") for i in range(5)))


def _refused(folder: Path, case: str) -> Truth:
    path = folder / f"{case}.smrx"
    raw = smrx_bytes(_sources(), two_levels=True)
    error, says = "CorruptFileError", "truncated"
    if case == "truncated":
        raw = raw[: 18 * _PAGE]
    elif case == "truncated-header":
        raw = raw[:100]
    elif case == "truncated-table":
        raw = raw[:3000]
    elif case == "no-channels":
        raw, error, says = smrx_bytes([]), "EmptyFileError", "none of its 0"
    elif case == "no-samples":
        raw, error, says = smrx_bytes([Source(1, "a", "V", 10)]), "EmptyFileError", "holds data"
    elif case == "cut-block":
        raw = smrx_bytes([Source(1, "a", "V", 10, blocks=[(0, int16(3000))])])[: 17 * _PAGE]
    elif case == "not-smrx":
        raw, error, says = b"not " + raw[4:], "FormatMismatchError", "not "
    path.write_bytes(raw)
    return Truth(path, error=error, error_says=says)


_BAD = (
    *("truncated", "truncated-header", "truncated-table", "no-channels", "no-samples"),
    *("cut-block", "not-smrx"),
)

SAMPLES = [
    Sample("smrx-one-level", "smrx", lambda folder: _full(folder, two_levels=False)),
    Sample("smrx-two-levels", "smrx", lambda folder: _full(folder, two_levels=True)),
    Sample("smrx-wave-marks", "smrx", _wave_marks),
    *(
        Sample(f"smrx-{case}", "smrx", lambda folder, case=case: _refused(folder, case))
        for case in _BAD
    ),
]
