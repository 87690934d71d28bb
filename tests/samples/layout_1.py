"""Stores as layout 1 laid them out, written with zarr-python by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

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


PIXELS = np.arange(2 * 60 * 70, dtype=np.uint16).reshape(2, 60, 70)


def write_images_of_layout_1(out: Path, zarr_format: Literal[2, 3] = 3, n_images: int = 2) -> None:
    """Write images of a file as layout 1 had them, the second one labels: members called after the file."""
    file = "x.czi"
    shared: dict[str, Any] = {
        "source_format": "Zeiss CZI",
        "original_file_name": file,
        "auto_mapped": True,
        "source_metadata": {"application": "scope", "application_version": "6", "user": "J. Doe"},
        "mapping_score": 0.9,
        "converter_version": "0.1.0",
    }
    root = zarr.open_group(out, mode="w", zarr_format=zarr_format)
    version = {"version": "0.5"} if zarr_format == 3 else {}
    paths = [f"{file}.{n}.ome.zarr" for n in range(n_images)]

    def ome(facts: dict[str, Any]) -> dict[str, Any]:
        return {"ome": {**version, **facts}} if zarr_format == 3 else facts

    if n_images > 1:
        root.attrs.put({**shared, **ome({"bioformats2raw.layout": 3})})
        root.create_group("OME", attributes=ome({"series": paths}))
    for n, path in enumerate(paths):
        axes = "cyx" if n == 0 else "yx"
        pixels = PIXELS if n == 0 else (PIXELS[0] % 5).astype(np.uint8)
        group = root.create_group(path) if n_images > 1 else root
        _put_levels(group, pixels, zarr_format)
        steps = [1.0] * (len(axes) - 2) + [0.5, 0.25]
        facts: dict[str, Any] = {
            "multiscales": [
                {
                    "name": "",
                    "axes": [
                        {"name": one, "type": "channel"}
                        if one == "c"
                        else {"name": one, "type": "space", "unit": "micrometer"}
                        for one in axes
                    ],
                    "datasets": [
                        {
                            "path": "0",
                            "coordinateTransformations": [{"type": "scale", "scale": steps}],
                        }
                    ],
                    **({"version": "0.4"} if zarr_format == 2 else {}),
                }
            ]
        }
        if n == 0:
            labels = [{"label": name, "color": "FFFFFF"} for name in ("DAPI", "GFP")]
            window = {"min": 0.0, "max": 65535.0, "start": 0.0, "end": 9000.0}
            facts["omero"] = {"channels": [{**one, "window": window} for one in labels]}
        group.attrs.put(
            {
                **shared,
                "image_name": "" if n_images == 1 else f"scene {n}",
                "image_kind": "intensity" if n == 0 else "label",
                "physical_size_known": ["x", "y"],
                "image_metadata": {"pixel_type": "Gray16"},
                "image_channel_names": ["DAPI", "GFP"] if n == 0 else [],
                **ome(facts),
            }
        )
    zarr.consolidate_metadata(out, zarr_format=zarr_format)


def _put_levels(group: zarr.Group, pixels: np.ndarray[Any, Any], zarr_format: int) -> None:
    more: dict[str, Any] = {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
    if zarr_format == 3:
        more = {"dimension_names": ["c", "y", "x"][-pixels.ndim :]}
    array = group.create_array(
        "0",
        shape=pixels.shape,
        dtype=pixels.dtype,
        chunks=(1,) * (pixels.ndim - 2) + (40, 70),
        config={"write_empty_chunks": True},
        **more,
    )
    array[...] = pixels
