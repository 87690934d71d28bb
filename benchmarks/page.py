"""``make pictures``: the page in headless Chromium, over results of samples that are written here.

Pictures go to docs/pictures, numbers into the table of docs/page.md: requests and bytes as the server counted
them, times of the fastest and the median visit on a link of 20 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import shutil
import statistics
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from PIL import Image as PillowImage

from benchmarks.page_samples import write_catalogue, write_samples
from sparc_fuse_core.command import view
from sparc_fuse_core.command.main import main as command
from tests.servers.chromium import CHROMIUM, Tab, chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
PAGE = ROOT / "docs" / "page.md"
FOLDER = ROOT / "build" / "page"
_TABLE = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- end -->)", re.DOTALL)
_LINK_MS = 20
_MOST_BYTES = 100_000
#: Says when the first picture stood, in milliseconds since the visit began.
_WATCH = """new MutationObserver((_, watch) => {
  if (document.querySelector('canvas')?.dataset.ready || document.body?.dataset.answered) {
    globalThis.stood = performance.now(); watch.disconnect();
  }
}).observe(document, { subtree: true, childList: true, attributes: true });"""

#: Picture: what is opened, and what is waited for.
_SHOTS: dict[str, tuple[dict[str, str], str]] = {
    "signals": ({"item": "eeg 32 channels.edf"}, ""),
    "signals-zoomed": ({"item": "eeg 32 channels.edf", "t": "60,62"}, "1"),
    "multi-rate": ({"item": "sleep.edf"}, ""),
    "sweeps": ({"item": "steps.abf"}, ""),
    "events": ({"item": "sleep.edf", "t": "4,17", "ch": ":0"}, ""),
    "gaps": ({"item": "blood_pressure.csv"}, ""),
    "image-rgb": ({"item": "Schnittfläche.png"}, ""),
    "image-stack": ({"item": "nerve_stack.ome.tif"}, ""),
    "image-label": ({"item": "cells", "labels": "cells"}, ""),
    "image-8k": ({"item": "section 8k.tif"}, ""),
}


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Serve results as ``sparc-fuse view`` does; yield the address and what was answered, path and bytes."""
    asked: list[tuple[str, int]] = []

    class Counting(view._Handler):
        def _start(self, status: Any, n_bytes: int, kind: str) -> None:
            asked.append((self.path, n_bytes))
            super()._start(status, n_bytes, kind)

    kept, view._Handler = view._Handler, Counting  # type: ignore[misc]
    try:
        server, pages = view.make_server(folder)
    finally:
        view._Handler = kept  # type: ignore[misc]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield pages[0], asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def outputs(manifest: Path) -> dict[str, str]:
    """Return where the result of each file lies, by the file's name."""
    items = json.loads(manifest.read_text(encoding="utf-8"))["items"]
    kept = [item["output"] for item in items if item["output"]]
    return {Path(output).name.removesuffix(".zarr").removesuffix(".ome"): output for output in kept}


def kept_picture(tab: Tab, name: str) -> None:
    """Keep what the tab shows, in at most 100 kB."""
    shown = PillowImage.open(io.BytesIO(tab.picture())).convert("RGB")
    for quality in (88, 78, 66, 50, 35):
        out = io.BytesIO()
        shown.save(out, "WEBP", quality=quality, method=6)
        if out.tell() <= _MOST_BYTES:
            break
    (PICTURES / f"{name}.webp").write_bytes(out.getvalue())
    print(f"{name}.webp {out.tell() / 1000:.0f} kB", flush=True)


def take_pictures(tab: Tab, results: Path, catalogue: Path, chosen: list[str]) -> None:
    """Open each view and keep its picture."""
    where = outputs(results / "manifest.json")
    with served(results) as (page, _):

        def shown(state: dict[str, str], ready: str = "") -> None:
            tab.go(f"{page}#{urlencode({**state, 'item': where.get(state['item'], '')})}")
            tab.ready(ready)
            tab.wait("document.querySelectorAll('.items li').length > 3")
            # pictures of the list come as they come into sight
            tab.wait("new Promise((done) => setTimeout(() => done(true), 1500))")

        for name, (state, ready) in _SHOTS.items():
            if not chosen or name in chosen:
                tab.size(1280, 800)
                shown(state, ready)
                kept_picture(tab, name)
        if not chosen or "phone" in chosen:
            tab.size(360, 740, dark=True)
            shown({"item": "sleep.edf"})
            kept_picture(tab, "phone")
        if not chosen or "dataset" in chosen:
            tab.size(1280, 800, dark=True)
            tab.go(f"{page}#{urlencode({'item': 'files/primary/sub-2/sam-3/truncated.edf'})}")
            tab.wait("document.querySelectorAll('.items li').length > 3")
            tab.wait("new Promise((done) => setTimeout(() => done(true), 1500))")
            kept_picture(tab, "dataset")
    if not chosen or "search" in chosen:
        with served(catalogue) as (page, _):
            tab.size(1280, 800)
            tab.go(f"{page}#q=vagus+ecg&species=Sus+scrofa&rate=1000")
            tab.wait("document.body.dataset.ready === 'all'")
            tab.js("document.querySelector('.found details').open = true")
            tab.wait("document.querySelector('.found td a') !== null")
            kept_picture(tab, "search")


