"""Plays Lambda's Runtime API for one invocation of one function.

The protocol is AWS's "Lambda runtime API" of 2018-06-01: the runtime asks for the next event, and posts the
response or the error under the request's id.
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_VERSION = "/2018-06-01/runtime"
_REQUEST_ID = "00000000-0000-4000-8000-000000000001"
_TIME_LIMIT_S = 900


class RuntimeApi:
    """A server on this machine that hands out one event and takes its answer.

    Parameters
    ----------
    event
        What the function is called with.
    on_ready
        Called once, when the runtime has loaded the function and asks for the event.
    """

    def __init__(self, event: Any, on_ready: Callable[[], None]) -> None:
        self._event = json.dumps(event).encode()
        self._on_ready = on_ready
        self._handed_out = False
        self.answer: Any = None
        self.failure: Any = None
        self.done = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api._next(self)

            def do_POST(self) -> None:
                api._take(self)

            def log_message(self, *_: object) -> None:
                """Say nothing: the check prints what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def address(self) -> str:
        """Host and port, as ``AWS_LAMBDA_RUNTIME_API`` states them."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> RuntimeApi:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _next(self, request: BaseHTTPRequestHandler) -> None:
        if request.path != f"{_VERSION}/invocation/next":
            request.send_error(404)
            return
        if self._handed_out:
            # as on Lambda, a runtime without work waits; it is ended meanwhile
            self.done.wait(_TIME_LIMIT_S)
            time.sleep(60)
            return
        self._handed_out = True
        self._on_ready()
        request.send_response(200)
        for name, value in {
            "Lambda-Runtime-Aws-Request-Id": _REQUEST_ID,
            "Lambda-Runtime-Deadline-Ms": str(int(1000 * (time.time() + _TIME_LIMIT_S))),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-north-1:123456789012:function:f",
            "Content-Type": "application/json",
            "Content-Length": str(len(self._event)),
        }.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(self._event)

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])) or b"null")
        what = request.path.removeprefix(_VERSION)
        if what == f"/invocation/{_REQUEST_ID}/response":
            self.answer = body
        else:
            self.failure = body
        request.send_response(202)
        request.send_header("Content-Length", "0")
        request.end_headers()
        self.done.set()
