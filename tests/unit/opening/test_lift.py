"""What of a dataset's results is lifted: images and collections, and what its manifest says of them then."""

from __future__ import annotations

import io
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import ome_types
import pyarrow.parquet as pq
import pytest
import zarr

import sparc_fuse_core as sf
from sparc_fuse_core.command.main import main
from sparc_fuse_core.convert.digests import digests_of
from sparc_fuse_core.convert.lift import lift
from sparc_fuse_core.errors import IncompleteResultError, SparcFuseError
from sparc_fuse_core.verify.images import validate
from tests.samples.layout_1 import PIXELS, write_images_of_layout_1, write_layout_1

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_collection_is_lifted(tmp_path: Path, zarr_format: Any) -> None:
    store = tmp_path / "x.czi.ome.zarr"
    write_images_of_layout_1(store, zarr_format)
    assert sf.open_image(store).attrs["images"] == ["x.czi.0.ome.zarr", "x.czi.1.ome.zarr"]
    assert lift(str(store)).said == "lifted to layout 2: images 0, 1"
    validate(store)
    opened = sf.open_image(store)
    assert opened.attrs == {"name": "scene 0", "level": 0, "n_levels": 1, "images": ["0", "1"]}
    np.testing.assert_array_equal(opened["image"].values, PIXELS)
    assert opened["channel_name"].values.tolist() == ["DAPI", "GFP"]
    np.testing.assert_allclose(opened["x"].values[:2], [0.0, 0.25])
    labels = sf.open_image(store, image="1")
    np.testing.assert_array_equal(labels["image"].values, PIXELS[0] % 5)
    root: Any = zarr.open_group(store, mode="r")
    assert "image-label" in dict(root["1"].attrs).get("ome", dict(root["1"].attrs))
    assert root.attrs["auto_mapped"] == 1
    # nested facts are one text; who made it is not among them
    assert json.loads(root.attrs["source_metadata"]) == {
        "application": "scope",
        "application_version": "6",
    }
    document = ome_types.from_xml((store / "OME" / "METADATA.ome.xml").read_text())
    assert [one.name for one in document.images] == ["scene 0", "scene 1"]
    assert document.images[0].pixels.physical_size_x == 0.25
    assert lift(str(store)).said.startswith("unchanged")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_levels_of_others_may_lie_deeper(tmp_path: Path, zarr_format: Any) -> None:
    store = tmp_path / "x.ome.zarr"
    write_images_of_layout_1(store, zarr_format, n_images=1)
    root: Any = zarr.open_group(store, mode="r+", use_consolidated=False)
    deep = root.create_array("scale0/image", data=PIXELS + 1, chunks=(1, 60, 70))
    deep.attrs["direction"] = {"x": "right"}
    stated = dict(root.attrs)
    stated.get("ome", stated)["multiscales"][0]["datasets"][0]["path"] = "scale0/image"
    root.attrs.put(stated)
    zarr.consolidate_metadata(store)
    image = sf.open_image(store)["image"]
    assert image.dims == ("c", "y", "x")
    np.testing.assert_array_equal(image[1, 5:9, [3, 1]].values, PIXELS[1, 5:9][:, [3, 1]] + 1)


def test_an_image_is_named_by_its_file(tmp_path: Path) -> None:
    store = tmp_path / "x.ome.zarr"
    write_images_of_layout_1(store, n_images=1)
    assert lift(str(store)).said == "lifted to layout 2"
    opened = sf.open_image(store)
    assert opened.attrs["name"] == "x.czi"
    np.testing.assert_array_equal(opened["image"].values, PIXELS)


@pytest.mark.parametrize("gone", ["x.czi.1.ome.zarr", "x.czi.0.ome.zarr/0/c/0/1"])
def test_half_removed_images_stay_as_they_are(tmp_path: Path, gone: str) -> None:
    store = tmp_path / "x.ome.zarr"
    write_images_of_layout_1(store)
    shutil.rmtree(store / gone)
    before = {file: file.read_bytes() for file in store.rglob("*") if file.is_file()}
    if gone.endswith(".zarr"):
        document = json.loads((store / "zarr.json").read_text())
        del document["consolidated_metadata"]
        (store / "zarr.json").write_text(json.dumps(document))
        with pytest.raises(SparcFuseError, match=r"no image|absent"):
            sf.open_image(store, image=gone)
        with pytest.raises(IncompleteResultError, match="absent"):
            lift(str(store))
        return
    with pytest.raises(SparcFuseError, match="objects"):
        lift(str(store))
    assert {file: file.read_bytes() for file in store.rglob("*") if file.is_file()} == before


def test_images_of_others_are_left_alone(tmp_path: Path) -> None:
    store = tmp_path / "x.ome.zarr"
    write_images_of_layout_1(store)
    document = json.loads((store / "zarr.json").read_text())
    del document["attributes"]["converter_version"]
    (store / "zarr.json").write_text(json.dumps(document))
    assert lift(str(store)).said == "unchanged: it is no recording or image of layout 1"


def test_the_manifest_tells_of_what_was_lifted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Digests, sizes and parts; the tables beside it; and that a result of the name elsewhere is another."""
    source = tmp_path / "ds" / "primary"
    source.mkdir(parents=True)
    for name in ("a.csv", "b.csv"):
        (source / name).write_text(
            "time (s),v (mV)\n" + "".join(f"{n / 10},{n}\n" for n in range(50))
        )
    out = tmp_path / "out"
    assert main(["convert", str(tmp_path / "ds"), "-o", str(out), "--workers", "1"]) == 0
    folder = out / "ds" / "local"
    shutil.rmtree(folder / "primary" / "a.csv.zarr")
    write_layout_1(folder / "primary" / "a.csv.zarr")
    before = json.loads((folder / "manifest.json").read_text())
    capsys.readouterr()
    assert main(["lift", str(out)]) == 0
    assert "renewed, 1 of 1 lifted" in capsys.readouterr().out
    after = json.loads((folder / "manifest.json").read_text())
    a, b = after["items"]
    assert b == before["items"][1]
    store = folder / "primary" / "a.csv.zarr"
    assert (a["digest"], a["zarr_checksum"]) == digests_of(store)
    sizes = [file.stat().st_size for file in store.rglob("*") if file.is_file()]
    assert (a["n_objects"], a["bytes_out"]) == (len(sizes), sum(sizes))
    assert [one["group"] for one in a["things"]] == ["", "100_hz"]
    for table in (folder / "items.parquet", out / "catalogue.parquet"):
        rows = pq.read_table(io.BytesIO(table.read_bytes())).to_pylist()
        assert [row["bytes"] for row in rows] == [a["bytes_out"], b["bytes_out"]]
    assert pq.read_table(folder / "items.parquet")["digest"].to_pylist() == [
        a["digest"],
        b["digest"],
    ]
    assert sf.open_results(folder)["a.csv"]["signals"].shape == (2, 6000)
