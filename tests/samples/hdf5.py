"""HDF5 files, written by h5py: attributes that state all, WaveSurfer's and MaxWell's layouts, traps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import hdf5plugin
import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(17)


def _attributes(folder: Path) -> Truth:
    """Rate, units and names as attributes; two rates; big-endian; a public filter; remarks beside."""
    ecg = _RNG.integers(-900, 900, (5000, 2)).astype(">i2")
    flow = _RNG.normal(size=800).astype(np.float32)
    path = folder / "attributes.h5"
    with h5py.File(path, "w") as file:
        file.attrs["subject"] = "Débit 1"
        item = file.create_dataset("raw/ecg", data=ecg, chunks=(1000, 1), **hdf5plugin.Blosc())
        item.attrs["sampling_rate"] = 1000.0
        item.attrs["units"] = "mV"
        item.attrs["channel_names"] = ["lead", "lead"]
        group = file.create_group("slow")
        group.attrs["SamplingRate"] = np.array([40.0])
        group.create_dataset("flow", data=flow, compression="gzip")
        group["electrodes"] = np.arange(16)  # beside samples, but none
        file["elsewhere"] = h5py.ExternalLink("/etc/hostname", "/x")
        file["loop"] = h5py.SoftLink("/loop")
        file["age"] = 3
    first = StreamTruth(ecg.T.astype(float), 1000.0, ("lead", "lead"), ("mV", "mV"), "int16")
    second = StreamTruth(flow[None].astype(float), 40.0, ("flow",), ("",), "float32")
    return Truth(path, (first, second))


def _time_beside(folder: Path) -> Truth:
    values = _RNG.normal(size=(3, 600))
    path = folder / "beside.h5"
    with h5py.File(path, "w") as file:
        file["trial/data"] = values
        file["trial/time"] = np.arange(600) * 2.0
        file["trial/time"].attrs["units"] = "ms"
    return Truth(path, (StreamTruth(values, 500.0, ("data",) * 3, ("",) * 3, "float64"),))


def _long(folder: Path) -> Truth:
    values = _RNG.integers(0, 60000, 4000).astype(np.uint16)
    path = folder / "long.h5"
    with h5py.File(path, "w") as file:
        file["values"] = values
    return Truth(path, arrays={"values": values})


def _wavesurfer(folder: Path, lengths: tuple[int, ...], degree: int) -> Truth:
    """Two of three channels are active; the middle one's coefficients must not be used."""
    path = folder / "wavesurfer.h5"
    coefficients = np.array([[0.5, 2e-4, 0, 0], [9, 9, 9, 9], [-0.25, 3e-4, 1e-9, 2e-14]])
    if degree == 1:
        coefficients[:, 2:] = 0
    scales = np.array([[1.0], [5.0], [0.1]])
    starts = [0.25, 1.75, 4.0][: len(lengths)]
    counts = [_RNG.integers(-30000, 30000, (2, n)).astype(np.int16) for n in lengths]
    with h5py.File(path, "w") as file:
        header = file.create_group("header")
        header["VersionString"] = np.array([b"0.97"])
        header["AcquisitionSampleRate"] = [[20000.0]]
        header["AIChannelNames"] = np.array([b"Vm", b"off", b"Im"])
        header["AIChannelUnits"] = np.array([b"mV", b"V", b"pA"])
        header["AIChannelScales"] = scales
        header["AIScalingCoefficients"] = coefficients
        header["IsAIChannelActive"] = [[1.0], [0.0], [1.0]]
        for i, (block, start) in enumerate(zip(counts, starts, strict=True), start=1):
            file[f"sweep_{i:04d}/analogScans"] = block
            file[f"sweep_{i:04d}/timestamp"] = [[start]]
    pieces = []
    for block in counts:
        x = block.astype(float)
        rows = [
            (c[0] + c[1] * x[i] + c[2] * x[i] ** 2 + c[3] * x[i] ** 3) / scale
            for i, (c, scale) in enumerate(
                zip(coefficients[[0, 2]], scales[[0, 2], 0], strict=True)
            )
        ]
        pieces.append(np.array(rows))
    equal = len(set(lengths)) == 1
    physical = np.stack(pieces, axis=1) if equal and len(lengths) > 1 else np.hstack(pieces)
    segments: tuple[tuple[int, int, float], ...] = ()
    if not equal:
        edges = np.cumsum([0, *lengths])
        segments = tuple((int(e), n, s) for e, n, s in zip(edges, lengths, starts, strict=False))
    dtype = "int16" if degree == 1 else "float64"
    stream = StreamTruth(
        physical,
        20000.0,
        ("Vm", "Im"),
        ("mV", "pA"),
        dtype,
        tolerance=1e-9,
        start_s=0.25,
        segments=segments,
    )
    return Truth(path, (stream,))


