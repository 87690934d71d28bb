"""How a stream's stored values become what plain xarray shows in physical units, without loss.

Integers with one scale for all channels stay as they are, with CF ``scale_factor``/``add_offset``. Where
channels differ, physical values are written: float32 if every integer the dtype can hold comes back
exactly from it, else float64; gain and offset are kept beside them so that it can be done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, bounds_of
from sparc_fuse_core.errors import UnsupportedFormatError

if TYPE_CHECKING:
    from sparc_fuse_core.model import Recording

#: Units that xarray would turn into time differences when it decodes; the text stays in the
#: ``units`` coordinate.
_TIME_WORDS = frozenset(
    f"{prefix}{word}{plural}"
    for prefix, word in (
        ("", "day"),
        ("", "hour"),
        ("", "minute"),
        ("", "second"),
        ("milli", "second"),
        ("micro", "second"),
        ("nano", "second"),
    )
    for plural in ("", "s")
)


def is_time_unit(unit: str) -> bool:
    """Whether xarray turns numbers with this ``units`` attribute into times or time differences."""
    return unit.strip().lower() in _TIME_WORDS or " since " in unit


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the values of one stream are written.

    Attributes
    ----------
    dtype
        Of the array, native byte order.
    attributes
        CF attributes of the array.
    gain, offset
        Shape (n_channels,): applied to stored values before writing, or None if written as stored.
    """

    dtype: np.dtype[Any]
    attributes: dict[str, Any]
    gain: np.ndarray[Any, Any] | None = None
    offset: np.ndarray[Any, Any] | None = None

    def encode(self, block: np.ndarray[Any, Any], first: int, last: int) -> np.ndarray[Any, Any]:
        """Return the values to write for a stored block of channels ``first`` to ``last``.

        The block has shape (n_channels, n_samples) or (n_channels, n_sweeps, n_samples).
        """
        if self.gain is None or self.offset is None:
            stored: np.ndarray[Any, Any] = block.astype(self.dtype, copy=False)
            return stored
        column = (slice(first, last),) + (None,) * (block.ndim - 1)
        physical = np.multiply(block, self.gain[column], dtype=np.float64)
        physical += self.offset[column]
        values: np.ndarray[Any, Any] = physical.astype(self.dtype, copy=False)
        return values

    @property
    def swaps_extremes(self) -> bool:
        """Whether the smallest value written is the largest physical one (a negative scale)."""
        return bool(self.attributes.get("scale_factor", 1.0) < 0)


def encoding_of(recording: Recording) -> Encoding:
    """Choose how the values of ``recording`` are written.

    Raises
    ------
    UnsupportedFormatError
        If the values are neither integers nor real numbers.
    """
    dtype = np.dtype(recording.signals.dtype).newbyteorder("=")
    if dtype.kind not in "iufb":
        message = f"stream {recording.name!r}: values of type {dtype} are not real numbers"
        raise UnsupportedFormatError(message)
    if dtype.itemsize > 8:
        message = f"stream {recording.name!r}: {dtype} has no Zarr type every reader knows"
        raise UnsupportedFormatError(message)
    attributes: dict[str, Any] = {}
    shared_units = set(recording.channel_units)
    if len(shared_units) == 1:
        (unit,) = shared_units
        if unit and not is_time_unit(unit):
            attributes["units"] = unit
    if recording.gain is None or recording.offset is None:
        return Encoding(dtype, attributes)
    scales = set(zip(recording.gain, recording.offset, strict=True))
    if scales == {(1.0, 0.0)}:
        return Encoding(dtype, attributes)
    if len(scales) == 1:
        ((gain, offset),) = scales
        attributes["scale_factor"] = float(gain)
        attributes["add_offset"] = float(offset)
        return Encoding(dtype, attributes)
    gains = np.array(recording.gain, dtype=float)
    offsets = np.array(recording.offset, dtype=float)
    exact = dtype.kind in "iub" and holds_every_integer(dtype, gains, offsets, np.dtype("float32"))
    return Encoding(np.dtype("float32" if exact else "float64"), attributes, gains, offsets)


def holds_every_integer(
    dtype: np.dtype[Any],
    gains: np.ndarray[Any, Any],
    offsets: np.ndarray[Any, Any],
    target: np.dtype[Any],
) -> bool:
    """Whether round((physical - offset) / gain) gives back every integer of ``dtype``.

    True when the rounding error of the largest physical value stays below half a step.
    """
    if dtype.kind == "b":
        low, high = 0, 1
    else:
        info = np.iinfo(dtype)
        low, high = int(info.min), int(info.max)
    largest = np.maximum(np.abs(low * gains + offsets), np.abs(high * gains + offsets))
    spacing = np.spacing(largest.astype(target)).astype(float)
    return bool(np.all(np.isfinite(largest.astype(target)) & (spacing < np.abs(gains) * 0.5)))


def split_unrecoverable(recording: Recording) -> list[Recording]:
    """Split a stream whose channels' scales differ so that no float could hold its integers.

    Streams of one scale each keep the integers themselves; everything else is returned as it is.
    """
    dtype = np.dtype(recording.signals.dtype)
    if recording.gain is None or recording.offset is None or dtype.kind not in "iu":
        return [recording]
    scales = list(zip(recording.gain, recording.offset, strict=True))
    if len(set(scales)) == 1:
        return [recording]
    gains, offsets = np.array(recording.gain), np.array(recording.offset)
    if holds_every_integer(dtype, gains, offsets, np.dtype("float64")):
        return [recording]
    parts = []
    for n, scale in enumerate(dict.fromkeys(scales)):
        rows = [i for i, other in enumerate(scales) if other == scale]
        parts.append(_select(recording, rows, f"{recording.name}_{n}" if n else recording.name))
    return parts


def _select(recording: Recording, rows: list[int], name: str) -> Recording:
    """Return the channels ``rows`` of ``recording`` as a stream of its own."""
    signals = recording.signals
    shape = (len(rows), *signals.shape[1:])

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        rest = tuple(slice(*pair) for pair in bounds[1:])
        picked = rows[slice(*bounds[0])]
        blocks = [np.asarray(signals[(slice(row, row + 1), *rest)]) for row in picked]
        if not blocks:
            lengths = [stop - start for start, stop in bounds_of(rest, shape[1:])]
            return np.empty((0, *lengths), signals.dtype)
        return np.concatenate(blocks)

    def pick(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(values[row] for row in rows) if values else values

    return replace(
        recording,
        name=name,
        signals=FunctionBlocks(shape, np.dtype(signals.dtype), read),
        channel_names=pick(recording.channel_names),
        channel_units=pick(recording.channel_units),
        gain=pick(recording.gain) if recording.gain else None,
        offset=pick(recording.offset) if recording.offset else None,
        channel_start_s=pick(recording.channel_start_s),
    )