def visits(tab: Tab, address: str, asked: list[tuple[str, int]], done: str, n: int) -> list[Any]:
    """Visit an address ``n`` times without a cache, on a slow link; return milliseconds, requests and bytes."""
    tab.call("Network.setCacheDisabled", cacheDisabled=True)
    slow = {"latency": _LINK_MS, "downloadThroughput": -1, "uploadThroughput": -1}
    tab.call("Network.emulateNetworkConditions", offline=False, **slow)
    # of the processor, not of the clock: what else the machine does is not the page's
    tab.call("Performance.enable", timeDomain="threadTicks")
    watch = tab.call("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
    found = []
    for _ in range(n):
        # what the visit before still asked for is not this one's
        tab.go("about:blank")
        tab.wait("new Promise((done) => setTimeout(() => done(true), 200))")
        asked.clear()
        tab.go(address)
        took_ms = float(tab.wait("globalThis.stood"))
        told = tab.call("Performance.getMetrics")["metrics"]
        tab.wait(done)
        busy_ms = 1000 * next(one["value"] for one in told if one["name"] == "TaskDuration")
        first = list(asked)
        later = next(
            (i for i, (path, _) in enumerate(first) if "manifest.json" in path), len(first)
        )
        found.append((took_ms, busy_ms, later, sum(n_bytes for _, n_bytes in first[:later])))
    tab.call("Page.removeScriptToEvaluateOnNewDocument", identifier=watch["identifier"])
    tab.call("Network.emulateNetworkConditions", offline=False, **{**slow, "latency": 0})
    tab.call("Network.setCacheDisabled", cacheDisabled=False)
    return found


def measured(tab: Tab, results: Path, catalogue: Path, n: int) -> str:
    """Return the table of what a first visit takes."""
    tab.size(1280, 800)
    where = outputs(results / "manifest.json")
    lines = [
        "| first visit | requests | bytes | fastest | median | of that processor | budget |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]

    def line(what: str, found: list[Any], budget: str) -> None:
        times = [one[0] for one in found]
        _, _, requests, n_bytes = found[-1]
        lines.append(
            f"| {what} | {requests} | {n_bytes / 1000:.0f} kB | {min(times):.0f} ms | "
            f"{statistics.median(times):.0f} ms | {min(one[1] for one in found):.0f} ms | {budget} |"
        )
        print(lines[-1], flush=True)

    for name, what in (
        ("eeg 32 channels.edf", "32 channels of 20 minutes"),
        ("sleep.edf", "three streams and events"),
        ("section 8k.tif", "an image of 8192 × 8192 pixels"),
    ):
        with served(results) as (page, asked):
            address = f"{page}#{urlencode({'item': where[name]})}"
            found = visits(tab, address, asked, "document.querySelector('.items li') !== null", n)
        first = name.startswith("eeg")
        line(what, found, "4 requests, 150 kB, 150 ms" if first else "")
    size = (catalogue / "catalogue.parquet").stat().st_size
    with served(catalogue) as (page, asked):
        # the first answer is that of the first part; then the rest comes
        found = visits(tab, page, asked, "document.body.dataset.ready === 'all'", n)
    what = f"search of 200,000 results ({size / 1e6:.1f} MB), first answer; all of them asked"
    line(what, found, "300 ms, 1 MB")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Take the pictures that are named, or all of them, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="*", help="names; all by default")
    parser.add_argument("--visits", type=int, default=9, help="0 measures nothing (9)")
    options = parser.parse_args()
    if CHROMIUM is None:
        print("needs Chromium; on Debian: apt-get install chromium")
        return 2
    results, catalogue = FOLDER / "out" / "dataset" / "local", FOLDER / "catalogue"
    if not (results / "manifest.json").exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        write_samples(FOLDER / "dataset")
        command(["convert", str(FOLDER / "dataset"), "-o", str(FOLDER / "out")])
        write_catalogue(catalogue)
    PICTURES.mkdir(exist_ok=True)
    with chromium() as browser:
        tab = browser.tab()
        if options.visits:
            table = measured(tab, results, catalogue, options.visits)
            text = PAGE.read_text(encoding="utf-8")
            PAGE.write_text(_TABLE.sub(lambda _: table, text), encoding="utf-8")
        take_pictures(tab, results, catalogue, options.pictures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
