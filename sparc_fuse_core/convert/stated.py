"""What the caller states of recordings that do not state it themselves: a rate, a unit.

Nothing that a file or a scheme states is ever replaced.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.model import Contents, Evidence, Recording

if TYPE_CHECKING:
    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.plan.items import ConvertOptions
    from sparc_fuse_core.schemes.schemes import Scheme


def reader_options_of(
    scheme: Scheme | None, row: Format, options: ConvertOptions
) -> dict[str, Any]:
    """Return what the reader is told: by the scheme, and by the caller where that says nothing."""
    told = dict(scheme.options) if scheme else {}
    if options.rate_hz is not None and scheme is None and "sampling_rate_hz" in row.options:
        told["sampling_rate_hz"] = options.rate_hz
    return told


def with_stated(contents: Contents, options: ConvertOptions) -> Contents:
    """Return the contents with the caller's rate and unit where they state none, and who said so."""
    recordings = tuple(_stated(recording, options) for recording in contents.recordings)
    evidence = list(contents.evidence)
    if any(a.sampling_rate_hz != b.sampling_rate_hz for a, b in _pairs(contents, recordings)):
        sentence = f"The rate, {options.rate_hz:g} Hz, is the caller's word: the file states none."
        evidence = [entry for entry in evidence if (entry.fact, entry.basis) != ("time", "missing")]
        evidence.append(Evidence("time", "scheme", sentence))
    if any(a.channel_units != b.channel_units for a, b in _pairs(contents, recordings)):
        sentence = f"The unit {options.unit} is the caller's word where the file states none."
        evidence.append(Evidence("units", "scheme", sentence))
    return dataclasses.replace(contents, recordings=recordings, evidence=tuple(evidence))


def _stated(recording: Recording, options: ConvertOptions) -> Recording:
    rate_hz = recording.sampling_rate_hz
    if rate_hz is None and recording.times is None:
        rate_hz = options.rate_hz
    units = tuple(unit or options.unit for unit in recording.channel_units)
    return dataclasses.replace(recording, sampling_rate_hz=rate_hz, channel_units=units)


def _pairs(
    contents: Contents, recordings: tuple[Recording, ...]
) -> list[tuple[Recording, Recording]]:
    return list(zip(contents.recordings, recordings, strict=True))
