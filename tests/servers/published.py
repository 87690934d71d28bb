"""The content network of a synthesized stack, on 127.0.0.1: its own function and policies answer, not a copy.

What a request may be and what an answer says (paths, methods, CORS, preflight, how long it is kept, where in
the bucket it is looked up) is read from the template. The bucket is a folder.
"""

from __future__ import annotations

import email.utils
import fnmatch
import gzip
import json
import mimetypes
import re
import subprocess
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tests.servers.local import LocalServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
#: Of those that CloudFront compresses, what results have; it does from a thousand bytes on.
_COMPRESSED = ("application/json", "text/html", "application/ld+json", "text/plain")
_LEAST_COMPRESSED = 1000
#: A line of standard input is an event, a line of standard output the function's answer.
_RUN = """
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  console.log(JSON.stringify(handler(JSON.parse(line))));
});
"""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, as a log of the network has it."""

    method: str
    path: str
    status: int
    n_bytes: int
    origin: str


class PublishedNetwork(LocalServer):
    """A stack's distribution over a folder that stands for its bucket.

    Parameters
    ----------
    bucket
        Holds ``datasets/…`` and whatever else must not be found.
    template
        CloudFormation of a stack that publishes.
    node
        Program that runs the distribution's function.
    """

    def __init__(self, bucket: Path, template: Mapping[str, Any], node: str) -> None:
        self.log: list[Answered] = []
        self._bucket = bucket.resolve()
        resources = template["Resources"]
        self._resources = resources
        kinds = {name: resource["Type"] for name, resource in resources.items()}
        (distribution,) = (n for n, k in kinds.items() if k == "AWS::CloudFront::Distribution")
        (function,) = (n for n, k in kinds.items() if k == "AWS::CloudFront::Function")
        self._config = resources[distribution]["Properties"]["DistributionConfig"]
        code = resources[function]["Properties"]["FunctionCode"]
        self._function = subprocess.Popen(
            [node, "-e", code + _RUN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._one_at_a_time = threading.Lock()
        super().__init__(type("Handler", (_Handler,), {"network": self}))

    def close(self) -> None:
        super().close()
        for stream in (self._function.stdin, self._function.stdout):
            if stream:
                stream.close()
        self._function.wait(10)

    def called(self, method: str, uri: str) -> dict[str, Any]:
        """Return what the distribution's function makes of a request."""
        event = {"request": {"method": method, "uri": uri, "headers": {}, "querystring": {}}}
        assert self._function.stdin
        assert self._function.stdout
        with self._one_at_a_time:
            self._function.stdin.write(json.dumps(event) + "\n")
            self._function.stdin.flush()
            found: dict[str, Any] = json.loads(self._function.stdout.readline())
        return found

    def behaviour(self, path: str) -> dict[str, Any]:
        """Return the first behaviour whose pattern a path fits, else the default one."""
        found: dict[str, Any] = next(
            (
                one
                for one in self._config["CacheBehaviors"]
                if fnmatch.fnmatchcase(path, "/" + one["PathPattern"].lstrip("/"))
            ),
            self._config["DefaultCacheBehavior"],
        )
        return found

    def headers(self, behaviour: Mapping[str, Any]) -> dict[str, Any]:
        """Return the policy of headers that a behaviour names."""
        name = behaviour["ResponseHeadersPolicyId"]["Ref"]
        policy: dict[str, Any] = self._resources[name]["Properties"]["ResponseHeadersPolicyConfig"]
        return policy

    def file(self, uri: str) -> Path | None:
        """Return the file of the object that an address is, below the origin's path; None if there is none."""
        (origin,) = {one["OriginPath"] for one in self._config["Origins"]}
        path = (self._bucket / f"{origin}{unquote(uri)}".lstrip("/")).resolve()
        return path if path.is_relative_to(self._bucket) and path.is_file() else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    network: PublishedNetwork

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_OPTIONS = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - names of the library

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        behaviour = self.network.behaviour(parts.path)
        if self.command not in behaviour["AllowedMethods"]:
            self.close_connection = True
            self._send(403, {}, b"")
            return
        # no query, cookie or header of a reader goes further
        made = self.network.called(self.command, parts.path)
        if "statusCode" in made:
            given = {name: value["value"] for name, value in made["headers"].items()}
            self._send(made["statusCode"], given, b"")
            return
        policy = self._policy(self.network.headers(behaviour))
        file = self.network.file(made["uri"])
        if file is None:
            self._send(404, policy, b"absent")
            return
        self._object(file, made["uri"], policy)

    def _object(self, file: Path, uri: str, headers: dict[str, str]) -> None:
        data = file.read_bytes()
        found = file.stat()
        headers |= {
            "Content-Type": mimetypes.guess_type(uri)[0] or "application/octet-stream",
            "ETag": f'"{found.st_mtime_ns:x}-{len(data):x}"',
            "Last-Modified": email.utils.formatdate(found.st_mtime, usegmt=True),
            "Accept-Ranges": "bytes",
        }
        if self.headers.get("If-None-Match") == headers["ETag"]:
            self._send(304, headers, b"")
            return
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        if asked and any(asked.groups()):
            start, end = asked.groups()
            first = int(start) if start else max(0, len(data) - int(end))
            last = min(len(data) - 1, int(end)) if start and end else len(data) - 1
            if first > last:
                self._send(416, headers | {"Content-Range": f"bytes */{len(data)}"}, b"")
                return
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            self._send(206, headers, data[first : last + 1])
            return
        packs = "gzip" in self.headers.get("Accept-Encoding", "")
        if packs and len(data) >= _LEAST_COMPRESSED and headers["Content-Type"] in _COMPRESSED:
            data = gzip.compress(data, 6, mtime=0)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            headers["ETag"] = f"W/{headers['ETag']}"
        self._send(200, headers, data)

    def _policy(self, config: Mapping[str, Any]) -> dict[str, str]:
        """Return the headers that a policy adds to what the bucket answers."""
        found = {one["Header"]: one["Value"] for one in config["CustomHeadersConfig"]["Items"]}
        if "ContentTypeOptions" in config["SecurityHeadersConfig"]:
            found["X-Content-Type-Options"] = "nosniff"
        cors = config["CorsConfig"]
        # as CloudFront does: only who says of which page it asks is told that it may
        if "Origin" in self.headers:
            origins = cors["AccessControlAllowOrigins"]["Items"]
            if "*" in origins or self.headers["Origin"] in origins:
                found["Access-Control-Allow-Origin"] = "*"
            exposed = cors["AccessControlExposeHeaders"]["Items"]
            found["Access-Control-Expose-Headers"] = ", ".join(exposed)
        return found

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        with_body = self.command != "HEAD" and status not in (204, 304)
        # an answer may come back to a test before this line is reached
        origin = self.headers.get("Origin", "")
        n_sent = len(body) if with_body else 0
        self.network.log.append(Answered(self.command, self.path, status, n_sent, origin))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)
