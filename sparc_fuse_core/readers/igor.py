"""Igor Pro waves (.ibw) and packed experiments (.pxp), through igor2.

A numeric wave becomes a recording: its first dimension is the sample axis, columns are channels, layers
sweeps. That axis is time only where its unit says so. Text waves, variables and notes are metadata.
"""

from __future__ import annotations

import io
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from igor2 import binarywave
from igor2.record.folder import FolderStartRecord
from igor2.record.variables import VariablesRecord

from sparc_fuse_core.errors import CorruptFileError, NothingToConvertError
from sparc_fuse_core.model import Contents, Evidence, Recording
from sparc_fuse_core.readers.shared.start_time import stated_start
from sparc_fuse_core.readers.shared.units import seconds_of, time_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: what igor2 raises on damaged bytes
_DAMAGE = (
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    OverflowError,
    MemoryError,
    EOFError,
    struct.error,
)
#: The unit of a dimension that is Igor's date and time, in seconds.
_DATED = "dat"


#: version → sizes of the parts after the header, as it states them, from the third byte on
_SIZES_OF_VERSION = {1: "i", 2: "ii", 3: "iii", 5: "2x13i"}
_RECORD_BYTES, _REPLACED = 8, 0x8000
_VARIABLES, _WAVE, _FOLDER_END = 1, 3, 10
_FOLDER_STARTS = (9, 101)
_SYSTEM_VARIABLES = frozenset(f"K{i}" for i in range(21))


@dataclass(frozen=True, slots=True)
class _Wave:
    name: str
    values: np.ndarray[Any, Any]
    x_start: float
    x_step: float
    x_unit: str
    unit: str
    labels: tuple[str, ...]
    facts: dict[str, Any]


