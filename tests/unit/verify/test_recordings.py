"""What was written is compared by other means than the writer's; a group is decoded as xarray decodes it."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
import zarr

from sparc_fuse_core.model import Contents, Event, EventTable, Recording
from sparc_fuse_core.verify.decoded import Decoded
from sparc_fuse_core.verify.recordings import compare_signals
from sparc_fuse_core.writers import zarr_signals
from sparc_fuse_core.writers.encoding import Encoding

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

N = 30_000
# zero at both ends: what is wrong with a scale shows between them only
WAVE = np.round(8000 * np.sin(np.arange(N) * 2 * np.pi / (N - 1))).astype(np.int16)
ONE = Recording(
    "one",
    np.stack([WAVE, -WAVE]),
    ("a", "b"),
    ("mV", "mV"),
    100.0,
    gain=(0.5,) * 2,
    offset=(0.0,) * 2,
)
APART = Recording(
    "apart",
    np.stack([WAVE, WAVE]),
    ("c", "d"),
    ("mV", "V"),
    10.0,
    gain=(0.5, 2.0),
    offset=(1.0, 0.0),
)
EVENTS = EventTable.from_events([Event(1.5, label="on"), Event(2.0, label="off", channel="a")])
CONTENTS = Contents((ONE, APART), events=EVENTS)


def written(out: Path, zarr_format: Any = 3) -> Path:
    zarr_signals.write(CONTENTS, out, {}, budget_bytes=10**7, zarr_format=zarr_format)
    return out


@pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning")
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_group_is_decoded_as_xarray_decodes_it(tmp_path: Path, zarr_format: int) -> None:
    store = written(tmp_path / "x.zarr", zarr_format)
    root = zarr.open_group(store, mode="r")
    for group in ("", "apart"):
        decoded = Decoded(root, group)
        assert list(decoded.faults()) == []
        with xr.open_zarr(store, group=group or None, chunks=None) as shown:
            assert {"signals", "time", "channel_name"} <= set(shown.variables)
            for name, variable in shown.variables.items():
                if name == "channel" and name not in decoded:
                    continue
                np.testing.assert_array_equal(decoded.values(str(name)), variable.values, str(name))


def lose_scale(root: zarr.Group) -> None:
    root["signals"].attrs["scale_factor"] = 0.5005


def change_middle(root: zarr.Group) -> None:
    signals: Any = root["apart/signals"]
    signals[1, 20_000] = float(signals[1, 20_000]) * 1.001


def change_bin(root: zarr.Group) -> None:
    level: Any = root[f"overview/{max(map(int, dict(root['overview'].groups())))}/minimum"]  # type: ignore[union-attr]
    bins = level[...]
    level[np.unravel_index(bins.argmin(), bins.shape)] = bins.min() - 3


def change_time(root: zarr.Group) -> None:
    root["time"].attrs["scale_factor"] = 0.0101


def change_unit(root: zarr.Group) -> None:
    root["signals"].attrs["units"] = "seconds"


def change_event(root: zarr.Group) -> None:
    times: Any = root["event_time_s"]
    times[1] = 2.5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lose_scale, "signals: physical values differ in block [0:2, 0:"),
        (change_middle, "apart/signals: values differ in block"),
        (change_bin, "signals: minimum of overview"),
        (change_time, "signals: time of sample 29999"),
        (change_unit, "signals: signals has units of 'seconds'"),
        (change_event, "event_time_s differs (2 of 2 events)"),
    ],
)
def test_what_is_wrong_is_told(
    tmp_path: Path, change: Callable[[zarr.Group], None], says: str
) -> None:
    store = written(tmp_path / "x.zarr")
    assert compare_signals(CONTENTS, store, whole_bytes=1 << 30) == []
    change(zarr.open_group(store, mode="r+"))
    with warnings.catch_warnings(action="ignore"):
        zarr.consolidate_metadata(store)
    assert says in "; ".join(compare_signals(CONTENTS, store, whole_bytes=1 << 30))


def test_a_fault_of_the_writers_encoder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Encoding.encode
    monkeypatch.setattr(
        Encoding,
        "encode",
        lambda self, block, first, last: (
            right(self, block, first, last) * self.dtype.type(1.001)
            if self.gain is not None
            else right(self, block, first, last)
        ),
    )
    store = written(tmp_path / "x.zarr")
    assert "apart/signals: values differ" in compare_signals(CONTENTS, store, whole_bytes=1)[0]


def test_comparing_brings_no_xarray(tmp_path: Path) -> None:
    """Its import is more than the comparison itself."""
    code = (
        "import sys; import sparc_fuse_core.verify.recordings, sparc_fuse_core.writers.zarr_signals; "
        "print([name for name in ('xarray', 'pandas', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
