"""Thumbnails: right where they are looked at, small whatever the pixels, never in the way of a result."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zarr
from PIL import Image

from sparc_fuse_core.opening.thumbnails.canvas import MOST_BYTES, SIDE
from sparc_fuse_core.opening.thumbnails.thumbnail import thumbnail_of

if TYPE_CHECKING:
    from pathlib import Path


def picture(store: Path, kind: str) -> Image.Image:
    data = thumbnail_of(store, kind)
    assert data is not None
    assert len(data) <= MOST_BYTES
    shown = Image.open(io.BytesIO(data))
    assert not shown.info.keys() - {"transparency"}, "no words in it"
    assert max(shown.size) <= SIDE
    return shown


def ink(shown: Image.Image) -> np.ndarray:
    """Return where something is drawn, shape (rows, columns)."""
    return np.asarray(shown.convert("RGBA"))[..., 3] > 0


def recording(store: Path, scale: float = 1.0) -> None:
    """Two channels of 100,000 samples, of which only the overview is there: rising, and a step."""
    root = zarr.open_group(store, mode="w")
    bins = np.arange(400)
    low = np.stack([bins, np.where(bins < 200, 0, 900)]).astype("i2")
    high = (low + 1).astype("i2")
    stream = {"signals": "signals", "group": "", "overview_factors": [256], "shape": [2, 102_400]}
    root.attrs["streams"] = json.dumps([stream])
    signals = root.create_array("signals", shape=(2, 102_400), dtype="i2", chunks=(1, 1024))
    signals.attrs["scale_factor"] = scale
    least, greatest = (low, high) if scale > 0 else (high, low)
    root.create_array("overview/256/minimum", data=least)
    root.create_array("overview/256/maximum", data=greatest)


@pytest.mark.parametrize("scale", [0.5, -0.5])
def test_a_recording_is_its_overview_seen_the_right_way_up(tmp_path: Path, scale: float) -> None:
    recording(tmp_path / "x.zarr", scale)
    drawn = ink(picture(tmp_path / "x.zarr", "signal"))
    half = len(drawn) // 2
    rises = scale > 0
    for part in (drawn[:half], drawn[half:]):
        left, right = part[:, 5].argmax(), part[:, -6].argmax()
        assert (left > right) == rises
        assert abs(int(left) - int(right)) > half // 2
        assert part.any(axis=0).all(), "no column is empty"


def test_sweeps_are_their_envelope_and_events_alone_are_ticks(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "s.zarr", mode="w")
    sweeps = np.zeros((1, 3, 1000), "f4")
    sweeps[0, 2, 500:] = 7
    root.create_array("signals", data=sweeps)
    root.attrs["streams"] = json.dumps(
        [{"signals": "signals", "group": "", "overview_factors": []}]
    )
    drawn = ink(picture(tmp_path / "s.zarr", "signal"))
    assert drawn[:, 200].sum() > 100 > 10 > drawn[:, 20].sum() > 0
    root = zarr.open_group(tmp_path / "e.zarr", mode="w")
    root.create_array("event_time_s", data=np.array([0.0, 9.0, np.nan, 10.0]))
    root.attrs["streams"] = "[]"
    assert np.flatnonzero(ink(picture(tmp_path / "e.zarr", "signal")).any(axis=0)).tolist() == [
        0,
        229,
        255,
    ]


def image(store: Path, values: np.ndarray, axes: str, **ome: object) -> None:
    root = zarr.open_group(store, mode="w")
    root.create_array("0", data=values)
    entry = {"axes": [{"name": axis} for axis in axes], "datasets": [{"path": "0"}]}
    root.attrs["ome"] = {"multiscales": [entry], **ome}


def test_an_image_is_its_middle_plane_with_channels_in_their_colours(tmp_path: Path) -> None:
    values = np.zeros((2, 3, 20, 40), "u2")
    values[0, 1, :, :20] = 1000
    values[1, 1, :, 20:] = 500
    values[:, 0] = 9999  # not the middle
    window = {"start": 0, "end": 1000}
    channels = [{"color": "FF0000", "window": window}, {"color": "0000FF", "window": window}]
    image(tmp_path / "i.ome.zarr", values, "czyx", omero={"channels": channels})
    shown = np.asarray(picture(tmp_path / "i.ome.zarr", "image").convert("RGB"))
    assert shown.shape == (20, 40, 3)
    assert shown[5, 5].tolist() == [255, 0, 0]
    assert shown[5, 35].tolist() == [0, 0, 128]


def test_colours_stay_labels_are_not_mixed_and_noise_fits(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (3, 512, 512), dtype="u1")
    names = [{"label": name} for name in ("Red", "Green", "Blue")]
    image(tmp_path / "n.ome.zarr", noise, "cyx", omero={"channels": names})
    assert picture(tmp_path / "n.ome.zarr", "image").size[0] >= SIDE // 2
    plain = np.full((3, 8, 8), [[[10]], [[20]], [[30]]], "u1")
    image(tmp_path / "c.ome.zarr", plain, "cyx", omero={"channels": names})
    assert picture(tmp_path / "c.ome.zarr", "image").getpixel((3, 3)) == (10, 20, 30)
    labels = np.zeros((600, 600), "i4")
    labels[:300] = 7
    labels[300:, 300:] = 8
    image(tmp_path / "l.ome.zarr", labels, "yx", **{"image-label": {}})
    found = picture(tmp_path / "l.ome.zarr", "image").convert("RGB").getcolors()
    assert found is not None
    assert len(found) == 3
    assert (0, 0, 0) in [colour for _, colour in found]


def test_arrays_tables_and_shapes(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "a.zarr", mode="w")
    root.create_array("m", data=np.add.outer(np.arange(50), np.arange(60)) * 1j)
    shown = picture(tmp_path / "a.zarr", "arrays").convert("L")
    assert (shown.getpixel((0, 0)), shown.getpixel((59, 49))) == (0, 255)
    root = zarr.open_group(tmp_path / "t.zarr", mode="w")
    root.create_array("x", data=np.arange(30.0))
    assert ink(picture(tmp_path / "t.zarr", "table")).any(axis=0).all()
    root = zarr.open_group(tmp_path / "r.zarr", mode="w")
    roi = root.create_group("00000")
    roi.attrs["kind"] = "roi"
    roi.create_array("box_left_top_right_bottom", data=np.array([[0.0, 0.0, 100.0, 10.0]]))
    drawn = ink(picture(tmp_path / "r.zarr", "shapes"))
    rows = np.flatnonzero(drawn.any(axis=1))
    assert 20 < rows[-1] - rows[0] < 30
    assert not drawn[rows[0] + 5 : rows[-1] - 5, SIDE // 2].any(), "an outline"


@pytest.mark.parametrize("kind", ["signal", "image", "shapes", "arrays", "table"])
def test_nothing_to_draw_is_no_picture_and_no_error(tmp_path: Path, kind: str) -> None:
    zarr.open_group(tmp_path / "x.zarr", mode="w")
    assert thumbnail_of(tmp_path / "x.zarr", kind) is None
    assert thumbnail_of(tmp_path / "absent.zarr", kind) is None


def test_a_plane_that_would_take_much_memory_is_not_read(tmp_path: Path) -> None:
    root = zarr.open_group(tmp_path / "b.ome.zarr", mode="w")
    root.create_array("0", shape=(200_000, 200_000), chunks=(20_000, 20_000), dtype="u1")
    entry = {"axes": [{"name": "y"}, {"name": "x"}], "datasets": [{"path": "0"}]}
    root.attrs["ome"] = {"multiscales": [entry]}
    assert thumbnail_of(tmp_path / "b.ome.zarr", "image") is None
