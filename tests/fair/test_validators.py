"""What describes a dataset is accepted by the validators of its formats (``make fair`` installs them)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from sparc_fuse_core.convert.sds_tables import SdsTables
from sparc_fuse_core.describe.describing import documents
from sparc_fuse_core.describe.items import items_table
from sparc_fuse_core.describe.outputs import Outputs
from sparc_fuse_core.describe.rows import DatasetFacts

_ROOT = Path(__file__).parents[2]
_RECORD = _ROOT / "tests/data/discover/dataset-364-v1.json"
_ENVIRONMENTS = {
    "crate": ("ro-crate-metadata.json", "datacite.json"),
    "tables": ("croissant.json", "CITATION.cff"),
}
_HOSTILE = 'Mü, A: "1st"\n# x\u2028- y: [{ <script>alert(1)</script>'


def _published() -> DatasetFacts:
    record = json.loads(_RECORD.read_text(encoding="utf-8"))
    description = {name: record[name] for name in ("name", "doi")} | {"licence": record["license"]}
    return DatasetFacts("364", "1", description, record)


def _described() -> DatasetFacts:
    """Return a folder's dataset, described by its table alone, in words that formats trip over."""
    tables = SdsTables(
        description={
            "title": [_HOSTILE],
            "subtitle": [_HOSTILE],
            "contributor name": [_HOSTILE, "Doe, Jane", "Doe, Jane"],
            "contributor orcid": ["", "https://orcid.org/0000-0002-1825-0097", ""],
            "contributor affiliation": ["A & B", "", "A & B"],
            "keywords": ["vagus", "a, b"],
            "license": ["Creative Commons Attribution 4.0 International"],
        }
    )
    return DatasetFacts("ä folder", "local", {}, {}, tables)


def _write(folder: Path, dataset: DatasetFacts) -> None:
    """Write the documents beside results of every shape of name."""
    names = ["primary/a b#c?.edf.zarr", "primary/Ä%20:x.ome.zarr", "primary/x.npz", "a:b.zarr.zip"]
    items = [
        {
            "path": name.rpartition(".")[0],
            "status": "converted",
            "output": name,
            "kind": "image" if "ome" in name else "signal",
            "bytes_out": 10,
            "n_objects": 3,
            "score": 1.0,
            "verification": "verified",
            "digest": "",
            "n_events": 0,
        }
        for name in names
    ]
    outputs = Outputs()
    table = items_table(outputs.of(items), [], dataset)
    for name, document in {
        **documents(dataset, table, outputs),
        "items.parquet": table,
        "manifest.json": b"{}",
    }.items():
        (folder / name).write_bytes(document)
    for name in names:
        place = folder / name
        if name.endswith(".zarr"):
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(b"x")


@pytest.mark.parametrize("dataset", [_published(), _described()], ids=["published", "folder"])
@pytest.mark.parametrize("environment", _ENVIRONMENTS)
def test_the_formats_validators_accept_them(
    dataset: DatasetFacts, environment: str, tmp_path: Path
) -> None:
    python = _ROOT / "build/fair" / environment / "bin/python"
    if not python.exists():
        pytest.skip("the validators are not here: make fair installs them")
    _write(tmp_path, dataset)
    names = [name for name in _ENVIRONMENTS[environment] if (tmp_path / name).exists()]
    # a folder has no DOI, without which DataCite has no record
    assert names == [
        name for name in _ENVIRONMENTS[environment] if dataset.record or name != "datacite.json"
    ]
    done = subprocess.run(
        [python, _ROOT / "tests/fair/validate.py", tmp_path, *names],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": valid") == len(names)
