"""What was left out is kept beside results on this machine only, for its user alone."""

import json

import pytest

from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.privacy.beside import file_beside, folder_beside, keep_beside
from sparc_fuse_core.privacy.sieve import Aside
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source


def test_it_lies_beside_the_results_and_only_there(tmp_path):
    beside = folder_beside(tmp_path / "results")
    assert beside == tmp_path / "results-left-out"
    keep_beside(
        beside, "7/1/a.edf.zarr", "files/a.edf", [Aside("file", "patient", "X", "identity")]
    )
    file = file_beside(beside, "7/1/a.edf.zarr")
    stated = json.loads(file.read_text())
    one = {"where": "file", "name": "patient", "value": "X", "why": "identity"}
    assert stated == {"path": "files/a.edf", "left_out": [one]}
    assert file.stat().st_mode & 0o777 == 0o600
    assert beside.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("target", ["s3://bucket/results", "https://x/y"])
def test_never_for_a_bucket(target):
    with pytest.raises(RequestError, match="--identity"):
        folder_beside(target)


def test_it_is_never_read_as_a_dataset(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "a.csv").write_text("t,x\n1,2\n")
    keep_beside(folder_beside(tmp_path / "study" / "out"), "7/1/a", "a", [])
    files = [
        file.path for file in open_source(str(tmp_path / "study"), settings=Settings()).list_files()
    ]
    assert files == ["files/a.csv"]
