"""A real S3 server (moto) that logs what it is asked, and can refuse a key."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True)
class Request:
    """One request: ``GET /bucket/key``, its ``Range`` and how many bytes its answer had."""

    method: str
    path: str
    byte_range: str
    n_bytes: int


class CountingS3:
    """moto behind a log. ``refuse`` answers 500 to every PUT whose path contains it."""

    def __init__(self) -> None:
        self.log: list[Request] = []
        self.refuse = ""
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def methods(self) -> list[str]:
        return [request.method for request in self.log]

    def n_bytes(self) -> int:
        return sum(request.n_bytes for request in self.log)

    def _answer(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if self.refuse and method == "PUT" and self.refuse in path:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("500 Refused", [("Content-Length", "0")])
            self.log.append(Request(method, path, "", 0))
            return [b""]
        body = b"".join(self._moto(environ, start_response))
        sent = 0 if method == "HEAD" else len(body)
        self.log.append(Request(method, path, environ.get("HTTP_RANGE", ""), sent))
        return [body]
