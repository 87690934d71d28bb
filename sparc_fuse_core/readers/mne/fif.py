"""FIF: raw data and its split parts, epochs, averages.

Samples are kept as stored, with the file's own ``range`` × ``cal`` as gain. Projections and compensations that
a file describes are not applied. Stretches that were not recorded ("skips") are gaps.
"""

from __future__ import annotations

import dataclasses
import gzip
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.errors import (
    EmptyFileError,
    MissingCompanionError,
    OutsideFileError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.model import Contents, EventTable, Evidence, Recording
from sparc_fuse_core.readers.mne.fif_tags import EPOCHS_BLOCK, EVOKED_BLOCK, RAW_BLOCKS, walk
from sparc_fuse_core.readers.mne.header import (
    events_of,
    identity_of,
    rate_of,
    recording_of,
    runs_without,
    start_of,
    unit_of,
)
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from contextlib import ExitStack

    from sparc_fuse_core.readers.mne.kinds import Kind

#: Types of samples that are kept as stored; FIFF's DAU_PACK16, SHORT, INT, FLOAT, DOUBLE.
_STORED = {16: "int16", 2: "int16", 3: "int32", 4: "float32", 5: "float64"}
_SHIELDED = 119
_MOST_PARTS = 1000
_BLOCK = 4_000_000
_QUIET = {"verbose": "ERROR"}


def fif(path: Path, kind: Kind, mne: Any, stack: ExitStack) -> Contents:
    """Return what a FIF file holds.

    Raises
    ------
    EmptyFileError
        If it holds no recording: a covariance, a projection, a transformation.
    """
    path = _unpacked(path, stack)
    tags = walk(path)
    if tags.blocks & RAW_BLOCKS:
        return _raw(path, kind, mne)
    if EPOCHS_BLOCK in tags.blocks:
        return _epochs(path, mne)
    if EVOKED_BLOCK in tags.blocks:
        return _averages(path, mne)
    message = f"{path.name}: holds no recording (no raw data, epochs or averages)"
    raise EmptyFileError(message)


def _unpacked(path: Path, stack: ExitStack) -> Path:
    """Return a FIF file unpacked, which can be read from anywhere; itself if it is not packed."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    target = folder / path.name.removesuffix(".gz")
    n_bytes, stored = 0, path.stat().st_size
    with gzip.open(path) as source, target.open("wb") as out:
        while block := source.read(_BLOCK):
            n_bytes += len(block)
            check_unpacked(path.name, stored, n_bytes)
            out.write(block)
    return target


def _check_parts(path: Path) -> None:
    """Refuse names of next files that lie elsewhere, and parts that are absent or name themselves again."""
    seen: set[str] = set()
    part = path
    while True:
        tags = walk(part)
        seen.add(part.name)
        name = tags.next_name or (
            _numbered(part.name, tags.next_number) if tags.next_number else ""
        )
        if not name:
            return
        if Path(name.replace("\\", "/")).name != name:
            message = f"{path.name}: goes on in a file of another place, which is not followed"
            raise OutsideFileError(message)
        if name in seen or len(seen) > _MOST_PARTS:
            message = f"{path.name}: its parts name each other in a circle; rename none of them"
            raise UnsupportedFeatureError(message)
        part = path.parent / name
        if not part.is_file():
            message = f"{path.name}: goes on in {name}, which is not there; add it"
            raise MissingCompanionError(message, (name,))


def _numbered(name: str, number: int) -> str:
    """Return the name of a part of which only the number is stated, as MNE makes it."""
    stem, _, suffix = name.partition(".")
    head, _, last = stem.rpartition("-")
    return f"{head if last.isdigit() and head else stem}-{number}.{suffix}"


def _raw(path: Path, kind: Kind, mne: Any) -> Contents:
    _check_parts(path)
    raw = mne.io.read_raw_fif(
        str(path), preload=False, on_split_missing="raise", **kind.arguments, **_QUIET
    )
    stored = _stored(raw)
    if stored == "complex":
        message = f"{path.name}: holds complex samples, which a recording cannot; export them as two channels"
        raise UnsupportedFeatureError(message)
    rate_of(raw, path)
    runs = runs_without(_skips(raw), int(raw.n_times), path)
    names = [str(one) for one in raw.ch_names]
    recording = recording_of(raw, path, runs, stored=stored, names=names)
    evidence = _of_info(raw.info)
    if _SHIELDED in walk(path).blocks:
        evidence.append(
            Evidence(
                "calibration",
                "file",
                "Recorded with internal active shielding: what that did to the signals is still in them "
                "(MaxFilter takes it out).",
            )
        )
    return Contents(
        recordings=(dataclasses.replace(recording, metadata=_facts(raw.info)),),
        events=events_of(raw, path),
        evidence=tuple(evidence),
        start_time=start_of(raw.info, is_utc=kind.is_utc),
        metadata=identity_of(raw.info),
    )


def _stored(raw: Any) -> str:
    """Return the type of all stored samples, ``"complex"``, or ``""`` where they differ."""
    types = {int(ent.type) for extra in raw._raw_extras for ent in extra["ent"] if ent is not None}
    if not types <= set(_STORED):
        return "complex"
    names = {_STORED[one] for one in types}
    return names.pop() if len(names) == 1 else ""


def _skips(raw: Any) -> list[tuple[int, int]]:
    """Return the stretches that were not recorded, as first sample of all parts and number of samples."""
    found, at = [], 0
    for extra in raw._raw_extras:
        sizes = np.diff(extra["bounds"])
        for ent, n in zip(extra["ent"], sizes.tolist(), strict=True):
            if ent is None:
                found.append((at, n))
            at += n
    return found


def _facts(info: Any) -> dict[str, Any]:
    """Return what a file states of its channels and filters."""
    facts: dict[str, Any] = {}
    for key, name in (
        ("highpass", "highpass_hz"),
        ("lowpass", "lowpass_hz"),
        ("line_freq", "line_frequency_hz"),
    ):
        if info[key] is not None and np.isfinite(info[key]):
            facts[name] = float(info[key])
    if info["bads"]:
        facts["bad_channels"] = [str(one) for one in info["bads"]]
    return facts


def _of_info(info: Any) -> list[Evidence]:
    n = len(info["projs"])
    if not n:
        return []
    which = f"{n} projection{'s' * (n > 1)}"
    return [Evidence("calibration", "file", f"The file describes {which}; none is applied here.")]


def _epochs(path: Path, mne: Any) -> Contents:
    _check_parts(path)
    epochs = mne.read_epochs(str(path), proj=False, preload=False, **_QUIET)
    n_epochs, n_channels, n = len(epochs.events), len(epochs.ch_names), len(epochs.times)
    if not (n_epochs and n):
        message = f"{path.name}: holds no epoch; upload the original again"
        raise EmptyFileError(message)

    def read(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        (low, high), (start, stop), (first, last) = bounds
        out = np.empty((high - low, stop - start, last - first), "float64")
        for i in range(start, stop):
            values = epochs[i : i + 1].get_data(copy=False, **_QUIET)
            out[:, i - start] = values[0, low:high, first:last]
        return out

    labels = {int(code): str(name) for name, code in epochs.event_id.items()}
    codes = [int(one) for one in epochs.events[:, 2]]
    recording = Recording(
        "epochs",
        FunctionBlocks((n_channels, n_epochs, n), np.dtype("float64"), read),
        tuple(map(str, epochs.ch_names)),
        tuple(unit_of(one) for one in epochs.info["chs"]),
        rate_of(epochs, path),
        start_s=float(epochs.times[0]),
        metadata=_facts(epochs.info),
    )
    sentence = "Time zero of each epoch is the event that it was cut around."
    return Contents(
        recordings=(recording,),
        events=EventTable(
            time_s=[0.0] * n_epochs,
            duration_s=[float("nan")] * n_epochs,
            label=[labels.get(code, str(code)) for code in codes],
            channel=[""] * n_epochs,
            kind=["event"] * n_epochs,
            sweep=list(range(n_epochs)),
        ),
        evidence=(Evidence("time", "file", sentence), *_of_info(epochs.info)),
        metadata=identity_of(epochs.info),
    )


def _averages(path: Path, mne: Any) -> Contents:
    found, patient = [], {}
    for one in mne.read_evokeds(str(path), baseline=None, proj=False, **_QUIET):
        patient = identity_of(one.info)
        facts = {**_facts(one.info), "n_averaged": int(one.nave), "measure": str(one.kind)}
        found.append(
            Recording(
                "averages",
                np.ascontiguousarray(one.data, "float64"),
                tuple(map(str, one.ch_names)),
                tuple(unit_of(channel) for channel in one.info["chs"]),
                rate_of(one, path),
                start_s=float(one.times[0]),
                metadata={**facts, "comment": str(one.comment or "")},
            )
        )
    if not found:
        message = f"{path.name}: holds no average; upload the original again"
        raise EmptyFileError(message)
    return Contents(recordings=tuple(found), metadata=patient)
