"""The folder that `sparc-fuse view` serves, and the page that it serves with it."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import http.client
import json
import re
import shutil
import socket
import struct
import subprocess
import threading
from pathlib import Path

import boto3
import numcodecs
import numpy as np
import pytest

from sparc_fuse_core.command.view import make_server
from sparc_fuse_core.describe.page import page_bytes, search_page_bytes
from sparc_fuse_core.errors import RequestError

VIEWER = Path(__file__).parents[3] / "viewer"
NODE = shutil.which("node")


@contextlib.contextmanager
def served(folder):
    server, pages = make_server(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=5)

    def ask(path, method="GET", **headers):
        connection.request(method, path, headers={k.title(): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    try:
        yield ask, pages
    finally:
        connection.close()
        server.shutdown()
        server.server_close()
        thread.join()


def results(tmp_path):
    version = tmp_path / "out" / "set" / "1"
    version.mkdir(parents=True)
    (version / "manifest.json").write_text('{"items": []}')
    (version / "x.bin").write_bytes(bytes(range(100)))
    (version / "evil.html").write_text("<script>alert(1)</script>")
    latest = {"manifest": "1/manifest.json"}
    (tmp_path / "out" / "set" / "latest.json").write_text(json.dumps(latest))
    (tmp_path / "secret").write_text("secret")
    (version / "link").symlink_to(tmp_path / "secret")
    return tmp_path / "out"


def test_a_folder_is_served_by_ranges_and_nothing_outside_of_it(tmp_path):
    with served(results(tmp_path)) as (ask, pages):
        assert [page.split("/", 3)[3] for page in pages] == ["set/1/"]
        assert pages[0].startswith("http://127.0.0.1:")
        status, headers, body = ask("/set/1/x.bin", range="bytes=10-19")
        assert (status, body) == (206, bytes(range(10, 20)))
        assert headers["Content-Range"] == "bytes 10-19/100"
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert ask("/set/1/x.bin", range="bytes=-5")[2] == bytes(range(95, 100))
        assert ask("/set/1/x.bin", range="bytes=98-500")[2] == bytes([98, 99])
        assert ask("/set/1/x.bin", range="bytes=100-")[0] == 416
        assert ask("/set/1/x.bin", "HEAD")[1]["Content-Length"] == "100"
        assert ask("/set/1/x.bin", "OPTIONS", range="bytes=0-1")[0] == 204
        assert ask("/set/1/absent")[0] == 404
        assert ask("/set/1/")[2] == page_bytes()
        assert ask("/set/1/evil.html")[1]["Content-Type"] == "application/octet-stream"
        for outside in ("/../secret", "/%2e%2e/secret", "/set/1/link", "/set/1/%00"):
            status, _, body = ask(outside)
            assert status in (403, 404)
            assert b"secret" not in body
        assert ask("/set/1/x.bin", host="evil.example")[0] == 403


def test_a_browser_that_goes_away_is_nothing_to_speak_of(tmp_path, capfd):
    folder = results(tmp_path)
    (folder / "set" / "1" / "large.bin").write_bytes(bytes(30_000_000))
    server, _ = make_server(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    for _ in range(3):
        with socket.create_connection(server.server_address[:2]) as client:
            # closed at once, with a reset instead of an orderly end
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"GET /set/1/large.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            client.recv(1000)
    server.shutdown()
    server.server_close()
    thread.join()
    # what is written by a thread of a request ends with it
    for one in threading.enumerate():
        if "process_request_thread" in one.name:
            one.join(5)
    assert capfd.readouterr().err == ""


def test_nothing_to_look_at_is_said(tmp_path):
    with pytest.raises(RequestError, match=r"neither a manifest\.json nor a store"):
        make_server(tmp_path)
    with pytest.raises(RequestError, match="expected a folder or s3"):
        make_server("https://example.org/x")


def test_a_bucket_is_served_by_range(bucket, s3_endpoint, monkeypatch):
    with pytest.raises(RequestError, match=r"neither a manifest\.json nor a store"):
        make_server(f"s3://{bucket}/r")
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    for name, body in {
        "set/latest.json": b'{"manifest": "1/manifest.json"}',
        "set/1/manifest.json": b'{"items": []}',
        "set/1/a b.zarr/c/0": bytes(range(100)),
    }.items():
        client.put_object(Bucket=bucket, Key=f"r/{name}", Body=body)
    client.put_object(Bucket=bucket, Key="other", Body=b"secret")
    with served(f"s3://{bucket}/r") as (ask, pages):
        assert [page.split("/", 3)[3] for page in pages] == ["set/1/"]
        for address in ("/set/1/", "/set/1/index.html"):
            assert ask(address)[2] == page_bytes()
        status, headers, body = ask("/set/1/a%20b.zarr/c/0", range="bytes=10-19")
        assert (status, body) == (206, bytes(range(10, 20)))
        assert headers["Content-Range"] == "bytes 10-19/100"
        assert ask("/set/1/a%20b.zarr/c/0", range="bytes=-5")[2] == bytes(range(95, 100))
        for address in ("/gone", "/../other", "/%2e%2e/other", "/set/../../other", "/"):
            assert ask(address)[0] == 404, address


@pytest.mark.parametrize("made", [page_bytes, search_page_bytes])
def test_the_page_runs_its_own_script_only_and_asks_no_other_origin(made):
    page = made().decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'self';" in policy
    assert "unsafe" not in policy
    for hole in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert hole not in script
    # what a first visit loads of it
    assert len(gzip.compress(page.encode())) < 45_000


@pytest.mark.skipif(
    NODE is None or not (VIEWER / "node_modules" / "esbuild").is_dir(),
    reason="needs node, and `npm ci` in viewer/",
)
def test_the_page_is_what_its_sources_build(tmp_path):
    subprocess.run([NODE, "build.mjs", str(tmp_path)], cwd=VIEWER, check=True, timeout=60)
    assert (tmp_path / "dataset.html").read_bytes() == page_bytes()
    assert (tmp_path / "search.html").read_bytes() == search_page_bytes()


@pytest.mark.skipif(
    NODE is None or not (VIEWER / "node_modules" / "esbuild").is_dir(),
    reason="needs node, and `npm ci` in viewer/",
)
def test_chunks_are_decoded_as_numcodecs_encoded_them(tmp_path):
    bundle = "import { build } from 'esbuild'; await build({ entryPoints: ['src/codecs.ts'], bundle: true, "
    bundle += (
        "format: 'esm', platform: 'node', external: ['numcodecs/*'], outfile: process.argv[1] })"
    )
    code = tmp_path / "codecs.mjs"
    subprocess.run(
        [NODE, "--input-type=module", "-e", bundle, str(code)], cwd=VIEWER, check=True, timeout=60
    )
    random = np.random.default_rng(1)
    cases = []
    for dtype in ("i1", "u2", "<i2", "<i4", "<i8", "<f4", "<f8"):
        for n in (1, 7, 1000, 40_003):
            values = np.cumsum(random.integers(-9, 10, n)).astype(dtype)
            for cname in ("zstd", "lz4", "zlib"):
                for shuffle in (0, 1, 2):
                    block = 16_384 if n == 40_003 else 0
                    codec = numcodecs.Blosc(cname, 1, shuffle, blocksize=block)
                    name = f"{len(cases)}"
                    (tmp_path / f"{name}.packed").write_bytes(codec.encode(values))
                    (tmp_path / f"{name}.plain").write_bytes(values.tobytes())
                    cases.append(f"{dtype} {n} {cname} {shuffle}")
    check = f"""
        import {{ readFileSync }} from 'node:fs'; import {{ blosc }} from {json.dumps(code.as_uri())};
        for (const [i, name] of {json.dumps(cases)}.entries()) {{
          const read = (end) => new Uint8Array(readFileSync({json.dumps(str(tmp_path))} + '/' + i + end));
          const plain = await blosc(read('.packed'));
          if (Buffer.compare(Buffer.from(plain), Buffer.from(read('.plain')))) console.log(name);
        }}"""
    told = subprocess.run(
        [NODE, "--input-type=module", "-e", check], cwd=VIEWER, capture_output=True, timeout=60
    )
    assert (told.returncode, told.stdout, told.stderr) == (0, b"", b"")
