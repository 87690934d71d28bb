"""Recordings as other libraries read them; each function takes the files of an item, the leading one first."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sparc_fuse_core.proof.seen import Channel, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def edf(files: Sequence[Path]) -> Seen:
    """Read EDF and BDF with pyEDFlib."""
    path = files[0]
    import pyedflib

    with contextlib.closing(pyedflib.EdfReader(str(path))) as file:
        channels = tuple(
            Channel(
                file.readSignal(n),
                file.getLabel(n),
                file.getPhysicalDimension(n),
                float(file.getSampleFrequency(n)),
            )
            for n in range(file.signals_in_file)
        )
        starts, _, texts = file.readAnnotations()
        events = tuple((float(t), str(text)) for t, text in zip(starts, texts, strict=True))
    return Seen(channels, events=events)


def abf(files: Sequence[Path]) -> Seen:
    """Read ABF with pyABF, all sweeps of a channel one after the other."""
    path = files[0]
    import pyabf

    file = pyabf.ABF(str(path))
    channels = tuple(
        Channel(np.asarray(file.data[n]), file.adcNames[n], file.adcUnits[n])
        for n in range(file.channelCount)
    )
    aside = (
        "rates: pyABF rounds them to whole numbers",
        "letters that are not ASCII: pyABF leaves them out of names",
    )
    return Seen(channels, partial=True, ascii_names=True, left_aside=aside)


def acq(files: Sequence[Path]) -> Seen:
    """Read AcqKnowledge with bioread."""
    path = files[0]
    import bioread

    file = bioread.read_file(str(path))
    channels = tuple(
        Channel(np.asarray(c.data), c.name, c.units, float(c.samples_per_second))
        for c in file.channels
    )
    return Seen(channels)


def wav(files: Sequence[Path]) -> Seen:
    """Read WAV with scipy."""
    path = files[0]
    from scipy.io import wavfile

    rate_hz, values = wavfile.read(path)
    values = values.reshape(len(values), -1)
    if values.dtype == np.uint8:
        values = values.astype(np.int16) - 128  # the middle of what is stored without a sign
    elif values.dtype.kind == "i":
        values = values >> 8 * (values.dtype.itemsize - _sample_bytes(path))
    channels = tuple(
        Channel(values[:, n], None, None, float(rate_hz)) for n in range(values.shape[1])
    )
    return Seen(channels)


def _sample_bytes(path: Path) -> int:
    """Return the bytes of one sample: scipy moves samples to the left end of the next larger integer."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    at = head.index(b"fmt ") + 8
    order: Literal["big", "little"] = "big" if head.startswith(b"RIFX") else "little"
    n_channels, block = (int.from_bytes(head[at + k : at + k + 2], order) for k in (2, 12))
    return block // n_channels


def nwb(files: Sequence[Path]) -> Seen:
    """Read the acquired series of NWB with pynwb, in their own units."""
    path = files[0]
    import pynwb

    channels = []
    with pynwb.NWBHDF5IO(path, "r") as io:
        for series in io.read().acquisition.values():
            if type(series) not in (pynwb.TimeSeries, pynwb.ecephys.ElectricalSeries):
                continue
            values = np.asarray(series.data)
            if values.ndim > 2 or values.dtype.kind not in "iuf":
                continue
            factors = getattr(series, "channel_conversion", None)
            rate = None if series.rate is None else float(series.rate)
            for n in range(values.reshape(len(values), -1).shape[1]):
                column = values.reshape(len(values), -1)[:, n].astype(float)
                gain = series.conversion * (1.0 if factors is None else float(factors[n]))
                column = column * gain + (series.offset or 0.0)
                channels.append(Channel(column, None, series.unit, rate))
    return Seen(tuple(channels), partial=True)


def neo_reader(name: str, *, folder: bool = False) -> Callable[[Sequence[Path]], Seen]:
    """Return a function that reads with one of neo's raw readers.

    Parameters
    ----------
    folder
        Whether it takes the folder of the file.
    """

    def read(files: Sequence[Path]) -> Seen:
        from neo import rawio

        path = files[0]
        kind: Any = getattr(rawio, name)
        if name == "NeuralynxRawIO":
            file = kind(dirname=str(path.parent), include_filenames=[path.name])
        elif folder:
            file = kind(dirname=str(path.parent))
        else:
            file = kind(filename=str(path))
        file.parse_header()
        return Seen(tuple(_neo_channels(file)), partial=True)

    return read


def brainvision(files: Sequence[Path]) -> Seen:
    """Read BrainVision with neo, which knows no code for a comma in a name and cuts the unit of microvolts."""
    if b"IEEE_FLOAT" in files[0].read_bytes():
        message = "neo leaves the resolution of real numbers out"
        raise ValueError(message)
    seen = neo_reader("BrainVisionRawIO")(files)
    channels = tuple(
        dataclasses.replace(
            channel,
            name=(channel.name or "").replace("\\1", ","),
            unit=None if channel.unit == "u" else channel.unit,
        )
        for channel in seen.channels
    )
    return dataclasses.replace(seen, channels=channels)


def blackrock(files: Sequence[Path]) -> Seen:
    """Read Blackrock with neo, but for files of version 2.1, whose last sample it drops."""
    for path in files:
        with path.open("rb") as file:
            if file.read(8) == b"NEURALSG":
                message = "neo drops the last sample of version 2.1"
                raise ValueError(message)
    return neo_reader("BlackrockRawIO")(files)


def _neo_channels(file: Any) -> list[Channel]:
    channels = []
    header = file.header
    for stream in range(len(header["signal_streams"])):
        stream_id = header["signal_streams"][stream]["id"]
        chosen = [c for c in header["signal_channels"] if c["stream_id"] == stream_id]
        for n, channel in enumerate(chosen):
            parts = []
            for segment in range(file.segment_count(0)):
                raw = file.get_analogsignal_chunk(
                    0, segment, None, None, stream, channel_indexes=[n]
                )
                parts.append(np.asarray(raw)[:, 0])
            values = np.concatenate(parts).astype(float) * channel["gain"] + channel["offset"]
            name, unit = str(channel["name"]), str(channel["units"])
            channels.append(Channel(values, name, unit, float(channel["sampling_rate"])))
    return channels


def text(files: Sequence[Path]) -> Seen:
    """Read a table of numbers with pandas: columns by the names of its first line."""
    path = files[0]
    import pandas as pd

    frame = pd.read_csv(path, sep=None, engine="python", encoding_errors="replace")
    numbers = frame.select_dtypes("number")
    if not len(numbers.columns) or len(numbers.columns) != len(frame.columns):
        message = "pandas does not take every column for numbers"
        raise ValueError(message)
    # which column is the time is a question of meaning, that the first reader answers
    columns = {}
    for name in numbers.columns:
        values = numbers[name].to_numpy()
        there = np.flatnonzero(~np.isnan(values.astype(float)))
        columns[str(name)] = values[: there[-1] + 1] if there.size else values[:0]
    return Seen(arrays=columns)


def numpy_file(files: Sequence[Path]) -> Seen:
    """Read ``.npy`` and ``.npz`` with numpy."""
    path = files[0]
    loaded: Any = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return Seen(arrays={path.stem: loaded}) if loaded.dtype.names is None else Seen()
    with loaded:
        return Seen(arrays={name: loaded[name] for name in loaded.files}, partial=True)
