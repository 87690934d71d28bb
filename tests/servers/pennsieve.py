"""Pennsieve's platform API, its sign-in service and its storage, as far as a reader of datasets needs them.

Shapes of requests and answers are those of the platform's own source (pennsieve-api: DataSetsController,
PackagesController and their DTOs) and of AWS's page of InitiateAuth.
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

from tests.servers.local import LocalServer

DATASET = "N:dataset:0f0e0d0c-1111-2222-3333-444455556666"
UUID = DATASET.removeprefix("N:dataset:")
KEY, SECRET = "key-of-the-test", "secret-of-the-test-5b1c"
POOL = "pool-of-keys"


def package_id(number: int) -> str:
    return f"N:package:00000000-0000-0000-0000-{number:012d}"


class PennsieveServer(LocalServer):
    """One workspace with one dataset; ``url`` is the API, the sign-in service and the storage."""

    def __init__(self) -> None:
        self.packages: list[dict[str, Any]] = []
        self.contents: dict[int, bytes] = {}
        self.truncated: dict[str, list[dict[str, Any]]] = {}
        self.key = (KEY, SECRET)
        self.tokens: list[str] = []
        self.valid: set[str] = set()
        self.log: list[str] = []
        self.bodies: list[str] = []
        self.status: dict[str, list[int]] = {}  # path beginning -> answers to come
        self.signed: set[str] = set()
        self.page = 3
        handler = type("Handler", (_Handler,), {"owner": self})
        super().__init__(handler)

    def folder(self, name: str, parent: int | None = None) -> int:
        return self._add(name, "Collection", parent, None)

    def package(
        self, name: str, files: dict[str, bytes], parent: int | None = None, state: str = "READY"
    ) -> int:
        """Add a package; of more than two files the listing holds the first only."""
        number = self._add(name, "Unsupported", parent, [], state)
        sources = []
        for filename, data in files.items():
            file_id = 1000 + len(self.contents)
            self.contents[file_id] = data
            content = {
                "packageId": package_id(number),
                "name": filename.partition(".")[0],
                "fileType": "GenericData",
                "createdAt": "2026-01-01T00:00:00Z",
                "updatedAt": "2026-01-02T00:00:00Z",
                "id": file_id,
                "filename": filename,
                "size": len(data),
            }
            sources.append({"content": content})
        listed = self.packages[-1]
        listed["objects"] = {"source": sources[:1] if len(sources) > 2 else sources}
        if len(sources) > 2:
            listed["isTruncated"] = True
            self.truncated[package_id(number)] = sources
        return number

    def _add(
        self, name: str, kind: str, parent: int | None, _files: Any, state: str = "READY"
    ) -> int:
        number = len(self.packages) + 1
        content = {
            "id": number,
            "nodeId": package_id(number),
            "name": name,
            "packageType": kind,
            "datasetId": 7,
            "datasetNodeId": DATASET,
            "ownerId": 1,
            "state": state,
            "createdAt": "2026-01-01T00:00:00Z",
            "updatedAt": "2026-01-02T00:00:00Z",
        }
        if parent is not None:
            content["parentId"] = parent
        self.packages.append({"content": content, "properties": []})
        return number

    def expire_tokens(self) -> None:
        self.valid.clear()


class _Handler(BaseHTTPRequestHandler):
    owner: PennsieveServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        owner = self.owner
        url = urlparse(self.path)
        path, query = unquote(url.path), parse_qs(url.query)
        owner.log.append(f"{self.command} {path}")
        owner.bodies.append(body.decode())
        for beginning, waiting in owner.status.items():
            if path.startswith(beginning) and waiting:
                return self._json(waiting.pop(0), {"message": "a fault"})
        if path == "/authentication/cognito-config":
            pools = {"region": "us-east-1", "userPool": {"appClientId": "people"}}
            return self._json(200, {**pools, "tokenPool": {"appClientId": POOL}})
        if path == "/" and self.command == "POST":
            return self._sign_in(json.loads(body))
        if path.startswith("/storage/"):
            return self._storage(path)
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in owner.valid:
            return self._json(401, {"message": "Unauthorized"})
        return self._platform(path, query, body)

    def _platform(self, path: str, query: dict[str, list[str]], body: bytes) -> None:
        owner = self.owner
        if path == f"/datasets/{DATASET}":
            content = {"id": DATASET, "name": "Mine", "license": "MIT", "packageType": "DataSet"}
            return self._json(200, {"content": content, "children": []})
        if path == f"/datasets/{DATASET}/packages":
            return self._packages(query)
        if path.startswith("/packages/") and path.endswith("/sources-paged"):
            sources = owner.truncated[path.split("/")[2]]
            offset = int(query["offset"][0])
            found = sources[offset : offset + 2]
            return self._json(200, {"results": found, "totalCount": len(sources)})
        if path == "/packages/download-manifest":
            return self._manifest(json.loads(body))
        return self._json(404, {"message": "not found"})

    def _sign_in(self, asked: dict[str, Any]) -> None:
        owner = self.owner
        target = self.headers.get("X-Amz-Target")
        given = asked["AuthParameters"]
        right = (
            target == "AWSCognitoIdentityProviderService.InitiateAuth"
            and asked["AuthFlow"] == "USER_PASSWORD_AUTH"
            and asked["ClientId"] == POOL
            and (given["USERNAME"], given["PASSWORD"]) == owner.key
        )
        if not right:
            message = f"Incorrect username or password: {given['USERNAME']}"
            return self._json(400, {"__type": "NotAuthorizedException", "message": message})
        token = f"token-{len(owner.tokens)}"
        owner.tokens.append(token)
        owner.valid.add(token)
        result = {"AccessToken": token, "ExpiresIn": 3600, "TokenType": "Bearer"}
        return self._json(200, {"AuthenticationResult": result, "ChallengeParameters": {}})

    def _packages(self, query: dict[str, list[str]]) -> None:
        owner = self.owner
        assert query["includeSourceFiles"] == ["true"]
        begin = int(query.get("cursor", ["package:1"])[0].removeprefix("package:")) - 1
        page = owner.packages[begin : begin + owner.page]
        answer: dict[str, Any] = {"packages": page}
        if begin + owner.page < len(owner.packages):
            answer["cursor"] = f"package:{begin + owner.page + 1}"
        return self._json(200, answer)

    def _manifest(self, asked: dict[str, Any]) -> None:
        owner = self.owner
        data = []
        for file_id in asked["fileIds"]:
            if file_id in owner.contents:
                path = f"/storage/{file_id}/{len(owner.log)}"
                owner.signed.add(path)
                data.append(
                    {"nodeId": asked["nodeIds"][0], "url": f"{owner.url}{path}", "path": []}
                )
        size = {"count": len(data), "size": 0}
        return self._json(200, {"header": size, "data": data})

    def _storage(self, path: str) -> None:
        owner = self.owner
        if "Authorization" in self.headers or path not in owner.signed:
            return self._json(403, {"message": "the token has no business here"})
        data = owner.contents[int(path.split("/")[2])]
        wanted = self.headers.get("Range")
        status = 200
        if wanted:
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            data, status = data[int(begin) : int(end) + 1 if end else None], 206
        return self._send(status, data)

    def _json(self, status: int, values: Any) -> None:
        self._send(status, json.dumps(values).encode())

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", '"e"')
        self.end_headers()
        self.wfile.write(data)
