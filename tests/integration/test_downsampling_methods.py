"""`convert_imaging_file` with every method of ngff-zarr: on gray, RGB and label pictures and a z, c stack."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
import zarr
from ngff_zarr import Methods
from PIL import Image as PillowImage

import sparc_fuse_core as sf
from sparc_fuse_core.errors import MissingDependencyError, RequestError, UnsupportedFormatError

if TYPE_CHECKING:
    from pathlib import Path

_NATIVE = {"itk_gaussian", "itk_bin_shrink"}
_LABEL_METHODS = {"itkwasm_label_image", "dask_image_mode", "dask_image_nearest"}
_METHODS = [
    pytest.param(
        method.value,
        marks=pytest.mark.skipif(
            method.value in _NATIVE and importlib.util.find_spec("itk") is None,
            reason="needs itk-filtering",
        ),
    )
    for method in Methods
]
#: Odd sizes: two levels, of 151 x 141 the lower.
_SHAPE = (301, 282)


def _ramp() -> np.ndarray:
    """Values that tell where a pixel lies along x: 8 for each."""
    return np.broadcast_to(np.arange(_SHAPE[1]) * 8, _SHAPE).astype("uint16")


def _converted(source: Path, method: str) -> tuple[Any, dict[str, Any]]:
    out = sf.convert_imaging_file(source, output_dir=source.parent / "out", method=method)
    group = zarr.open_group(out, mode="r")
    attributes: Any = dict(group.attrs)
    return group, attributes["ome"]["multiscales"][0]


def _check_place(
    row: np.ndarray, multiscale: dict[str, Any], method: str, pixel: float = 1
) -> None:
    """The value of a pixel is the ramp's at the place that scale and translation state."""
    transforms = multiscale["datasets"][1]["coordinateTransformations"]
    step = transforms[0]["scale"][-1] / pixel
    shift = transforms[1]["translation"][-1] / pixel if len(transforms) > 1 else 0.0
    found = row[20:120] - 8 * (np.arange(20, 120) * step + shift)
    # a mode is one of two values in equal number, whose middle is stated; a mean is rounded
    assert np.abs(found).max() <= (4 if method in _LABEL_METHODS else 0.5)


@pytest.mark.parametrize("method", _METHODS)
def test_gray(tmp_path: Path, method: str) -> None:
    PillowImage.fromarray(_ramp()).save(tmp_path / "gray.png")
    group, multiscale = _converted(tmp_path / "gray.png", method)
    np.testing.assert_array_equal(group["0"][...], _ramp(), strict=True)
    assert [group[n].shape for n in "01"] == [(301, 282), (151, 141)]
    assert group["1"].dtype == "uint16"
    assert multiscale["type"] == method
    _check_place(group["1"][75].astype(float), multiscale, method)
    # the last, unpaired row is not lost
    np.testing.assert_array_equal(group["1"][-1], group["1"][75])


