"""Every shared real file through the whole pipeline: verified, or refused with a justified error."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import xarray as xr

from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.run.local import Run

#: Files that must fail, with the error and why that is right.
FAILURES = {
    "timeseries": {
        "igor/mac-textWave.ibw": "EmptyFileError",  # only text waves
        "mat/corrupted_zlib_data.mat": "CorruptFileError",
        "nwb/1.0.3_nwbfile.nwb": "EmptyFileError",  # empty groups only
        "tdt/missing_tev/99761-170207-161634_Photometry-161823.tsq": "MissingCompanionError",
        "wav/test-44100Hz-le-1ch-4bytes-early-eof-no-data.wav": "CorruptFileError",
        "wav/test-44100Hz-le-1ch-4bytes-incomplete-chunk.wav": "CorruptFileError",
        "adicht/blank_labchart_8_file.adicht": "EmptyFileError",  # no record in it
    },
    "imaging": {
        "pxp/ResultsTest.pxp": "EmptyFileError",  # no wave with numbers
    },
}


@pytest.fixture(scope="module", params=sorted(FAILURES))
def converted(
    request: pytest.FixtureRequest, shared_samples: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Run, Path]:
    kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    source = folder / kind
    for file in (shared_samples / kind).rglob("*"):
        if file.is_file() and not file.name.endswith((".expected.json", "README.md")):
            target = source / "primary" / file.relative_to(shared_samples / kind)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    settings = Settings()
    opened = open_source(str(source), settings=settings)
    run = convert_dataset(opened, folder / "out", load_schemes(), settings)
    return kind, run, folder / "out" / kind / "local"


def test_only_what_must_fail_fails(converted: tuple[str, Run, Path]) -> None:
    kind, run, _ = converted
    failed = {
        receipt.path.removeprefix("files/primary/"): f"{receipt.error}: {receipt.message}"
        for receipt in run.receipts
        if receipt.status == "failed"
    }
    unforeseen = {
        path: message
        for path, message in failed.items()
        if not message.startswith(FAILURES[kind].get(path, "-"))
    }
    assert not unforeseen
    for path, message in failed.items():
        assert path.rpartition("/")[2] in message


def test_what_is_published_is_verified_and_opens(converted: tuple[str, Run, Path]) -> None:
    _, run, folder = converted
    done = [receipt for receipt in run.receipts if receipt.status == "converted"]
    assert len(done) > 40
    for receipt in done:
        assert receipt.verification == "verified"
        # of arrays and tables nothing is claimed
        assert (receipt.score is None) == (receipt.kind in ("arrays", "table"))
        if receipt.kind == "signal":
            with xr.open_zarr(folder / receipt.output) as dataset:
                assert dataset.sizes
        if receipt.kind in ("arrays", "table"):
            with xr.open_datatree(folder / receipt.output, engine="zarr") as tree:
                assert tree.attrs["kind"] == receipt.kind
