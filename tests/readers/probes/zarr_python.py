"""zarr-python, any version: version 2 stores, and version 3 stores where it knows them."""

import zarr
from common import FOLDER, equal, probe, same, truth, versions

versions("zarr", "numcodecs", "numpy")
T = truth()["recording"]
MAJOR = int(zarr.__version__.split(".")[0])


def recording(name):
    def check():
        group = zarr.open_consolidated(f"{FOLDER}/{name}", mode="r")
        signals = group["signals"]
        values = signals[...] * signals.attrs["scale_factor"] + signals.attrs["add_offset"]
        equal(values[:, :: T["every"]], T["signals"])
        same([str(x) for x in group["channel_name"][...]], T["names"])
        same([str(x) for x in group["units"][...]], T["units"])
        same(group.attrs["channel_names"], T["names"])
        equal(group["auxiliary/signals"][...][:, ::97], T["auxiliary"], 1e-5)
        equal(group["event_time_s"][...], T["events"])
        equal(group["event_sweep"][...], [-1, 1])
        equal(group["channel"][...], range(4))
        time = group["time"]
        equal(time[-1] * time.attrs["scale_factor"] + time.attrs["add_offset"], T["time_last"])

    return check


probe("recording, Zarr v2", recording("recording_v2.zarr"))
if MAJOR > 2:
    probe("recording, Zarr v3", recording("recording.zarr"))
    from zarr.storage import ZipStore

    def packed():
        group = zarr.open_group(ZipStore(f"{FOLDER}/recording.zarr.zip", mode="r"), mode="r")
        same(list(group["signals"].shape), T["shape"])

    probe("recording, zarr.zip", packed)
for version, key in (("0.4", 2), ("0.5", 3)):
    if key <= MAJOR:

        def image(version=version):
            level = zarr.open_group(f"{FOLDER}/image_{version}.ome.zarr", mode="r")["0"]
            same(int(level[...].astype("u8").sum()), truth()["image"]["sum"])

        probe(f"image, OME-Zarr {version}", image)
if MAJOR > 2:

    def arrays():
        root = zarr.open_group(f"{FOLDER}/arrays.zarr", mode="r")
        equal(root["group/values"][...], [[2 * v for v in row] for row in truth()["arrays"]])
        table = zarr.open_group(f"{FOLDER}/table.zarr", mode="r")
        same([str(x) for x in table["id"][...]], ["sub-1", "µ"])

    probe("arrays and table", arrays)
