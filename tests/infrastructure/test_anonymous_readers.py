"""Readers without an account, by the stack's own rules: xarray, this package, zarrita, the pages in Chromium.

`make readers` lets further programs read over the same network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

from sparc_fuse_core import open_image, open_results, open_zarr
from sparc_fuse_core.command.main import main
from tests.readers.stores import write_stores
from tests.servers.chromium import CHROMIUM, chromium
from tests.servers.local import LocalServer
from tests.servers.published import PublishedNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infrastructure.conftest import Synthesized
    from tests.servers.chromium import Tab

VIEWER = Path(__file__).parents[2] / "viewer"
_SET = "/224/local"

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium; on Debian: chromium")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bucket: dataset 224 is published, an upload is not."""
    bucket = tmp_path_factory.mktemp("bucket")
    (bucket / "datasets").mkdir()
    write_stores(bucket / "datasets" / "7" / "1")
    source = bucket / "source" / "224"
    for sub in ("sub-1", "sub-2"):
        (source / "primary" / sub).mkdir(parents=True)
        rows = "".join(f"{i / 1000:.3f},{(i * 7) % 50}\n" for i in range(20_000))
        (source / "primary" / sub / "pressure #1.csv").write_text("time_s,pressure_mmHg\n" + rows)
    shutil.copytree(source, bucket / "source" / "my-trial")
    for name in ("224", "my-trial"):
        made = ["convert", str(bucket / "source" / name), "-o", str(bucket / "datasets")]
        assert main(made) == 0
    return bucket


@pytest.fixture
def network(stores: Path, other_stack: Synthesized, node: str) -> Iterator[PublishedNetwork]:
    """What everybody reads with."""
    server = PublishedNetwork(stores, other_stack.template, node)
    yield server
    server.close()


@pytest.fixture(scope="module")
def truth(stores: Path) -> dict[str, Any]:
    """What the stores hold."""
    found: dict[str, Any] = json.loads((stores / "datasets/7/1/truth.json").read_text())
    return found


def test_xarray_reads_a_recording_by_its_link(
    network: PublishedNetwork, truth: dict[str, Any]
) -> None:
    stated = truth["recording"]
    with xr.open_zarr(f"{network.url}/7/1/recording.zarr", chunks=None) as ds:
        np.testing.assert_allclose(ds["signals"][:, :: stated["every"]], stated["signals"])
        assert ds["channel_name"].values.tolist() == stated["names"]
        np.testing.assert_allclose(ds["event_time_s"], stated["events"])
    assert {one.status for one in network.log} <= {200, 206, 404}


def test_the_openers_take_the_link_of_a_dataset(network: PublishedNetwork) -> None:
    results = open_results(f"{network.url}{_SET}")
    (found,) = {tuple(results[name]["signals"].shape) for name in results}
    assert found == (1, 20_000)
    ds = open_zarr(f"{network.url}{_SET}/primary/sub-1/pressure%20%231.csv.zarr")
    assert float(ds["signals"][0, 3]) == 21.0
    image = open_image(f"{network.url}/7/1/image_0.5.ome.zarr")
    assert image.sizes["z"] == 3


def test_what_is_not_published_is_not_there(network: PublishedNetwork) -> None:
    with pytest.raises((FileNotFoundError, OSError, ValueError)):
        xr.open_zarr(f"{network.url}/my-trial/local/primary/sub-1/pressure #1.csv.zarr")
    assert {one.status for one in network.log} == {404}


class _Other(BaseHTTPRequestHandler):
    """A page of another origin, with the script that it is told."""

    script = b""

    def do_GET(self) -> None:
        is_script = self.path == "/reader.js"
        body = self.script if is_script else b"<!doctype html><script src=/reader.js></script>"
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def other_page(node: str, tmp_path: Path) -> Iterator[str]:
    """A page of another origin that has zarrita as it comes from npm, WebAssembly and all."""
    if not (VIEWER / "node_modules" / "esbuild").is_dir():
        pytest.skip("needs `npm ci` in viewer/")
    bundle = (
        "import { build } from 'esbuild'; await build({ stdin: { resolveDir: '.',"
        " contents: 'import * as zarr from \"zarrita\"; window.zarr = zarr;' },"
        " bundle: true, format: 'iife', outfile: process.argv[1] })"
    )
    made = tmp_path / "reader.js"
    command = [node, "--input-type=module", "-e", bundle, str(made)]
    subprocess.run(command, cwd=VIEWER, check=True, timeout=60, env=dict(os.environ))
    server = LocalServer(type("Page", (_Other,), {"script": made.read_bytes()}))
    yield server.url
    server.close()


