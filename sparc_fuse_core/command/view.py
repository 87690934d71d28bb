"""``sparc-fuse view``: results of a folder or a bucket in the browser, served to this machine only."""

from __future__ import annotations

import functools
import gzip
import json
import mimetypes
import re
import sys
import webbrowser
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from sparc_fuse_core.command.served import open_place
from sparc_fuse_core.describe.names import CATALOGUE, PAGE
from sparc_fuse_core.describe.page import page_bytes, search_page_bytes
from sparc_fuse_core.errors import OutputNotWritableError, RequestError, SparcFuseError
from sparc_fuse_core.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.command.served import Place

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_ROOTS = ("manifest.json", "zarr.json", ".zmetadata")
_MOST_POINTER_BYTES = 1 << 20


def make_server(target: str | Path) -> tuple[ThreadingHTTPServer, list[str]]:
    """Return a server of results, on a free port of 127.0.0.1, and the pages to open.

    Parameters
    ----------
    target
        Folder, or ``s3://bucket/prefix``, of a run (``./output``), of one dataset's version, or one store.

    Raises
    ------
    RequestError
        If there is nothing in it to look at.
    """
    place = open_place(target, Settings.from_environment())
    pages = _pages(place)
    if not pages:
        message = (
            f"{target}: neither a manifest.json nor a store is there; "
            "name what `sparc-fuse convert` wrote into"
        )
        raise RequestError(message)
    server = _Server(("127.0.0.1", 0), partial(_Handler, place))
    server.daemon_threads = True
    base = f"http://127.0.0.1:{server.server_address[1]}/"
    return server, [base + quote(page) for page in pages]


def _pages(place: Place) -> list[str]:
    """Return paths, ``/`` at the end, of dataset versions; ``""`` is the root: one, or the page of all."""
    if any(place.size(name) is not None for name in _ROOTS):
        return [""]
    found = []
    for dataset in place.datasets():
        inside = f"{dataset}/" if dataset else ""
        manifest = _pointed(place, f"{inside}latest.json")
        if manifest and "/" in manifest and place.size(f"{inside}{manifest}") is not None:
            found.append(f"{inside}{manifest.rpartition('/')[0]}/")
    if len(found) > 1 and place.size(CATALOGUE) is not None:
        return ["", *found]
    return found


def _pointed(place: Place, key: str) -> str:
    """Return which manifest a ``latest.json`` names, or ``""``."""
    size = place.size(key)
    if size is None or size > _MOST_POINTER_BYTES:
        return ""
    try:
        manifest = json.loads(b"".join(place.pieces(key, 0, size)))["manifest"]
    except (ValueError, KeyError, TypeError):
        return ""
    return manifest if isinstance(manifest, str) else ""


@functools.cache
def _page(*, search: bool, packed: bool) -> bytes:
    page = search_page_bytes() if search else page_bytes()
    # a third of its bytes
    return gzip.compress(page, mtime=0) if packed else page


class _Server(ThreadingHTTPServer):
    def handle_error(self, *asked: Any) -> None:
        """Say nothing of a browser that has gone: it does so whenever the view moves on."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(*asked)


class _Handler(BaseHTTPRequestHandler):
    """GET and HEAD of objects, with ranges; a folder with a manifest, store or catalogue is a page."""

    protocol_version = "HTTP/1.1"
    server_version = "sparc-fuse"
    timeout = 60

    def __init__(self, place: Place, *arguments: Any) -> None:
        self._place = place
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
        if host not in ("127.0.0.1", "localhost"):
            self._nothing(HTTPStatus.FORBIDDEN)
            return
        try:
            self._look_up(with_body=with_body)
        except OutputNotWritableError:
            self._nothing(HTTPStatus.FORBIDDEN)
        except SparcFuseError:
            self._nothing(HTTPStatus.BAD_GATEWAY)

    def _look_up(self, *, with_body: bool) -> None:
        key = unquote(urlsplit(self.path).path).lstrip("/")
        kind = self._page_at(key)
        if kind:
            packed = "gzip" in self.headers.get("Accept-Encoding", "")
            page = _page(search=kind == "search", packed=packed)
            self._start(HTTPStatus.OK, len(page), "text/html; charset=utf-8")
            self.send_header("Vary", "Accept-Encoding")
            if packed:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            if with_body:
                self.wfile.write(page)
            return
        size = self._place.size(key)
        if size is None:
            self._nothing(HTTPStatus.NOT_FOUND)
        else:
            self._object(key, size, with_body=with_body)

    def _page_at(self, key: str) -> str:
        """Return which page a key is, if it is one: the folder's, or its ``index.html``."""
        folder = key.removesuffix(PAGE) if key.rpartition("/")[2] == PAGE else key
        if folder and not folder.endswith("/"):
            return ""
        if any(self._place.size(f"{folder}{name}") is not None for name in _ROOTS):
            return "dataset"
        return "search" if self._place.size(f"{folder}{CATALOGUE}") is not None else ""

    def _object(self, key: str, size: int, *, with_body: bool) -> None:
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
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        # results are data: nothing of them may run as a page of this address
        safe = kind if kind in ("application/json", "image/png") else "application/octet-stream"
        self._start(status, last - first + 1, safe)
        if status == HTTPStatus.PARTIAL_CONTENT:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if not with_body:
            return
        sent = 0
        try:
            for piece in self._place.pieces(key, first, last - first + 1):
                self.wfile.write(piece)
                sent += len(piece)
        except SparcFuseError:
            pass
        # the length was announced: what cannot be sent whole ends with the connection
        self.close_connection = self.close_connection or sent < last - first + 1

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
        self.send_header(
            "Access-Control-Expose-Headers", "Accept-Ranges, Content-Length, Content-Range"
        )


def view(target: str, *, browser: bool) -> None:
    """Serve results until Ctrl-C, and open the first page in the browser."""
    server, pages = make_server(target)
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
