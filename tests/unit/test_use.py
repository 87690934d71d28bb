"""docs/use.md is true: its recipes run one after the other, from a folder and from a bucket."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import sparc_fuse_core as sf
from sparc_fuse_core.command.sample import write_sample
from sparc_fuse_core.run.local import Run, convert_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source

PAGE = (Path(__file__).parents[2] / "docs" / "use.md").read_text(encoding="utf-8")

#: Libraries that neither the package nor its tests bring.
_GUESTS = {"mne": "to_mne(", "spikeinterface": "to_spikeinterface(", "napari": "import napari"}

pytestmark = pytest.mark.filterwarnings(
    "ignore:Consolidated metadata:UserWarning",
    "ignore::DeprecationWarning:(neo|quantities|mne|spikeinterface).*",
)


def convert(target: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    tmp_path.mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    write_sample(tmp_path / "my-dataset")
    settings = Settings.from_environment()
    source = open_source("my-dataset", settings=settings)
    paths = ["sleep.edf", "nerve_stack.ome.tif"]
    return convert_dataset(source, target, load_schemes(), settings, paths=paths, n_workers=1)


def test_every_recipe_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: str, s3_endpoint: str
) -> None:
    convert("output", monkeypatch, tmp_path)
    convert(f"s3://{bucket}/results", monkeypatch, tmp_path / "again")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESULTS_URL", f"s3://{bucket}/results/my-dataset")
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(blocks) >= 12
    names: dict[str, object] = {}
    for block in blocks:
        absent = [name for name, call in _GUESTS.items() if call in block and not find_spec(name)]
        if not absent:
            exec(compile(block, "docs/use.md", "exec"), names)
    assert [path.rpartition("/")[2] for path in names["found"]["output"]] == ["sleep.edf.zarr"]
    # the sample's heart beats 68 times a minute with a known jitter
    intervals = np.asarray(names["intervals_ms"])
    assert intervals.size > 40
    assert 500 < intervals.mean() < 1200
    average = np.asarray(names["average"])
    assert average.argmax() == pytest.approx(0.2 * 500, abs=2), "the beat is where it was cut out"
    assert sf.open_zarr("first_10_s.zarr")["signals"].sizes["time"] == 5000


def test_the_page_names_every_opener() -> None:
    for name in (name for name in sf.__all__ if name.startswith("open") and "s3" not in name):
        assert f"sf.{name}(" in PAGE
