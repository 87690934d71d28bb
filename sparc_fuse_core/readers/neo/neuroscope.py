"""NeuroScope: an .xml beside samples as acquired (.dat) and as field potentials (.lfp, .eeg).

NEO gives all of them the rate of acquisition; the .xml states that of the others apart.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from sparc_fuse_core.errors import CorruptFileError, MissingCompanionError, UnsupportedFeatureError
from sparc_fuse_core.model import Contents
from sparc_fuse_core.readers.neo.header import recordings_of

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.readers.neo.kinds import Kind

_SAMPLES = (".dat", ".lfp", ".eeg")
_MOST_XML_BYTES = 16_000_000


def neuroscope(path: Path, kind: Kind, make: Any, readers: list[Any]) -> Contents:
    """Return what an .xml and the samples of its stem hold; NEO's readers are added to ``readers``.

    Raises
    ------
    MissingCompanionError
        If no samples lie beside it.
    CorruptFileError
        If it does not describe a recording.
    """
    header = path.with_suffix(".xml")
    files = [path.with_suffix(suffix) for suffix in _SAMPLES if path.with_suffix(suffix).is_file()]
    if not header.is_file() or not files:
        wanted = header if not header.is_file() else path.with_suffix(".dat")
        message = f"{path.name}: {wanted.name} is not there; add it"
        raise MissingCompanionError(message, (wanted.name,))
    lfp_hz = _lfp_rate(header, path.name)
    recordings = []
    for file in files:
        neo = make(filename=str(header), binary_file=str(file))
        try:
            neo.parse_header()
        except NotImplementedError as err:
            message = f"{path.name}: samples of other than 16 bits; export them as 16 bits"
            raise UnsupportedFeatureError(message) from err
        readers.append(neo)
        for one in recordings_of(neo, kind, file):
            rate_hz = one.sampling_rate_hz if file.suffix == ".dat" else lfp_hz
            recordings.append(
                dataclasses.replace(one, name=file.suffix[1:], sampling_rate_hz=rate_hz)
            )
    return Contents(recordings=tuple(recordings))


def _lfp_rate(header: Path, name: str) -> float | None:
    """Return the rate of field potentials that an .xml states."""
    if header.stat().st_size > _MOST_XML_BYTES:
        message = f"{name}: {header.name} is too long for a header of NeuroScope"
        raise CorruptFileError(message)
    try:
        root = ET.fromstring(header.read_bytes())  # noqa: S314 - expat bounds entities
    except ET.ParseError as err:
        message = f"{name}: {header.name} is no XML ({err}); upload it again"
        raise CorruptFileError(message) from err
    if root.find("acquisitionSystem") is None:
        message = (
            f"{name}: {header.name} describes no recording of NeuroScope (no acquisitionSystem)"
        )
        raise CorruptFileError(message)
    text = root.findtext("fieldPotentials/lfpSamplingRate")
    rate_hz = float(text) if text else None
    return rate_hz if rate_hz and 0 < rate_hz < float("inf") else None
