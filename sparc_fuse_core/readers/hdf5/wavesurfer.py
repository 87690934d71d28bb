"""WaveSurfer: sweeps of int16 counts, each channel with its own polynomial from counts to volts.

As Janelia's own PyWaveSurfer reads it: value = polynomial(counts) / channel scale. Where no polynomial is
stored (old versions) counts stay counts. Up to version 0.912 the stated rate is the one asked for, while the
board ran at 100 MHz over a whole number.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.model import Contents, Evidence, Recording, Segment
from sparc_fuse_core.readers.hdf5.arrays import StoredBlocks, check_filter
from sparc_fuse_core.readers.hdf5.facts import number_of, text_of, texts_of
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sparc_fuse_core.model import Blocks

_TIMEBASE_HZ = 100e6
_LAST_UNCORRECTED = (0, 912)


def is_wavesurfer(file: h5py.File) -> bool:
    """Whether the file has WaveSurfer's header and a sweep (or trial, as it was called)."""
    header = file.get("header")
    if not isinstance(header, h5py.Group) or not _sweep_names(file):
        return False
    return "AcquisitionSampleRate" in header or "Acquisition/SampleRate" in header


def _sweep_names(file: h5py.File) -> list[str]:
    return sorted(name for name in file if name.startswith(("sweep_", "trial_")))


def read_wavesurfer(file: h5py.File, path: Path) -> Contents:
    """Map the analog and digital scans of all sweeps."""
    return _WaveSurfer(file, path).contents()