def _old_wavesurfer(folder: Path) -> Truth:
    """No coefficients: counts stay counts, without the unit that scaled values would have."""
    counts = _RNG.integers(-300, 300, (1, 900)).astype(np.int16)
    path = folder / "old.h5"
    with h5py.File(path, "w") as file:
        file["header/Acquisition/SampleRate"] = [[30000.0]]
        file["header/Acquisition/ChannelNames"] = np.array([b"V1"])
        file["header/Acquisition/ChannelUnits"] = np.array([b"V"])
        file["header/Acquisition/ChannelScales"] = [[1.0]]
        file["trial_0001"] = counts
    rate_hz = 100e6 / 3333
    return Truth(path, (StreamTruth(counts.astype(float), rate_hz, ("V1",), ("",), "int16"),))


def _maxwell(folder: Path) -> Truth:
    """A gap of 100 frames in the middle; spikes on the same clock."""
    raw = _RNG.integers(400, 600, (3, 1000)).astype(np.uint16)
    frames = np.arange(5000, 6000, dtype=np.uint64)
    frames[600:] += 100
    path = folder / "maxwell.raw.h5"
    with h5py.File(path, "w") as file:
        file["mxw_version"] = np.array([b"20.1.8"])
        store = file.create_group("data_store/data0000")
        store["start_time"] = np.array([1616065839606])
        store["settings/sampling"] = [10000.0]
        store["settings/lsb"] = [6.25e-6]
        store["settings/gain"] = [512.0]
        store["groups/routed/channels"] = np.array([16, 28, 44], np.uint16)
        store["groups/routed/frame_nos"] = frames
        store["groups/routed/raw"] = raw
        kind = np.dtype([("frameno", "<i8"), ("channel", "<i4"), ("amplitude", "<f4")])
        store["spikes"] = np.array([(5100, 28, -5.0), (5700, 16, -4.0)], kind)
    stream = StreamTruth(
        raw * 6.25e-6,
        10000.0,
        ("16", "28", "44"),
        ("V",) * 3,
        "uint16",
        segments=((0, 600, 0.0), (600, 400, 0.07)),
    )
    events = ((0.01, "data0000 channel 28", "28"), (0.07, "data0000 channel 16", "16"))
    return Truth(path, (stream,), events=events)


def _unknown_filter(folder: Path) -> Truth:
    """A chunk said to be compressed by filter 401, for which no library is open."""
    path = folder / "filter401.h5"
    with h5py.File(path, "w") as file:
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_chunk((1000,))
        # optional (flag 1): HDF5 lets the dataset be made although the filter is not there
        creation.set_filter(401, h5py.h5z.FLAG_OPTIONAL, (1,))
        space = h5py.h5s.create_simple((1000,))
        item = h5py.h5d.create(file.id, b"raw", h5py.h5t.NATIVE_INT16, space, creation)
        dataset = h5py.Dataset(item)
        dataset.attrs["sampling_rate"] = 20000.0
        dataset[:] = 1
    return Truth(path, error="UnsupportedFormatError", error_says="filter 401")


def _no_signal(folder: Path) -> Truth:
    path = folder / "settings.h5"
    with h5py.File(path, "w") as file:
        file["a/b"] = np.eye(4)
    return Truth(path, arrays={"a/b": np.eye(4)})


def _truncated(folder: Path, share: float) -> Truth:
    truth = _attributes(folder)
    raw = truth.path.read_bytes()
    truth.path.write_bytes(raw[: int(len(raw) * share)])
    return Truth(truth.path, error="CorruptFileError")


SAMPLES = [
    Sample("hdf5-attributes", "hdf5", _attributes),
    Sample("hdf5-time-beside", "hdf5", _time_beside),
    Sample("hdf5-long-only", "hdf5", _long),
    *(
        Sample(
            f"hdf5-wavesurfer-{len(lengths)}-{degree}-{len(set(lengths))}",
            "hdf5",
            lambda folder, n=lengths, d=degree: _wavesurfer(folder, n, d),
        )
        for lengths, degree in (((400,), 3), ((300, 300, 300), 1), ((300, 500, 200), 3))
    ),
    Sample("hdf5-wavesurfer-old", "hdf5", _old_wavesurfer),
    Sample("hdf5-maxwell-gap", "hdf5", _maxwell),
    Sample("hdf5-filter-401", "hdf5", _unknown_filter),
    Sample("hdf5-no-signal", "hdf5", _no_signal),
    *(
        Sample(f"hdf5-truncated-{share}", "hdf5", lambda folder, s=share: _truncated(folder, s))
        for share in (0.1, 0.5, 0.95)
    ),
]
