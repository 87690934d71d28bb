"""``python -m rehearsal``: a folder and a Discover id through the state machine, and its exit codes."""

from __future__ import annotations

import filecmp
import json
from typing import TYPE_CHECKING

import numpy as np
import tifffile
import xarray as xr
import zarr

from rehearsal.__main__ import main
from sparc_fuse_core.command.main import main as convert
from tests.integration.test_workflow import OTHER, WAV, wav
from tests.samples.ome_zarr import write_store
from tests.samples.tiff import write_ome_set
from tests.servers.discover import DiscoverServer

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_folder_with_a_broken_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = tmp_path / "my dataset"
    (dataset / "primary").mkdir(parents=True)
    (dataset / "primary" / "a.wav").write_bytes(wav())
    (dataset / "primary" / "b.wav").write_bytes(wav()[:30])
    np.save(dataset / "primary" / "c.npy", np.arange(6000.0).reshape(2, 3000))
    (dataset / "primary" / "d.csv").write_text("time (s),ECG (mV)\n0,1\n0.5,2\n1,4\n")
    tifffile.imwrite(dataset / "primary" / "e.tif", np.arange(600, dtype="u2").reshape(20, 30))
    output = tmp_path / "out"
    assert main(["--dataset", str(dataset), "--output", str(output)]) == 1
    shown = capsys.readouterr().out
    assert "4 converted, 0 unchanged, 0 unsupported, 1 failed" in shown
    assert "ConvertInLambda" in shown
    assert "open_results('s3://" in shown
    with xr.open_zarr(output / "my dataset" / "upload" / "primary" / "a.wav.zarr") as opened:
        assert opened.sizes["sample"] == 400
    assert (output / "my dataset" / "upload" / "manifest.json").is_file()
    assert not list(output.rglob(".sparc-fuse"))
    local = tmp_path / "local"
    assert convert(["convert", str(dataset), "-o", str(local), "--workers", "1"]) == 1
    here = local / "my dataset" / "local" / "primary" / "a.wav.zarr"
    there = output / "my dataset" / "upload" / "primary" / "a.wav.zarr"
    files = [file.relative_to(here) for file in here.rglob("*") if file.is_file()]
    assert sorted(files) == sorted(f.relative_to(there) for f in there.rglob("*") if f.is_file())
    assert filecmp.cmpfiles(here, there, files, shallow=False)[1:] == ([], []), "not the same bytes"
    tables = [
        {
            item["output"]: (item["digest"], item["zarr_checksum"])
            for item in json.loads((results / "manifest.json").read_bytes())["items"]
        }
        for results in (local / "my dataset" / "local", output / "my dataset" / "upload")
    ]
    assert tables[0] == tables[1]
    assert sum(bool(digest) for digest, _ in tables[0].values()) == 4


def test_stores_and_sets_of_many_files(tmp_path: Path) -> None:
    primary = tmp_path / "sets" / "primary"
    primary.mkdir(parents=True)
    store, _ = write_store(primary, "0.4")
    pixels = write_ome_set(primary)
    output = tmp_path / "out"
    assert main(["--dataset", str(tmp_path / "sets"), "--output", str(output)]) == 0
    results = output / "sets" / "upload" / "primary"
    files = [file.relative_to(store) for file in store.rglob("*") if file.is_file()]
    match, *wrong = filecmp.cmpfiles(store, results / store.name, files, shallow=False)
    assert (len(match), wrong[1]) == (len(files) - len(wrong[0]), [])
    # a description is free text, and no table says that it is of an animal
    assert {file.name for file in wrong[0]} == {".zattrs", ".zmetadata"}
    for file in wrong[0]:
        stated = json.loads((store / file).read_text())
        root = stated.get("metadata", {}).get(".zattrs", stated)
        del root["multiscales"][0]["metadata"]["description"]
        assert json.loads((results / store.name / file).read_text()) == stated
    image = zarr.open_group(results / "set_z0.ome.tif.ome.zarr", mode="r")
    np.testing.assert_array_equal(image["0"][:], pixels)
    assert not (results / "set_z1.ome.tif.ome.zarr").exists()


def test_an_id_and_what_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = DiscoverServer()
    try:
        server.add_dataset(224, {WAV: wav(), OTHER: wav(seed=1)})
        monkeypatch.setenv("SPARC_FUSE_DISCOVER_URL", server.url)
        monkeypatch.setenv("SPARC_FUSE_SOURCE_S3_ENDPOINT", server.url)
        output = ["--output", str(tmp_path)]
        assert main(["--dataset", "224", *output, "--paths", "sub-1/a.wav"]) == 0
        assert (tmp_path / "224" / "2" / "primary/sub-1/a.wav.zarr/zarr.json").is_file()
        assert main(["--dataset", "225", *output]) == 2
        assert "DatasetNotFoundError" in capsys.readouterr().err
        assert main(["--dataset", "no-such-folder", *output]) == 2
        assert "RequestError" in capsys.readouterr().err
    finally:
        server.close()
