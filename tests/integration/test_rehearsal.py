"""``python -m rehearsal``: a folder and a Discover id through the state machine, and its exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from rehearsal.__main__ import main
from tests.integration.test_workflow import OTHER, WAV, wav
from tests.servers.discover import DiscoverServer

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_folder_with_a_broken_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = tmp_path / "my dataset"
    (dataset / "primary").mkdir(parents=True)
    (dataset / "primary" / "a.wav").write_bytes(wav())
    (dataset / "primary" / "b.wav").write_bytes(wav()[:30])
    output = tmp_path / "out"
    assert main(["--dataset", str(dataset), "--output", str(output)]) == 1
    shown = capsys.readouterr().out
    assert "1 converted, 0 unchanged, 0 unsupported, 1 failed" in shown
    assert "ConvertInLambda" in shown
    assert "xr.open_zarr('s3://" in shown
    with xr.open_zarr(output / "my dataset" / "upload" / "primary" / "a.wav.zarr") as opened:
        assert opened.sizes["sample"] == 400
    assert (output / "my dataset" / "upload" / "manifest.json").is_file()
    assert not list(output.rglob(".sparc-fuse"))


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
