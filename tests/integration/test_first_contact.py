"""A stranger's first hour with the command: wrong calls, pictures of anything, hints that can be pasted."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import xarray as xr
import zarr
from PIL import Image
from scipy.io import savemat

import sparc_fuse_core as sf
from sparc_fuse_core.command import main as cli
from sparc_fuse_core.command import sample

ROWS = "\n".join(f"{i % 7},{i % 11}" for i in range(300))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    try:
        code = cli.main([str(word) for word in words])
    except SystemExit as ended:  # how argparse answers a wrong call
        code = int(str(ended.code))
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return code, said.out, said.err


def manifest(out: Path) -> dict[str, Any]:
    (found,) = out.glob("*/*/manifest.json")
    content: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize(
    "words",
    [
        ["convert"],
        ["convert", "nowhere"],
        ["convert", "set", "--workers", "-3"],
        ["convert", "set", "--workers", "many"],
        ["convert", "set", "--file-format", "zap"],
        ["convert", "set", "--rate", "-1"],
        ["convert", "set", "--rate", "nan"],
        ["convert", "set", "--rate", "1kHz"],
        ["convert", "set", "-o", "out", "primary", "--bogus"],
        ["open", "set", "more"],
        ["convert", "set", "--zarr-format", "2", "--ome-zarr-version", "0.5"],
        ["convert", "set", "--schemes", "nowhere"],
        ["convert", "set", "nothing*"],
        ["convert", "set", "--dataset-version", "2"],
        ["convert", "set", "-o", "ftp://there"],
        ["plan", "nowhere"],
        ["open"],
        ["open", "nowhere.zarr"],
        ["open", "set"],
        ["open", "set/primary/a.csv"],
        ["open", "set/primary/broken.zarr"],
        ["scheme", "check", "nowhere"],
        ["scheme", "new", "--from", "set"],
        ["sample", "set"],
    ],
)
def test_a_wrong_call_is_one_line_and_leaves_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    (here / "set/primary/broken.zarr").mkdir(parents=True)
    (here / "set/primary/a.csv").write_text(ROWS)
    (here / "set/primary/broken.zarr/zarr.json").write_text('{"zarr_format": 3, "node')
    before = sorted(here.rglob("*"))
    code, _, err = run(capsys, *words)
    assert code == 2
    last = err.strip().splitlines()[-1]
    assert last.startswith("sparc-fuse")
    assert sorted(here.rglob("*")) == before


def test_what_nobody_foresaw_is_logged(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(here))
    monkeypatch.setattr(sample, "write_sample", lambda _: {}["no such thing"])
    code, _, err = run(capsys, "sample", "new")
    assert code == 1
    assert "KeyError" in err
    (log,) = here.glob("*.log")
    assert str(log) in err
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_nothing_converted_says_why_and_fails(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "papers").mkdir()
    (here / "papers/a.docx").write_bytes(b"PK")
    code, _, err = run(capsys, "convert", "papers", "-o", "out")
    assert code == 1
    assert "nothing was converted" in err
    assert "a.docx" in err


def test_a_rate_and_a_unit_answer_the_commonest_refusal(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "primary").mkdir()
    (here / 'primary/it\'s "a" $HOME;b.csv').write_text(f"left,right\n{ROWS}\n")
    code, _, _ = run(
        capsys, "convert", here / "primary", "--rate", "1000", "--unit", "mV", "-o", "out"
    )
    assert code == 0
    (store,) = (here / "out").rglob("*.zarr")
    ds = sf.open_zarr(store)
    assert ds["signals"].attrs["units"] == "mV"
    assert float(ds["time"][-1]) == pytest.approx(0.299)
    said = " ".join(ds.attrs["mapping_explanation"])
    assert "caller" in said


def test_what_is_stated_in_vain_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "primary").mkdir()
    (here / "primary/states.csv").write_text(f"time (s),a (mV)\n{_timed()}\n")
    (here / "primary/agrees.csv").write_text(f"time (s),a (V)\n{_timed()}\n")
    np.savez(here / "primary/two.npz", a=np.arange(500.0), b=np.arange(500.0) % 7)
    # a word of the call may stand after an option
    words = [
        "convert",
        "primary",
        "--unit",
        "V",
        "--rate",
        "50",
        "*.csv",
        "two.npz",
        "-o",
        "out::x",
    ]
    code, _, err = run(capsys, *words)
    assert code == 0
    assert "converted states.csv" in err.replace("primary/", ""), "paths are told as they are here"
    assert "files/" not in err
    said = {i["output"]: " ".join(i["explanation"]) for i in manifest(here / "out::x")["items"]}
    by_name = {Path(output).name.partition(".")[0]: text for output, text in said.items()}
    assert "`--rate 50` is not used: the file or its scheme states 100 Hz" in by_name["states"]
    assert "`--unit V` is not used: the file or its scheme states mV" in by_name["states"]
    assert "--unit" not in by_name["agrees"]
    assert "`--rate 50` is not used" in by_name["two"]
    assert "give the signals a name" in by_name["two"].lower()
    (store,) = (here / "out::x").rglob("states.csv.zarr")
    assert sf.open_zarr(store)["signals"].attrs["units"] == "mV"


def test_a_pipe_is_told_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(here / "pipe.csv")
    code, out, err = run(capsys, "convert", "pipe.csv", "-o", "out")
    assert code == 1
    assert out.count("pipe.csv") == 1
    assert "nothing was converted: 1 file, " in err


def test_a_square_matrix_needs_its_axis_and_gets_it(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    savemat(here / "square.mat", {"m": np.arange(64.0).reshape(8, 8)})
    assert run(capsys, "scheme", "new", "--from", "square.mat", "-o", "own/")[0] == 0
    code, _, err = run(capsys, "convert", "square.mat", "--schemes", "own", "-o", "out")
    assert code == 1
    assert "orientation" in err
    (scheme,) = (here / "own").glob("*.toml")
    text = scheme.read_text(encoding="utf-8").replace("# orientation", "orientation")
    scheme.write_text(text.replace("# sampling_rate_hz", "sampling_rate_hz"), encoding="utf-8")
    assert run(capsys, "convert", "square.mat", "--schemes", "own", "-o", "out")[0] == 0
    (store,) = (here / "out").rglob("*.zarr")
    assert sf.open_zarr(store)["signals"].values[1].tolist() == [8.0 * i + 1 for i in range(8)]


def test_hints_run_as_they_are_and_the_path_of_a_scheme_ends(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = here / "my data"
    folder.mkdir()
    # one bare column: neither time nor names
    (folder / "it's $HOME;b.dat").write_bytes(np.arange(4000, dtype="<i2").tobytes())
    run(capsys, "convert", "my data", "-o", "out")
    (entry,) = [*manifest(here / "out")["items"], *manifest(here / "out")["skipped"]]
    assert entry["status"] == "unsupported"
    (hint,) = re.findall(r"`sparc-fuse (scheme new --from .*)`", entry["message"])
    words = shlex.split(hint)
    assert Path(words[-1]).samefile(folder / "it's $HOME;b.dat")
    code, out, _ = run(capsys, *words, "-o", "my schemes/")
    assert code == 0
    (scheme,) = (here / "my schemes").glob("*.toml")
    edited = scheme.read_text(encoding="utf-8")
    told = {"dtype": '"<i2"', "n_channels": "2", "sampling_rate_hz": "100"}
    for key, value in told.items():
        edited = re.sub(rf"(?m)^#? ?{key} = .*$", f"{key} = {value}", edited)
    scheme.write_text(edited, encoding="utf-8")
    commands = [
        shlex.split(line)[1:] for line in out.splitlines() if line.startswith("sparc-fuse ")
    ]
    assert commands[0][:2] == ["scheme", "check"]
    assert run(capsys, *commands[0])[0] == 0
    assert commands[1][0] == "convert"
    code, _, _ = run(capsys, *commands[1], "-o", "out2")
    assert code == 0
    (store,) = (here / "out2").rglob("*.zarr")
    assert sf.open_zarr(store)["signals"].shape == (2, 2000)
    assert run(capsys, *words, "-o", scheme)[0] == 2, "what was written is not overwritten"


def test_own_schemes_leave_the_built_in_ones(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sparc_fuse_core.schemes.schemes import load_schemes

    (here / "own").mkdir()
    (here / "own/mine.toml").write_text('format = "text"\n[metadata]\nspecies = "Rat"\n')
    both = load_schemes(here / "own", with_built_in=True)
    assert both.all[0].name == "mine"
    assert len(both.all) == 1 + len(load_schemes().all)
    assert run(capsys, "scheme", "check", here / "own/mine.toml")[0] == 0


@pytest.fixture
def images(here: Path) -> Path:
    (here / "pics").mkdir()
    pixels = np.arange(3 * 300 * 400, dtype="u2").reshape(3, 300, 400)
    tifffile.imwrite(here / "pics/a.tif", pixels, imagej=True, metadata={"axes": "ZYX"})
    return here / "pics"


def test_flags_do_what_they_say_of_images(images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "convert", images, "-o", "v2", "--zarr-format", "2")[0] == 0
    (store,) = Path("v2").rglob("*.ome.zarr")
    assert zarr.open_group(store, mode="r").metadata.zarr_format == 2
    assert run(capsys, "convert", images, "-o", "zip", "--file-format", "zarr.zip")[0] == 0
    (packed,) = Path("zip").rglob("*.ome.zarr.zip")
    with zipfile.ZipFile(packed) as archive:
        assert json.loads(archive.comment)["ome"]["version"] == "0.5"
        assert archive.namelist()[0] == "zarr.json", "first, for readers that stream"
    assert sf.open_image(packed)["image"].shape == (3, 300, 400)
    code, out, _ = run(capsys, "open", packed, "--picture", "new/folder/x.png")
    assert code == 0
    assert "z 2 of 3 is drawn" in out
    with Image.open("new/folder/x.png") as drawn:
        assert drawn.size[0] > 300


def test_the_plan_of_this_machine_speaks_of_it(
    images: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (images / "b.adicht").write_bytes(b"CFWB")
    monkeypatch.setattr("sparc_fuse_core.formats.extras._is_installed", lambda _: False)
    code, out, _ = run(capsys, "plan", images)
    assert code == 0
    assert "lambda" not in out.lower()
    assert "US$" not in out
    assert "pip install '.[adicht]'" in out
    assert "b.adicht" in out
    assert "US$" in run(capsys, "plan", images, "--cloud")[1]


def test_a_file_too_large_for_the_cloud_is_none_here(
    images: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("DISK", "VOLUME"):
        monkeypatch.setenv(f"SPARC_FUSE_FARGATE_{limit}_BYTES", "1000")
    assert "1 to convert" in run(capsys, "plan", images)[1]
    assert "0 to convert" in run(capsys, "plan", images, "--cloud")[1]


def test_a_damaged_result_is_converted_again_and_counts_are_of_the_dataset(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "set/primary").mkdir(parents=True)
    for name in ("one", "two"):
        (here / f"set/primary/{name}.csv").write_text(f"time (s),a (mV)\n{_timed()}\n")
    (here / "set/primary/note.docx").write_bytes(b"PK")
    assert run(capsys, "convert", "set", "-o", "out")[0] == 0
    chunks = (here / "out").rglob("one.csv.zarr/signals/c/**/*")
    next(path for path in chunks if path.is_file()).unlink()
    code, out, _ = run(capsys, "convert", "set", "-o", "out")
    assert code == 0
    assert "1 converted, 1 unchanged, 1 unsupported, 0 failed" in out
    assert xr.open_zarr(next((here / "out").rglob("one.csv.zarr")))["signals"].shape == (1, 300)
    code, out, _ = run(capsys, "convert", "set", "two.csv", "-o", "out")
    assert "0 converted, 1 unchanged, 0 unsupported, 0 failed" in out
    assert manifest(here / "out")["counts"] == {
        "converted": 0,
        "unchanged": 2,
        "unsupported": 1,
        "failed": 0,
    }
    root = next((here / "out").rglob("two.csv.zarr/zarr.json"))
    root.write_bytes(b"{" + root.read_bytes()[1:-1] + b" ")
    code, out, _ = run(capsys, "convert", "set", "-o", "out")
    assert "1 converted, 1 unchanged" in out, (
        "a root of the same size that is no JSON opens nowhere"
    )


def _timed() -> str:
    return "\n".join(f"{i / 100},{i % 7}" for i in range(300))


def test_two_runs_at_once_do_not_harm_each_other(here: Path) -> None:
    (here / "set").mkdir()
    for i in range(4):
        (here / f"set/{i}.csv").write_text(f"time (s),a (mV)\n{_timed()}\n")
    command = [sys.executable, "-m", "sparc_fuse_core.command.main", "convert", "set", "-o", "out"]
    with contextlib.ExitStack() as stack:
        runs = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, *more], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
                )
            )
            for more in (["--workers", "1"], ["--workers", "1", "--zarr-format", "2"])
        ]
        ends = [(process.communicate(timeout=120)[1], process.returncode) for process in runs]
    codes = sorted(code for _, code in ends)
    assert codes in ([0, 2], [0, 0])
    for said, code in ends:
        if code == 2:
            assert "DatasetBusyError" in said
            assert re.search(r"process \d+ on ", said)
    told = manifest(here / "out")
    for item in told["items"]:
        assert item["status"] in ("converted", "unchanged")
        assert xr.open_zarr(here / "out/set/local" / item["output"])["signals"].shape == (1, 300)


def test_a_picture_of_whatever_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "odd").mkdir()
    (here / "odd/tetra.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (here / "odd/events.csv").write_text(
        "onset,duration,trial_type\n0.5,0.1,go\n1.5,0.1,stop $x_1$\n2.5,0,go\n"
    )
    np.save(here / "odd/bare.npy", np.arange(24.0).reshape(4, 6))
    code, _, _ = run(capsys, "convert", "odd", "-o", "out")
    results = sf.open_results(here / "out")
    assert {"tetra.obj", "events.csv"} <= set(results)
    for path in results:
        store = results.manifest["items"][list(results).index(path)]["output"]
        picture = here / f"{path}.png"
        code, out, _ = run(capsys, "open", here / "out/odd/local" / store, "--picture", picture)
        assert code == 0, path
        assert str(picture) in out
        with Image.open(picture) as drawn:
            assert len(drawn.convert("L").getcolors() or ()) > 2, "something is drawn"
    code, out, _ = run(capsys, "open", "out/odd/local")
    assert code == 0
    assert f"{len(results)} results" in out


def test_a_dataset_of_the_same_name_takes_no_results_away(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # one name, one size, one time, other values: what a listing tells is the same
    for place, first in (("a", "1"), ("b", "7")):
        (here / place / "data").mkdir(parents=True)
        file = here / place / "data" / "rec.csv"
        file.write_text(f"x,y\n{first},1\n{ROWS}")
        os.utime(file, (1_700_000_000, 1_700_000_000))
    options = ("-o", "out", "--rate", "10")
    assert run(capsys, "convert", "a/data", *options)[0] == 0
    store = here / "out/data/local/rec.csv.zarr"
    code, _, err = run(capsys, "convert", "b/data", *options)
    assert code == 2
    assert "another dataset of this name" in err
    assert xr.open_zarr(store)["signals"][0, 0] == 1
    # moved, it is the same dataset, and what it loses afterwards may go
    (here / "a").rename(here / "c")
    assert run(capsys, "convert", "c/data", *options)[0] == 0
    (here / "c/data/rec.csv").rename(here / "c/data/other.csv")
    assert run(capsys, "convert", "c/data", *options)[0] == 0
    assert not store.exists()
    text = (here / "out/data/local/.sparc-fuse/origin.json").read_text(encoding="utf-8")
    assert str(here) not in text


def test_an_output_folder_may_have_any_name(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).save(here / "a.png")
    assert run(capsys, "convert", "a.png", "-o", "my [lab] *")[0] == 0
