"""Intan recordings as a folder: one file for each signal type, or for each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.blocks import stacked
from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, MissingCompanionError
from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.intan.streams import (
    Stream,
    breaks_of,
    channels_of,
    converted,
    n_items_of,
    step_of,
    stim,
)
from sparc_fuse_core.readers.shared.records import Breaks, RecordFile, Row, interleaved

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from sparc_fuse_core.readers.intan.header import Channel, Header

#: kind → (file of all its channels, prefix of the file of one channel)
FILES = {
    "amplifier": ("amplifier.dat", "amp-"),
    "auxiliary": ("auxiliary.dat", "aux-"),
    "supply": ("supply.dat", "vdd-"),
    "dc_amplifier": ("dcamplifier.dat", "dc-"),
    "stim": ("stim.dat", "stim-"),
    "adc": ("analogin.dat", "board-"),
    "dac": ("analogout.dat", "board-"),
    "digital_in": ("digitalin.dat", "board-"),
    "digital_out": ("digitalout.dat", "board-"),
}


# -------------------------------------------------------------------------- header and .dat files
def of_folder(
    files: ExitStack, path: Path, header: Header
) -> tuple[list[Stream], dict[int, Breaks], list[Evidence]]:
    """Streams of the layouts that keep samples in ``.dat`` files beside the header."""
    folder = path.parent
    if not (folder / "time.dat").is_file():
        if path.stem == "info":
            message = (
                f"{path.name}: holds only a header, and time.dat is not beside it; "
                "its samples are in .dat files that belong in the same folder"
            )
            raise MissingCompanionError(message)
        message = f"{path.name}: a header without a data block: nothing was recorded"
        raise EmptyFileError(message)
    time_file = files.enter_context(RecordFile(folder / "time.dat"))
    n_samples = n_items_of(time_file, 4)
    streams: list[Stream] = []
    evidence: list[Evidence] = []
    by_signal = any((folder / name).is_file() for name, _ in FILES.values())
    for kind in FILES:
        channels = header.of_kind("amplifier") if kind == "stim" else channels_of(header, kind)
        if not channels or (kind in ("stim", "dc_amplifier") and not header.stimulator):
            continue
        if by_signal:
            found = _of_signal_file(files, folder / FILES[kind][0], kind, channels, n_samples)
        else:
            found = _of_channel_files(files, path, kind, channels, n_samples)
        if not found and kind != "stim" and (kind != "dc_amplifier" or header.dc_saved):
            sentence = f"{path.name} lists {len(channels)} {kind} channels without a .dat file."
            evidence.append(Evidence("content", "missing", sentence))
        streams += found
    if not streams:
        message = f"{path.name}: no .dat file of its channels lies beside it"
        raise MissingCompanionError(message)
    evidence += _filtered_copies(folder)
    breaks = breaks_of(time_file, n_samples, {1, *(s.step for s in streams)})
    return streams, breaks, evidence


def _filtered_copies(folder: Path) -> list[Evidence]:
    prefixes = ("lowpass", "highpass", "spike", "low-", "high-")
    names = sorted(p.name for p in folder.glob("*.dat") if p.name.startswith(prefixes))
    if not names:
        return []
    shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    sentence = f"Filtered copies and spike snippets are not converted: {shown}."
    return [Evidence("content", "missing", sentence)]


def _dtype(kind: str) -> str:
    # unlike in data blocks, Intan writes amplifier samples around zero here
    return "<i2" if kind == "amplifier" else "<u2"


def _of_signal_file(
    files: ExitStack, path: Path, kind: str, channels: Sequence[Channel], n_stamps: int
) -> list[Stream]:
    if not path.is_file():
        return []
    file = files.enter_context(RecordFile(path))
    word = kind.startswith("digital")
    n_columns = 1 if word else len(channels)
    n = n_items_of(file, 2 * n_columns)
    signals = interleaved(file, _dtype(kind), n_columns, [(0, n)])
    if kind == "stim":
        return stim(lambda convert: converted(signals, convert), channels)
    return [Stream(kind, signals, channels, step_of(file, n, n_stamps), word)]


def _of_channel_files(
    files: ExitStack, path: Path, kind: str, channels: Sequence[Channel], n_stamps: int
) -> list[Stream]:
    folder, prefix = path.parent, FILES[kind][1]
    there = [c for c in channels if (folder / f"{prefix}{c.native_name}.dat").is_file()]
    if not there:
        return []
    missing = [c.native_name for c in channels if c not in there]
    if missing and kind != "stim":  # stimulation files exist only for channels that stimulated
        message = (
            f"{path.name}: {prefix}{missing[0]}.dat is not beside it; only {len(there)} of "
            f"{len(channels)} files of {kind} channels are"
        )
        raise MissingCompanionError(message)
    rows = []
    for channel in there:
        file = files.enter_context(RecordFile(folder / f"{prefix}{channel.native_name}.dat"))
        n = n_items_of(file, 2)
        step = step_of(file, n, n_stamps)
        rows.append(Row(interleaved(file, _dtype(kind), 1, [(0, n)])))
    if len({len(row) for row in rows}) != 1:
        message = f"{prefix}*.dat: the files of the {kind} channels differ in length"
        raise CorruptFileError(message)
    signals = stacked(rows)
    if kind == "stim":
        return stim(lambda convert: converted(signals, convert), there)
    return [Stream(kind, signals, there, step)]
