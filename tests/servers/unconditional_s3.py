"""An S3 server that keeps objects in memory and knows no conditional writes: it refuses or ignores them."""

from __future__ import annotations

import hashlib
from http.server import BaseHTTPRequestHandler

from tests.servers.local import LocalServer


class UnconditionalS3(LocalServer):
    """``url`` answers GET, PUT and DELETE of single objects; ``refuses`` conditional writes with 501."""

    def __init__(self, *, refuses: bool) -> None:
        self.objects: dict[str, bytes] = {}
        objects = self.objects

        class Handler(BaseHTTPRequestHandler):
            def _answer(self, status: int, body: bytes = b"", tag: bytes | None = None) -> None:
                self.send_response(status)
                if tag is not None:
                    self.send_header("ETag", f'"{hashlib.sha256(tag).hexdigest()}"')
                    self.send_header("Last-Modified", "Sat, 28 Nov 2026 12:00:00 GMT")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def do_PUT(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if refuses and (self.headers.get("If-None-Match") or self.headers.get("If-Match")):
                    self._answer(501)
                    return
                objects[self.path] = data
                self._answer(200, tag=data)

            def do_GET(self) -> None:
                found = objects.get(self.path)
                self._answer(404 if found is None else 200, found or b"", found)

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_DELETE(self) -> None:
                objects.pop(self.path, None)
                self._answer(204)

        super().__init__(Handler)
