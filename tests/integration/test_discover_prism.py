"""Our requests are legal by the published OpenAPI specification, as a mock nobody here wrote judges it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources.http import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SPECIFICATION = ROOT.parent / "shared/discover/spec/discover-service.openapi3.yml"
PACKAGE = "@stoplight/prism-cli@5.14.2"


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    if not SPECIFICATION.is_file():
        pytest.skip("the published specification does not lie beside this checkout")
    if shutil.which("npm") is None:
        pytest.skip("Node is not installed")
    home = ROOT / "build" / "prism"
    prism = home / "node_modules" / ".bin" / "prism"
    if not prism.exists():
        home.mkdir(parents=True, exist_ok=True)
        command = [
            "npm",
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--prefix",
            str(home),
            PACKAGE,
        ]
        if subprocess.run(command, check=False, capture_output=True, timeout=240).returncode:
            pytest.skip("prism cannot be installed here")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(prism), "mock", "-h", "127.0.0.1", "-p", str(port), str(SPECIFICATION)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                requests.get(f"{url}/datasets", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/datasets/224", {}),
        ("GET", "/datasets/224/versions/2", {}),
        ("GET", "/datasets/224/versions/2/metadata", {}),
        ("GET", "/datasets/224/versions/2/files/browse", {"params": {"limit": 100, "offset": 0}}),
        (
            "GET",
            "/datasets/224/versions/2/files/browse",
            {"params": {"path": "files/primary", "limit": 100, "offset": 0}},
        ),
        (
            "POST",
            "/datasets/224/versions/2/files/download-manifest",
            {"json": {"paths": ["files/a.csv"]}},
        ),
        ("GET", "/datasets", {"params": [("ids", 1), ("ids", 2), ("limit", 100), ("offset", 0)]}),
        ("GET", "/datasets/doi/10.26275/abcd-1234", {}),
    ],
)
def test_our_requests_are_legal(
    mock: str, method: str, path: str, options: dict[str, object]
) -> None:
    with requests.Session() as session:
        answer = ask(session, method, f"{mock}{path}", Settings(request_attempts=2), **options)
    assert answer.status_code == 200, answer.text
    assert "sl-violations" not in answer.headers
