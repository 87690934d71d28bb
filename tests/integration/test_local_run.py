"""The whole job on one machine: folder and Discover in, folder and bucket out, with faults."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import boto3
import numpy as np
import pytest
import xarray as xr
from scipy.io import loadmat

from sparc_fuse_core import errors, open_zarr, overview
from sparc_fuse_core.command import main as cli
from sparc_fuse_core.command.sample import CORRUPT, UNSUPPORTED, write_sample
from sparc_fuse_core.convert.digests import digests_of
from sparc_fuse_core.convert.receipt import read_receipt
from sparc_fuse_core.plan.items import ConvertOptions, Plan
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.run.local import Run, convert_dataset
from sparc_fuse_core.run.work import settle
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source
from sparc_fuse_core.storage.destination import open_destination
from tests.schemas import check, check_store
from tests.servers.discover import DiscoverServer

if TYPE_CHECKING:
    from pathlib import Path

SLEEP = "primary/sub-1/sam-1/sleep.edf"
STACK = "primary/sub-1/sam-1/nerve_stack.ome.tif"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "heart-and-nerve"
    write_sample(folder)
    return folder


def run(
    dataset: Path | str, target: Path | str, settings: Settings | None = None, **facts: object
) -> Run:
    settings = settings or Settings.from_environment()
    source = open_source(str(dataset), settings=settings)
    return convert_dataset(source, target, load_schemes(), settings, n_workers=2, **facts)  # type: ignore[arg-type]


def convert_command(dataset: Path, target: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "sparc_fuse_core.command.main",
        "convert",
        str(dataset),
        "-o",
        str(target),
    ]


@pytest.fixture(scope="module")
def done(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    target = tmp_path_factory.mktemp("target")
    return run(dataset, target, Settings()), target / "heart-and-nerve" / "local"


def test_exactly_the_corrupt_file_fails(done: tuple[Run, Path]) -> None:
    result, folder = done
    failed = [r for r in result.receipts if r.status == "failed"]
    assert [r.path for r in failed] == [f"files/{CORRUPT}"]
    assert failed[0].error == "TruncatedFileError"
    assert "truncated.edf" in failed[0].message
    assert not (folder / f"{CORRUPT}.zarr").exists()
    converted = [r for r in result.receipts if r.status == "converted"]
    assert len(converted) == 8
    assert {r.verification for r in converted} == {"verified"}
    assert UNSUPPORTED in {s.path.removeprefix("files/") for s in result.plan.skipped}


def test_the_manifest_says_what_happened_to_each_file(
    done: tuple[Run, Path], dataset: Path
) -> None:
    result, folder = done
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    told = {entry["path"] for entry in manifest["items"] + manifest["skipped"]}
    there = {
        f"files/{p.relative_to(dataset).as_posix()}" for p in dataset.rglob("*") if p.is_file()
    }
    assert told == there
    assert manifest["counts"] == {"converted": 8, "unchanged": 0, "unsupported": 6, "failed": 1}
    check("manifest", manifest)
    # a folder has no record: its own table says what it is and who may use it
    assert manifest["name"] == "A small dataset of true files"
    assert manifest["licence"] == "Creative Commons Attribution"
    for entry in manifest["items"]:
        if entry["status"] == "converted":
            assert (entry["digest"], entry["zarr_checksum"]) == digests_of(folder / entry["output"])
            source = (dataset / entry["path"].removeprefix("files/")).read_bytes()
            assert entry["files"][0]["sha256"] == hashlib.sha256(source).hexdigest()
            if entry["kind"] != "image":
                check_store(folder / entry["output"])
    latest = json.loads((folder.parent / "latest.json").read_text(encoding="utf-8"))
    assert (folder.parent / latest["manifest"]).is_file()
    assert result.manifest_uri == str(folder / "manifest.json")


def test_every_result_has_a_small_picture_that_goes_with_it(
    done: tuple[Run, Path], dataset: Path, tmp_path: Path
) -> None:
    result, folder = done
    with_result = [item for item in result.manifest["items"] if item["status"] == "converted"]
    for item in with_result:
        data = (folder / item["thumbnail"]).read_bytes()
        assert data.startswith(b"\x89PNG")
        assert len(data) <= 30_000
    pictures = folder / ".sparc-fuse" / "thumbnails"
    assert sum(file.is_file() for file in pictures.rglob("*")) == len(with_result)
    shutil.copytree(dataset, tmp_path / "source")
    shutil.copytree(folder.parent, tmp_path / "out" / "source")
    (tmp_path / "out/source/local/.sparc-fuse/origin.json").unlink()
    (tmp_path / "source" / SLEEP).unlink()
    again = run(tmp_path / "source", tmp_path / "out")
    pictures = tmp_path / "out" / again.plan.folder / ".sparc-fuse" / "thumbnails"
    assert sum(file.is_file() for file in pictures.rglob("*")) == len(with_result) - 1


def test_results_open_in_plain_xarray_with_true_metadata(done: tuple[Run, Path]) -> None:
    _, folder = done
    with xr.open_zarr(folder / f"{SLEEP}.zarr") as ds:
        assert ds["channel_name"].values.tolist() == ["ECG"]
        assert ds["units"].values.tolist() == ["mV"]
        assert float(ds["signals"].max()) == pytest.approx(1.1, abs=0.1)
        assert ds["event_label"].values.tolist() == ["lights off", "arousal"]
        assert ds.attrs["sparc_subject_id"] == "sub-1"
        assert json.loads(ds.attrs["sparc_subject"])["species"] == "Rattus norvegicus"
        assert ds.attrs["anatomical_location"] == "vagus nerve"
        assert ds.attrs["sampling_frequency"] == 500
        assert "database_id" not in ds.attrs, "a folder has no Discover id"
    lazy = open_zarr(folder / f"{SLEEP}.zarr")
    assert lazy["signals"].dims == ("channel", "time")
    assert lazy["signals"].sel(time=slice(1.0, 2.0)).sizes["time"] == 501
    level = overview(folder / f"{SLEEP}.zarr")
    assert level is not None
    assert float(level["maximum"].max()) == pytest.approx(float(lazy["signals"].max()))


def test_a_gap_in_a_table_is_kept(done: tuple[Run, Path]) -> None:
    with xr.open_zarr(done[1] / "primary/sub-1/sam-1/blood_pressure.csv.zarr") as ds:
        steps = np.diff(ds["time"].values)
        assert steps.max() == pytest.approx(2.01)
        assert ds["units"].values.tolist() == ["mmHg", "mL/min"]


def test_a_second_run_converts_nothing_and_a_changed_file_only(
    dataset: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    for file in ("primary/sub-1/sam-1/heart sounds.wav", "primary/sub-2/sam-3/force.mat"):
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        (copy / file).write_bytes((dataset / file).read_bytes())
    target = tmp_path / "out"
    assert run(copy, target).manifest["counts"]["converted"] == 2
    again = run(copy, target)
    assert again.manifest["counts"]["unchanged"] == 2
    assert again.manifest["counts"]["converted"] == 0
    (copy / "primary/sub-2/sam-3/force.mat").write_bytes(b"MATLAB 5.0 MAT-file, broken")
    third = run(copy, target)
    assert third.manifest["counts"] == {
        "converted": 0,
        "unchanged": 1,
        "unsupported": 0,
        "failed": 1,
    }
    stale = target / "copy/local/primary/sub-2/sam-3/force.mat.zarr"
    assert not stale.exists(), "an older result of a file that now fails reads as a result"
    (copy / "primary/sub-1/sam-1/heart sounds.wav").unlink()
    run(copy, target)
    assert not (target / "copy/local/primary/sub-1/sam-1/heart sounds.wav.zarr").exists()


def test_paths_choose_and_the_manifest_stays_whole(dataset: Path, tmp_path: Path) -> None:
    run(dataset, tmp_path, paths=["sub-1/sam-1/heart sounds.wav"])
    second = run(dataset, tmp_path, paths=["primary/sub-2/**/*.mat"])
    assert [r.path for r in second.receipts] == ["files/primary/sub-2/sam-3/force.mat"]
    assert len(second.manifest["items"]) == 2
    with pytest.raises(errors.SourceFileNotFoundError, match=r"nothing\.wav"):
        run(dataset, tmp_path, paths=["nothing.wav"])


@pytest.mark.parametrize("file_format", ["npz", "mat", "zarr.zip"])
def test_other_containers_hold_physical_values(
    dataset: Path, tmp_path: Path, file_format: str
) -> None:
    result = run(dataset, tmp_path, paths=[SLEEP], options=ConvertOptions(file_format))
    (receipt,) = result.receipts
    assert receipt.status == "converted", receipt.message
    path = tmp_path / "heart-and-nerve/local" / receipt.output
    if file_format == "npz":
        with np.load(path, allow_pickle=False) as content:
            signals, units = content["signals"], content["units"].tolist()
    elif file_format == "mat":
        content = loadmat(path)
        signals, units = content["signals"], [content["units"].ravel()[0][0]]
    else:
        opened = open_zarr(path)
        signals, units = opened["signals"].values, opened["units"].values.tolist()
    assert units == ["mV"]
    assert signals.shape == (1, 30_000)
    assert signals.max() == pytest.approx(1.1, abs=0.1)


def test_the_same_to_a_bucket(dataset: Path, bucket: str, s3_endpoint: str) -> None:
    target = f"s3://{bucket}/results"
    first = run(dataset, target)
    assert first.manifest["counts"]["converted"] == 8
    assert run(dataset, target).manifest["counts"]["unchanged"] == 8
    opened = open_zarr(f"{target}/heart-and-nerve/local/{SLEEP}.zarr")
    assert opened["signals"].sel(time=slice(0, 1)).sizes["time"] == 501
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    body = client.get_object(Bucket=bucket, Key="results/heart-and-nerve/latest.json")["Body"]
    assert json.load(body)["counts"]["failed"] == 1
    plain = xr.open_zarr(
        f"{target}/heart-and-nerve/local/{SLEEP}.zarr",
        storage_options={"endpoint_url": s3_endpoint, "key": "testing", "secret": "testing"},
    )
    assert float(plain["signals"][0, :1000].max()) == pytest.approx(1.1, abs=0.1)
    plain.close()


def test_discover_to_folder_with_trouble_on_the_way(dataset: Path, tmp_path: Path) -> None:
    server = DiscoverServer()
    try:
        server.add_dataset(224, dataset)
        settings = Settings(
            discover_url=server.url,
            source_s3_endpoint=server.url,
            retry_pause_s=0.001,
            request_attempts=3,
        )
        server.faults.broken_bodies = 4
        lost = "files/primary/sub-1/sam-1/steps.abf"
        server.hashes[224][lost] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
        result = run("224", tmp_path, settings)
        failed = {r.path: r.error for r in result.receipts if r.status == "failed"}
        assert failed == {f"files/{CORRUPT}": "TruncatedFileError", lost: "IntegrityError"}
        with xr.open_zarr(tmp_path / "224" / "2" / f"{SLEEP}.zarr") as ds:
            assert ds.attrs["database_id"] == 224
            assert ds.attrs["doi"] == server.records[224]["doi"]
            assert json.loads(ds.attrs["sparc_metadata"])["name"] == server.records[224]["name"]
        assert result.manifest["licence"] == server.records[224]["license"]
    finally:
        server.close()


def test_a_plan_survives_json(dataset: Path) -> None:
    source = open_source(str(dataset), settings=Settings())
    plan = plan_dataset(source, load_schemes(), Settings())
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    outputs = [item.output for item in plan.items]
    assert len(set(outputs)) == len(outputs)


def test_an_unwritable_output_is_named(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(errors.PublishError, match="file"):
        run(dataset, tmp_path / "file")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(errors.EmptyDatasetError, match="empty"):
        run(tmp_path / "empty", tmp_path / "out")


def test_a_killed_run_leaves_no_result_and_the_next_completes(
    dataset: Path, tmp_path: Path
) -> None:
    command = convert_command(dataset, tmp_path)
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    staging = tmp_path / "heart-and-nerve" / "local" / ".sparc-fuse" / "staging"
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if any(staging.glob("*/out*")):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    folder = tmp_path / "heart-and-nerve" / "local"
    assert not (folder / "manifest.json").exists()
    for root in folder.rglob("zarr.json"):
        if root.parent.suffix == ".zarr" and ".sparc-fuse" not in root.parts:
            json.loads(root.read_text(encoding="utf-8"))
    time.sleep(1.0)  # workers notice that their parent is gone
    result = run(dataset, tmp_path, Settings())
    assert result.manifest["counts"]["failed"] == 1
    assert (folder / "manifest.json").exists()
    assert not any(staging.iterdir())


def test_the_command_prints_a_summary_and_its_exit_code_tells(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wav = "primary/sub-1/sam-1/heart sounds.wav"
    assert cli.main(["convert", str(dataset), wav, "-o", str(tmp_path), "--workers", "1"]) == 0
    shown = capsys.readouterr().out
    assert "1 converted, 0 unchanged, 0 unsupported, 0 failed" in shown
    assert cli.main(["convert", str(dataset), CORRUPT, "-o", str(tmp_path)]) == 1
    assert "TruncatedFileError" in capsys.readouterr().out
    assert cli.main(["convert", "no-such-thing"]) == 2
    assert "no-such-thing" in capsys.readouterr().err
    assert cli.main(["plan", str(dataset)]) == 0
    assert "heart sounds.wav.zarr" in capsys.readouterr().out.replace("\n", "")
    assert cli.main(["formats"]) == 0
    assert "EDF" in capsys.readouterr().out
    assert cli.main(["scheme", "check"]) == 0


def test_open_describes_and_draws(
    done: tuple[Run, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, word in ((f"{SLEEP}.zarr", "500 Hz"), (f"{STACK}.ome.zarr", "micrometer")):
        picture = tmp_path / "picture.png"
        assert cli.main(["open", str(done[1] / name), "--picture", str(picture)]) == 0
        assert word in capsys.readouterr().out
        assert picture.stat().st_size > 5000
        picture.unlink()


def test_a_worker_that_dies_loses_one_file(dataset: Path, tmp_path: Path) -> None:
    settings = Settings()
    source = open_source(str(dataset), settings=settings)
    plan = plan_dataset(source, load_schemes(), settings, paths=[SLEEP])
    destination = open_destination(tmp_path, settings)
    (receipt,) = settle(plan.folder, plan.items, destination)
    assert (receipt.status, receipt.error) == ("failed", "WorkerLostError")
    assert read_receipt(destination, plan.folder, plan.items[0].output) is None


def test_decoded_size_beyond_the_budget_is_refused(dataset: Path, tmp_path: Path) -> None:
    small = dataclasses.replace(Settings(), max_decoded_bytes=1000)
    (receipt,) = run(dataset, tmp_path, small, paths=[SLEEP]).receipts
    assert receipt.error == "SizeLimitError"
    assert "SPARC_FUSE_MAX_DECODED_BYTES" in receipt.message


def test_ctrl_c_ends_cleanly_and_the_next_run_completes(dataset: Path, tmp_path: Path) -> None:
    command = convert_command(dataset, tmp_path)
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # a shell's background jobs, these tests among them, ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    staging = tmp_path / "heart-and-nerve" / "local" / ".sparc-fuse" / "staging"
    deadline = time.monotonic() + 60
    while (
        process.poll() is None and not any(staging.glob("*/source")) and time.monotonic() < deadline
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "run the same command again" in said
    assert "Traceback" not in said
    assert run(dataset, tmp_path, Settings()).manifest["counts"]["failed"] == 1


def test_a_full_disk_is_named(dataset: Path, tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "from sparc_fuse_core.command.main import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["convert", str(dataset), SLEEP, "-o", str(tmp_path), "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    (entry,) = json.loads(done.stdout)["items"]
    assert (entry["status"], entry["error"]) == ("failed", "DiskFullError")
    assert done.returncode == 1
    assert not (tmp_path / "heart-and-nerve/local" / f"{SLEEP}.zarr").exists()
