"""Environments of the peers, each below ``build/bench/venvs``, made on first use and never the project's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

REQUIREMENTS = {
    "spikeinterface": ["spikeinterface==0.105.3", "neo==0.14.6", "zarr<3"],
    "ome-zarr": ["ome-zarr==0.18.0", "tifffile==2026.3.3", "imagecodecs==2026.3.6"],
    "ngff-zarr": [
        "ngff-zarr[cli,tifffile,dask-image,itk]==0.50.0",
        "tifffile==2026.3.3",
        "imagecodecs==2026.3.6",
    ],
    "tables": [
        "polars==2.1.0",
        "pandas==3.1.1",
        "pyarrow==26.0.1",
        "scipy==1.17.1",
        "h5py==3.16.0",
        "zarr==3.1.6",
    ],
    "remote": [
        "boto3==1.43.117",
        "s3fs==2026.9.0",
        "icechunk==1.1.21",
        "xarray==2026.9.0",
        "zarr==3.1.6",
        "dask==2026.8.0",
    ],
}


def python_of(folder: Path, name: str) -> str:
    """Return the interpreter of the environment ``name``, made now if its requirements are not met."""
    if name == "":
        return sys.executable
    place = folder / name
    ready = place / ".ready"
    wanted = "\n".join(REQUIREMENTS[name])
    python = str(place.absolute() / "bin" / "python")
    if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
        return python
    print(f"making the environment of {name} below {place}", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *REQUIREMENTS[name]], check=True)
    ready.write_text(wanted, encoding="utf-8")
    return python