class _WaveSurfer:
    def __init__(self, file: h5py.File, path: Path) -> None:
        self.file = file
        self.path = path
        self.header = file["header"]
        self.evidence: list[Evidence] = []
        self.metadata: dict[str, Any] = {"program": "WaveSurfer"}

    def contents(self) -> Contents:
        rate_hz = self._rate_hz()
        recordings = []
        for kind in ("analogScans", "digitalScans"):
            sweeps = self._sweeps(kind)
            if sweeps:
                recordings.append(self._recording(kind, sweeps, rate_hz))
        if not recordings:
            message = f"{self.path.name}: WaveSurfer file without a scan in any sweep"
            raise EmptyFileError(message)
        clock, start = self._first("ClockAtRunStart"), ""
        if clock is not None and np.size(clock) == 6:
            year, month, day, hour, minute = (int(part) for part in np.ravel(clock)[:5])
            second = float(np.ravel(clock)[5])
            start = stated_start(
                f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:06.3f}"
            )
        return Contents(
            tuple(recordings),
            start_time=start,
            metadata=self.metadata,
            evidence=tuple(self.evidence),
        )

    def _first(self, *names: str) -> Any:
        """Return the first header entry that is there."""
        for name in names:
            item = self.header.get(name)
            if isinstance(item, h5py.Dataset) and item.size and item.size < 100_000:
                return item[()]
        return None

    def _rate_hz(self) -> float:
        stated = number_of(self._first("AcquisitionSampleRate", "Acquisition/SampleRate"))
        if stated is None or not 0 < stated <= _TIMEBASE_HZ:
            message = f"{self.path.name}: the header states a sampling rate of {stated}"
            raise CorruptFileError(message)
        version = text_of(self._first("VersionString"))
        if version:
            self.metadata["version"] = version
        ticks = _TIMEBASE_HZ / stated
        if _is_uncorrected(version) and ticks != round(ticks):
            rate_hz = _TIMEBASE_HZ / math.floor(ticks)
            self.metadata["nominal_sampling_rate_hz"] = stated
            sentence = (
                f"WaveSurfer {version or 'before 0.913'} states the rate asked for ({stated:g} Hz); its board "
                f"ran at 100 MHz / {math.floor(ticks)} = {rate_hz:.6g} Hz, as PyWaveSurfer corrects it"
            )
            self.evidence.append(Evidence("time", "inferred", sentence))
            return rate_hz
        return stated

    def _sweeps(self, kind: str) -> list[tuple[h5py.Dataset, float | None]]:
        """Return the scans of each sweep and when it started, in seconds from the run's start."""
        found: list[tuple[h5py.Dataset, float | None]] = []
        for name in _sweep_names(self.file):
            item = self.file[name]
            start: float | None = None
            if isinstance(item, h5py.Group):
                scans = item.get(kind)
                start = number_of(item["timestamp"][()]) if "timestamp" in item else None
            elif kind == "digitalScans":
                continue
            else:
                scans = item
            if not isinstance(scans, h5py.Dataset) or not scans.size:
                continue
            if len(scans.shape) != 2 or scans.dtype.kind not in "iuf":
                message = f"{self.path.name}: {scans.name} is of shape {scans.shape}, {scans.dtype}"
                raise CorruptFileError(message)
            check_filter(scans, self.path)
            found.append((scans, start))
        return found

    def _recording(
        self, kind: str, sweeps: list[tuple[h5py.Dataset, float | None]], rate_hz: float
    ) -> Recording:
        counts = {scans.shape[0] for scans, _ in sweeps}
        dtypes = {scans.dtype for scans, _ in sweeps}
        if len(counts) != 1 or len(dtypes) != 1:
            message = f"{self.path.name}: channels or types of {kind} change between sweeps"
            raise CorruptFileError(message)
        n_channels = counts.pop()
        arrays: list[Blocks] = [StoredBlocks(scans) for scans, _ in sweeps]
        starts = [start for _, start in sweeps]
        if kind == "digitalScans":
            facts = {"lines": self._lines()}
            names, units = ("",) * n_channels, ("",) * n_channels
            return _laid_out("digital", arrays, starts, names, units, rate_hz, None, None, facts)
        names = self._labels(n_channels, "Names")
        units = self._labels(n_channels, "Units")
        polynomials = self._polynomials(n_channels)
        if polynomials is None:
            sentence = "no scaling coefficients are stored: values are counts, not the stated units"
            self.evidence.append(Evidence("calibration", "missing", sentence))
            facts = {"units_if_scaled": list(units)}
            blank = ("",) * n_channels
            return _laid_out("analog", arrays, starts, names, blank, rate_hz, None, None, facts)
        gain = offset = None
        if not np.any(polynomials[:, 2:]) and np.all(polynomials[:, 1]):
            gain = tuple(float(one) for one in polynomials[:, 1])
            offset = tuple(float(one) for one in polynomials[:, 0])
        else:
            sentence = (
                "counts became units by the stored polynomials (of degree above 1), as float64"
            )
            self.evidence.append(Evidence("calibration", "file", sentence))
            arrays = [_polynomial(blocks, polynomials) for blocks in arrays]
        facts = {"scaling_coefficients": polynomials.tolist()}
        return _laid_out("analog", arrays, starts, names, units, rate_hz, gain, offset, facts)

    def _active(self) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
        stated = self._first(
            "IsAIChannelActive", "Acquisition/IsAnalogChannelActive", "Acquisition/IsChannelActive"
        )
        return None if stated is None else np.ravel(stated).astype(bool)

    def _of_active(self, values: Sequence[Any], n_channels: int) -> Sequence[Any] | None:
        """Return the entries of the active channels, if the header lists all channels."""
        active = self._active()
        if len(values) == n_channels and (active is None or len(active) != n_channels):
            return values
        if active is not None and len(active) == len(values) and active.sum() == n_channels:
            return [value for value, is_active in zip(values, active, strict=True) if is_active]
        return values if len(values) == n_channels else None

    def _labels(self, n_channels: int, what: str) -> tuple[str, ...]:
        stated = self._first(
            f"AIChannel{what}", f"Acquisition/AnalogChannel{what}", f"Acquisition/Channel{what}"
        )
        if stated is None:
            return ("",) * n_channels
        found = self._of_active(texts_of(stated), n_channels)
        return tuple(found) if found is not None else ("",) * n_channels

    def _lines(self) -> list[str]:
        stated = self._first("DIChannelNames", "Acquisition/DigitalChannelNames")
        return [] if stated is None else list(texts_of(stated))

    def _polynomials(self, n_channels: int) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """Return coefficients, lowest power first, divided by each channel's scale."""
        stated = self._first("AIScalingCoefficients", "Acquisition/AnalogScalingCoefficients")
        scales = self._first(
            "AIChannelScales", "Acquisition/AnalogChannelScales", "Acquisition/ChannelScales"
        )
        if stated is None or scales is None:
            return None
        rows = self._of_active(list(np.atleast_2d(stated)), n_channels)
        per_channel = self._of_active(list(np.ravel(scales)), n_channels)
        if rows is None or per_channel is None:
            message = f"{self.path.name}: scaling coefficients do not fit {n_channels} channels"
            raise CorruptFileError(message)
        table = np.asarray(rows, dtype=np.float64)
        divisor = np.asarray(per_channel, dtype=np.float64)[:, None]
        if not np.isfinite(table).all() or not np.isfinite(divisor).all() or (divisor == 0).any():
            message = f"{self.path.name}: a scaling coefficient or channel scale is 0 or not finite"
            raise CorruptFileError(message)
        if table.shape[1] < 2:
            message = f"{self.path.name}: {table.shape[1]} scaling coefficient(s) a channel"
            raise CorruptFileError(message)
        return table / divisor


