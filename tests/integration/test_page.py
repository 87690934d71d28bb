"""The page in a real Chromium, over a server that counts and fails."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import wave
from http import HTTPStatus
from urllib.parse import urlencode

import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr

from sparc_fuse_core.command import view
from sparc_fuse_core.command.main import main
from sparc_fuse_core.describe.columns import batches_of, catalogue_schema, write_batches
from sparc_fuse_core.describe.page import page_bytes
from sparc_fuse_core.model import Contents, Recording
from sparc_fuse_core.writers import zarr_signals
from tests.samples.layout_1 import write_layout_1
from tests.servers.chromium import AXE, CHROMIUM, chromium

#: A name that means something to URLs, HTML, quotes of three languages and shells.
ODD = "a #1?%20 ü'&;<b>.wav"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium; on Debian: chromium")


class Asked(list):
    """What was answered, path and bytes; ``refuse`` is what paths with a word in them are answered."""

    def __init__(self):
        self.refuse = {}

    def of(self, word):
        return [(path, n_bytes) for path, n_bytes in self if word in path]

    def n_bytes(self):
        return sum(n_bytes for _, n_bytes in self)


@contextlib.contextmanager
def counted(folder, monkeypatch):
    """Yield the first page's address, and what was answered."""
    asked = Asked()
    start, answer = view._Handler._start, view._Handler._answer

    def counting(self, status, n_bytes, kind):
        asked.append((self.path, n_bytes))
        start(self, status, n_bytes, kind)

    def refusing(self, *, with_body):
        for word, status in asked.refuse.items():
            if word in self.path:
                if status == "drop":
                    self.close_connection = True
                    self.connection.close()
                elif status == "empty":
                    start(self, HTTPStatus.OK, 0, "application/json")
                    self.end_headers()
                else:
                    self._nothing(status)
                return
        answer(self, with_body=with_body)

    monkeypatch.setattr(view._Handler, "_start", counting)
    monkeypatch.setattr(view._Handler, "_answer", refusing)
    server, pages = view.make_server(folder)
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield pages[0], asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def tab(browser):
    made = browser.tab()
    made.size(1280, 900)
    return made


def accessible(tab):
    """Return serious findings of axe-core, where `npm ci` has put it: as it is, and on a phone in the dark."""
    found = tab.axe() if AXE.exists() else []
    tab.size(360, 740, dark=True)
    # what is wider than the phone would have to be moved sideways to be read
    wide = tab.js("document.documentElement.scrollWidth")
    found += tab.axe() if AXE.exists() else []
    tab.size(1280, 900)
    return found + ([f"{wide} pixels wide on a phone"] if wide > 360 else [])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """32 channels of 200 s at 1 kHz, a table and arrays, converted."""
    folder = tmp_path_factory.mktemp("page")
    random = np.random.default_rng(3)
    values = np.cumsum(random.integers(-20, 21, (200_000, 32)), axis=0) // 4
    (folder / "data").mkdir()
    with wave.open(str(folder / "data" / "many.wav"), "wb") as file:
        file.setparams((32, 2, 1000, 0, "NONE", ""))
        file.writeframes(np.clip(values, -32768, 32767).astype("<i2").tobytes())
    rows = "\n".join(f"{'ab'[i % 2]}<i>,{200 + i}" for i in range(80))
    (folder / "data" / "animals.csv").write_text(f"group,weight_g\n{rows}\n")
    with wave.open(str(folder / "data" / ODD), "wb") as file:
        file.setparams((1, 2, 1000, 0, "NONE", ""))
        file.writeframes(np.arange(5000, dtype="<i2").tobytes())
    heat = np.arange(2400.0).reshape(40, 60)
    np.savez(folder / "data" / "maps.npz", heat=heat)
    assert main(["convert", str(folder / "data"), "-o", str(folder / "out")]) == 0
    return folder / "out"


