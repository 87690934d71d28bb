"""Fixtures for all tests: shared real files where they exist, no credentials, no file left open."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import settings

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


@pytest.fixture(scope="session")
def shared_samples() -> Path:
    """Folder of real files with their truth; tests that need it skip where it is absent."""
    if not SHARED_SAMPLES.is_dir():
        pytest.skip("no folder of shared real samples beside this checkout")
    return SHARED_SAMPLES


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
