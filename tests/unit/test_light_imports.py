"""Planning loads no heavy library, and converting a recording none that it does not need."""

from __future__ import annotations

import subprocess
import sys
import wave
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
import sys
from pathlib import Path
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source

folder, settings = Path(sys.argv[1]), Settings()
source = open_source(str(folder), settings=settings)
plan = plan_dataset(source, load_schemes(), settings)
assert len(plan.items) == 1
if sys.argv[2] == "convert":
    from sparc_fuse_core.convert.context import make_context
    from sparc_fuse_core.run.workers import convert_on_this_machine
    from sparc_fuse_core.storage.destination import open_destination

    context = make_context(plan, source, settings)
    destination = open_destination(folder.parent / "out", settings)
    receipt = convert_on_this_machine(plan.items[0], context, destination)
    assert receipt.status == "converted", receipt.message
print(*sys.modules)
"""

NEVER = {"boto3", "requests", "openpyxl", "scipy", "dask", "pydantic", "matplotlib"}
NEVER |= {"ngff_zarr", "ome_zarr_models", "yaozarrs", "tifffile", "imagecodecs", "h5py"}


@pytest.mark.parametrize(
    ("what", "unwanted"),
    [("plan", NEVER | {"numpy", "zarr", "xarray", "asyncio"}), ("convert", NEVER)],
)
def test_loads_no_more_than_it_needs(tmp_path: Path, what: str, unwanted: set[str]) -> None:
    folder = tmp_path / "dataset" / "primary" / "sub-1"
    folder.mkdir(parents=True)
    with wave.open(str(folder / "x.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(1000)
        file.writeframes(bytes(range(200)) * 50)
    command = [sys.executable, "-c", CODE, str(tmp_path / "dataset"), what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not unwanted & set(done.stdout.split())