@pytest.fixture
def tab() -> Iterator[Tab]:
    """A tab of a browser that enforces what servers say of other origins."""
    with chromium() as browser:
        made = browser.tab()
        made.size(1280, 900)
        yield made


@needs_chromium
def test_zarrita_reads_from_a_page_of_another_origin(
    network: PublishedNetwork, other_page: str, truth: dict[str, Any], tab: Tab
) -> None:
    tab.go(other_page)
    tab.wait("window.zarr !== undefined")
    stated = truth["recording"]
    address = json.dumps(f"{network.url}/7/1/recording.zarr")
    for options, asks_leave in (("{}", False), ("{ useSuffixRequest: true }", True)):
        network.log.clear()
        found = tab.js(f"""(async () => {{
            const root = zarr.root(new zarr.FetchStore({address}, {options}));
            const array = (name) => zarr.open(root.resolve(name), {{ kind: 'array' }});
            const row = await zarr.get(await array('signals'), [1, null]);
            const names = await zarr.get(await array('channel_name'));
            const some = Array.from(row.data).filter((_, i) => i % {stated["every"]} === 0);
            return [some, Array.from(names.data)];
        }})()""")
        np.testing.assert_allclose(np.array(found[0]) * 0.195 - 6.0, stated["signals"][1])
        assert found[1] == stated["names"]
        # the end of an object by `bytes=-n` is what browsers ask leave for
        leave = {one.status for one in network.log if one.method == "OPTIONS"}
        assert leave == ({204} if asks_leave else set())
        assert {one.origin for one in network.log} == {other_page}
    # it looks for Zarr version 2 first, where it is told that there is none
    assert not [error for error in tab.errors if "404" not in error]


@needs_chromium
def test_a_page_of_another_origin_may_read_and_no_more(
    network: PublishedNetwork, other_page: str, tab: Tab
) -> None:
    tab.go(other_page)
    tab.wait("window.zarr !== undefined")
    address = json.dumps(f"{network.url}/7/1/recording.zarr/zarr.json")

    def asked(options: str) -> Any:
        code = f"fetch({address}, {options}).then((r) => r.status, (e) => e.name)"
        return tab.js(code)

    assert asked("{}") == 200
    assert asked("{ method: 'HEAD' }") == 200
    assert asked("{ headers: { Range: 'bytes=-8' } }") == 206
    assert asked("{ cache: 'no-cache', headers: { 'Cache-Control': 'no-cache' } }") == 200
    # what is forbidden is so by the browser, which believes the network's answers
    assert asked("{ headers: { 'X-Other': '1' } }") == "TypeError"
    assert asked("{ method: 'PUT', body: '' }") == "TypeError"
    assert asked("{ credentials: 'include' }") == "TypeError"
    told = tab.js(
        f"fetch({address}, {{ headers: {{ Range: 'bytes=0-7' }} }}).then((r) =>"
        " ['Content-Range', 'Content-Length', 'ETag', 'Accept-Ranges'].map((n) => r.headers.get(n)))"
    )
    size = Path(network.file("/7/1/recording.zarr/zarr.json") or "").stat().st_size
    assert told[0] == f"bytes 0-7/{size}"
    assert all(told)
    # an absent object says so to a page of another origin too
    gone = json.dumps(f"{network.url}/7/1/gone")
    assert tab.js(f"fetch({gone}).then((r) => r.status)") == 404


@needs_chromium
def test_everybody_looks_and_finds(network: PublishedNetwork, stores: Path, tab: Tab) -> None:
    results = stores / "datasets"
    (results / ".sparc-fuse").mkdir(exist_ok=True)
    # what a run in the cloud writes beside: the catalogue of published datasets alone
    main(["catalogue", str(results)])
    import pyarrow.parquet as pq

    table = pq.read_table(results / "catalogue.parquet")
    pq.write_table(
        table.filter(np.array([name == "224" for name in table["dataset_id"].to_pylist()])),
        results / ".sparc-fuse" / "published.parquet",
        compression="zstd",
    )
    tab.go(f"{network.url}/")
    tab.wait("document.body.dataset.ready === 'all'")
    assert "2 results in 1 dataset" in tab.text()
    assert "my-trial" not in tab.text()
    tab.js("document.querySelector('.found details').open = true")
    link = "document.querySelector('.found td a')"
    address = tab.wait(f"{link}?.href")
    tab.go(address)
    tab.ready()
    tab.wait("document.querySelectorAll('.items li').length === 2")
    tab.wait("[...document.querySelectorAll('.items img')].every((one) => one.naturalWidth > 0)")
    assert "pressure #1.csv" in tab.text()
    assert tab.errors == []
    assert {one.status for one in network.log} <= {200, 206}
