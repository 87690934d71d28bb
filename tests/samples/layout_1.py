"""Stores as layout 1 laid them out, written with zarr-python by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

if TYPE_CHECKING:
    from pathlib import Path

INTEGERS = np.arange(-6000, 6000, dtype=np.int16).reshape(2, 6000)
MIXED = np.array([[3, -7, 11, 0], [5, 0, -1, 2]], np.int16)
GAIN, OFFSET = (0.25, 0.001), (0.0, 5.0)


def _put(root: zarr.Group, name: str, values: Any, dimension: list[str], **attributes: Any) -> None:
    array = np.asarray(values)
    if array.dtype.kind == "U":
        array = array.astype(np.dtypes.StringDType())
    root.create_array(name, data=array, dimension_names=dimension, attributes=attributes)


def write_layout_1(out: Path, **more: Any) -> None:
    """Write two streams, one scaled by CF and one with a scale a channel, events, segments and epochs."""
    root = zarr.open_group(out, mode="w", zarr_format=3)
    _put(
        root,
        "signals",
        INTEGERS,
        ["channel", "sample"],
        scale_factor=0.5,
        add_offset=1.0,
        units="mV",
    )
    _put(root, "channel", np.arange(2), ["channel"])
    _put(root, "channel_name", ["a", "b"], ["channel"])
    _put(root, "units", ["mV", "mV"], ["channel"])
    _put(root, "gain", [0.5, 0.5], ["channel"])
    _put(root, "offset", [1.0, 1.0], ["channel"])
    ticks = np.r_[np.arange(4000), 9000 + np.arange(2000)]
    _put(root, "time", ticks, ["sample"], scale_factor=0.001, add_offset=0.0, units="s")
    _put(root, "segment_start_sample", [0, 4000], ["segment"])
    _put(root, "segment_n_samples", [4000, 2000], ["segment"])
    _put(root, "segment_start_s", [0.0, 9.0], ["segment"])
    suffix = "_100_hz_int16_4"
    physical = (MIXED * np.array(GAIN)[:, None] + np.array(OFFSET)[:, None]).astype(np.float32)
    dimensions = [f"channel{suffix}", f"sample{suffix}"]
    _put(root, f"signals{suffix}", physical, dimensions)
    _put(root, f"channel{suffix}", np.arange(2), dimensions[:1])
    _put(root, f"channel_name{suffix}", ["c", "d"], dimensions[:1])
    _put(root, f"units{suffix}", ["V", ""], dimensions[:1])
    _put(root, f"gain{suffix}", GAIN, dimensions[:1])
    _put(root, f"offset{suffix}", OFFSET, dimensions[:1])
    grid = {"scale_factor": 0.01, "add_offset": 2.0, "units": "s"}
    _put(root, f"time{suffix}", np.arange(4), dimensions[1:], **grid)
    _put(root, "event_time_s", [0.5, 1.5], ["event"], units="s")
    _put(root, "event_duration_s", [np.nan, 0.1], ["event"], units="s")
    for column, values in (("label", ["x", ""]), ("channel", ["", "a"]), ("kind", ["tag", "tag"])):
        _put(root, f"event_{column}", values, ["event"])
    low = INTEGERS[:, : 6000 // 16 * 16].reshape(2, -1, 16)
    _put(root, "overview/16/minimum", low.min(axis=2), ["channel", "bin"], scale_factor=0.5)
    _put(root, "overview/16/maximum", low.max(axis=2), ["channel", "bin"], scale_factor=0.5)
    even = {"sampling_rate_hz": 1000.0, "start_s": 0.0, "uneven": False, "stored_dtype": "int16"}
    streams = [
        {
            **even,
            "name": "1000 Hz",
            "signals": "signals",
            "suffix": "",
            "shape": [2, 6000],
            "dtype": "int16",
            "units": ["mV"],
            "n_segments": 2,
            "overview_factors": [16],
        },
        {
            **even,
            "name": "100 Hz int16 4",
            "signals": f"signals{suffix}",
            "suffix": suffix,
            "shape": [2, 4],
            "dtype": "float32",
            "units": ["", "V"],
            "sampling_rate_hz": 100.0,
            "start_s": 2.0,
            "n_segments": 0,
            "overview_factors": [],
        },
    ]
    root.attrs.update(
        {
            "source_format": "ABF",
            "auto_mapped": True,
            "source_metadata": {"start_time": "2021-03-04T10:15:30", "event_epoch": [1, 3]},
            "coordinates": "channel_name units gain offset time",
            "layout": "sparc-fuse-signals-1",
            "profile": "default",
            "streams": streams,
            "n_events": 2,
            **more,
        }
    )
    zarr.consolidate_metadata(out)
