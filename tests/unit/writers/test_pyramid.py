"""Every level of a written image against plain arithmetic on the level above, and where its pixels lie."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import zarr

from sparc_fuse_core.model import Image, ImageKind
from sparc_fuse_core.verify.images import compare_images, validate
from sparc_fuse_core.writers.ome_zarr import write_images
from sparc_fuse_core.writers.pyramid import halve_mean, plan_levels

_MICRO = dict.fromkeys("zyx", "micrometer")


def _factors(shape: tuple[int, ...], scale: dict[str, float], units: dict[str, str]) -> list[int]:
    return [level.factors[0] for level in plan_levels("zyx", shape, scale, units)]


@pytest.mark.parametrize(
    ("step_z", "expected"),
    [
        (0.5, [1, 2, 4, 8]),
        # 1.4 is nearer to cubes, 1.5 is not
        (0.7, [1, 2, 4, 8]),
        (0.75, [1, 1, 2, 4]),
        (2.0, [1, 1, 1, 2]),
        (9.0, [1, 1, 1, 1]),
    ],
)
def test_z_is_halved_where_its_step_is_as_fine(step_z: float, expected: list[int]) -> None:
    scale = {"z": step_z, "y": 0.5, "x": 0.5}
    assert _factors((40, 2048, 2048), scale, _MICRO) == expected


def test_z_is_left_alone_where_nothing_is_stated() -> None:
    scale = {"z": 0.5, "y": 0.5, "x": 0.5}
    assert _factors((40, 2048, 2048), scale, {}) == [1, 1, 1, 1]
    assert _factors((40, 2048, 2048), scale, {**_MICRO, "z": "nanometer"}) == [1, 1, 1, 1]
    assert _factors((40, 2048, 2048), {"y": 0.5, "x": 0.5}, {"y": "micrometer"}) == [1, 1, 1, 1]


def test_one_plane_is_not_halved_further() -> None:
    assert _factors((3, 2048, 2048), {"z": 1.0, "y": 1.0, "x": 1.0}, _MICRO) == [1, 2, 4, 4]


def _mean(pixels: np.ndarray, by: tuple[int, ...]) -> np.ndarray:
    """Mean by Python integers of any size, halves up; the last of an odd number stands for itself."""
    pad = [(0, -n % b) for n, b in zip(pixels.shape, by, strict=True)]
    whole = np.pad(pixels, pad, mode="edge").astype(object)
    parts = [
        whole[tuple(slice(i, None, b) for i, b in zip(start, by, strict=True))]
        for start in itertools.product(*(range(b) for b in by))
    ]
    total = sum(parts[1:], parts[0])
    return ((2 * total + len(parts)) // (2 * len(parts))).astype(pixels.dtype)


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"], ids=lambda dtype: dtype
)
def test_integers_are_rounded_once(dtype: str) -> None:
    rng = np.random.default_rng(3)
    info = np.iinfo(dtype)
    pixels = rng.integers(info.min, info.max, (2, 131, 67), dtype=dtype, endpoint=True)
    pixels[:, :2, :2] = info.max
    pixels[:, :2, 2:4] = info.min
    np.testing.assert_array_equal(halve_mean(pixels[0]), _mean(pixels[0], (2, 2)))
    np.testing.assert_array_equal(
        halve_mean(pixels[0], pixels[1]), _mean(pixels, (2, 2, 2))[0], strict=True
    )


def test_two_roundings_would_differ() -> None:
    zeros, half = np.zeros((2, 2), "u1"), np.array([[0, 0], [1, 1]], "u1")
    assert halve_mean(zeros, half) == 0  # 2 of 8
    assert halve_mean(half) == 1  # a mean of this and 0, halves up, would be 1


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(
    ("axes", "shape", "kind", "dtype"),
    [
        ("tczyx", (2, 2, 5, 530, 517), "intensity", "uint16"),
        ("zyx", (6, 700, 300), "intensity", "int16"),
        ("zyx", (5, 530, 517), "intensity", "float32"),
        ("zyx", (5, 530, 517), "label", "uint8"),
        ("zyx", (4, 530, 517), "label", "bool"),
    ],
)
def test_levels_of_a_volume(
    tmp_path: Path,
    version: Literal["0.4", "0.5"],
    axes: str,
    shape: tuple[int, ...],
    kind: ImageKind,
    dtype: str,
) -> None:
    rng = np.random.default_rng(5)
    pixels = (rng.integers(0, 2 if dtype == "bool" else 200, shape)).astype(dtype)
    scale = {"z": 0.5, "y": 0.5, "x": 0.5}
    image = Image("", pixels, axes, scale=scale, axis_units=_MICRO, kind=kind)
    out = tmp_path / "out"
    # a budget of 64 rows: bands, and planes of lower levels put together from them
    budget = round(3.5 * 64 * shape[-1] * pixels.itemsize)
    write_images(
        (image,),
        out,
        "a.tif",
        ome_zarr_version=version,
        memory_budget_bytes=budget,
        attributes={},
    )
    validate(out)
    assert compare_images((image,), out, whole_bytes=1 << 30) == []
    group = zarr.open_group(out, mode="r")
    attributes: Any = dict(group.attrs)
    multiscale = attributes.get("ome", attributes)["multiscales"][0]
    above = pixels
    means = kind != "label"
    assert len(multiscale["datasets"]) == 3
    for n, dataset in enumerate(multiscale["datasets"]):
        level: Any = group[dataset["path"]]
        if n:
            by = tuple(2 if axis in "zyx" else 1 for axis in axes)
            if not means:
                above = above[tuple(slice(None, None, b) for b in by)]
            elif dtype == "float32":
                # whole numbers at first: 1/64 is exact for two levels of 2 x 2 x 2
                above = (_mean((above * 64).astype("int64"), by) / 64).astype("float32")
            else:
                above = _mean(above, by)
        np.testing.assert_array_equal(level[...], above, strict=True)
        transforms = dataset["coordinateTransformations"]
        step = [0.5 * 2**n if axis in "zyx" else 1.0 for axis in axes]
        assert transforms[0] == {"type": "scale", "scale": step}
        shift = [0.25 * (2**n - 1) if axis in "zyx" else 0.0 for axis in axes]
        assert transforms[1:] == (
            [{"type": "translation", "translation": shift}] if n and means else []
        )
    assert "2 x 2 x 2" in multiscale["metadata"]["description"] or not means


def test_a_wrong_level_is_found(tmp_path: Path) -> None:
    pixels = np.random.default_rng(5).integers(0, 200, (6, 530, 517)).astype("uint16")
    scale = {"z": 0.5, "y": 0.5, "x": 0.5}
    image = Image("", pixels, "zyx", scale=scale, axis_units=_MICRO)
    for level in ("1", "2"):
        out = tmp_path / level
        write_images((image,), out, "a.tif", memory_budget_bytes=1 << 24, attributes={})
        array: Any = zarr.open_group(out, mode="r+")[level]
        array[-1, -1, -1] += 1
        differences = compare_images((image,), out, whole_bytes=1 << 30)
        assert len(differences) == 1
        assert f"level {level}" in differences[0]


_PROGRAM = '''
import resource, sys
from pathlib import Path
import numpy as np
from sparc_fuse_core.model import Image
from sparc_fuse_core.writers.ome_zarr import write_images
from sparc_fuse_core.verify.images import compare_images, validate

class Pixels:
    """Made when they are read."""
    shape = tuple(int(word) for word in sys.argv[2:5])
    dtype = np.dtype("uint16")
    def __getitem__(self, key):
        z, y, x = (np.arange(*part.indices(n), dtype="u2") for part, n in zip(key, self.shape))
        return z[:, None, None] + (y[:, None] & 63) + (x & 127)

steps = dict.fromkeys("zyx", 1.0)
image = Image("", Pixels(), "zyx", scale=steps, axis_units=dict.fromkeys("zyx", "micrometer"))
out = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
write_images((image,), out, "a", memory_budget_bytes=64_000_000, attributes={})
validate(out)
assert not compare_images((image,), out, whole_bytes=64_000_000)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)
'''


@pytest.mark.parametrize("shape", [(60, 2048, 2048), (2, 11000, 11000)], ids=["stack", "planes"])
def test_memory_does_not_follow_the_size(tmp_path: Path, shape: tuple[int, ...]) -> None:
    # 500 MB, never in memory or in a file: 64 MB of budget, and what the libraries take themselves
    out = tmp_path / "out"
    command = [sys.executable, "-c", _PROGRAM, str(out), *map(str, shape)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 160
