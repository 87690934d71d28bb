"""One HTTP server that plays the Discover API and S3, with faults that can be switched on.

The shapes of its answers are those of recorded ones (``tests/data/discover``).
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from tests.servers.local import LocalServer

DATA = Path(__file__).parents[1] / "data" / "discover"
OPEN_BUCKET = "sparc-prod-aod-discover-publish50-use1"
PAYING_BUCKET = "prd-sparc-discover50-use1"


@dataclass
class Faults:
    """What goes wrong; counts go down with each use."""

    status: dict[str, list[int]] = field(default_factory=dict)  # path ending -> answers to come
    broken_bodies: int = 0  # S3 answers cut in the middle
    refuse_s3: int = 0  # status for every S3 read, e.g. 403
    expired_urls: int = 0  # signed URLs answered by 403 first
    no_manifest: bool = False  # /metadata answers 500 for good
    wrong_total: bool = False  # totalCount lies


class DiscoverServer(LocalServer):
    """Datasets by id; ``url`` is both the Discover base and the S3 endpoint."""

    def __init__(self) -> None:
        self.records: dict[int, dict[str, Any]] = {}
        self.files: dict[int, dict[str, bytes]] = {}
        self.names: dict[int, dict[str, str]] = {}
        self.hashes: dict[int, dict[str, str]] = {}
        self.tombstones: set[int] = set()
        self.faults = Faults()
        self.log: list[str] = []
        self.page = 100
        handler = type("Handler", (_Handler,), {"owner": self})
        super().__init__(handler)

    def add_dataset(
        self,
        number: int,
        files: dict[str, bytes] | Path,
        *,
        bucket: str = OPEN_BUCKET,
        **record: Any,
    ) -> None:
        """Serve ``files`` (path from ``files/`` on -> bytes, or a folder) as a dataset."""
        if isinstance(files, Path):
            root = files
            files = {
                f"files/{p.relative_to(root).as_posix()}": p.read_bytes()
                for p in sorted(root.rglob("*"))
                if p.is_file()
            }
        template = json.loads((DATA / "dataset-364-v1.json").read_text(encoding="utf-8"))
        self.records[number] = {
            **template,
            "id": number,
            "version": 2,
            "uri": f"s3://{bucket}/{number}/",
            **record,
        }
        self.files[number] = files
        self.names[number], self.hashes[number] = {}, {}

    def entry(self, number: int, path: str) -> dict[str, Any]:
        content = self.files[number][path]
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        return {
            "name": self.names[number].get(path, path.rpartition("/")[2]),
            "path": path,
            "size": len(content),
            "fileType": "GenericData",
            "sourcePackageId": None,
            "s3VersionId": f"v-{hashlib.md5(content).hexdigest()}",
            "sha256": self.hashes[number].get(path, digest),
        }


class _Handler(BaseHTTPRequestHandler):
    owner: DiscoverServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._answer(self.rfile.read(length))

    def _answer(self, body: bytes = b"") -> None:
        url = urlparse(self.path)
        path, query = unquote(url.path), parse_qs(url.query)
        self.owner.log.append(f"{self.command} {path}")
        for ending, waiting in self.owner.faults.status.items():
            if path.endswith(ending) and waiting:
                status = waiting.pop(0)
                return self._send(status, b'"a fault"', {"Retry-After": "0"})
        if path.startswith("/datasets"):
            return self._discover(path.strip("/").split("/"), query, body)
        return self._s3(path.strip("/"), query)

    def _discover(self, parts: list[str], query: dict[str, list[str]], body: bytes) -> None:
        owner = self.owner
        if len(parts) == 1:
            wanted = [int(n) for n in query.get("ids", [])]
            found = [owner.records[n] for n in wanted if n in owner.records]
            return self._json(
                200, {"limit": 10, "offset": 0, "totalCount": len(found), "datasets": found}
            )
        number = int(parts[1])
        if number in owner.tombstones:
            return self._json(410, {"id": number, "status": "UNPUBLISHED"})
        record = owner.records.get(number)
        if record is None:
            return self._json(404, str(number))
        if record.get("embargo"):
            return self._json(401, "Dataset is under embargo")
        if len(parts) >= 4 and parts[3] != str(record["version"]):
            return self._json(404, parts[3])
        rest = "/".join(parts[4:])
        if rest == "metadata":
            if owner.faults.no_manifest:
                return self._json(500, "no manifest")
            files = [owner.entry(number, path) for path in owner.files[number]]
            return self._json(200, {"files": files})
        if rest == "files/browse":
            return self._browse(number, query)
        if rest == "files/download-manifest":
            wanted = json.loads(body)["paths"]
            data = [
                {
                    "fileName": path.rpartition("/")[2],
                    "path": path.split("/")[:-1],
                    "url": f"{owner.url}/signed/{number}/{path}",
                    "size": len(owner.files[number][path]),
                }
                for path in owner.files[number]
                if any(path.startswith(prefix) for prefix in wanted)
            ]
            return self._json(200, {"header": {"count": len(data), "size": 0}, "data": data})
        return self._json(200, record)

    def _browse(self, number: int, query: dict[str, list[str]]) -> None:
        owner = self.owner
        folder = query.get("path", [""])[0].strip("/")
        offset, limit = int(query["offset"][0]), min(int(query["limit"][0]), owner.page)
        prefix = f"{folder}/" if folder else ""
        uri = owner.records[number]["uri"]
        nodes: dict[str, dict[str, Any]] = {}
        for path in owner.files[number]:
            if not path.startswith(prefix):
                continue
            head, slash, _ = path.removeprefix(prefix).partition("/")
            if slash:
                nodes[head] = {"name": head, "path": prefix + head, "type": "Directory", "size": 0}
            else:
                entry = owner.entry(number, path)
                entry["s3Version"] = entry.pop("s3VersionId")
                nodes[head] = {
                    **entry,
                    "path": prefix + entry["name"],
                    "type": "File",
                    "uri": uri + path,
                }
        shown = list(nodes.values())
        total = 10**9 if owner.faults.wrong_total else len(shown)
        page = {
            "limit": limit,
            "offset": offset,
            "totalCount": total,
            "files": shown[offset : offset + limit],
        }
        self._json(200, page)

    def _s3(self, path: str, query: dict[str, list[str]]) -> None:
        owner = self.owner
        bucket, _, key = path.partition("/")
        signed = bucket == "signed"
        number, _, inner = key.partition("/")
        if signed and owner.faults.expired_urls:
            owner.faults.expired_urls -= 1
            return self._send(403, b"<Error><Code>AccessDenied</Code></Error>")
        if not signed and owner.faults.refuse_s3:
            return self._send(owner.faults.refuse_s3, b"<Error><Code>Refused</Code></Error>")
        paying = bucket == PAYING_BUCKET and self.headers.get("x-amz-request-payer") != "requester"
        anonymous = bucket == PAYING_BUCKET and "Authorization" not in self.headers
        if paying or anonymous:
            return self._send(403, b"<Error><Code>AccessDenied</Code></Error>")
        content = owner.files.get(int(number), {}).get(inner)
        version = query.get("versionId", [""])[0]
        if content is None or (
            version and version != owner.entry(int(number), inner)["s3VersionId"]
        ):
            return self._send(404, b"<Error><Code>NoSuchKey</Code></Error>")
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        if self.headers.get("If-Match", etag) != etag:
            return self._send(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        status, start = 200, 0
        if wanted := self.headers.get("Range"):
            status, start = 206, int(wanted.removeprefix("bytes=").split("-")[0])
        part = content[start:]
        headers = {"ETag": etag}
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if owner.faults.broken_bodies and len(part) > 1:
            owner.faults.broken_bodies -= 1
            return self._send(status, part[: len(part) // 2], headers, announced=len(part))
        return self._send(status, part, headers)

    def _json(self, status: int, value: Any) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, announced: int = -1
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if announced < 0 else announced))
        self.end_headers()
        self.wfile.write(body)
        if announced >= 0:
            self.close_connection = True
