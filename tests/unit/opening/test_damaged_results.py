"""Results that were damaged after they were written: a clear word from every opener, never another value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

import sparc_fuse_core as sf
from sparc_fuse_core.errors import IncompleteResultError
from sparc_fuse_core.model import Contents, Image, Recording
from sparc_fuse_core.writers import ome_zarr, zarr_signals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STORED = np.random.default_rng(3).integers(-999, 999, (3, 200_000), dtype=np.int16)
PIXELS = np.random.default_rng(4).integers(0, 999, (2, 300, 400), dtype=np.uint16)


@pytest.fixture(params=[2, 3])
def recording(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    one = Recording("r", STORED, ("a", "b", "c"), ("mV",) * 3, 1000.0)
    out = tmp_path / "x.acq.zarr"
    zarr_signals.write(Contents((one,)), out, {}, budget_bytes=10**7, zarr_format=request.param)
    return out


@pytest.fixture(params=["0.4", "0.5"])
def image(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return _written(tmp_path / "x.tif.ome.zarr", request.param)


def _written(out: Path, version: Any = "0.5") -> Path:
    one = Image("i", PIXELS, "cyx")
    facts = {"converter_version": "1"}
    budget = 10**7
    ome_zarr.write_image(
        one, out, ome_zarr_version=version, memory_budget_bytes=budget, attributes=facts
    )
    return out


def _chunks(array: Path) -> list[Path]:
    return sorted(
        file for file in array.rglob("*") if file.is_file() and file.name.lstrip(".")[0].isdigit()
    )


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _overwritten(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 4)


def _gone(file: Path) -> None:
    file.unlink()


DAMAGES = (_cut, _overwritten, _gone)


@pytest.mark.parametrize("damage", DAMAGES)
def test_samples(recording: Path, damage: Callable[[Path], None]) -> None:
    np.testing.assert_array_equal(sf.open_zarr(recording).signals.values, STORED)
    damage(_chunks(recording / "signals")[-1])
    opened = sf.open_zarr(recording)
    with pytest.raises(IncompleteResultError, match=r"signals.*(damaged|incomplete)"):
        opened.signals.values  # noqa: B018 - read
    with pytest.raises(IncompleteResultError, match="signals"):
        sf.windows([opened], 1.0)[-1]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["channel_name", "units"])
def test_what_is_about_channels(recording: Path, damage: Callable[[Path], None], name: str) -> None:
    (chunk,) = _chunks(recording / name)
    damage(chunk)
    with pytest.raises(IncompleteResultError, match=name):
        sf.open_zarr(recording)[name].values  # noqa: B018 - read


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_overview(recording: Path, damage: Callable[[Path], None]) -> None:
    streams: Any = json.loads(str(zarr.open_group(recording, mode="r").attrs["streams"]))
    factor = streams[0]["overview_factors"][-1]
    for chunk in _chunks(recording / "overview" / str(factor) / "minimum"):
        damage(chunk)
    with pytest.raises(IncompleteResultError, match="minimum"):
        sf.overview(recording)


@pytest.mark.parametrize("damage", DAMAGES)
def test_pixels(image: Path, damage: Callable[[Path], None]) -> None:
    np.testing.assert_array_equal(sf.open_image(image)["image"].values, PIXELS)
    damage(_chunks(image / "0")[-1])
    opened = sf.open_image(image)
    with pytest.raises(IncompleteResultError, match=r"0.*(damaged|incomplete)"):
        opened["image"].values  # noqa: B018 - read


def test_pixels_that_others_left_out_are_zeros(image: Path) -> None:
    for name in ("zarr.json", ".zattrs", ".zmetadata"):
        if (image / name).is_file():
            text = (image / name).read_text()
            (image / name).write_text(text.replace("converter_version", "made_by"))
    _gone(_chunks(image / "0")[-1])
    found = sf.open_image(image)["image"].values
    assert found.shape == PIXELS.shape
    assert not found[-1].all()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("shape",), "x"),
        (("codecs",), None),
        (("codecs",), [{"name": "no_such"}]),
        (("chunk_grid",), {"name": "x"}),
        (("chunk_key_encoding",), 5),
        (("data_type",), "int17"),
        (("dimension_names",), ["a"]),
        (("node_type",), "x"),
    ],
)
@pytest.mark.parametrize("opener", [sf.open_zarr, sf.open_image])
def test_metadata(tmp_path: Path, opener: Any, path: tuple[str, ...], value: Any) -> None:
    """Whatever zarr-python says of it, the store is named."""
    out = tmp_path / "x.zarr"
    if opener is sf.open_zarr:
        one = Recording("r", STORED[:, :100], ("a", "b", "c"), ("mV",) * 3, 1000.0)
        zarr_signals.write(Contents((one,)), out, {}, budget_bytes=10**7)
        array = "signals"
    else:
        _written(out)
        array = "0"
    document = json.loads((out / "zarr.json").read_text())
    document["consolidated_metadata"]["metadata"][array][path[0]] = value
    (out / "zarr.json").write_text(json.dumps(document))
    with pytest.raises(IncompleteResultError, match=r"x\.zarr.*(damaged|absent)"):
        opener(out)


@pytest.mark.parametrize("key", ["axes", "datasets"])
@pytest.mark.parametrize("value", [None, 5, [{}], ["x", "y", "c"]])
def test_what_an_image_says_of_itself(tmp_path: Path, key: str, value: Any) -> None:
    out = _written(tmp_path / "x.ome.zarr")
    document = json.loads((out / "zarr.json").read_text())
    document["attributes"]["ome"]["multiscales"][0][key] = value
    (out / "zarr.json").write_text(json.dumps(document))
    with pytest.raises(IncompleteResultError, match=r"x\.ome\.zarr.*damaged"):
        sf.open_image(out)