#: Igor's unit of an axis of dates, which count seconds from here, in local time.
_DATES, _EPOCH = "dat", datetime(1904, 1, 1)  # noqa: DTZ001 - no zone is stated


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open waves; see `sparc_fuse_core.readers.Reader`."""
    del options
    metadata: dict[str, Any] = {}
    evidence: list[Evidence] = []
    try:
        if path.suffix.lower() == ".pxp":
            waves = _packed(path, metadata, evidence)
        else:
            waves = [_load_wave("", path.read_bytes())]
    except _DAMAGE as err:
        message = f"{path.name}: cannot be read as Igor waves; it is damaged or cut off ({err})"
        raise CorruptFileError(message) from err
    recordings = [
        recording for wave in waves for recording in _recordings(wave, metadata, evidence)
    ]
    untimed = [r.name for r in recordings if r.sampling_rate_hz is None]
    if untimed:
        shown = ", ".join(untimed[:5]) + (" …" if len(untimed) > 5 else "")
        sentence = f"The x axis of {shown} has no unit of time: step and start are metadata."
        evidence.append(Evidence("time", "missing", sentence))
    if not recordings:
        what = "only text waves" if "text_waves" in metadata else "no wave with numbers"
        message = f"{path.name}: holds {what}: nothing to convert"
        raise NothingToConvertError(message)
    yield Contents(
        recordings=tuple(recordings),
        start_time=_start(waves),
        metadata=metadata,
        evidence=tuple(dict.fromkeys(evidence)),
    )


def _start(waves: Sequence[_Wave]) -> str:
    """Return when all waves with dates begin; ``""`` if none has dates, or they begin apart."""
    starts = {wave.x_start for wave in waves if wave.x_unit.strip() == _DATES}
    if len(starts) != 1:
        return ""
    try:
        return stated_start((_EPOCH + timedelta(seconds=starts.pop())).isoformat())
    except OverflowError:
        return ""


def _load_wave(folder: str, data: bytes) -> _Wave:
    """Parse one wave after checking its sizes: igor2 would allocate whatever a header says."""
    order = ">" if data[:1] == b"\0" else "<"
    version = struct.unpack_from(f"{order}h", data)[0]
    sizes = _SIZES_OF_VERSION.get(version)
    if sizes is None:
        message = f"version {version} of waves is not known"
        raise ValueError(message)
    parts = struct.unpack_from(order + sizes, data, 2)
    if any(size < 0 for size in parts) or sum(parts) > len(data):
        message = f"its parts have {sum(parts)} bytes, {len(data)} are there"
        raise ValueError(message)
    wave = binarywave.load(io.BytesIO(data))["wave"]
    return _wave(folder + _text(_header(wave)["bname"]), wave)


def _records(path: Path) -> list[tuple[int, bytes, str]]:
    """Return (type, data, byte order) of the records of a packed experiment, without replaced ones."""
    data = path.read_bytes()
    for order in "<>":
        found, at = [], 0
        while at + _RECORD_BYTES <= len(data):
            kind, version, n_bytes = struct.unpack_from(f"{order}Hhi", data, at)
            at += _RECORD_BYTES
            if n_bytes < 0 or at + n_bytes > len(data):
                break
            if not kind & _REPLACED:
                found.append((kind, version, data[at : at + n_bytes]))
            at += n_bytes
        if at == len(data) and at:
            return [(kind, part, order) for kind, _, part in found]
    message = "its records do not end where the file does"
    raise ValueError(message)


def _packed(path: Path, metadata: dict[str, Any], evidence: list[Evidence]) -> list[_Wave]:
    waves: list[_Wave] = []
    variables: dict[str, Any] = {}
    folders: list[str] = []
    for kind, data, order in _records(path):
        prefix = "".join(f"{folder}/" for folder in folders)
        if kind == _WAVE:
            waves.append(_load_wave(prefix, data))
        elif kind in _FOLDER_STARTS:
            folders.append(_text(FolderStartRecord({}, data, order).null_terminated_text))
        elif kind == _FOLDER_END and folders:
            folders.pop()
        elif kind == _VARIABLES:
            try:
                namespace = VariablesRecord({}, data, order).namespace
            except _DAMAGE:
                sentence = "A record of variables could not be read; its values are left out."
                evidence.append(Evidence("content", "missing", sentence))
                continue
            variables |= _plain(prefix, namespace)
    if variables:
        metadata["variables"] = variables
    names = [wave.name for wave in waves]
    if len(set(names)) != len(names):
        message = "waves of one folder share a name"
        raise ValueError(message)
    return waves


def _plain(prefix: str, namespace: Mapping[Any, Any]) -> dict[str, Any]:
    """Return variables as plain values. Igor always writes its system variables: K0 to K20."""
    found: dict[str, Any] = {}
    for raw_name, value in namespace.items():
        name = _text(raw_name)
        if isinstance(value, bytes):
            found[prefix + name] = _text(value)
        elif np.isrealobj(value) and (float(value) or name not in _SYSTEM_VARIABLES):
            number = float(value)
            found[prefix + name] = number if np.isfinite(number) else str(number)
    return found


def _header(wave: Mapping[str, Any]) -> Mapping[str, Any]:
    header: Mapping[str, Any] = wave["wave_header"]
    return header


def _text(value: Any) -> str:
    """Decode text of any of igor2's shapes; single bytes in arrays are joined."""
    if isinstance(value, np.ndarray):
        value = b"".join(value.ravel().tolist())
    if isinstance(value, str):
        return value
    raw = bytes(value).split(b"\0", 1)[0]
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _wave(name: str, wave: Mapping[str, Any]) -> _Wave:
    header, values = _header(wave), np.asarray(wave["wData"])
    if "sfA" in header:  # version 5
        x_start, x_step = float(header["sfB"][0]), float(header["sfA"][0])
        long_x = wave.get("dimension_units", b"")
        x_unit = _text(header["dimUnits"][0]) or (_text(long_x) if long_x else "")
        dims = header["dimUnits"][1:]
        units = [_text(unit) for unit in dims]
        scales = [
            {"start": float(b), "step": float(a), "unit": unit}
            for a, b, unit in zip(header["sfA"][1:], header["sfB"][1:], units, strict=False)
        ][: max(0, values.ndim - 1)]
    else:
        x_start, x_step, scales = float(header["hsB"]), float(header["hsA"]), []
        x_unit = _text(header["xUnits"])
    unit = _text(header["dataUnits"]) or _text(wave.get("data_units", b""))
    facts: dict[str, Any] = {"x_start": x_start, "x_step": x_step, "x_unit": x_unit}
    facts |= {"other_dimensions": scales} if scales else {}
    for key in ("note", "formula"):
        text = _text(wave.get(key, b"")).replace("\r", "\n").strip()
        facts |= {key: text} if text else {}
    labels = wave.get("labels") or []
    columns = labels[1][1:] if len(labels) > 1 else []
    names = tuple(_text(label) for label in columns)
    return _Wave(name, values, x_start, x_step, x_unit, unit, names, facts)


def _recordings(
    wave: _Wave, metadata: dict[str, Any], evidence: list[Evidence]
) -> Iterator[Recording]:
    values = wave.values
    if values.dtype.kind in "SU":
        texts = [_text(text) for text in values.ravel().tolist()]
        metadata.setdefault("text_waves", {})[wave.name] = texts
        return
    if values.dtype.kind not in "iufc" or not values.size or not 1 <= values.ndim <= 3:
        sentence = f"Wave {wave.name} ({values.dtype}, shape {values.shape}) is not converted."
        evidence.append(Evidence("content", "missing", sentence))
        return
    if values.ndim == 1:
        values = values[:, None]
    # (samples, columns, layers) → (channels, sweeps, samples)
    signals = np.moveaxis(values, 0, -1)
    parts = {"": signals}
    if np.iscomplexobj(signals):
        parts = {"_real": signals.real, "_imaginary": signals.imag}
    stated = wave.x_unit.strip()
    second = 1.0 if stated == _DATED else seconds_of(time_unit(stated))
    timed = second is not None and np.isfinite(wave.x_step) and wave.x_step > 0
    n_channels = signals.shape[0]
    names = wave.labels if len(wave.labels) == n_channels else ("",) * n_channels
    in_seconds = second if second is not None else 1.0
    # Igor's dates count from 1904; the recording's own clock starts with it
    dated = stated == _DATED
    for suffix, part in parts.items():
        yield Recording(
            wave.name + suffix,
            part,
            names,
            (wave.unit,) * n_channels,
            1 / (wave.x_step * in_seconds) if timed else None,
            start_s=wave.x_start * in_seconds if timed and not dated else 0.0,
            metadata=wave.facts,
        )
