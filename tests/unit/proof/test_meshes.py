"""Further second readers, held against what samples were written from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import pytest

from sparc_fuse_core.command.main import main
from sparc_fuse_core.proof.compare import compare
from sparc_fuse_core.proof.opinion import opinion
from sparc_fuse_core.proof.registry import SECOND_READERS
from sparc_fuse_core.proof.seen import Seen
from tests.samples import Truth, all_samples

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = (
    *("metaimage-local", "metaimage-big", "metaimage-zraw", "metaimage-slices"),
    *("metaimage-channels", "mrc-float", "mrc-stack", "mgh", "mgh-frames", "mgz", "pnm-color"),
    *("stl-trimesh", "ply-same", "ply-text", "off-trimesh", "swc", "netcdf-1", "netcdf-lone"),
)
SAMPLES = {sample.name: sample for sample in all_samples() if sample.name in _NAMES}


def _stored(truth: Truth) -> Seen:
    arrays = {
        f"{i:05}/{name}": values
        for i, shapes in enumerate(truth.shapes)
        for name, values in shapes.arrays.items()
    }
    images = tuple(image.pixels for image in truth.images)
    return Seen(images=images, arrays=arrays | dict(truth.arrays))


@pytest.mark.parametrize("name", _NAMES)
def test_it_sees_what_was_written(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    truth = sample.write(tmp_path)
    reader = SECOND_READERS[sample.format][-1]
    files = [truth.path, *(other for other in tmp_path.iterdir() if other != truth.path)]
    differences, over = compare(reader.read(files), _stored(truth))
    assert not differences
    assert over["values"] > 0


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_frames_are_those_that_were_written(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    colors = np.random.default_rng(3).integers(0, 256, (4, 3)).astype("u1")
    planes = colors[np.random.default_rng(4).integers(0, 4, (3, 6, 7))]
    first, *rest = (PIL.Image.fromarray(plane) for plane in planes)
    if suffix == "webp":
        rest = []
        first.save(path, lossless=True)
    else:
        first.save(path, save_all=True, append_images=rest, duration=100)
    written = np.moveaxis(planes[: 1 + len(rest)], -1, 1)
    (reader,) = SECOND_READERS["animated"]
    differences, over = compare(reader.read([path]), Seen(images=(written,)))
    assert not differences
    assert over["values"] == written.size
    written = written.copy()
    written[-1, 0, 2, 3] ^= 1
    assert compare(reader.read([path]), Seen(images=(written,)))[0]


def test_a_library_that_is_used_in_another_way_is_asked(tmp_path: Path) -> None:
    sample = next(sample for sample in all_samples() if sample.name == "mgz")
    path = sample.write(tmp_path).path
    assert main(["convert", str(path), "-o", str(tmp_path / "out")]) == 0
    (store,) = (tmp_path / "out").rglob("*.ome.zarr")
    said = opinion([str(path)], str(store), "mgh", "nibabel")
    assert (said["result"], said["library"], said["shares"]) == ("agrees", "nibabel", "the header")
    assert (
        opinion([str(path)], str(store), "metaimage", "SimpleITK")["result"] == "no second reader"
    )
