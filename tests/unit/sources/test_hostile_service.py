"""A service that lies, redirects, drips or never ends costs an error, never a file, a secret or the run."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sparc_fuse_core import errors
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import SourceFile, fetch_file, http, open_source, s3_objects
from tests.servers.discover import DATA, PAYING_BUCKET, DiscoverServer
from tests.servers.local import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE = "files/primary/x.csv"


class Liar(LocalServer):
    """A server on this machine whose every answer is one function's."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                owner.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                try:
                    answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_POST = do_GET  # noqa: N815 - the base class looks for this name

        super().__init__(Handler)


@pytest.fixture
def serve() -> Iterator[Callable[..., Liar]]:
    made: list[Liar] = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> Liar:
        made.append(Liar(answer))
        return made[-1]

    yield start
    for one in made:
        one.close()


def settings_for(url: str, **more: Any) -> Settings:
    common: dict[str, Any] = {
        "retry_pause_s": 0.001,
        "request_attempts": 2,
        "request_timeout_s": 1.0,
    }
    return Settings(discover_url=url, source_s3_endpoint=url, **{**common, **more})


def body(handler: BaseHTTPRequestHandler, data: bytes, **headers: str) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.send_header("ETag", '"x"')
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Answer with a byte every tenth of a second, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000000")
    handler.send_header("ETag", '"x"')
    handler.end_headers()
    for _ in range(600):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


@pytest.mark.parametrize(
    "record",
    [
        {"uri": "file:///etc/"},
        {"uri": "zip+file:///x#"},
        {"uri": "http://169.254.169.254/"},
        {"uri": "s3://../../x"},
        {"id": "../../x"},
        {"version": "../2"},
        {"id": None},
    ],
)
def test_a_record_that_would_lead_elsewhere_is_refused(
    record: dict[str, Any], serve: Callable[..., Liar]
) -> None:
    template = json.loads((DATA / "dataset-364-v1.json").read_text(encoding="utf-8"))
    server = serve(lambda handler: body(handler, json.dumps({**template, **record}).encode()))
    with pytest.raises(errors.SourceError, match="not a dataset"):
        open_source(364, settings=settings_for(server.url))


@pytest.mark.parametrize("answer", [b"[]", b'{"files": 5}', b'{"files": [5]}', b"no JSON", b"null"])
def test_a_listing_that_is_none_is_named(answer: bytes, serve: Callable[..., Liar]) -> None:
    record = (DATA / "dataset-364-v1.json").read_bytes()
    server = serve(lambda h: body(h, record if h.path.endswith("/364") else answer))
    source = open_source(364, settings=settings_for(server.url))
    with pytest.raises(errors.SourceError):
        list(source.list_files())


def test_folders_without_end_are_left(serve: Callable[..., Liar]) -> None:
    record = (DATA / "dataset-364-v1.json").read_bytes()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path.endswith("/364"):
            return body(handler, record)
        if handler.path.endswith("/metadata"):
            return handler.send_error(404)
        folder = handler.path.partition("path=")[2].partition("&")[0].replace("%2F", "/")
        entry = {"type": "Directory", "path": f"{folder}/x"}
        return body(handler, json.dumps({"files": [entry], "totalCount": 1}).encode())

    source = open_source(364, settings=settings_for(serve(answer).url))
    with pytest.raises(errors.SourceError, match="no end"):
        list(source.list_files())


def test_redirects_to_another_place_are_not_followed(serve: Callable[..., Liar]) -> None:
    other = serve(lambda handler: body(handler, b"{}"))

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"{other.url}/latest/meta-data")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server = serve(answer)
    with pytest.raises(errors.SourceError, match="redirects"):
        http.ask(requests.Session(), "GET", server.url, settings_for(server.url))
    assert not other.seen