def test_the_first_picture_of_32_channels_takes_four_requests(recorded, tab, monkeypatch):
    with counted(recorded, monkeypatch) as (page, asked):
        tab.go(f"{page}#item=many.wav.zarr")
        assert int(tab.ready()) > 1
        tab.wait("document.body.innerText.includes('many.wav\\n')")
        before = asked[: next(i for i, (path, _) in enumerate(asked) if "manifest.json" in path)]
        assert len(before) <= 4, before
        assert sum(n_bytes for _, n_bytes in before) <= 150_000, before
        assert "Least and greatest of every" in tab.text()
        # opened by a link: the heading is the file's, once the manifest says it
        tab.wait("document.querySelector('h2').textContent === 'many.wav'")
        assert accessible(tab) == []
        assert tab.errors == []


@pytest.mark.parametrize("n_samples", [131_073, 300_000])
def test_the_budget_holds_for_other_lengths_and_wide_windows(tmp_path, tab, monkeypatch, n_samples):
    random = np.random.default_rng(7)
    values = np.cumsum(random.integers(-20, 21, (32, n_samples)), axis=1).astype("i4") // 4
    stored = np.clip(values, -32768, 32767).astype("<i2")
    names = tuple(f"ch {n}" for n in range(32))
    contents = Contents((Recording("main", stored, names, ("uV",) * 32, 250.0),))
    zarr_signals.write(contents, tmp_path / "x.zarr", {}, budget_bytes=10**8)
    (tmp_path / "manifest.json").write_text('{"items": []}')
    tab.size(1700, 900)
    with counted(tmp_path, monkeypatch) as (page, asked):
        tab.go(f"{page}#item=x.zarr")
        assert int(tab.ready()) > 1
        first = list(asked)
        before = [entry for entry in first if "manifest.json" not in entry[0]]
        assert len(before) <= 4, before
        assert sum(n_bytes for _, n_bytes in before) <= 150_000, before


def test_panning_loads_what_it_shows_and_nothing_twice(recorded, tab, monkeypatch):
    with counted(recorded, monkeypatch) as (page, asked):
        tab.go(f"{page}#item=many.wav.zarr&t=20,21&ch=%3A3%3B%3A4")
        tab.ready("1")
        tab.wait(
            "!document.querySelector('.items') || document.querySelectorAll('.items li').length"
        )
        # the list's small pictures come when the browser finds time: they are not panning
        tab.wait(
            "[...document.querySelectorAll('.items img')].every((picture) => picture.complete)"
        )
        time.sleep(0.5)
        tab.js("document.querySelector('canvas').focus()")
        asked.clear()
        steps = 12
        for _ in range(steps):
            tab.key("ArrowRight")
            time.sleep(0.15)
        tab.wait("location.hash.includes('t=21.2')")
        # 1.2 s further: samples of two channels, in chunks that hold more than that of all of them
        store = [entry for entry in asked if "/thumbnails/" not in entry[0]]
        assert len(store) <= 2, asked
        read = asked.n_bytes()
        tab.key("ArrowLeft", steps)
        tab.wait("location.hash.includes('t=20.0')")
        time.sleep(0.3)
        assert asked.n_bytes() == read, asked
        tab.key("Home")
        tab.wait("document.querySelector('.status').textContent.includes('Least and greatest')")
        zoomed = asked.n_bytes() - read
        assert zoomed <= 400_000
        tab.key("PageDown", 5)
        time.sleep(0.4)
        assert asked.n_bytes() - read == zoomed, "at the end there is nothing more to load"


def test_the_page_lies_beside_the_manifest(recorded):
    assert (recorded / "data" / "local" / "index.html").read_bytes() == page_bytes()


def test_a_moment_of_the_address_is_shown_in_samples_on_a_phone(recorded, tab, monkeypatch):
    tab.size(360, 740, dark=True)
    with counted(recorded, monkeypatch) as (page, asked):
        tab.go(f"{page}#item=many.wav.zarr&t=10,10.5&ch=%3A3%3B%3A4")
        tab.ready("1")
        tab.wait("document.querySelectorAll('.items li').length")
        assert "Channels (2 of 32)" in tab.text()
        # root, signals' index and chunks, beside page and manifest
        assert len(asked.of("signals/c")) <= 6, asked
        assert tab.js("document.documentElement.scrollWidth") <= 360
        assert accessible(tab) == []
    tab.size(1280, 900)


