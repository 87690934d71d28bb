"""What the pictures of the page show: the sample dataset, a long recording, labelled cells, a large section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
import zarr
from edfio import Edf, EdfAnnotation, EdfSignal

from sparc_fuse_core.command.sample import write_sample
from sparc_fuse_core.describe.columns import batches_of, catalogue_schema, write_batches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SITES = (
    *(
        "Fp1",
        "Fp2",
        "F7",
        "F3",
        "Fz",
        "F4",
        "F8",
        "FC5",
        "FC1",
        "FC2",
        "FC6",
        "T7",
        "C3",
        "Cz",
        "C4",
        "T8",
    ),
    *(
        "CP5",
        "CP1",
        "CP2",
        "CP6",
        "P7",
        "P3",
        "Pz",
        "P4",
        "P8",
        "PO9",
        "O1",
        "Oz",
        "O2",
        "PO10",
        "A1",
        "A2",
    ),
)
_N_ROWS = 200_000


def write_samples(folder: Path) -> None:
    """Write the dataset."""
    write_sample(folder)
    random = np.random.default_rng(32)
    _eeg(folder / "primary" / "sub-1" / "sam-1" / "eeg 32 channels.edf", random)
    _cells(folder / "primary" / "sub-2" / "sam-3" / "cells.ome.zarr", random)
    _section(folder / "primary" / "sub-2" / "sam-3" / "section 8k.tif", random)


def _eeg(path: Path, random: np.random.Generator) -> None:
    """Write 20 minutes of 32 channels at 250 Hz: noise of 1/f, alpha at the back, two spells of it."""
    rate_hz, n_seconds = 250, 1200
    times_s = np.arange(rate_hz * n_seconds) / rate_hz
    spells = np.exp(-(((times_s - 300) / 90) ** 2)) + np.exp(-(((times_s - 850) / 60) ** 2))
    signals = []
    for n, site in enumerate(_SITES):
        spectrum = np.fft.rfft(random.normal(size=times_s.size))
        spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
        noise = np.fft.irfft(spectrum, times_s.size)
        back = 1.0 if site[0] in "PO" else 0.25
        alpha = back * spells * np.sin(2 * np.pi * (10 + 0.02 * n) * times_s)
        values = 12 * noise / noise.std() + 40 * alpha
        label = f"EEG {site}"
        range_uv = {"physical_dimension": "uV", "physical_range": (-250.0, 250.0)}
        signals.append(EdfSignal(np.clip(values, -250, 250), rate_hz, label=label, **range_uv))
    annotations = [
        EdfAnnotation(60.0 * n, None, f"eyes {'closed' if n % 2 else 'open'}") for n in range(20)
    ]
    Edf(signals, annotations=annotations).write(path)


def _cells(path: Path, random: np.random.Generator) -> None:
    """Write an OME-Zarr of its own: one channel of round cells, and which pixel belongs to which."""
    size = 700
    y, x = np.mgrid[:size, :size]
    light = np.full((size, size), 90.0)
    labels = np.zeros((size, size), dtype=np.uint16)
    for n in range(1, 90):
        centre_y, centre_x = random.integers(20, size - 20, 2)
        radius = random.uniform(12, 26)
        inside = np.hypot(y - centre_y, x - centre_x)
        light += random.uniform(250, 700) * np.exp(-((inside / radius) ** 4))
        labels[(inside < radius) & (labels == 0)] = n
    light += random.normal(0, 12, light.shape)

    def scales(name: str) -> dict[str, Any]:
        axes = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"]
        step = [{"type": "scale", "scale": [0.32, 0.32]}]
        levels = [{"path": "0", "coordinateTransformations": step}]
        return {"version": "0.5", "multiscales": [{"name": name, "axes": axes, "datasets": levels}]}

    window = {"min": 0, "max": 65535, "start": 60, "end": 900}
    channel = {"label": "DAPI", "color": "66AAFF", "active": True, "window": window}
    root = zarr.open_group(path, mode="w", zarr_format=3)
    root.attrs["ome"] = {**scales("cells"), "omero": {"channels": [channel]}}
    pixels = np.clip(light, 0, 65535).astype(np.uint16)
    names = ("y", "x")
    root.create_array("0", data=pixels, chunks=(256, 256), dimension_names=names)
    inner = root.create_group("labels")
    inner.attrs["ome"] = {"version": "0.5", "labels": ["cells"]}
    one = inner.create_group("cells")
    one.attrs["ome"] = {**scales("cells"), "image-label": {"version": "0.5"}}
    one.create_array("0", data=labels, chunks=(256, 256), dimension_names=names)


def _section(path: Path, random: np.random.Generator) -> None:
    """Write a section of 8192 by 8192 pixels: bundles of fibres, each with its sheath."""
    size = 8192
    small = size // 8
    y, x = np.mgrid[:small, :small].astype(np.float32)
    tissue = np.zeros((small, small), dtype=np.float32)
    for _ in range(14):
        cy, cx = random.uniform(0.12, 0.88, 2) * small
        radius = random.uniform(0.05, 0.12) * small
        away = np.hypot(y - cy, x - cx)
        tissue += 0.5 * (away < radius) + 0.9 * np.exp(-(((away - radius) / 5) ** 2))
    coarse = np.kron(np.clip(tissue, 0, 1.2), np.ones((8, 8), dtype=np.float32))
    at = np.arange(size, dtype=np.float32)
    fibres = np.sin(at / 4.1)[:, None] * np.sin(at / 3.7)[None, :]
    pixels = 40 + 110 * coarse + 45 * coarse * fibres
    pixels += random.integers(-6, 7, pixels.shape, dtype=np.int8)
    tifffile.imwrite(
        path,
        np.clip(pixels, 0, 255).astype(np.uint8),
        tile=(512, 512),
        compression="zlib",
        resolution=(20_000, 20_000),
        resolutionunit="CENTIMETER",
    )


def _rows() -> Iterator[dict[str, Any]]:
    """Yield rows of datasets as a portal has them: some small, some of thousands of files."""
    random = np.random.default_rng(5)
    species = ("Mus musculus", "Rattus norvegicus", "Sus scrofa", "Homo sapiens", "Felis catus")
    ids = dict(zip(species, ("10090", "10116", "9823", "9606", "9685"), strict=True))
    anatomy = (
        "vagus nerve",
        "heart left ventricle",
        "urinary bladder",
        "colon",
        "stomach",
        "spleen",
    )
    n, dataset = 0, 1
    while n < _N_ROWS:
        of, where = species[dataset % 5], anatomy[dataset % 6]
        image = dataset % 4 == 0
        words = ("Mapping", "Recording", "Stimulation", "Response")[dataset % 4]
        shared = {
            "dataset_id": str(dataset),
            "version": str(1 + dataset % 3),
            "dataset_name": f"{words} of the {where} in {of}",
            "modality": ["microscopy"] if image else ["electrophysiology"],
            "species": of,
            "species_id": f"NCBITaxon:{ids[of]}",
            "organs": [where.split()[0]],
            "licence": "CC-BY-4.0",
            "doi": f"10.26275/{dataset:04x}-{dataset * 7919 % 65536:04x}",
            "status": "converted",
        }
        for i in range(min(_N_ROWS - n, int(random.pareto(1.1) * 120) + 5)):
            n += 1
            subject = f"sub-{i % 23 + 1}"
            name = f"rec_{i:05d}"
            yield shared | {
                "kind": "image" if image else "signal",
                "format": "tiff" if image else "edf",
                "sex": ("female", "male")[i % 2],
                "age": f"P{40 + i % 23}",
                "anatomy": where,
                "subject_id": subject,
                "sample_id": f"sam-{i % 51 + 1}",
                "rate_hz": None if image else (1000.0, 5000.0, 30000.0)[dataset % 3],
                "duration_s": None if image else float(random.integers(30, 3600)),
                "n_channels": 3 if image else 4,
                "channels": ["DAPI", "GFP", "TH"] if image else ["ECG", "ENG vagus", "BP", "Stim"],
                "units": [] if image else ["mV", "uV", "mmHg", "V"],
                "bytes": int(random.integers(10**5, 10**9)),
                "output": f"primary/{subject}/{name}.{'ome.zarr' if image else 'edf.zarr'}",
            }
        dataset += 1


def write_catalogue(folder: Path) -> None:
    """Write a catalogue of 200,000 results, and as much of its first datasets as makes a server show it."""
    folder.mkdir(parents=True, exist_ok=True)
    schema = catalogue_schema()
    with (folder / "catalogue.parquet").open("wb") as file:
        write_batches(batches_of(_rows(), schema), schema, file)
    for number in ("1", "2"):
        (folder / number / "1").mkdir(parents=True, exist_ok=True)
        (folder / number / "1" / "manifest.json").write_text('{"items": []}')
        latest = '{"version": "1", "manifest": "1/manifest.json"}'
        (folder / number / "latest.json").write_text(latest)
