"""Raw samples (.dat, .bin, .raw): read only with a mapping scheme that states their layout."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, SchemeError
from sparc_fuse_core.model import Contents, Evidence, Recording
from sparc_fuse_core.readers.shared.records import RecordFile, interleaved, planar
from sparc_fuse_core.readers.shared.salvage import ends_early

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_KINDS = "iuf"


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open raw samples; see `sparc_fuse_core.readers.Reader`.

    ``options``: ``dtype`` (``"<i2"``) and ``n_channels`` are needed; ``sampling_rate_hz``,
    ``order`` (``"interleaved"`` or ``"planar"``), ``gain``, ``offset``, ``units``, ``names`` and
    ``header_bytes`` are not.
    """
    dtype = _dtype(path, options)
    n_channels = _count(path, options, "n_channels", None)
    header_bytes = _count(path, options, "header_bytes", 0)
    order = options.get("order", "interleaved")
    if order not in ("interleaved", "planar"):
        _refuse(path, f"order is {order!r}, not 'interleaved' or 'planar'")
    rate_hz = options.get("sampling_rate_hz")
    if rate_hz is not None and not _is_number(rate_hz, positive=True):
        _refuse(path, f"sampling_rate_hz is {rate_hz!r}, not a positive number")
    gain = _numbers(path, options, "gain", n_channels)
    offset = _numbers(path, options, "offset", n_channels)
    if gain is not None and 0 in gain:
        _refuse(path, "a gain of 0 would erase the signal")
    if gain is not None or offset is not None:
        gain, offset = gain or (1.0,) * n_channels, offset or (0.0,) * n_channels
    with RecordFile(path) as file:
        n_bytes = file.size_bytes - header_bytes
        n_samples, left = divmod(n_bytes, dtype.itemsize * n_channels)
        if n_bytes > 0 and left and n_samples:
            ends_early(path.name, f"{n_samples} whole samples and {left} bytes of one more")
        elif n_bytes < 0 or left:
            message = (
                f"{path.name}: {file.size_bytes} bytes less a header of {header_bytes} are no whole "
                f"number of samples of {n_channels} × {dtype.str}; the scheme or the file is wrong"
            )
            raise CorruptFileError(message)
        if not n_samples:
            message = f"{path.name}: no samples after the header of {header_bytes} bytes"
            raise EmptyFileError(message)
        if order == "planar":
            signals = planar(file, dtype, n_channels, header_bytes, n_samples)
        else:
            signals = interleaved(file, dtype, n_channels, [(header_bytes, n_samples)])
        recording = Recording(
            "raw",
            signals,
            _texts(path, options, "names", n_channels),
            _texts(path, options, "units", n_channels),
            None if rate_hz is None else float(rate_hz),
            gain=gain,
            offset=offset,
        )
        sentence = f"The scheme states the layout: {n_channels} channels of {dtype.str}, {order}."
        yield Contents(recordings=(recording,), evidence=(Evidence("signals", "scheme", sentence),))


def _refuse(path: Path, why: str) -> None:
    message = f"{path.name}: the mapping scheme does not fit: {why}"
    raise SchemeError(message)


def _dtype(path: Path, options: Mapping[str, Any]) -> np.dtype[Any]:
    text = options.get("dtype")
    if text is None:
        _refuse(path, "raw samples need the options dtype and n_channels")
    try:
        dtype = np.dtype(str(text))
    except TypeError:
        dtype = np.dtype("V1")
    if dtype.kind not in _KINDS:
        _refuse(path, f"dtype {text!r} is no integer or float type such as '<i2'")
    return dtype


def _count(path: Path, options: Mapping[str, Any], key: str, default: int | None) -> int:
    value = options.get(key, default)
    least = 1 if default is None else 0
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        _refuse(path, f"{key} is {value!r}, not a whole number from {least}")
    return int(value or 0)


def _is_number(value: Any, *, positive: bool = False) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and (value > 0 or not positive)
    )


def _numbers(
    path: Path, options: Mapping[str, Any], key: str, n_channels: int
) -> tuple[float, ...] | None:
    value = options.get(key)
    if value is None:
        return None
    values = list(value) if isinstance(value, list | tuple) else [value] * n_channels
    if len(values) != n_channels or not all(map(_is_number, values)):
        _refuse(path, f"{key} must be one number, or one for each of {n_channels} channels")
    return tuple(map(float, values))


def _texts(path: Path, options: Mapping[str, Any], key: str, n_channels: int) -> tuple[str, ...]:
    value = options.get(key)
    if value is None:
        return ("",) * n_channels
    if isinstance(value, str) and key == "units":
        return (value,) * n_channels
    values = list(value) if isinstance(value, list | tuple) else []
    if len(values) != n_channels or not all(isinstance(text, str) for text in values):
        _refuse(path, f"{key} must be one text for each of {n_channels} channels")
    return tuple(values)