def test_a_redirect_on_the_same_host_is_followed(serve: Callable[..., Liar]) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path != "/there":
            handler.send_response(307)
            handler.send_header("Location", "/there")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        else:
            body(handler, b'{"a": 1}')

    server = serve(answer)
    found = http.ask(requests.Session(), "GET", server.url, settings_for(server.url))
    assert found.json() == {"a": 1}


def test_an_answer_that_drips_or_has_no_end_is_left(
    serve: Callable[..., Liar], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(drip)
    started = time.monotonic()
    with pytest.raises(errors.SourceUnavailableError):
        http.ask(
            requests.Session(), "GET", server.url, settings_for(server.url, request_timeout_s=0.3)
        )
    assert time.monotonic() - started < 20
    monkeypatch.setattr(http, "_MAX_ANSWER_BYTES", 1000)
    server = serve(lambda handler: body(handler, b" " * 5000))
    with pytest.raises(errors.SourceError, match="more than"):
        http.ask(requests.Session(), "GET", server.url, settings_for(server.url))


def listed(size_bytes: int, bucket: str = "aod-discover", dataset: str = "") -> SourceFile:
    return SourceFile(FILE, size_bytes, uri=f"s3://{bucket}/1/{FILE}", dataset=dataset)


def test_a_body_longer_than_listed_is_not_kept(serve: Callable[..., Liar], tmp_path: Path) -> None:
    server = serve(lambda handler: body(handler, b"x" * 5_000_000))
    with pytest.raises(errors.IntegrityError, match="more bytes"):
        fetch_file(listed(1000), tmp_path, settings_for(server.url))
    assert sum(file.stat().st_size for file in tmp_path.rglob("*")) <= 1000


def test_a_file_that_drips_is_left(serve: Callable[..., Liar], tmp_path: Path) -> None:
    server = serve(drip)
    started = time.monotonic()
    with pytest.raises(errors.SourceUnavailableError):
        fetch_file(listed(100_000_000), tmp_path, settings_for(server.url))
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("paid", ["", "another,mine"])
def test_credentials_are_sent_to_named_buckets_only(
    paid: str, serve: Callable[..., Liar], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    server = serve(lambda handler: body(handler, b"1,2"))
    fetch_file(listed(3, "mine"), tmp_path, settings_for(server.url, paid_buckets=paid))
    (_, headers), *_ = server.seen
    assert ("authorization" in headers) == bool(paid)
    assert ("x-amz-request-payer" in headers) == bool(paid)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/x.csv",
        "https://evil.example/x.csv",
        "file:///etc/passwd",
        "http://bucket.s3.amazonaws.com/x.csv",
        "https://s3.amazonaws.com.evil.example/x.csv",
        "https://bucket.s3.amazonaws.com:8443/x.csv",
    ],
)
def test_signed_urls_lead_to_s3_only(url: str, serve: Callable[..., Liar], tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if "download-manifest" in handler.path:
            return body(handler, json.dumps({"data": [{"fileName": "x.csv", "url": url}]}).encode())
        return handler.send_error(403)

    server = serve(answer)
    with pytest.raises(errors.SourceRefusedError):
        fetch_file(listed(3, dataset="1/2"), tmp_path, settings_for(server.url))
    assert not list(tmp_path.rglob("x.csv"))


def test_signed_urls_of_s3_are_taken() -> None:
    origin = s3_objects.SignedUrl(listed(3), Settings())
    url = "https://bucket.s3.us-east-1.amazonaws.com/1/x.csv?X-Amz-Signature=a"
    assert origin._checked(url) == url


def test_a_bucket_that_asks_for_payment_is_read_by_a_signed_url(tmp_path: Path) -> None:
    server = DiscoverServer()
    try:
        server.add_dataset(5, {FILE: b"1,2"}, bucket=PAYING_BUCKET)
        settings = settings_for(server.url)
        file = next(iter(open_source(5, settings=settings).list_files()))
        server.faults.refuse_s3 = 403
        assert fetch_file(file, tmp_path, settings).read_bytes() == b"1,2"
    finally:
        server.close()
