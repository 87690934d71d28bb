"""Streams of an Intan recording: samples of one kind at one rate, and how they are converted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.readers.intan.header import Channel, Header
from sparc_fuse_core.readers.shared.records import Breaks, RecordFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MAGNITUDE = 0x00FF
_SIGN = 0x0100
_FLAGS = 0xE000


@dataclass(frozen=True, slots=True)
class Stream:
    """Samples of one kind before they have a time axis: ``step`` amplifier samples each.

    ``is_word``: all channels share the bits of one word.
    """

    kind: str
    signals: Any
    channels: Sequence[Channel]
    step: int
    is_word: bool = False


def channels_of(header: Header, kind: str) -> tuple[Channel, ...]:
    """Return the channels of the header that a kind of samples has."""
    if kind == "dc_amplifier":
        return header.of_kind("amplifier")
    if kind == "temperature":
        return tuple(
            Channel(kind, "", "", order, "", None, None) for order in range(header.n_temperatures)
        )
    return header.of_kind(kind)


def stim(
    blocks: Callable[[Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]], Any],
    channels: Sequence[Channel],
) -> list[Stream]:
    """Split the stimulation words into a signed current and the flags above it."""
    return [
        Stream("stim", blocks(_current), channels, 1),
        Stream("stim_flags", blocks(_flags), channels, 1),
    ]


def _current(words: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    magnitude = (words & _MAGNITUDE).astype(np.int16)
    return np.where(words & _SIGN, -magnitude, magnitude)


def _flags(words: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return words & np.uint16(_FLAGS)


def breaks_of(file: RecordFile, n_stamps: int, steps: set[int]) -> dict[int, Breaks]:
    """Return, for each step between samples, where the time stamps jump."""
    breaks = {step: Breaks(file.name, step) for step in steps}
    for seen, stamps in file.records(np.dtype("<i4"), 0, 0, n_stamps):
        for step, found in breaks.items():
            found.feed(stamps[-seen % step :: step])
    return breaks


def n_items_of(file: RecordFile, item_bytes: int) -> int:
    """Return how many items a file holds, whole ones only."""
    n, left = divmod(file.size_bytes, item_bytes)
    if left:
        message = f"{file.name}: truncated: {file.size_bytes} bytes, {item_bytes} bytes a sample"
        raise CorruptFileError(message)
    return n


def step_of(file: RecordFile, n: int, n_stamps: int) -> int:
    """Amplifier samples for one sample of ``file``; older software keeps slow streams short."""
    if not n:
        message = f"{file.name}: no samples"
        raise EmptyFileError(message)
    for step in (1, 4, 60, 128):
        if n == -(-n_stamps // step):
            return step
    message = f"{file.name}: {n} samples, but time.dat has {n_stamps} time stamps"
    raise CorruptFileError(message)


def converted(
    blocks: Any, convert: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]
) -> FunctionBlocks:
    """Blocks with a function applied to each block."""

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        return convert(blocks[tuple(slice(start, stop) for start, stop in bounds)])

    return FunctionBlocks(blocks.shape, convert(np.zeros(1, blocks.dtype)).dtype, read)
