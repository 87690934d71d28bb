"""Recordings as other libraries read them; each function takes the files of an item, the leading one first."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sparc_fuse_core.proof.faults import KnownFaultError
from sparc_fuse_core.proof.seen import Channel, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


#: Records of TDT's index.
_TSQ = np.dtype(
    [
        ("size", "<i4"),
        ("kind", "<i4"),
        ("store", "<u4"),
        ("channel", "<u2"),
        ("sort", "<u2"),
        ("time", "<f8"),
        ("place", "<i8"),
        ("code", "<i4"),
        ("rate", "<f4"),
    ]
)
#: Size of one sample by ``code``.
_TSQ_BYTES = (4, 4, 2, 1, 8, 8)
_STREAM = 0x8101


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


def neo_reader(
    name: str, *, streams: Sequence[str] = (), names: bool = True
) -> Callable[[Sequence[Path]], Seen]:
    """Return a function that reads with one of neo's raw readers.

    Parameters
    ----------
    streams
        Parts of the names of the streams that are compared; all if empty.
    names
        Whether neo shows names and units as they are written.
    """

    def read(files: Sequence[Path]) -> Seen:
        from neo import rawio

        path = files[0]
        kind: Any = getattr(rawio, name)
        with contextlib.ExitStack() as stack:
            if name == "NeuralynxRawIO":
                file = kind(
                    dirname=str(path.parent), include_filenames=[path.name], gap_tolerance_ms=0.0
                )
            elif name == "BlackrockRawIO":
                # beside events of another version neo refuses signals
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                for one in files:
                    if one.suffix.lower().startswith(".ns"):
                        (folder / one.name).symlink_to(one.resolve())
                file = kind(filename=str(folder / path.name), gap_tolerance_ms=0.0)
            elif name == "OpenEphysBinaryRawIO":
                # neo takes numbers of experiment and recording from the names of the folders
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                recording = folder / "experiment1/recording1"
                recording.mkdir(parents=True)
                for one in path.parent.iterdir():
                    (recording / one.name).symlink_to(one.resolve())
                file = kind(dirname=str(folder))
            else:
                file = kind(filename=str(path))
            file.parse_header()
            channels = tuple(_neo_channels(file, streams))
        if not names:
            channels = tuple(dataclasses.replace(one, name=None, unit=None) for one in channels)
        return Seen(channels, partial=True)

    return read


def brainvision(files: Sequence[Path]) -> Seen:
    """Read BrainVision with neo, which knows no code for a comma in a name and cuts the unit of microvolts."""
    if b"IEEE_FLOAT" in files[0].read_bytes():
        message = "neo leaves the resolution of real numbers out"
        raise KnownFaultError(message)
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


def brainvision_by_mne(files: Sequence[Path]) -> Seen:
    """Read BrainVision with MNE, which turns volts of any size into volts."""
    import mne

    mne.set_log_level("ERROR")
    raw = mne.io.read_raw_brainvision(files[0], preload=True)
    volts = {"V": 1.0, "mV": 1e-3, "µV": 1e-6, "uV": 1e-6, "nV": 1e-9}
    channels = []
    for values, name in zip(raw.get_data(), raw.ch_names, strict=True):
        unit = raw._orig_units.get(name, "")
        if unit not in volts:
            message = "MNE gives numbers of other units in its own way"
            raise KnownFaultError(message)
        channels.append(Channel(values / volts[unit], name, unit, float(raw.info["sfreq"])))
    return Seen(tuple(channels))


def blackrock(files: Sequence[Path]) -> Seen:
    """Read Blackrock with neo, but for files of version 2.1, whose last sample it drops."""
    for path in files:
        with path.open("rb") as file:
            if file.read(8) == b"NEURALSG":
                message = "neo drops the last sample of version 2.1"
                raise KnownFaultError(message)
    return neo_reader("BlackrockRawIO")(files)


def _neo_channels(file: Any, streams: Sequence[str]) -> list[Channel]:
    channels = []
    header = file.header
    for stream in range(len(header["signal_streams"])):
        name = str(header["signal_streams"][stream]["name"])
        if streams and not any(part in name for part in streams):
            continue
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
            rate_hz = float(channel["sampling_rate"])
            channels.append(Channel(values, name, None if unit == "a.u." else unit, rate_hz))
    return channels


def edfio(files: Sequence[Path]) -> Seen:
    """Read EDF with edfio, which takes files that pyEDFlib refuses; letters that are not ASCII it loses."""
    import edfio as library

    path = files[0]
    file = library.read_bdf(path) if path.suffix.lower() == ".bdf" else library.read_edf(path)
    channels = []
    for one in file.signals:
        if one.label in ("EDF Annotations", "BDF Annotations"):
            continue
        if one.physical_min == one.physical_max:
            message = "edfio shows a unit where the header states no scale"
            raise KnownFaultError(message)
        name, unit = (None if "\ufffd" in t else t for t in (one.label, one.physical_dimension))
        channels.append(Channel(one.data, name, unit, float(one.sampling_frequency)))
    events = tuple((float(one.onset), one.text) for one in file.annotations)
    return Seen(tuple(channels), events=events if channels else events or None)


def eeglab(files: Sequence[Path]) -> Seen:
    """Read EEGLAB with MNE, which takes all values for microvolts; epochs one after the other."""
    import mne

    mne.set_log_level("ERROR")
    try:
        raw = mne.io.read_raw_eeglab(files[0], preload=True)
    except TypeError:
        raw = mne.read_epochs_eeglab(files[0])
    values = np.asarray(raw.get_data(), dtype=float) * 1e6
    if values.ndim == 3:
        values = np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)
    rate_hz = float(raw.info["sfreq"])
    # of one name MNE makes several by numbers
    names = [None if re.search(r"-\d+$", name) else name for name in raw.ch_names]
    channels = tuple(Channel(values[n], name, None, rate_hz) for n, name in enumerate(names))
    return Seen(channels, left_aside=("units: MNE takes all for microvolts",))


def intan(files: Sequence[Path]) -> Seen:
    """Read Intan with neo, of .rhs the amplifiers alone: those of DC it scales with the wrong sign.

    Bits of digital ports are no channels of the store. In files beside an ``info.rhd`` all is stored at the
    amplifiers' rate, which neo does not tell of the auxiliary inputs.
    """
    analog = ("amplifier channel", "auxiliary", "supply", "ADC")
    is_stimulator = files[0].suffix.lower() == ".rhs"
    seen = neo_reader("IntanRawIO", streams=analog[:1] if is_stimulator else analog)(files)
    is_apart = files[0].stem == "info"
    channels = tuple(
        dataclasses.replace(
            one, name=None, rate_hz=None if is_apart and "AUX" in (one.name or "") else one.rate_hz
        )
        for one in seen.channels
    )
    return dataclasses.replace(
        seen, channels=channels, left_aside=("names: neo shows those that users gave",)
    )


def tdt(files: Sequence[Path]) -> Seen:
    """Read a block of TDT with its makers' library, which knows file names by their small letters."""
    import tdt as library

    records = np.fromfile(files[0], _TSQ)
    records = records[records["kind"] == _STREAM]
    if (records["place"] % np.array(_TSQ_BYTES)[records["code"]]).any():
        message = "the library of TDT reads samples from multiples of their size only"
        raise KnownFaultError(message)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        for path in files:
            (Path(folder) / f"{path.stem}{path.suffix.lower()}").symlink_to(path.resolve())
        streams = library.read_block(folder, evtype=["streams"]).streams
        channels = tuple(
            Channel(np.asarray(values), str(number), None, float(stream.fs))
            for _, stream in streams.items()
            for number, values in zip(stream.channel, np.atleast_2d(stream.data), strict=True)
        )
    return Seen(channels, partial=True)
