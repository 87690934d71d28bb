"""What crashes, hangs or prints takes one item, never the caller."""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from sparc_fuse_core.child import Child
from sparc_fuse_core.errors import CrashedError, SparcFuseError, TimeLimitError, UnexpectedError
from sparc_fuse_core.formats.registry import FORMATS, format_named, load_reader
from sparc_fuse_core.readers import isolated
from tests.samples import all_samples

CSV = b"time (s),a (mV)\n" + b"".join(b"%.2f,%d\n" % (i / 100, i % 7) for i in range(200))

#: Put in front of the path of modules: one reader of this project crashes, another never ends.
SPOILT = """
import sys, types, os, time
def crash(path, options):
    os.abort()
def hang(path, options):
    time.sleep(600)
for name, function in (("wav", crash), ("igor", hang)):
    module = types.ModuleType("sparc_fuse_core.readers." + name)
    module.read = function
    sys.modules[module.__name__] = module
"""


def test_a_child_that_crashes_is_an_error_and_the_next_call_has_another(tmp_path: Path) -> None:
    with Child() as one:
        with pytest.raises(CrashedError, match="SIGABRT"):
            one.call("child:os.abort")
        assert one.call("child:os.fspath", "5") == "5"
        assert one.n_starts == 2
        with pytest.raises(UnexpectedError, match="FileNotFoundError"):
            one.call("child:os.stat", tmp_path / "absent")
        assert one.n_starts == 2


def test_a_child_that_hangs_is_ended() -> None:
    with Child() as one:
        started = time.monotonic()
        with pytest.raises(TimeLimitError):
            one.call("child:time.sleep", 60, timeout_s=0.5)
        assert time.monotonic() - started < 10
        assert one.call("child:os.fspath", "5") == "5"


def test_a_child_sees_no_credentials_unless_it_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("GITHUB_TOKEN", "canary")
    for wanted in (False, True):
        with Child(with_credentials=wanted) as one:
            seen = dict(one.call("child:os.environ.copy"))
        assert ("AWS_SECRET_ACCESS_KEY" in seen, "GITHUB_TOKEN" in seen) == (wanted, wanted)
        assert "PATH" in seen


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import sys, threading, time\n"
        "from sparc_fuse_core.child import Child\n"
        "one = Child()\n"
        "print(one.call('child:os.getpid'), flush=True)\n"
        "one.call('child:time.sleep', 600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    number = int(parent.stdout.readline())
    time.sleep(0.3)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{number}").exists() and time.monotonic() < deadline:
        with suppress(OSError):
            if ") Z " in Path(f"/proc/{number}/stat").read_text():
                break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{number}").exists()


@pytest.mark.parametrize("name", ["czi", "jpeg2000", "png", "edf"])
def test_an_isolated_reader_gives_what_the_reader_gives(name: str, tmp_path: Path) -> None:
    row = format_named("raster" if name == "png" else name)
    is_folder = hasattr(
        importlib.import_module(f"sparc_fuse_core.readers.{row.reader}"), "__path__"
    )
    module = f"readers.{row.reader}" + (".reader" if is_folder else "")
    n_same = 0
    for i, sample in enumerate(s for s in all_samples() if s.format == row.name):
        folder = tmp_path / str(i)
        folder.mkdir()
        truth = sample.write(folder)
        if truth.error or n_same > 2:
            continue
        plain = importlib.import_module(f"sparc_fuse_core.{module}").read
        inside = isolated.isolated(module)
        with (
            plain(truth.path, truth.options) as expected,
            inside(truth.path, truth.options) as found,
        ):
            for a, b in zip(expected.recordings, found.recordings, strict=True):
                assert (a.name, a.channel_names, a.metadata) == (
                    b.name,
                    b.channel_names,
                    b.metadata,
                )
                np.testing.assert_array_equal(np.asarray(a.signals[:, :]), b.signals[:, :])
            for a, b in zip(expected.images, found.images, strict=True):
                key = tuple(slice(None) for _ in a.pixels.shape)
                assert (a.axes, a.scale, a.channel_names) == (b.axes, b.scale, b.channel_names)
                np.testing.assert_array_equal(np.asarray(a.pixels[key]), b.pixels[key])
        n_same += 1
    assert n_same


def test_readers_that_may_crash_are_isolated() -> None:
    assert {row.name for row in FORMATS if row.may_crash} >= {"czi", "slide", "video"}


def test_no_damaged_czi_ends_the_caller(tmp_path: Path) -> None:
    sample = next(s for s in all_samples() if s.format == "czi")
    truth = sample.write(tmp_path)
    data = truth.path.read_bytes()
    chance = random.Random(5)
    reader = load_reader(format_named("czi"))
    for _ in range(12):
        spoilt = bytearray(data)
        for _ in range(chance.choice((1, 8, 64))):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        truth.path.write_bytes(spoilt)
        with suppress(SparcFuseError), reader(truth.path, {}) as contents:
            for image in contents.images:
                if np.prod(image.pixels.shape) < 1e7:
                    image.pixels[tuple(slice(None) for _ in image.pixels.shape)]


@pytest.fixture
def spoilt(tmp_path: Path) -> dict[str, str]:
    """Return the environment in which two readers misbehave."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SPOILT)
    environment = dict(os.environ, PYTHONPATH=str(tmp_path / "site"))
    return environment | {"SPARC_FUSE_ITEM_TIME_LIMIT_S": "-45"}  # the estimate adds about 60 s


def test_a_reader_that_crashes_or_hangs_takes_one_item(
    tmp_path: Path, spoilt: dict[str, str]
) -> None:
    folder = tmp_path / "ds" / "primary"
    folder.mkdir(parents=True)
    (folder / "good.csv").write_bytes(CSV)
    (folder / "crash.wav").write_bytes(b"RIFF\0\0\0\0WAVEfmt " + bytes(100))
    (folder / "hang.ibw").write_bytes(b"\x05\0" + bytes(400))
    command = [
        sys.executable,
        "-m",
        "sparc_fuse_core.command.main",
        "convert",
        str(tmp_path / "ds"),
    ]
    ended = subprocess.run(
        [*command, "-o", str(tmp_path / "out"), "--workers", "2"],
        env=spoilt,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    manifest = json.loads((tmp_path / "out" / "ds" / "local" / "manifest.json").read_text())
    found = {item["path"].rpartition("/")[2]: item for item in manifest["items"]}
    assert found["good.csv"]["status"] == "converted"
    assert found["crash.wav"]["error"] == "ReaderCrashedError"
    assert "run again" not in found["crash.wav"]["message"]
    assert found["hang.ibw"]["error"] == "TimeLimitError"
