"""``sparc-fuse view``: a folder of results in the browser, served by this machine to this machine only."""

from __future__ import annotations

import gzip
import json
import mimetypes
import re
import webbrowser
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from sparc_fuse_core.describe.page import page_bytes
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.paths import expanded

if TYPE_CHECKING:
    from pathlib import Path

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PIECE_BYTES = 1 << 20
_STORE_ROOTS = ("zarr.json", ".zmetadata")


def make_server(folder: str | Path) -> tuple[ThreadingHTTPServer, list[str]]:
    """Return a server of a folder of results, on a free port of 127.0.0.1, and the pages to open.

    Parameters
    ----------
    folder
        Of a run (``./output``), of one dataset's version, or one store.

    Raises
    ------
    RequestError
        If there is nothing in it to look at.
    """
    if "://" in str(folder):
        message = f"{folder}: only a folder can be viewed; copy the results into one first"
        raise RequestError(message)
    root = expanded(folder).resolve()
    pages = _pages(root)
    if not pages:
        message = (
            f"{folder}: neither a manifest.json nor a store is there; "
            "name the folder that `sparc-fuse convert` wrote"
        )
        raise RequestError(message)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, root))
    server.daemon_threads = True
    base = f"http://127.0.0.1:{server.server_address[1]}/"
    return server, [base + quote(page) for page in pages]


def _pages(root: Path) -> list[str]:
    """Return paths, ``/`` at the end, of the dataset versions below ``root``; ``""`` is itself one."""
    if any((root / name).is_file() for name in ("manifest.json", *_STORE_ROOTS)):
        return [""]
    found = []
    for pattern in ("latest.json", "*/latest.json"):
        for latest in sorted(root.glob(pattern)):
            try:
                manifest = latest.parent / json.loads(latest.read_bytes())["manifest"]
            except (ValueError, KeyError, TypeError, OSError):
                continue
            inside = manifest.resolve()
            if inside.is_file() and inside.is_relative_to(root) and inside.parent != root:
                found.append(f"{inside.parent.relative_to(root).as_posix()}/")
    return found


class _Handler(BaseHTTPRequestHandler):
    """GET and HEAD of files below a folder, with ranges; a folder with a manifest or store is the page."""

    protocol_version = "HTTP/1.1"
    server_version = "sparc-fuse"
    timeout = 60

    def __init__(self, root: Path, *arguments: Any) -> None:
        self._root = root
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_OPTIONS(self) -> None:
        self._start(HTTPStatus.NO_CONTENT, 0, "")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing: the terminal shows the address."""

    def _answer(self, *, with_body: bool) -> None:
        # another site's name that was pointed at 127.0.0.1 reads nothing
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        path = self._path()
        if host not in ("127.0.0.1", "localhost") or path is None:
            self._nothing(HTTPStatus.FORBIDDEN)
        elif path.is_dir() and self._is_page(path):
            page = page_bytes()
            packed = "gzip" in self.headers.get("Accept-Encoding", "")
            if packed:  # a third of its bytes
                page = gzip.compress(page, mtime=0)
            self._start(HTTPStatus.OK, len(page), "text/html; charset=utf-8")
            self.send_header("Vary", "Accept-Encoding")
            if packed:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            if with_body:
                self.wfile.write(page)
        elif path.is_file():
            self._file(path, with_body=with_body)
        else:
            self._nothing(HTTPStatus.NOT_FOUND)

    def _path(self) -> Path | None:
        """Return what is asked for, or None if it lies outside of the folder."""
        try:
            path = (self._root / unquote(urlsplit(self.path).path).lstrip("/")).resolve()
        except (ValueError, OSError):
            return None
        return path if path.is_relative_to(self._root) else None

    def _is_page(self, path: Path) -> bool:
        return urlsplit(self.path).path.endswith("/") and any(
            (path / name).is_file() for name in ("manifest.json", *_STORE_ROOTS)
        )

    def _file(self, path: Path, *, with_body: bool) -> None:
        size = path.stat().st_size
        first, last, status = 0, size - 1, HTTPStatus.OK
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        if asked and any(asked.groups()):
            start, end = asked.groups()
            first = int(start) if start else max(0, size - int(end))
            last = min(size - 1, int(end)) if start and end else size - 1
            status = HTTPStatus.PARTIAL_CONTENT
            if first > last:
                self._start(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, "")
                self.send_header("Content-Range", f"bytes */{size}")
                self.end_headers()
                return
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        # results are data: nothing of them may run as a page of this address
        safe = kind if kind in ("application/json", "image/png") else "application/octet-stream"
        self._start(status, last - first + 1, safe)
        if status == HTTPStatus.PARTIAL_CONTENT:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if not with_body:
            return
        with path.open("rb") as file:
            file.seek(first)
            left = last - first + 1
            while left > 0 and (piece := file.read(min(left, _PIECE_BYTES))):
                self.wfile.write(piece)
                left -= len(piece)

    def _nothing(self, status: HTTPStatus) -> None:
        self._start(status, 0, "")
        self.end_headers()

    def _start(self, status: HTTPStatus, n_bytes: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(n_bytes))
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
        self.send_header("Access-Control-Allow-Headers", "Range")
        self.send_header("Access-Control-Expose-Headers", "Content-Range, Content-Length")


def view(folder: str, *, browser: bool) -> None:
    """Serve a folder until Ctrl-C, and open the first page in the browser."""
    server, pages = make_server(folder)
    for page in pages:
        print(page, flush=True)  # noqa: T201
    if browser:
        webbrowser.open(pages[0])
    print("Ctrl-C ends it", flush=True)  # noqa: T201
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
