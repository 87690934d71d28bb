"""One store of every kind, with the values, names, units and times that readers have to find in it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.describe.columns import batches_of, catalogue_schema, write_batches
from sparc_fuse_core.model import (
    ArrayGroup,
    Contents,
    Event,
    EventTable,
    Image,
    Recording,
    Segment,
    StoredArray,
    Table,
)
from sparc_fuse_core.writers import bundle, kept_arrays, ome_zarr, zarr_signals

if TYPE_CHECKING:
    from pathlib import Path

_BUDGET = 10**8
_RNG = np.random.default_rng(2)


def _contents() -> tuple[Contents, dict[str, Any]]:
    stored = _RNG.normal(0, 300, (4, 300_000)).astype(np.int16)
    stored[3] = 0  # a channel of zeros is written, not left out
    names, units = ("Fz", "Cz", "", "µ"), ("µV",) * 4
    main = Recording(
        "amplifier", stored, names, units, 1000.0, gain=(0.195,) * 4, offset=(-6.0,) * 4
    )
    mixed = stored[:2, :5000]
    segments = (Segment(0, 2000, 0.0), Segment(2000, 3000, 100.0))
    scale = {"gain": (0.001, 2.0), "offset": (1.0, 0.0)}
    aux = Recording("auxiliary", mixed, ("Temp", "P"), ("°C", ""), 10.0, segments=segments, **scale)
    sweeps = Recording(
        "sweeps", stored[:2, :6000].reshape(2, 3, 2000), ("a", "b"), ("V", "A"), 50.0
    )
    events = EventTable.from_events(
        [Event(1.5, label="stim"), Event(2.0, duration_s=0.25, label="µ", sweep=1)]
    )
    truth = {
        "signals": (stored * 0.195 - 6.0)[:, ::997].tolist(),
        "every": 997,
        "shape": list(stored.shape),
        "names": list(names),
        "units": list(units),
        "time_last": 299.999,
        "auxiliary": (mixed * np.array([[0.001], [2.0]]) + np.array([[1.0], [0.0]]))[
            :, ::97
        ].tolist(),
        "aux_time": [0.0, 199.9, 100.0],
        "events": [1.5, 2.0],
        "start_time": "2021-03-04T10:15:30",
    }
    contents = Contents((main, aux, sweeps), events=events, start_time=truth["start_time"])
    return contents, truth


def _images() -> tuple[tuple[Image, ...], dict[str, Any]]:
    pixels = _RNG.integers(0, 4000, (2, 3, 200, 300)).astype(np.uint16)
    stack = Image(
        "stack",
        pixels,
        "czyx",
        {"z": 2.0, "y": 0.5, "x": 0.5},
        dict.fromkeys("zyx", "micrometer"),
        channel_names=("DAPI", "GFP"),
        channel_colors=("0000FF", "00FF00"),
    )
    rgb = Image("rgb", _RNG.integers(0, 255, (3, 120, 130)).astype(np.uint8), "cyx", kind="rgb")
    labels = Image("labels", _RNG.integers(0, 9, (90, 80)).astype(np.uint16), "yx", kind="label")
    truth = {
        "shape": list(pixels.shape),
        "sum": int(pixels.sum()),
        "scale": [2.0, 0.5, 0.5],
        "row_at": [1, 1, 100],
        "row": pixels[1, 1, 100].tolist(),
        "n_images": 3,
        "sums": [int(np.sum(image.pixels)) for image in (stack, rgb, labels)],  # type: ignore[call-overload]
    }
    return (stack, rgb, labels), truth


def write_stores(folder: Path) -> None:
    """Write all stores and ``truth.json`` to a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    contents, signals = _contents()
    facts = {"auto_mapped": True, "source_metadata": {"a": {"b": [1, None]}}, "notes": ["a", "µ"]}
    for name, zarr_format in (("recording.zarr", 3), ("recording_v2.zarr", 2)):
        zarr_signals.write(
            contents,
            folder / name,
            facts,
            budget_bytes=_BUDGET,
            zarr_format=zarr_format,  # type: ignore[arg-type]
        )
    store = folder / "recording.zarr"
    bundle.write_zip(store, folder / "recording.zarr.zip")
    bundle.write_npz(store, folder / "recording.npz")
    bundle.write_mat(store, folder / "recording.mat")
    images, pixels = _images()
    for version in ("0.5", "0.4"):
        for name, chosen in (("image", images[:1]), ("labels", images[2:]), ("images", images)):
            ome_zarr.write_images(
                chosen,
                folder / f"{name}_{version}.ome.zarr",
                f"{name}.czi",
                ome_zarr_version=version,  # type: ignore[arg-type]
                memory_budget_bytes=_BUDGET,
                attributes=facts,
            )
    bundle.write_zip(folder / "image_0.5.ome.zarr", folder / "image.ome.zarr.zip")
    values = np.arange(12.0).reshape(3, 4)
    group = ArrayGroup("group", (StoredArray("values", values * 2),))
    tree = ArrayGroup(arrays=(StoredArray("values", values),), groups=(group,))
    kept_arrays.write_arrays(tree, folder / "arrays.zarr", facts, budget_bytes=_BUDGET)
    columns = (
        StoredArray("id", np.array(["sub-1", "µ"])),
        StoredArray("weight", np.array([2.5, 3.0]), units="kg"),
    )
    kept_arrays.write_tables(
        (Table("", columns),), folder / "table.zarr", facts, budget_bytes=_BUDGET
    )
    manifest = {"items": [{"path": "a", "status": "converted", "bytes_out": 5}] * 3}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    rows = (
        {
            "dataset_id": "7",
            "version": "1",
            "species": name,
            "rate_hz": rate,
            "output": f"{name}.zarr",
        }
        for name, rate in (
            ("Rattus norvegicus", 1000.0),
            ("Rattus norvegicus", 10.0),
            ("Sus scrofa", 1e4),
        )
    )
    with (folder / "catalogue.parquet").open("wb") as file:
        write_batches(batches_of(rows, catalogue_schema()), catalogue_schema(), file)
    truth = {"recording": signals, "image": pixels, "arrays": values.tolist()}
    (folder / "truth.json").write_text(json.dumps(truth))
