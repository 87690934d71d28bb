"""What people do with an opened result: select, save, join, draw; images, whole datasets, web servers."""

from __future__ import annotations

import functools
import http.server
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import tifffile
import xarray as xr

import sparc_fuse_core as sf
from sparc_fuse_core import errors
from sparc_fuse_core.opening.time_index import TimeIndex
from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# zarr's own remark at each writing of consolidated metadata, xarray's default
pytestmark = pytest.mark.filterwarnings(
    "ignore:Consolidated metadata:UserWarning", "ignore:.*does not have a Zarr V3:FutureWarning"
)

PIXELS = (np.arange(2 * 3 * 64 * 80) % 251).astype("u1").reshape(2, 3, 64, 80)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "lab"
    (folder / "primary").mkdir(parents=True)
    rows = [f"{i / 1000:.3f},{i % 7},{i % 11}" for i in range(1000)]
    text = "\n".join(["time (s),left (mV),right (mV)", *rows])
    (folder / "primary/two.csv").write_text(text, encoding="utf-8")
    edf_file(folder / "primary/night.edf")
    tifffile.imwrite(
        folder / "primary/cells.ome.tif",
        PIXELS,
        metadata={
            "axes": "CZYX",
            "PhysicalSizeX": 250,
            "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 0.5,
            "PhysicalSizeYUnit": "µm",
            "PhysicalSizeZ": 2.0,
            "PhysicalSizeZUnit": "µm",
            "Channel": {"Name": ["DAPI", "GFP"]},
        },
    )
    (folder / "primary/tetra.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    out = tmp_path_factory.mktemp("out")
    settings = Settings()
    source = open_source(str(folder), settings=settings)
    run = convert_dataset(source, out, load_schemes(), settings, n_workers=1)
    assert run.manifest["counts"]["converted"] == 4
    return out


def edf_file(path: Path) -> None:
    """Write two channels of 16-bit integers, 100 Hz, that began on 2020-01-02 at 03:04:05."""
    from datetime import datetime

    from edfio import Edf, EdfSignal

    times = np.arange(3000) / 100
    signals = [
        EdfSignal(
            np.sin(times * k), 100, label=name, physical_dimension="uV", physical_range=(-2, 2)
        )
        for k, name in ((1, "EEG Fz"), (3, "EEG Cz"))
    ]
    began = datetime(2020, 1, 2, 3, 4, 5)  # noqa: DTZ001 - EDF states no zone
    Edf(signals, starttime=began.time(), recording=None).write(path)
    whole = bytearray(path.read_bytes())
    whole[168:184] = b"02.01.2003.04.05"
    path.write_bytes(whole)


def store(results: Path, name: str) -> Path:
    return next((results / "lab/local/primary").glob(f"{name}*.zarr"))


@pytest.fixture
def two(results: Path) -> xr.Dataset:
    return sf.open_zarr(store(results, "two.csv"))


def test_times_are_selected_as_of_any_axis(two: xr.Dataset) -> None:
    times = np.arange(1000) / 1000
    assert np.array_equal(two["time"].values, times), "exactly: not a sum of steps"
    signals = two["signals"]
    assert signals.sel(time=slice(0.1, 0.2)).sizes["time"] == 101, "both ends included"
    assert int(signals.sel(time=0.2504, channel=1)) == 250 % 11
    assert signals.sel(time=[0.25, 0.5]).values.tolist() == [
        [250 % 7, 500 % 7],
        [250 % 11, 500 % 11],
    ]
    assert signals.sel(channel_name="right").values[12] == 1
    odd = two.where((two["time"] * 1000).round() % 7 == 3, drop=True)
    assert np.allclose(odd["time"], times[3::7])
    assert two.where(two["time"] < 0.5, drop=True).sizes["time"] == 500
    with pytest.raises(KeyError, match="lies outside"):
        signals.sel(time=1.5)
    back = signals.isel(time=slice(None, None, -2))
    assert float(back.sel(time=0.1, method="nearest").time) in (0.099, 0.101)


def test_parts_are_joined_exactly(two: xr.Dataset) -> None:
    first, rest = two.isel(time=slice(0, 400)), two.isel(time=slice(400, None))
    whole = xr.concat([first[["signals"]], rest[["signals"]]], dim="time")
    assert isinstance(whole.xindexes["time"], TimeIndex)
    assert np.array_equal(whole["signals"], two["signals"])
    gap = xr.concat([first[["signals"]], rest[["signals"]].isel(time=slice(100, 200))], dim="time")
    assert float(gap["time"][400]) == 0.5
    assert (first["signals"] + two["signals"]).sizes["time"] == 400, (
        "aligned by time, not by position"
    )
    assert xr.align(first, rest, join="outer")[0].sizes["time"] == 1000
    other = two.assign_coords(
        xr.Coordinates.from_xindex(TimeIndex.even(two.sizes["time"], 0.0, 999.0))
    )
    with pytest.raises(errors.RequestError, match="nothing is resampled"):
        xr.align(two, other, join="inner")


def test_tables_name_their_index(two: xr.Dataset) -> None:
    frame = two["signals"].to_dataframe()
    assert frame.index.names == ["channel", "time"]
    series = two["signals"].sel(channel_name="left").to_pandas()
    assert series.index.name == "time"
    assert series.loc[0.25] == 250 % 7


@pytest.mark.parametrize("name", ["two.csv", "night.edf"])
def test_what_is_saved_is_the_same_again(results: Path, tmp_path: Path, name: str) -> None:
    ds = sf.open_zarr(store(results, name))
    ds.to_netcdf(tmp_path / "x.nc")
    with xr.open_dataset(tmp_path / "x.nc") as saved:
        assert np.array_equal(saved["signals"], ds["signals"])
        assert saved["signals"].attrs["units"] == ds["signals"].attrs["units"]
        assert np.allclose(saved["time"], ds["time"], atol=0, rtol=1e-15)
    ds.to_zarr(tmp_path / "x.zarr")
    again = sf.open_zarr(tmp_path / "x.zarr")
    assert np.array_equal(again["signals"], ds["signals"])
    assert isinstance(again.xindexes["time"], TimeIndex)
    part = ds.isel(time=slice(10, 500, 7))
    part.to_zarr(tmp_path / "part.zarr", zarr_format=2)
    again = sf.open_zarr(tmp_path / "part.zarr")
    assert np.array_equal(again["time"], part["time"])


def test_what_was_left_out_stays_missing_when_saved(results: Path, tmp_path: Path) -> None:
    ds = sf.open_zarr(store(results, "night.edf"))
    # stored as 16-bit integers: saved like that, a missing value would be some number
    ds.where(ds["time"] > 1).to_netcdf(tmp_path / "x.nc")
    with xr.open_dataset(tmp_path / "x.nc") as saved:
        assert int(np.isnan(saved["signals"].values).sum()) == 2 * 101


def test_times_are_dates_where_a_start_is_stated(results: Path, two: xr.Dataset) -> None:
    ds = sf.open_zarr(store(results, "night.edf"), datetimes=True)
    assert ds["time"].values[:2].tolist() == [
        np.datetime64("2020-01-02T03:04:05", "ns").astype(int),
        np.datetime64("2020-01-02T03:04:05.01", "ns").astype(int),
    ]
    second = ds["signals"].sel(time=slice("2020-01-02T03:04:06", "2020-01-02T03:04:07"))
    assert second.sizes["time"] == 101
    assert pd.Timestamp(ds.sel(time="2020-01-02T03:04:06.004")["time"].item()).microsecond == 0
    assert "start_time" not in two.attrs
    with pytest.raises(errors.RequestError, match="does not state when it began"):
        sf.open_zarr(store(results, "two.csv"), datetimes=True)


def test_an_image_has_axes_in_micrometres_and_channels_by_name(results: Path) -> None:
    image = sf.open_image(store(results, "cells.ome.tif"))
    assert image["image"].dims == ("c", "z", "y", "x")
    assert np.allclose(np.diff(image["x"]), 0.25)
    assert np.allclose(np.diff(image["y"]), 0.5)
    assert np.allclose(image["z"], [0, 2, 4])
    assert {image[axis].attrs["units"] for axis in "zyx"} == {"um"}
    assert image["channel_name"].values.tolist() == ["DAPI", "GFP"]
    assert np.array_equal(image["image"], PIXELS)
    assert np.array_equal(image["image"].sel(x=slice(1.0, 2.0)), PIXELS[..., 4:9])
    with pytest.raises(errors.RequestError, match="no level 7"):
        sf.open_image(store(results, "cells.ome.tif"), level=7)
    with pytest.raises(errors.RequestError, match="no image"):
        sf.open_image(store(results, "cells.ome.tif"), image="4")
    with pytest.raises(errors.RequestError, match="open_zarr"):
        sf.open_image(store(results, "two.csv"))


def test_a_whole_dataset_opens_by_one_call(results: Path) -> None:
    for target in (results, results / "lab", results / "lab/local"):
        opened = sf.open_results(target)
        assert sorted(opened) == [
            "primary/cells.ome.tif",
            "primary/night.edf",
            "primary/tetra.obj",
            "primary/two.csv",
        ]
    assert opened["two.csv"]["signals"].shape == (2, 1000)
    assert opened["files/primary/cells.ome.tif"]["image"].shape == PIXELS.shape
    assert isinstance(opened["tetra.obj"], xr.DataTree)
    table = opened.table()
    assert table.loc["primary/night.edf", "sampling_rate_hz"] == 100
    with pytest.raises(KeyError, match="none of 4"):
        opened["three.csv"]
    with pytest.raises(FileNotFoundError, match="no results"):
        sf.open_results(results / "lab/local/primary")


@pytest.fixture
def web(results: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(results))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_web_server_is_enough(web: str) -> None:
    opened = sf.open_results(f"{web}/lab")
    assert opened["two.csv"]["signals"].sel(time=0.25).values.tolist() == [250 % 7, 250 % 11]
    assert np.array_equal(opened["cells.ome.tif"]["image"][1, 0, 0, :4], PIXELS[1, 0, 0, :4])
    with pytest.raises(FileNotFoundError, match=r"nope\.zarr"):
        sf.open_zarr(f"{web}/nope.zarr")
    with pytest.raises(errors.SourceUnavailableError, match=r"127\.0\.0\.1:1/x"):
        sf.open_zarr("http://127.0.0.1:1/x")


def test_what_is_no_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.edf").write_bytes(b"0       ")
    for target in (tmp_path / "x.edf", tmp_path, tmp_path / "gone.zarr"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(FileNotFoundError, match=target.name):
                sf.open_zarr(target)
