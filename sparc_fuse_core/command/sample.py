"""Write a small dataset of true files, as in a SPARC dataset: to try the converter without a network.

Physiological-looking signals in several formats, a stack and an RGB picture, the SDS tables, one corrupt
file and one that no reader takes. Everything is made from one fixed seed.
"""

from __future__ import annotations

import struct
import wave
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import tifffile
from edfio import Edf, EdfAnnotation, EdfSignal
from openpyxl import Workbook
from PIL import Image as PillowImage
from pyabf.abfWriter import writeABF1
from scipy.io import savemat

from sparc_fuse_core.errors import OutputNotWritableError
from sparc_fuse_core.storage.results import writing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: The one file of the sample that must fail.
CORRUPT = "primary/sub-2/sam-3/truncated.edf"

#: The one file of the sample's data that no reader takes.
UNSUPPORTED = "primary/sub-2/notes.pzfx"


def write_sample(folder: Path) -> list[str]:
    """Write the dataset to the new ``folder``; return the paths of its files.

    Raises
    ------
    OutputNotWritableError
        If the folder exists and is not empty, or cannot be written.
    """
    with writing(str(folder)):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            message = f"{folder}: not an empty folder; name a new one"
            raise OutputNotWritableError(message)
        first = folder / "primary" / "sub-1" / "sam-1"
        second = folder / "primary" / "sub-2" / "sam-3"
        for place in (first, second, folder / "derivative" / "sub-1"):
            place.mkdir(parents=True)
        random = np.random.default_rng(224)
        _edf(first / "sleep.edf", random)
        _abf(first / "steps.abf", random)
        _wav(first / "heart sounds.wav", random)
        _csv(first / "blood_pressure.csv", random)
        _mat(second / "force.mat", random)
        _hdf5(second / "ecg.h5", random)
        _stack(first / "nerve_stack.ome.tif", random)
        _picture(second / "Schnittfläche.png", random)
        whole = (first / "sleep.edf").read_bytes()
        (folder / CORRUPT).write_bytes(whole[: len(whole) // 3] + b"\x00" * 7)
        (folder / UNSUPPORTED).write_bytes(b"<GraphPadPrismFile/>")
        _tables(folder)
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def _heartbeat(times_s: np.ndarray[Any, Any], rate_bpm: float) -> np.ndarray[Any, Any]:
    """Make an electrocardiogram of Gaussian waves (P, Q, R, S, T), in millivolt."""
    phase = (times_s * rate_bpm / 60.0) % 1.0
    waves = (
        (0.18, 0.025, 0.12),
        (0.28, 0.008, -0.1),
        (0.30, 0.009, 1.1),
        (0.33, 0.009, -0.25),
        (0.55, 0.05, 0.3),
    )
    total = np.zeros_like(times_s)
    for centre, width, height in waves:
        total += height * np.exp(-(((phase - centre) / width) ** 2) / 2)
    return total


def _edf(path: Path, random: np.random.Generator) -> None:
    """Write three signals at three rates, with annotations."""
    n_seconds = 60
    fast = np.arange(n_seconds * 500) / 500
    slow = np.arange(n_seconds * 100) / 100
    signals = [
        EdfSignal(
            _heartbeat(fast, 66) + random.normal(0, 0.01, fast.size),
            500,
            label="ECG",
            physical_dimension="mV",
            physical_range=(-3.2768, 3.2767),
        ),
        EdfSignal(
            20 * np.sin(2 * np.pi * 10 * slow) + random.normal(0, 8, slow.size),
            100,
            label="EEG Fpz-Cz",
            physical_dimension="uV",
            physical_range=(-200, 200),
        ),
        EdfSignal(
            36.6 + 0.1 * random.normal(size=n_seconds),
            1,
            label="Temp rectal",
            physical_dimension="degC",
            physical_range=(30, 42),
        ),
    ]
    annotations = [EdfAnnotation(5.0, None, "lights off"), EdfAnnotation(12.5, 3.0, "arousal")]
    Edf(signals, annotations=annotations).write(path)


def _abf(path: Path, random: np.random.Generator) -> None:
    """Write five sweeps of a patch-clamp step protocol, one channel."""
    n_samples = 4000
    steps = np.zeros((5, n_samples))
    for n in range(5):
        steps[n, 1000:3000] = 20.0 * (n - 2) * (1 - np.exp(-np.arange(2000) / 150))
        steps[n] += random.normal(0, 0.8, n_samples)
    writeABF1(steps.astype(np.float32), str(path), 20000.0, "pA")


def _wav(path: Path, random: np.random.Generator) -> None:
    """Write two microphones, 16 bit."""
    times_s = np.arange(4 * 4000) / 4000
    beat = np.abs(_heartbeat(times_s, 72)) * np.sin(2 * np.pi * 55 * times_s)
    sound = np.stack([beat, 0.6 * np.roll(beat, 40)]) + random.normal(0, 0.01, (2, times_s.size))
    samples = np.clip(sound * 20_000, -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(4000)
        file.writeframes(samples.T.tobytes())


def _csv(path: Path, random: np.random.Generator) -> None:
    """Write two columns with units and a pause of two seconds in the time column."""
    times_s = np.arange(3000) / 100
    times_s[1500:] += 2.0
    pressure = 95 + 20 * np.sin(2 * np.pi * 1.1 * times_s) + random.normal(0, 0.5, times_s.size)
    flow = 4.5 + np.cos(2 * np.pi * 1.1 * times_s)
    lines = ["Time (s),Arterial pressure (mmHg),Flow (mL/min)"]
    lines += [f"{t:.2f},{p:.3f},{f:.4f}" for t, p, f in zip(times_s, pressure, flow, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _mat(path: Path, random: np.random.Generator) -> None:
    times_s = np.arange(5000) / 1000
    force = 2.0 * np.exp(-((times_s - 2.0) ** 2) / 0.1) + random.normal(0, 0.01, times_s.size)
    savemat(path, {"t": times_s, "force": force, "stimvect": [1.8, 2.2], "animal": "rat 7"})


def _hdf5(path: Path, random: np.random.Generator) -> None:
    times_s = np.arange(20_000) / 1000
    ecg = _heartbeat(times_s, 300) + random.normal(0, 0.01, times_s.size)
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "ecg", data=(ecg * 1000).astype("int16")[:, None], chunks=(4096, 1)
        )
        data.attrs.update({"sampling_rate": 1000.0, "units": "uV"})


def _stack(path: Path, random: np.random.Generator) -> None:
    """Write a z-stack of two channels, 16 bit, with voxel size and channel names."""
    z, y, x = np.mgrid[0:12, 0:320, 0:384]
    fibre = np.exp(-(((y - 160 - 6 * np.sin(x / 40 + z / 3)) / 22) ** 2))
    nuclei = np.zeros((12, 320, 384))
    for cz, cy, cx in random.uniform((0, 0, 0), (12, 320, 384), (60, 3)):
        nuclei += np.exp(-(((z - cz) / 1.5) ** 2 + ((y - cy) / 7) ** 2 + ((x - cx) / 7) ** 2))
    stack = np.stack([fibre * 3000, np.clip(nuclei, 0, 1) * 4000])
    stack += random.poisson(100, stack.shape)
    tifffile.imwrite(
        path,
        stack.astype(np.uint16),
        ome=True,
        metadata={
            "axes": "CZYX",
            "PhysicalSizeX": 0.5,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": 0.5,
            "PhysicalSizeYUnit": "µm",
            "PhysicalSizeZ": 2.0,
            "PhysicalSizeZUnit": "µm",
            "Channel": {"Name": ["NF200", "DAPI"]},
        },
    )


def _picture(path: Path, random: np.random.Generator) -> None:
    """Write a stained section: an RGB picture."""
    y, x = np.mgrid[0:600, 0:800]
    rings = 0.5 + 0.5 * np.sin(np.hypot(y - 300, x - 400) / 18)
    colours = np.stack([200 + 40 * rings, 150 + 60 * rings, 190 + 30 * rings], axis=-1)
    colours += random.normal(0, 6, colours.shape)
    PillowImage.fromarray(np.clip(colours, 0, 255).astype(np.uint8)).save(path)


def _tables(folder: Path) -> None:
    _sheet(
        folder / "dataset_description.xlsx",
        [
            ("Metadata element", "Description", "Example", "Value"),
            ("Metadata Version", "", "", "2.1.0"),
            ("Title", "", "", "A small dataset of true files"),
            ("License", "", "", "Creative Commons Attribution"),
            ("Study organ system", "", "", "heart", "vagus nerve"),
        ],
    )
    _sheet(
        folder / "subjects.xlsx",
        [
            ("subject id", "pool id", "age", "sex", "species", "strain"),
            ("sub-1", "", "P60", "female", "Rattus norvegicus", "Wistar"),
            ("sub-2", "", "P64", "male", "Rattus norvegicus", "Wistar"),
        ],
    )
    _sheet(
        folder / "samples.xlsx",
        [
            ("sample id", "subject id", "sample type", "sample anatomical location"),
            ("sam-1", "sub-1", "tissue", "vagus nerve"),
            ("sam-3", "sub-2", "tissue", "heart left ventricle"),
        ],
    )
    (folder / "README.txt").write_text("A small dataset of true files.\n", encoding="utf-8")
    (folder / "derivative" / "sub-1" / "summary.docx").write_bytes(struct.pack("<I", 0x04034B50))


def _sheet(path: Path, rows: Sequence[Sequence[str]]) -> None:
    book = Workbook()
    sheet = book.create_sheet("Sheet1", 0)
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    book.close()
