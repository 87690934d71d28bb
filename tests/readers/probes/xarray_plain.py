"""Plain xarray: every way to open and to save again."""

import shutil

import xarray as xr
from common import FOLDER, URL, equal, probe, same, truth, versions

versions("xarray", "zarr", "dask", "netCDF4", "numpy")
T = truth()["recording"]


def compare(ds):
    equal(ds["signals"].values[:, :: T["every"]], T["signals"])
    same([str(x) for x in ds["channel_name"].values], T["names"])
    same([str(x) for x in ds["units"].values], T["units"])
    equal(ds["time"].values[-1], T["time_last"])
    equal(ds["event_time_s"].values, T["events"])
    same(ds.attrs["start_time"], T["start_time"])


for name in ("recording.zarr", "recording_v2.zarr"):
    path = f"{FOLDER}/{name}"
    probe(f"open_zarr, {name}", lambda path=path: compare(xr.open_zarr(path)))

    def group(path=path):
        ds = xr.open_zarr(path, group="auxiliary")
        equal(ds["signals"].values[:, ::97], T["auxiliary"], 1e-5)
        equal([ds["time"].values[n] for n in (0, -1, 2000)][:1], [0.0])
        equal(ds["time"].values[2000], T["aux_time"][2])

    probe(f"open_zarr(group=), {name}", group)

    def tree(path=path):
        opened = xr.open_datatree(path, engine="zarr")
        compare(opened.to_dataset())
        equal(opened["auxiliary/signals"].values[:, ::97], T["auxiliary"], 1e-5)
        same(opened["sweeps/signals"].shape, (2, 3, 2000))

    probe(f"open_datatree, {name}", tree)
    probe(
        f'open_zarr(chunks="auto"), {name}',
        lambda path=path: compare(xr.open_zarr(path, chunks="auto")),
    )

    def netcdf(path=path):
        out = f"{FOLDER}/out.nc"
        xr.open_zarr(path).to_netcdf(out)
        with xr.open_dataset(out) as ds:
            compare(ds)

    probe(f"to_netcdf, {name}", netcdf)

    def again(path=path, change=lambda ds: ds):
        out = f"{FOLDER}/out.zarr"
        shutil.rmtree(out, ignore_errors=True)
        change(xr.open_zarr(path)).to_zarr(out)
        compare(xr.open_zarr(out))

    probe(f"to_zarr, {name}", again)
    probe(
        f"drop_encoding().to_zarr, {name}",
        lambda again=again: again(change=lambda ds: ds.drop_encoding()),
    )
probe(
    "open_datatree, arrays.zarr",
    lambda: equal(
        xr.open_datatree(f"{FOLDER}/arrays.zarr", engine="zarr")["group/values"].values[0],
        [0, 2, 4, 6],
    ),
)
probe(
    "open_zarr, table.zarr",
    lambda: same(
        xr.open_zarr(f"{FOLDER}/table.zarr").to_dataframe()["id"].tolist(), ["sub-1", "µ"]
    ),
)
if URL:
    probe(
        "open_zarr over HTTP", lambda: compare(xr.open_zarr(f"{URL}/recording.zarr", chunks=None))
    )

    def group_over_http():
        ds = xr.open_zarr(f"{URL}/recording.zarr", group="auxiliary", chunks=None)
        equal(ds["signals"].values[:, ::97], T["auxiliary"], 1e-5)

    probe("open_zarr(group=) over HTTP", group_over_http)