def test_the_lines_that_open_a_result_open_it(recorded, tab, monkeypatch):
    def run(item):
        tab.go(f"{page}#{urlencode({'item': item})}")
        tab.wait("document.querySelectorAll('aside pre').length === 3")
        found = {}
        exec(tab.js("document.querySelector('aside pre').textContent"), found)
        return found, tab.js(
            "[...document.querySelectorAll('aside pre')].map((p) => p.textContent)"
        )

    with counted(recorded, monkeypatch) as (page, _):
        found, (_, matlab, r) = run(f"{ODD}.zarr")
        assert found["ds"]["signals"].values[0, :3].tolist() == [0, 1, 2]
        address = f"{page}a%20%231%3F%2520%20%C3%BC'%26%3B%3Cb%3E.wav.zarr"
        quoted = address.replace("'", "''")
        assert f"open_zarr('{quoted}');" in matlab
        assert f'open_zarr("{address}")' in r
        assert tab.ready()
        found, _ = run("animals.csv.zarr")
        assert found["tree"]["weight_g"].values[:2].tolist() == [200, 201]
        found, _ = run("maps.npz.zarr")
        assert found["tree"]["heat"].shape == (40, 60)


def test_nothing_needs_webgl_or_wasm(recorded, monkeypatch):
    without = ("--disable-webgl", "--disable-3d-apis")
    with chromium(*without) as poor, counted(recorded, monkeypatch) as (page, _):
        tab = poor.tab()
        tab.size(1280, 900)
        gone = "delete globalThis.WebAssembly"
        tab.call("Page.addScriptToEvaluateOnNewDocument", source=gone)
        tab.go(f"{page}#item=many.wav.zarr&t=20,21&ch=%3A3")
        tab.ready("1")
        assert tab.js("typeof WebAssembly") == "undefined"
        assert tab.js("document.createElement('canvas').getContext('webgl2')") is None
        assert "Samples as stored" in tab.text()
        tab.go(f"{page}#item=maps.npz.zarr")
        tab.ready("1")
        assert tab.errors == []


def test_the_policy_of_the_page_holds(recorded, tab, monkeypatch):
    with counted(recorded, monkeypatch) as (page, asked):
        tab.go(page)
        tab.wait("document.querySelectorAll('.items li').length")
        # what a hole in the page could try, the browser refuses
        other = page.replace("127.0.0.1", "localhost")
        tried = f"fetch({json.dumps(other)}).then(() => 'read', (e) => e.name)"
        assert tab.js(tried) == "TypeError"
        tab.js(
            "(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
            " document.body.append(s); const i = document.createElement('img');"
            f" i.src = {json.dumps(other)} + 'x.png'; document.body.append(i) }})()"
        )
        tab.wait("new Promise((done) => setTimeout(() => done(true), 200))")
        assert tab.js("window.ran") is None
        assert asked.of("x.png") == []
        assert any("Content Security Policy" in error for error in tab.errors)


def test_hostile_names_stay_text_and_failures_have_their_reason(tmp_path, tab, monkeypatch):
    name = "files/<img src=x onerror=alert(1)>.edf"
    item = {"path": name, "output": "", "status": "failed", "message": "<script>no()</script>"}
    broken = {
        "path": "files/b.edf",
        "output": "b.edf.zarr",
        "status": "failed",
        "message": "is cut",
    }
    (tmp_path / "out").mkdir()
    manifest = {"dataset_id": "<b>x</b>", "name": "javascript:alert(1)", "doi": "x onclick="}
    (tmp_path / "out" / "manifest.json").write_text(
        json.dumps({**manifest, "items": [item, broken]})
    )
    with counted(tmp_path / "out", monkeypatch) as (page, _):
        tab.go(f"{page}#item=files%2F%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E.edf")
        tab.wait("document.querySelectorAll('.items li').length === 2")
        assert not tab.js("document.querySelector('#app img, #app script, #app [onerror]')")
        assert not tab.js("document.querySelector('#app [href^=javascript]')")
        assert "failed: <script>no()</script>" in tab.text()
        assert accessible(tab) == []
        # by its own name too, which is what a curator has
        tab.go(f"{page}#item=files%2Fb.edf")
        tab.wait("document.body.innerText.includes('failed: is cut')")


