"""A small S3 on 127.0.0.1 for measurements: in memory, one process, counts requests and bytes.

moto, which the tests use, takes longer for a request than what is measured here. Signatures are not
checked. ``python -m benchmarks.s3_server`` prints its port and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import hashlib
import itertools
import json
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NUMBERS = itertools.count()
#: When every object is said to have been written: near enough now for clients that compare clocks.
_STARTED = time.time()
_DATE = email.utils.formatdate(_STARTED, usegmt=True)
_ISO_DATE = datetime.fromtimestamp(_STARTED, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@dataclass
class Bucket:
    """Objects by key, uploads in parts by their id."""

    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)


@dataclass
class Answer:
    """Status, body and headers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Server:
    """All buckets; ``counts`` since the last reset."""

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.delay_s = 0.0
        self.reset()

    def reset(self) -> None:
        self.counts: dict[str, Any] = {"requests": 0, "bytes_in": 0, "bytes_out": 0, "by": {}}
        self.log: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it closes."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while (line := await reader.readline()).strip():
                method, target, _ = line.decode("latin-1").split(" ", 2)
                headers: dict[str, str] = {}
                while (row := await reader.readline()).strip():
                    name, _, value = row.decode("latin-1").partition(":")
                    headers[name.strip().lower()] = value.strip()
                if headers.get("expect", "").lower() == "100-continue":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await _body(reader, headers)
                answer = self._control(target) or await self._counted(method, target, headers, body)
                head = [f"HTTP/1.1 {answer.status} -"]
                length = {
                    "content-length": str(len(answer.body)),
                    "date": email.utils.formatdate(usegmt=True),
                }
                head += [f"{name}: {value}" for name, value in (length | answer.headers).items()]
                writer.write("\r\n".join([*head, "", ""]).encode("latin-1"))
                if method != "HEAD":
                    writer.write(answer.body)
                await writer.drain()
        writer.close()

    def _control(self, target: str) -> Answer | None:
        if target == "/-/counts":
            return Answer(200, json.dumps({**self.counts, "log": self.log}).encode())
        if target.startswith("/-/reset/"):
            self.reset()
            self.delay_s = float(target.rpartition("/")[2]) / 1000
            return Answer(200)
        return None

    async def _counted(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        answer = self._answer(method, target, headers, body)
        self.counts["requests"] += 1
        self.counts["by"][method] = self.counts["by"].get(method, 0) + 1
        self.counts["bytes_in"] += len(body)
        self.counts["bytes_out"] += len(answer.body) if method != "HEAD" else 0
        self.log.append(f"{method} {target} {headers.get('range', '')} {answer.status}")
        return answer

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        url = urlsplit(target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        name, _, key = unquote(url.path).lstrip("/").partition("/")
        if method == "PUT" and not key:
            self.buckets.setdefault(name, Bucket())
            return Answer(200)
        bucket = self.buckets.get(name)
        if bucket is None:
            return _error(404, "NoSuchBucket")
        if not key:
            if method == "POST" and "delete" in query:
                return _delete_many(bucket, body)
            if method == "HEAD":
                return Answer(200)
            return _list(name, bucket, query)
        if method in ("GET", "HEAD"):
            return _get(bucket, key, headers)
        if method == "DELETE":
            bucket.objects.pop(key, None)
            return Answer(204)
        return _put(bucket, key, query, headers, body)


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        pieces = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            pieces.append(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        body = b"".join(pieces)
    else:
        return b""
    if "aws-chunked" in headers.get("content-encoding", ""):
        body = _without_chunk_signatures(body)
    return body


def _without_chunk_signatures(body: bytes) -> bytes:
    """Undo ``aws-chunked``: size;signature, bytes, …, trailers."""
    pieces, at = [], 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end].split(b";")[0], 16)
        if not size:
            return b"".join(pieces)
        pieces.append(body[end + 2 : end + 2 + size])
        at = end + 4 + size


def _error(status: int, code: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return Answer(status, text.encode(), {"content-type": "application/xml"})


def _put(
    bucket: Bucket, key: str, query: dict[str, str], headers: dict[str, str], body: bytes
) -> Answer:
    if "uploads" in query:
        number = f"upload{next(_NUMBERS)}"
        bucket.parts[number] = {}
        return _xml(
            f"<InitiateMultipartUploadResult><UploadId>{number}</UploadId>"
            "</InitiateMultipartUploadResult>"
        )
    if "partNumber" in query:
        bucket.parts[query["uploadId"]][int(query["partNumber"])] = body
        return Answer(200, b"", {"etag": _tag(body)})
    if "uploadId" in query:
        parts = bucket.parts.pop(query["uploadId"])
        whole = b"".join(parts[number] for number in sorted(parts))
        tag = f'"{hashlib.md5(whole).hexdigest()}-{len(parts)}"'
        bucket.objects[key] = (whole, tag)
        return _xml(
            f"<CompleteMultipartUploadResult><ETag>{escape(tag)}</ETag></CompleteMultipartUploadResult>"
        )
    if headers.get("if-none-match") == "*" and key in bucket.objects:
        return _error(412, "PreconditionFailed")
    bucket.objects[key] = (body, _tag(body))
    return Answer(200, b"", {"etag": bucket.objects[key][1]})


def _tag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


def _xml(text: str) -> Answer:
    return Answer(200, text.encode(), {"content-type": "application/xml"})


def _get(bucket: Bucket, key: str, headers: dict[str, str]) -> Answer:
    if key not in bucket.objects:
        return _error(404, "NoSuchKey")
    content, tag = bucket.objects[key]
    facts = {"etag": tag, "last-modified": _DATE, "accept-ranges": "bytes"}
    asked = headers.get("range", "").removeprefix("bytes=")
    if not asked:
        return Answer(200, content, facts)
    first, _, last = asked.partition("-")
    start = int(first) if first else max(len(content) - int(last), 0)
    stop = min(int(last) + 1, len(content)) if first and last else len(content)
    if start >= len(content):
        return _error(416, "InvalidRange")
    facts["content-range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    return Answer(206, content[start:stop], facts)


def _delete_many(bucket: Bucket, body: bytes) -> Answer:
    done = []
    for element in ET.fromstring(body).iter():
        if element.tag.rpartition("}")[2] == "Key" and element.text:
            bucket.objects.pop(element.text, None)
            done.append(f"<Deleted><Key>{escape(element.text)}</Key></Deleted>")
    return _xml(f"<DeleteResult>{''.join(done)}</DeleteResult>")


def _list(name: str, bucket: Bucket, query: dict[str, str]) -> Answer:
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    after = query.get("continuation-token", query.get("start-after", ""))
    limit = int(query.get("max-keys", 1000))
    shown: list[str] = []
    last = ""
    truncated = False
    for key in sorted(k for k in bucket.objects if k.startswith(prefix)):
        folder = ""
        if delimiter and delimiter in key[len(prefix) :]:
            folder = prefix + key[len(prefix) :].partition(delimiter)[0] + delimiter
        entry = folder or key
        if entry <= after or entry == last:
            continue
        if len(shown) == limit:
            truncated = True
            break
        last = entry
        if folder:
            text = f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>"
        else:
            content, tag = bucket.objects[key]
            text = (
                f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size><ETag>{escape(tag)}"
                f"</ETag><LastModified>{_ISO_DATE}</LastModified></Contents>"
            )
        shown.append(text)
    token = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if truncated else ""
    return _xml(
        f"<ListBucketResult><Name>{name}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(shown)}"
        f"</KeyCount><MaxKeys>{limit}</MaxKeys><IsTruncated>{str(truncated).lower()}</IsTruncated>"
        f"{''.join(shown)}{token}</ListBucketResult>"
    )


async def _main() -> None:
    owner = Server()
    server = await asyncio.start_server(owner.serve, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    # ends with whoever started it
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


class Endpoint:
    """A running server, seen from the process that started it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def reset(self, delay_ms: float = 0) -> None:
        """Forget the counts; every request waits ``delay_ms`` from now on."""
        urllib.request.urlopen(f"{self.url}/-/reset/{delay_ms}").read()

    def counts(self) -> dict[str, Any]:
        """Return ``requests``, ``bytes_in``, ``bytes_out``, ``by`` method and the ``log``."""
        found: dict[str, Any] = json.load(urllib.request.urlopen(f"{self.url}/-/counts"))
        return found

    def create_bucket(self, name: str) -> None:
        """Make an empty bucket, or keep what is there."""
        request = urllib.request.Request(f"{self.url}/{name}", method="PUT")
        urllib.request.urlopen(request).read()

    def save(self, bucket: str, prefix: str, folder: Path) -> None:
        """Write all objects below ``prefix`` into ``folder``."""
        query = urlencode({"list-type": 2, "prefix": f"{prefix}/", "max-keys": 100_000})
        listing = urllib.request.urlopen(f"{self.url}/{bucket}?{query}").read()
        for element in ET.fromstring(listing).iter("Key"):
            key = str(element.text)
            file = folder / key.removeprefix(f"{prefix}/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(urllib.request.urlopen(f"{self.url}/{bucket}/{quote(key)}").read())


@contextlib.contextmanager
def running() -> Iterator[Endpoint]:
    """Start a server in a process of its own; it ends with the block."""
    command = [sys.executable, "-m", "benchmarks.s3_server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdin
        try:
            yield Endpoint(int(process.stdout.readline()))
        finally:
            process.stdin.close()


if __name__ == "__main__":
    asyncio.run(_main())
