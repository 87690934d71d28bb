"""What the caller states of recordings that do not state it themselves: a rate, a unit.

Nothing that a file or a scheme states is ever replaced.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.model import Contents, Evidence, Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.plan.items import ConvertOptions
    from sparc_fuse_core.schemes.schemes import Scheme


#: How each sentence begins about what the caller stated in vain.
UNUSED = "`--"
_MOST_SHOWN = 3


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
    evidence += [Evidence("content", "file", text) for text in _unused(contents, options)]
    return dataclasses.replace(contents, recordings=recordings, evidence=tuple(evidence))


def _unused(contents: Contents, options: ConvertOptions) -> Iterator[str]:
    """Yield a sentence for each word of the caller that nothing or something else came of.

    The same value stated by the file is none; images and shapes have neither rate nor channels' units.
    """
    recordings = contents.recordings
    is_kept = not recordings and (contents.arrays is not None or bool(contents.tables))
    why_kept = "the file is kept as arrays or tables, of which nothing is claimed"
    if options.rate_hz is not None:
        rates = {r.sampling_rate_hz for r in recordings} - {None, options.rate_hz}
        said = [f"{rate:.6g} Hz" for rate in sorted(rate for rate in rates if rate)[:_MOST_SHOWN]]
        said += ["times"] if any(r.times is not None for r in recordings) else []
        if said or is_kept:
            why = f"the file or its scheme states {', '.join(said)}" if said else why_kept
            yield f"{UNUSED}rate {options.rate_hz:g}` is not used: {why}."
    if options.unit:
        units = {unit for r in recordings for unit in r.channel_units} - {"", options.unit}
        if units or is_kept:
            shown = ", ".join(sorted(units)[:_MOST_SHOWN]) + (
                ", …" if len(units) > _MOST_SHOWN else ""
            )
            why = f"the file or its scheme states {shown} of its channels" if units else why_kept
            yield f"{UNUSED}unit {options.unit}` is not used: {why}."


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