def _is_uncorrected(version: str) -> bool:
    """Whether a version is 0.912 or older; its number is a decimal fraction (0.97 is after 0.912)."""
    if not version:
        return True
    whole, _, fraction = version.partition(".")
    if not whole.isdigit() or not fraction.isdigit():
        return False
    major, thousandths = _LAST_UNCORRECTED
    return (int(whole), int(fraction[:3].ljust(3, "0"))) <= (major, thousandths)


def _polynomial(blocks: Blocks, coefficients: np.ndarray[Any, Any]) -> FunctionBlocks:
    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        counts = np.asarray(blocks[(slice(first, last), slice(start, stop))], dtype=np.float64)
        values = np.zeros_like(counts)
        with np.errstate(over="ignore", invalid="ignore"):
            for power in range(coefficients.shape[1] - 1, -1, -1):
                values *= counts
                values += coefficients[first:last, power, None]
        return values

    return FunctionBlocks(tuple(blocks.shape), np.dtype(np.float64), read)


def _laid_out(
    name: str,
    arrays: list[Blocks],
    starts: list[float | None],
    names: tuple[str, ...],
    units: tuple[str, ...],
    rate_hz: float,
    gain: tuple[float, ...] | None,
    offset: tuple[float, ...] | None,
    facts: dict[str, Any],
) -> Recording:
    """One sweep is a plain recording; sweeps of one length have an axis, others are segments."""
    known = [start for start in starts if start is not None]
    lengths = [array.shape[1] for array in arrays]
    segments: tuple[Segment, ...] = ()
    sweep_start_s: tuple[float, ...] = ()
    start_s = known[0] if len(known) == len(starts) else 0.0
    if len(arrays) == 1:
        signals: Blocks = arrays[0]
    elif len(set(lengths)) == 1:
        signals = _sweep_axis(arrays)
        sweep_start_s = tuple(known) if len(known) == len(starts) else ()
    else:
        edges = np.cumsum([0, *lengths])
        times = known if len(known) == len(starts) else [edge / rate_hz for edge in edges[:-1]]
        if len(known) != len(starts):
            facts = {**facts, "sweep_starts": "not stated: sweeps follow each other"}
        segments = tuple(
            Segment(int(edge), n_samples, float(time))
            for edge, n_samples, time in zip(edges, lengths, times, strict=False)
        )
        signals = end_to_end(arrays)
    return Recording(
        name,
        signals,
        names,
        units,
        rate_hz,
        gain,
        offset,
        start_s=start_s,
        sweep_start_s=sweep_start_s,
        segments=segments,
        metadata=facts,
    )


def _sweep_axis(arrays: list[Blocks]) -> FunctionBlocks:
    shape = (arrays[0].shape[0], len(arrays), arrays[0].shape[1])
    dtype = np.dtype(arrays[0].dtype)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (c0, c1), (s0, s1), (start, stop) = bounds
        block = np.empty((c1 - c0, s1 - s0, stop - start), dtype)
        for i in range(s0, s1):
            block[:, i - s0] = arrays[i][(slice(c0, c1), slice(start, stop))]
        return block

    return FunctionBlocks(shape, dtype, read)


def end_to_end(arrays: Sequence[Blocks]) -> FunctionBlocks:
    """Lay (n_channels, n_samples) arrays end to end; segments say where each begins."""
    edges = [0]
    for array in arrays:
        edges.append(edges[-1] + array.shape[1])
    dtype = np.dtype(arrays[0].dtype)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (first, last), (start, stop) = bounds
        block = np.empty((last - first, stop - start), dtype)
        for array, edge, end in zip(arrays, edges[:-1], edges[1:], strict=True):
            low, high = max(start, edge), min(stop, end)
            if low < high:
                key = (slice(first, last), slice(low - edge, high - edge))
                block[:, low - start : high - start] = array[key]
        return block

    return FunctionBlocks((arrays[0].shape[0], edges[-1]), dtype, read)
