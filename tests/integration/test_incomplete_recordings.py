"""What of a recording is not there, or was not read, is said and lowers the score."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources.local import LocalSource
from tests.samples import edf, openephys

if TYPE_CHECKING:
    from pathlib import Path


def _convert(source: Path, out: Path, options: ConvertOptions | None = None) -> Any:
    run = convert_dataset(
        LocalSource(source), out, Schemes(), Settings(), n_workers=1, options=options
    )
    (item,) = run.manifest["items"]
    return item


def test_a_stream_that_the_structure_does_not_list_is_said(tmp_path: Path) -> None:
    source = tmp_path / "data"
    (source / "primary").mkdir(parents=True)
    (sample,) = [sample for sample in openephys.SAMPLES if sample.name == "openephys-0.6"]
    structure = sample.write(source / "primary").path
    # the sample lists a stream that is absent: said, and no part of this test
    described = json.loads(structure.read_text())
    described["continuous"] = [s for s in described["continuous"] if "Gone" not in s["folder_name"]]
    structure.write_text(json.dumps(described))
    before = _convert(source, tmp_path / "out")
    other = structure.parent / "continuous" / "Other-101.X"
    other.mkdir(parents=True)
    np.zeros(64, "<i2").tofile(other / "continuous.dat")
    np.save(other / "timestamps.npy", np.arange(32))
    after = _convert(source, tmp_path / "out")
    (said,) = [text for text in after["explanation"] if "continuous.dat" in text]
    assert "2 data file(s) of the set were not read" in said
    assert after["score"] < before["score"]
    assert not any("not read" in text for text in before["explanation"])


def test_a_recording_cut_short_is_salvaged_and_says_so(tmp_path: Path) -> None:
    source = tmp_path / "data" / "primary"
    source.mkdir(parents=True)
    (sample,) = [sample for sample in edf.SAMPLES if sample.name == "edf-multirate"]
    path = sample.write(source).path
    path.write_bytes(path.read_bytes()[:-300])
    refused = _convert(tmp_path / "data", tmp_path / "out")
    assert (refused["status"], refused["error"]) == ("failed", "TruncatedFileError")
    assert "--salvage" in refused["message"]
    options = ConvertOptions(salvage=True)
    item = _convert(tmp_path / "data", tmp_path / "out", options)
    assert item["status"] == "converted"
    assert "data records" in item["incomplete"]
    store = zarr.open_group(tmp_path / "out" / "data" / "local" / item["output"], mode="r")
    assert store.attrs["incomplete"] == item["incomplete"]
    assert item["score"] < 1