@pytest.mark.parametrize("method", _METHODS)
def test_rgb(tmp_path: Path, method: str) -> None:
    ramp = (_ramp() // 16).astype("uint8")
    pixels = np.stack([ramp, np.full(_SHAPE, 200, "uint8"), ramp[:, ::-1]], axis=-1)
    PillowImage.fromarray(pixels).save(tmp_path / "rgb.png")
    group, multiscale = _converted(tmp_path / "rgb.png", method)
    assert [group[n].shape for n in "01"] == [(3, 301, 282), (3, 151, 141)]
    assert [axis["name"] for axis in multiscale["axes"]] == ["c", "y", "x"]
    assert np.abs(group["1"][0, 75].astype(float) - np.arange(141)).max() <= 1
    assert np.abs(group["1"][2, 75].astype(float) - np.arange(141)[::-1]).max() <= 1
    # no channel runs into another
    np.testing.assert_array_equal(group["1"][1], 200)


@pytest.mark.parametrize("method", _METHODS)
def test_stack(tmp_path: Path, method: str) -> None:
    planes = np.array([[0, 10000], [20000, 30000], [40000, 50000]])[:, :, None, None]
    pixels = np.broadcast_to(planes, (3, 2, *_SHAPE)) + _ramp()
    metadata = {"axes": "ZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 0.5}
    path = tmp_path / "stack.ome.tif"
    tifffile.imwrite(path, pixels.astype("uint16"), metadata=metadata)
    group, multiscale = _converted(path, method)
    # as the store has it: c before z
    assert [axis["name"] for axis in multiscale["axes"]] == ["c", "z", "y", "x"]
    assert group["1"].shape == (2, 3, 151, 141)
    assert group["1"].dtype == "uint16"
    for channel in range(2):
        for z in range(3):
            row = group["1"][channel, z, 75].astype(float) - 10_000 * channel - 20_000 * z
            transforms = multiscale["datasets"][1]["coordinateTransformations"]
            assert transforms[0]["scale"] == [1.0, 0.5, 1.0, 1.0]
            _check_place(row, multiscale, method, 0.5)


@pytest.mark.parametrize("method", _METHODS)
@pytest.mark.parametrize("mode", ["1", "P"])
def test_labels_are_never_averaged(tmp_path: Path, method: str, mode: str) -> None:
    blocks = np.kron(np.arange(20 * 19).reshape(20, 19) % 2, np.ones((16, 16)))
    values = (blocks[: _SHAPE[0], : _SHAPE[1]] * (1 if mode == "1" else 9)).astype("uint8")
    picture = PillowImage.fromarray(values * (255 if mode == "1" else 1)).convert("L")
    if mode == "1":
        picture = picture.convert("1")
    else:
        picture = PillowImage.fromarray(values, mode="P")
        picture.putpalette([n for n in range(256) for _ in range(3)])
    picture.save(tmp_path / "label.png")
    group, multiscale = _converted(tmp_path / "label.png", method)
    np.testing.assert_array_equal(group["0"][...], values)
    assert set(np.unique(group["1"][...])) == set(np.unique(values))
    # as much of each as before
    assert group["1"][...].mean() == pytest.approx(values.mean(), rel=0.03)
    assert multiscale["type"] == (method if method in _LABEL_METHODS else "nearest")


def test_integers_are_rounded_not_cut_off(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 9, (512, 512)).astype("uint8")
    PillowImage.fromarray(pixels).save(tmp_path / "noise.png")
    for method in ("dask_image_gaussian", "itkwasm_gaussian"):
        group, _ = _converted(tmp_path / "noise.png", method)
        assert group["1"][...].mean() == pytest.approx(pixels.mean(), abs=0.05)


def test_large_integers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, np.full((300, 300), 2**60 + 1, "uint64"))
    with pytest.raises(UnsupportedFormatError, match="choose 'mean'"):
        sf.convert_imaging_file(path, output_dir=tmp_path / "out")
    assert not (tmp_path / "out" / "large.tif.ome.zarr").exists()
    group, _ = _converted(path, "mean")
    np.testing.assert_array_equal(group["1"][...], 2**60 + 1)


def test_own_mean_halves_z(tmp_path: Path) -> None:
    path = tmp_path / "stack.ome.tif"
    sizes = {f"PhysicalSize{a}": 0.5 for a in "XYZ"} | {f"PhysicalSize{a}Unit": "µm" for a in "XYZ"}
    tifffile.imwrite(path, np.zeros((4, 300, 300), "uint8"), metadata={"axes": "ZYX", **sizes})
    group, _ = _converted(path, "mean")
    assert group["1"].shape == (2, 150, 150)


@pytest.mark.skipif(importlib.util.find_spec("itk") is not None, reason="itk is installed")
@pytest.mark.parametrize("method", sorted(_NATIVE))
def test_an_absent_package_is_named(tmp_path: Path, method: str) -> None:
    PillowImage.fromarray(_ramp()).save(tmp_path / "gray.png")
    with pytest.raises(MissingDependencyError, match="itk"):
        sf.convert_imaging_file(tmp_path / "gray.png", output_dir=tmp_path, method=method)


def test_an_unknown_method_is_refused_before_anything(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="dask_image_gaussian"):
        sf.convert_imaging_file(tmp_path / "absent.png", output_dir=tmp_path, method="magic")
