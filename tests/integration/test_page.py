"""The page in a real Chromium, over a server that counts."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import threading
import wave

import numpy as np
import pytest

from sparc_fuse_core.command import view
from sparc_fuse_core.command.main import main
from sparc_fuse_core.describe.page import page_bytes

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium; on Debian: chromium")


@contextlib.contextmanager
def counted(folder, monkeypatch):
    """Yield the first page's address, and what was answered: path and bytes."""
    asked = []
    start = view._Handler._start

    def counting(self, status, n_bytes, kind):
        asked.append((self.path, n_bytes))
        start(self, status, n_bytes, kind)

    monkeypatch.setattr(view._Handler, "_start", counting)
    server, pages = view.make_server(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield pages[0], asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def dom(address, profile, size="1280,900"):
    """Return the document as it stands some seconds of its own time later."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=6000"]
    options += [f"--user-data-dir={profile}", f"--window-size={size}", "--dump-dom"]
    told = subprocess.run([CHROMIUM, *options, address], capture_output=True, timeout=90)
    return told.stdout.decode()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """32 channels of 200 s at 1 kHz, converted."""
    folder = tmp_path_factory.mktemp("page")
    random = np.random.default_rng(3)
    values = np.cumsum(random.integers(-20, 21, (200_000, 32)), axis=0) // 4
    (folder / "data").mkdir()
    with wave.open(str(folder / "data" / "many.wav"), "wb") as file:
        file.setparams((32, 2, 1000, 0, "NONE", ""))
        file.writeframes(np.clip(values, -32768, 32767).astype("<i2").tobytes())
    assert main(["convert", str(folder / "data"), "-o", str(folder / "out")]) == 0
    return folder / "out"


def test_the_first_picture_of_32_channels_takes_four_requests(recorded, tmp_path, monkeypatch):
    with counted(recorded, monkeypatch) as (page, asked):
        shown = dom(f"{page}#item=many.wav.zarr", tmp_path)
    assert re.search(r'data-ready="\d{2,}"', shown)
    assert "Least and greatest of every" in shown
    before = asked[: next(i for i, (path, _) in enumerate(asked) if "manifest.json" in path)]
    assert len(before) <= 4, before
    assert sum(n_bytes for _, n_bytes in before) <= 150_000, before


def test_the_page_lies_beside_the_manifest(recorded):
    assert (recorded / "data" / "local" / "index.html").read_bytes() == page_bytes()


def test_a_moment_of_the_address_is_shown_in_samples(recorded, tmp_path, monkeypatch):
    with counted(recorded, monkeypatch) as (page, asked):
        shown = dom(f"{page}#item=many.wav.zarr&t=10,10.5&ch=%3A3%3B%3A4", tmp_path, "360,740")
    assert 'data-ready="1"' in shown
    assert "Channels (2 of 32)" in shown
    # root, signals' index and chunks, beside page and manifest
    assert len([path for path, _ in asked if "signals/c" in path]) <= 6, asked


def test_hostile_names_stay_text_and_failures_have_their_reason(tmp_path, monkeypatch):
    name = "files/<img src=x onerror=alert(1)>.edf"
    item = {"path": name, "output": "", "status": "failed", "message": "<script>no()</script>"}
    (tmp_path / "out").mkdir()
    manifest = {"dataset_id": "<b>x</b>", "name": "javascript:alert(1)", "doi": "x onclick="}
    (tmp_path / "out" / "manifest.json").write_text(json.dumps({**manifest, "items": [item]}))
    with counted(tmp_path / "out", monkeypatch) as (page, _):
        shown = dom(f"{page}#item=files%2F%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E.edf", tmp_path)
    body = shown[shown.rindex('<div id="app"') : shown.rindex("<noscript>")]
    assert "<img" not in body
    assert "<script" not in body
    assert 'href="javascript' not in body
    assert "failed: &lt;script&gt;no()&lt;/script&gt;" in body


def test_a_store_that_is_gone_is_said(recorded, tmp_path, monkeypatch):
    with counted(recorded, monkeypatch) as (page, _):
        shown = dom(f"{page}#item=gone.zarr", tmp_path)
    assert "there is no store at this address" in shown
