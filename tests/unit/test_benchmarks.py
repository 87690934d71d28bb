"""What the measurements rest on: their inputs, their checks of outputs, their verdicts."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from benchmarks import checks, inputs, ours, table
from benchmarks.measure import MeasuredCommandError, measure

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def recording(tmp_path: Path) -> tuple[Path, Path]:
    source, out = tmp_path / "short.rhd", tmp_path / "short.zarr"
    inputs.write_rhd(source, 128 * 100)
    ours.convert(source, out)
    return source, out


def test_a_right_recording_passes(recording: tuple[Path, Path]) -> None:
    source, out = recording
    checks.recording(source, out)
    stored: Any = zarr.open_group(out, mode="r")["signals"]
    np.testing.assert_array_equal(stored[...].T, next(inputs.samples(128 * 100)))


@pytest.mark.parametrize("name", ["signals", "minimum", "maximum"])
def test_one_wrong_value_is_found(recording: tuple[Path, Path], name: str) -> None:
    source, out = recording
    root: Any = zarr.open_group(out, mode="r+")
    factor = json.loads(root.attrs["streams"])[0]["overview_factors"][-1]
    array = root[name if name == "signals" else f"overview/{factor}/{name}"]
    array[7, -1] = array[7, -1] ^ 1
    with pytest.raises(SystemExit, match="differ"):
        checks.recording(source, out)


def test_one_wrong_pixel_of_a_level_is_found(tmp_path: Path) -> None:
    source, out = tmp_path / "x.ome.tif", tmp_path / "x.ome.zarr"
    inputs.write_stack(source, 2)
    ours.convert(source, out)
    checks.stack(source, out, levels=True)
    root: Any = zarr.open_group(out, mode="r+")
    root["1"][0, 5, 6] = root["1"][0, 5, 6] ^ 1
    checks.stack(source, out, levels=False)
    with pytest.raises(SystemExit, match="level 1 of plane 0"):
        checks.stack(source, out, levels=True)


def test_memory_of_children_counts() -> None:
    hold = "import time; held = bytearray(80_000_000); time.sleep(0.5)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    cost = measure([sys.executable, "-c", f"{code}; print('{{}}')"])
    assert cost.peak_rss_mb > 80
    with pytest.raises(MeasuredCommandError, match="a reason"):
        measure([sys.executable, "-c", "raise SystemExit('a reason')"])


def test_verdicts() -> None:
    rows = [
        {"workload": "stack", "title": "", "way": "floor", "cpu_s": 4.3},
        {"workload": "stack", "title": "", "way": "ours", "cpu_s": 5.0},
        {"workload": "stack", "title": "", "way": "verified", "cpu_s": 9.0},
    ]
    absolute, relative = table.verdicts(rows)
    assert absolute["verdict"] == "met at this machine's 6"
    assert relative["verdict"] == "not met"
    assert "| 1.16 |" in table.markdown(rows)
