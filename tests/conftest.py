"""Fixtures for all tests: shared real files where they exist, no credentials, no file left open."""

from __future__ import annotations

import gc
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psutil
import pytest
from hypothesis import settings
from moto.server import ThreadedMotoServer

from tests.schemas import checked_on_write

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
SHARED_SAMPLES = ROOT.parent / "shared" / "samples"

settings.register_profile("default", deadline=None, derandomize=True)
settings.load_profile("default")

# before any client is made: tests never reach a real account
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="eu-north-1",
    AWS_EC2_METADATA_DISABLED="true",
)
for name in list(os.environ):
    if name.startswith("SPARC_FUSE_") or name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def _as_the_schemas_say() -> Iterator[None]:
    """Check every store and manifest that this process writes."""
    with pytest.MonkeyPatch.context() as patch:
        checked_on_write(patch)
        yield


@pytest.fixture(scope="session")
def shared_samples() -> Path:
    """Folder of real files with their truth; tests that need it skip where it is absent."""
    if not SHARED_SAMPLES.is_dir():
        pytest.skip("no folder of shared real samples beside this checkout")
    return SHARED_SAMPLES


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """URL of a real S3 server (moto) on 127.0.0.1."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a new bucket; the settings' endpoint points to it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    name = f"results-{uuid.uuid4().hex[:12]}"
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="eu-north-1")
    client.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-north-1"}
    )
    return name


@pytest.fixture
def no_open_files(tmp_path: Path) -> Iterator[None]:
    """Fail if a file below ``tmp_path`` is still open, or mapped, after the test."""
    yield
    gc.collect()
    process = psutil.Process()
    inside = str(tmp_path)
    left = [f.path for f in process.open_files() if f.path.startswith(inside)]
    left += [m.path for m in process.memory_maps() if m.path.startswith(inside)]
    assert not left, f"left open: {left}"
