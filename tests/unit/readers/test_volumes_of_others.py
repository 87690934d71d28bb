"""Volumes and meshes of several files: told by content, grouped before they are fetched, no bombs."""

from __future__ import annotations

import gzip
import json
import struct
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import pytest
import zarr

from sparc_fuse_core.command.main import main
from sparc_fuse_core.errors import SizeLimitError
from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.formats.set_headers import metaimage_names, names_in_header
from sparc_fuse_core.formats.signatures import format_of, format_of_content
from tests.samples import gltf_meshes, volumes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["a.map", "a.rec", "a.st", "a.ali", "noname", "a.map.gz"])
def test_mrc_is_told_by_its_content(name: str, tmp_path: Path) -> None:
    data = volumes.mrc(np.zeros((2, 3, 4), "f4"))
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert format_of(path).name == "mrc"
    found = format_of_content(path.read_bytes()[:4096])
    assert found is not None
    assert found.name == "mrc"


def test_a_text_that_says_map_is_no_mrc(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * 208 + b"MAP DD\n1,2\n3,4\n")
    assert format_of(path).name == "text"
    assert format_of_content(path.read_bytes()) is None


def test_bombs_are_refused(tmp_path: Path) -> None:
    zeros = gzip.compress(bytes(1 << 20), 9)
    head = volumes.mrc(np.zeros((1, 1, 1), "i1"))[:1024]
    head = struct.pack("<3i", 20_000, 20_000, 2_000) + head[12:]
    path = tmp_path / "a.mrc.gz"
    path.write_bytes(gzip.compress(head) + zeros)
    with pytest.raises(SizeLimitError, match=path.name), load_reader(format_named("mrc"))(path, {}):
        pass
    text = volumes.metaimage(np.zeros((3, 4, 5), "u1"), "UCHAR", packed=True)
    path = tmp_path / "a.mha"
    path.write_bytes(text.replace(b"5 4 3", b"50000 40000 3000"))
    row = format_named("metaimage")
    with pytest.raises(SizeLimitError, match=path.name), load_reader(row)(path, {}):
        pass


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("LOCAL", ()),
        ("a.raw", ("a.raw",)),
        ("../a.raw", ()),
        ("C:\\data\\a.raw", ()),
        ("s%03d.raw 1 3 1", ("s001.raw", "s002.raw", "s003.raw")),
        ("s%03d.raw 1 999999999 1", ()),
        ("LIST\na.raw\n/etc/passwd\nb.raw", ("a.raw", "b.raw")),
    ],
)
def test_only_names_of_the_folder_are_followed(place: str, names: tuple[str, ...]) -> None:
    found = metaimage_names(f"NDims = 3\nElementDataFile = {place}\n".encode())
    assert [name for name in found if "%" not in name] == list(names)


def test_a_header_and_its_data_are_one_item(tmp_path: Path) -> None:
    folder = tmp_path / "study" / "primary"
    folder.mkdir(parents=True)
    (truth,) = volumes._mhd(folder).images
    (folder / "alone.raw").write_bytes(b"1234")
    assert main(["convert", str(tmp_path / "study"), "-o", str(tmp_path / "out")]) == 0
    out = tmp_path / "out/study/local"
    items = {one["path"]: one for one in json.loads((out / "manifest.json").read_text())["items"]}
    items = {path.removeprefix("files/"): one for path, one in items.items()}
    assert items["primary/m.mhd"]["status"] == "converted"
    assert items["primary/m.mhd"]["format"] == "metaimage"
    assert "primary/m.zraw" not in items
    root = zarr.open_group(out / "primary/m.mhd.ome.zarr", mode="r")
    np.testing.assert_array_equal(root["0"][...], truth.pixels)  # type: ignore[index]


def test_a_mesh_takes_its_buffer_and_leaves_its_texture(tmp_path: Path) -> None:
    folder = tmp_path / "study" / "primary"
    folder.mkdir(parents=True)
    gltf_meshes._beside(folder)
    document = json.loads((folder / "a.gltf").read_text())
    document["images"] = [{"uri": "skin.png"}]
    (folder / "a.gltf").write_text(json.dumps(document))
    PIL.Image.fromarray(np.zeros((4, 5), "u1")).save(folder / "skin.png")
    assert main(["convert", str(tmp_path / "study"), "-o", str(tmp_path / "out")]) == 0
    manifest = json.loads((tmp_path / "out/study/local/manifest.json").read_text())
    found = {one["path"].removeprefix("files/primary/"): one["status"] for one in manifest["items"]}
    assert found == {"a.gltf": "converted", "skin.png": "converted"}
    root = zarr.open_group(tmp_path / "out/study/local/primary/a.gltf.zarr", mode="r")
    assert root["00000/vertices"].shape == (4, 3)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"buffers": [{"uri": "a%20b.bin"}], "images": [{"uri": "a.png"}]}', ("a b.bin",)),
        (
            '{"buffers": [{"uri": "../a.bin"}, {"uri": "http://a/b.bin"}, {"uri": "..%2fb.bin"}]}',
            (),
        ),
        ('{"buffers": [{"uri": "data:;base64,AAAA"}, {"uri": "b.bin"', ("b.bin",)),
    ],
)
def test_a_document_names_the_buffers_of_its_folder(text: str, names: tuple[str, ...]) -> None:
    assert names_in_header("a.gltf", text.encode()) == names
