"""What is no image in a DigitalMicrograph file comes back as arrays with their axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.readers.dm.reader import read
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source
from tests.samples.dm import entry, tag_file

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.sources import SourceFile

_RNG = np.random.default_rng(41)


@pytest.mark.parametrize("version", [3, 4])
def test_a_line_of_spectra_is_no_picture_in_nanometre(tmp_path: Path, version: int) -> None:
    values = _RNG.normal(size=(3, 7)).astype(np.float32)
    axes = [(-800.0, 0.5, "nm"), (0.0, 0.02, "µm")]
    tag_file(tmp_path / "si", version, "<", entry(values, axes, name="CL", form="Spectrum image"))
    with read(tmp_path / "si", {}) as contents:
        assert not contents.images
        assert contents.arrays is not None
        (group,) = contents.arrays.groups
        stored, places, wavelengths = group.arrays
        np.testing.assert_array_equal(stored.values[:, :], values)
        assert stored.dimensions == ("axis_0", "axis_1")
        assert (places.units, wavelengths.units) == ("µm", "nm")
        np.testing.assert_allclose(wavelengths.values[:], 400 + 0.5 * np.arange(7))
        np.testing.assert_allclose(places.values[:], 0.02 * np.arange(3))


def test_curves_and_complex_values_are_arrays(tmp_path: Path) -> None:
    curve = _RNG.normal(size=9).astype(np.float32)
    tag_file(tmp_path / "curve", 3, "<", entry(curve, [(0.0, 2.0, "eV")]))
    with read(tmp_path / "curve", {}) as contents:
        assert contents.arrays is not None
        (stored, energies) = contents.arrays.groups[0].arrays
        np.testing.assert_array_equal(stored.values[:], curve)
        np.testing.assert_array_equal(energies.values[:], 2.0 * np.arange(9))
    pairs = _RNG.normal(size=(3, 8)).astype(np.float32)
    written = entry(pairs, [(0.0, 1.0, "")] * 2, kind=3)
    written["ImageData"]["Dimensions"] = {"0": 4, "1": 3}
    tag_file(tmp_path / "complex", 3, "<", written)
    with read(tmp_path / "complex", {}) as contents:
        assert contents.arrays is not None
        (stored,) = contents.arrays.groups[0].arrays
        np.testing.assert_array_equal(stored.values[:, :], pairs.view(np.complex64))


def test_what_is_no_picture_is_not_called_one(tmp_path: Path) -> None:
    """The plan looks at the tags, behind large values too: a spectrum goes to `.zarr`."""
    folder = tmp_path / "dataset"
    folder.mkdir()
    spectra = entry(
        _RNG.normal(size=(300, 900)), [(0.0, 0.1, "nm"), (0.0, 1.0, "µm")], form="Spectrum image"
    )
    picture = entry(np.zeros((600, 700), np.uint8), [(0.0, 1.0, "nm")] * 2)
    curve = entry(_RNG.normal(size=50_000), [(0.0, 2.0, "eV")])
    tag_file(folder / "spectra.dm4", 4, "<", spectra)
    tag_file(folder / "curve.DM3", 3, ">", curve)
    tag_file(folder / "picture.dm4", 4, "<", picture)
    tag_file(folder / "both.dm3", 3, "<", curve, picture)
    (folder / "damaged.dm3").write_bytes((folder / "curve.DM3").read_bytes()[:300])
    settings = Settings()
    source = open_source(str(folder), settings=settings)
    asked: list[int] = []
    head = source.head

    def counted(file: SourceFile, n_bytes: int, begin: int = 0) -> bytes:
        asked.append(n_bytes)
        return head(file, n_bytes, begin)

    source.head = counted  # type: ignore[method-assign]
    outputs = {item.output for item in plan_dataset(source, Schemes(), settings).items}
    names = {output.rpartition("/")[2] for output in outputs}
    assert names == {
        "spectra.dm4.zarr",
        "curve.DM3.zarr",
        "picture.dm4.ome.zarr",
        "both.dm3.ome.zarr",
        "damaged.dm3.ome.zarr",
    }
    assert len(asked) <= 20
    assert sum(asked) < 700_000