def write_foreign(folder, zarr_format):
    """A collection as other writers leave it: no consolidated metadata, no chunk of nothing but zeros."""
    version = {2: "0.4", 3: "0.5"}[zarr_format]

    def stated(group, **facts):
        group.attrs.update({"ome": {"version": version, **facts}} if zarr_format == 3 else facts)

    def scales(name):
        axes = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"]
        scale = [{"type": "scale", "scale": [0.5, 0.5]}]
        levels = [{"path": "0", "coordinateTransformations": scale}]
        return [{"version": version, "name": name, "axes": axes, "datasets": levels}]

    root = zarr.open_group(folder, mode="w", zarr_format=zarr_format)
    stated(root, **{"bioformats2raw.layout": 3})
    for n in range(2):
        image = root.create_group(str(n))
        stated(image, multiscales=scales(f"image {n}"))
        pixels = np.zeros((100, 120), dtype="u2")
        pixels[:50, 60:] = 1000 + n
        options = {"chunks": (50, 60), "compressors": None}
        separator = {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
        options |= separator if zarr_format == 2 else {}
        image.create_array("0", data=pixels, **options)
        labels = image.create_group("labels")
        stated(labels, labels=["cells"])
        one = labels.create_group("cells")
        stated(one, multiscales=scales("cells"))
        one.create_array("0", data=(pixels > 0).astype("u4"), **options)
    assert not (folder / "1" / "0" / ("c/1/1" if zarr_format == 3 else "1/1")).exists()


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_images_of_other_writers_are_shown_as_they_are(tmp_path, tab, monkeypatch, zarr_format):
    write_foreign(tmp_path / "out" / "x.ome.zarr", zarr_format)
    (tmp_path / "out" / "manifest.json").write_text('{"items": []}')
    with counted(tmp_path / "out", monkeypatch) as (page, _):
        tab.go(f"{page}#item=x.ome.zarr&image=1&labels=cells")
        tab.ready("0")
        assert "label “cells”" in tab.text()
        tab.js("document.querySelector('canvas').focus()")
        tab.key("Enter")
        tab.wait("document.body.innerText.includes('x 60, y 50 (30, 25 µm) channel 0 0')")
        # where pixels are, the label stains them
        coloured = (
            "(() => { const c = document.querySelector('canvas');"
            " const s = Math.min(c.width / 120, c.height / 100);"
            " const p = c.getContext('2d').getImageData(c.width / 2 + 30 * s, c.height / 2 - 30 * s, 1, 1);"
            " return p.data[0] !== p.data[1] })()"
        )
        tab.wait(coloured)


def write_labelled(folder, name="<b>label</b>"):
    """An OME-Zarr 0.5 with a label image, by zarr-python alone."""

    def scales(title):
        axes = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"]
        scale = {"type": "scale", "scale": [0.5, 0.5]}
        levels = [{"path": "0", "coordinateTransformations": [scale]}]
        return {
            "version": "0.5",
            "multiscales": [{"name": title, "axes": axes, "datasets": levels}],
        }

    pixels = np.arange(12_000, dtype="u2").reshape(100, 120)
    root = zarr.open_group(folder, mode="w", zarr_format=3)
    root.attrs["ome"] = scales("x")
    root.create_array("0", data=pixels, chunks=(64, 64))
    labels = root.create_group("labels")
    labels.attrs["ome"] = {"version": "0.5", "labels": [name]}
    one = labels.create_group(name)
    one.attrs["ome"] = {**scales(name), "image-label": {"version": "0.5"}}
    one.create_array("0", data=np.where(pixels % 120 > 60, 7, 0).astype("u4"), chunks=(64, 64))
    zarr.consolidate_metadata(folder)


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_an_image_says_its_values_and_wears_its_labels(tmp_path, tab, monkeypatch):
    write_labelled(tmp_path / "out" / "x.ome.zarr")
    (tmp_path / "out" / "manifest.json").write_text('{"items": []}')
    colour = (
        "(() => {{ const c = document.querySelector('canvas');"
        " const s = Math.min(c.width / 120, c.height / 100), x = c.width / 2 + ({x} - 60) * s;"
        " return [...c.getContext('2d').getImageData(x, c.height / 2, 1, 1).data] }})()"
    )
    with counted(tmp_path / "out", monkeypatch) as (page, asked):
        tab.go(f"{page}#item=x.ome.zarr")
        tab.ready("0")
        assert asked.of("labels/") == []
        plain = tab.js(colour.format(x=100.5))
        assert plain[0] == plain[1] == plain[2]
        tab.js("document.querySelector('canvas').focus()")
        tab.key("Enter")
        # the middle is x 60, y 50: 50 rows of 120 and 60
        tab.wait("document.body.innerText.includes('x 60, y 50 (30, 25 µm) channel 0 6060')")
        tab.js("document.querySelectorAll('input[type=checkbox]')[1].click()")
        tab.wait(f"(() => {{ const p = {colour.format(x=100.5)}; return p[0] !== p[1] }})()")
        left = tab.js(colour.format(x=20.5))
        assert left[0] == left[1] == left[2], "nothing is drawn where the label is 0"
        assert "label “<b>label</b>”" in tab.text()
        tab.wait("location.hash.includes('labels=')")
        assert accessible(tab) == []


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_an_image_of_version_0_6_has_its_steps(tmp_path, tab, monkeypatch):
    """Its axes are those of a coordinate system, its steps the first of a sequence."""
    folder = tmp_path / "out" / "x.ome.zarr"
    write_labelled(folder)
    root = zarr.open_group(folder, mode="r+", use_consolidated=False)
    ome = dict(root.attrs["ome"])
    (image,) = ome["multiscales"]
    (level,) = image["datasets"]
    parts = [
        *level["coordinateTransformations"],
        {"type": "translation", "translation": [3.0, 4.0]},
    ]
    level["coordinateTransformations"] = [
        {"type": "sequence", "transformations": parts, "input": "0", "output": {"name": "own"}}
    ]
    image["coordinateSystems"] = [{"name": "own", "axes": image.pop("axes")}]
    root.attrs["ome"] = {**ome, "version": "0.6"}
    zarr.consolidate_metadata(folder)
    (tmp_path / "out" / "manifest.json").write_text('{"items": []}')
    with counted(tmp_path / "out", monkeypatch) as (page, _):
        tab.go(f"{page}#item=x.ome.zarr")
        tab.ready("0")
        tab.js("document.querySelector('canvas').focus()")
        tab.key("Enter")
        tab.wait("document.body.innerText.includes('x 60, y 50 (30, 25 µm) channel 0 6060')")


def test_tables_and_arrays_are_shown_plainly(recorded, tab, monkeypatch):
    with counted(recorded, monkeypatch) as (page, _):
        tab.go(f"{page}#item=animals.csv.zarr")
        tab.wait("document.body.innerText.includes('80 rows, the first 50')")
        assert "b<i>\t203" in tab.text()
        tab.js("document.querySelector('button[aria-label=\"Show group\"]').click()")
        tab.wait("document.body.innerText.includes('a<i>, b<i>, a<i>')")
        assert accessible(tab) == []
        tab.go(f"{page}#item=maps.npz.zarr")
        tab.ready("1")
        tab.wait("document.body.innerText.includes('From 0 to 2399')")
        assert accessible(tab) == []


def test_what_cannot_be_had_is_said_in_a_word(recorded, tab, tmp_path, monkeypatch):
    def says(address, words, refuse=None):
        asked.refuse = refuse or {}
        tab.go(address)
        tab.wait(f"document.body.innerText.includes({json.dumps(words)})")
        asked.refuse = {}

    with counted(recorded, monkeypatch) as (page, asked):
        many = f"{page}#item=many.wav.zarr"
        says(f"{page}#item=gone.zarr", "there is no store at this address")
        says(f"{page}#item=..%2F..%2Fetc.zarr", "is no path of a result")
        says(many, "may not be read (HTTP 403): it is not public", {"many.wav.zarr": 403})
        says(many, "the server answered HTTP 503; try again", {"many.wav.zarr": 503})
        says(many, "the connection dropped", {"zarr.json": "drop"})
        says(many, "The values cannot be shown: ", {"overview": "drop"})
        says(many, "half removed or not wholly copied", {"overview": 404})
        says(many, "is empty: what was written there is not whole", {"zarr.json": "empty"})
        says(page, "may not be read (HTTP 403)", {"manifest.json": 403})
        says(page, "Nothing to show here", {"json": 404})


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_a_store_of_layout_1_is_shown(tmp_path, tab, monkeypatch):
    write_layout_1(tmp_path / "old.zarr")
    with counted(tmp_path / "old.zarr", monkeypatch) as (page, _):
        tab.go(page)
        tab.ready("1")
        assert "Samples as stored" in tab.text()
        assert accessible(tab) == []


def test_ten_thousand_items_are_usable(tmp_path, tab, monkeypatch, record_property):
    items = [
        {
            "path": f"files/primary/sub-{i % 40}/rec-{i}.edf",
            "output": f"rec-{i}.zarr",
            "status": "converted",
        }
        | {"kind": "signal", "things": [{"channel_names": [f"ch{k}" for k in range(16)]}]}
        for i in range(10_000)
    ]
    (tmp_path / "manifest.json").write_text(json.dumps({"items": items}))
    with counted(tmp_path, monkeypatch) as (page, _):
        tab.go(page)
        tab.wait("document.body.innerText.includes('10000 of 10000 files, the first 400')")
        took_ms = tab.js(
            "(async () => { const t = performance.now();"
            " const s = document.querySelector('input[type=search]');"
            " for (const w of ['rec-9', 'rec-99', 'rec-999', 'rec-9999']) { s.value = w;"
            " s.dispatchEvent(new Event('input')); } await new Promise(requestAnimationFrame);"
            " return performance.now() - t })()"
        )
        assert "1 of 10000 files" in tab.text()
        record_property("four_keys_of_a_search_ms", round(took_ms))


def test_the_catalogue_is_searched_in_the_browser(tmp_path, tab, monkeypatch, record_property):
    def items():
        for i in range(60_000):
            yield {
                "dataset_id": str(i // 400),
                "version": "2",
                "kind": "signal",
                "rate_hz": 1000.0,
            } | {
                "dataset_name": f"Set {i // 400} <img src=x onerror=alert(1)>",
                "species": ("Mus musculus", "Sus scrofa")[i // 400 % 2],
                "channels": ["ECG", "EEG"],
                "output": f"primary/sub-{i % 7}/rec & {i}.edf.zarr",
                "bytes": i,
            }

    schema = catalogue_schema()
    with (tmp_path / "catalogue.parquet").open("wb") as file:
        write_batches(batches_of(items(), schema), schema, file)
    # the first answer is of a small part
    assert pq.ParquetFile(tmp_path / "catalogue.parquet").metadata.row_group(0).num_rows == 4000
    for number in ("0", "1"):
        (tmp_path / number / "2").mkdir(parents=True)
        (tmp_path / number / "2" / "manifest.json").write_text('{"items": []}')
        (tmp_path / number / "latest.json").write_text('{"manifest": "2/manifest.json"}')
    with counted(tmp_path, monkeypatch) as (page, asked):
        tab.go(page)
        tab.wait("document.body.dataset.ready === 'all'")
        assert "60000 results in 150 datasets" in tab.text()
        assert asked.n_bytes() < 500_000, asked
        record_property("bytes_and_requests", (asked.n_bytes(), len(asked)))
        search = "var s = document.querySelector('input[type=search]');"
        tab.js(search + "s.value = 'musculus eeg'; s.dispatchEvent(new Event('input'));")
        tab.wait("document.body.innerText.includes('30000 results in 75 datasets')")
        tab.js("document.querySelector('.found details').open = true")
        link = "document.querySelector('.found td a')"
        tab.wait(f"{link}?.textContent === 'primary/sub-0/rec & 0.edf.zarr'")
        assert tab.js(f"{link}.href").endswith(
            "/0/2/index.html#item=primary%2Fsub-0%2Frec+%26+0.edf.zarr"
        )
        assert not tab.js("document.querySelector('#app img')")
        assert accessible(tab) == []
        tab.js(search + "s.value = 'nothing like it'; s.dispatchEvent(new Event('input'));")
        tab.wait("document.body.innerText.includes('Nothing of 60000 results fits')")
        (tmp_path / "catalogue.parquet").write_bytes(b"no table")
        tab.go(page)
        tab.wait("document.body.innerText.includes('catalogue.parquet is no Parquet file')")
        asked.refuse = {"catalogue.parquet": 404}
        tab.go(page)
        tab.wait("document.body.innerText.includes('No catalogue.parquet lies here')")
