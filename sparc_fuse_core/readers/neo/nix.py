"""NIX as neo writes it: the units of times, which neo's own reader takes for seconds whatever they are.

`NixIO` keeps rates and times in the units they had: a signal of 30 kHz has an interval of 1/30 in ``1/kHz``.
Source: neo.io.nixio; "Data model", NIX documentation.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import h5py

from sparc_fuse_core.errors import UnsupportedFeatureError
from sparc_fuse_core.readers.hdf5.arrays import open_hdf5

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sparc_fuse_core.model import Recording

#: Seconds of an interval in each unit that neo writes for one.
_SECONDS = {
    "": 1.0,
    "s": 1.0,
    "1/Hz": 1.0,
    "ms": 1e-3,
    "1/kHz": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "1/MHz": 1e-6,
}
_IN_SECONDS = frozenset({"", "s", "1/Hz"})
#: Things whose values are times.
_OF_TIMES = ("neo.event", "neo.epoch", "neo.spiketrain")
#: Blocks, arrays and links looked at in one file.
_MOST = 100_000


def is_of_neo(path: Path) -> bool:
    """Whether neo wrote a NIX file: it calls its blocks so."""
    with open_hdf5(path) as file:
        return any(_text(block, "type").startswith("neo.") for block in _below(file, "data"))


def in_seconds(neo: Any, path: Path, found: Sequence[Recording]) -> list[Recording]:
    """Return recordings with the rate that the file states, in hertz.

    Raises
    ------
    UnsupportedFeatureError
        If times are in something else than seconds, or intervals in several units or one that is not known.
    """
    del neo
    intervals, times = set(), set()
    with open_hdf5(path) as file:
        arrays = (array for block in _below(file, "data") for array in _below(block, "data_arrays"))
        for array in itertools.islice(arrays, _MOST):
            kind = _text(array, "type")
            if kind.startswith(_OF_TIMES):
                times.add(_text(array, "unit"))
            elif kind.startswith("neo.waveforms"):
                # neo takes their interval for seconds too
                times.update(_intervals(array))
            elif kind == "neo.analogsignal":
                intervals.update(_intervals(array))
                starts = array.get("metadata/properties/t_start")
                times.add(_text(starts, "unit") if starts is not None else "")
    others = sorted(times - _IN_SECONDS)
    if others:
        _refuse(path, "times", others)
    seconds = {_SECONDS.get(unit) for unit in intervals}
    if len(seconds) > 1 or None in seconds:
        _refuse(path, "intervals of samples", sorted(intervals))
    factor = next(iter(seconds), None) or 1.0
    rates = [one.sampling_rate_hz for one in found]
    return [
        dataclasses.replace(one, sampling_rate_hz=rate and rate / factor)
        for one, rate in zip(found, rates, strict=True)
    ]


def _refuse(path: Path, what: str, units: list[str]) -> None:
    message = (
        f"{path.name}: neo takes its {what} for seconds, and they are in {', '.join(units)}: save it again "
        "with seconds and hertz, or export the signals"
    )
    raise UnsupportedFeatureError(message)


def _intervals(array: Any) -> set[str]:
    """Return the units of the axes of even samples."""
    return {
        _text(axis, "unit")
        for axis in _below(array, "dimensions")
        if _text(axis, "dimension_type") == "sample"
    }


def _below(place: Any, name: str) -> Iterator[Any]:
    group = place.get(name)
    if isinstance(group, h5py.Group):
        for key in itertools.islice(group, _MOST):
            yield group[key]


def _text(place: Any, name: str) -> str:
    value = place.attrs.get(name, "")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
