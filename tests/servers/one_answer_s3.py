"""An HTTP server that gives every S3 read the same answer."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from tests.servers.local import LocalServer

if TYPE_CHECKING:
    from collections.abc import Mapping


def refusal(code: str) -> bytes:
    """Return S3's error document."""
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


class OneAnswerS3(LocalServer):
    """``url`` answers every GET alike; ``n_requests`` counts them."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.n_requests = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.n_requests += 1
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_HEAD(self) -> None:
                self.send_response(403)  # where the bucket lies is not told
                self.end_headers()

        super().__init__(Handler)
