"""NetCDF-C's own Zarr (NCZarr), through netCDF4; and what xarray saved as NetCDF."""

import os

import netCDF4
import xarray
from common import FOLDER, equal, probe, same, truth, versions

versions("netCDF4", "xarray")
T = truth()["recording"]
print(f'{{"versions": {{"NetCDF-C": "{netCDF4.__netcdf4libversion__}"}}}}')


def zarr(name):
    def check():
        path = os.path.abspath(f"{FOLDER}/{name}")
        with netCDF4.Dataset(f"file://{path}#mode=zarr,file") as opened:
            signals = opened["signals"]
            equal(signals[:, :: T["every"]], T["signals"])

    return check


probe("recording, Zarr v3", zarr("recording.zarr"))
probe("recording, Zarr v2", zarr("recording_v2.zarr"))


def saved():
    path = os.path.join(FOLDER, "saved.nc")
    xarray.open_zarr(f"{FOLDER}/recording.zarr").to_netcdf(path)
    with netCDF4.Dataset(path) as opened:
        equal(opened["signals"][:, :: T["every"]], T["signals"])
        same(list(opened["channel_name"][:]), T["names"])


probe("what to_netcdf wrote", saved)
