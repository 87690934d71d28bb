"""TensorStore: arrays of numbers; it knows no text of variable length."""

import numpy as np
import tensorstore as ts
from common import FOLDER, equal, probe, same, truth, versions

versions("tensorstore", "numpy")
T = truth()["recording"]


def opened(path, driver):
    return ts.open(
        {"driver": driver, "kvstore": {"driver": "file", "path": f"{FOLDER}/{path}"}}
    ).result()


for name, driver in (("recording.zarr", "zarr3"), ("recording_v2.zarr", "zarr")):

    def numbers(name=name, driver=driver):
        signals = np.asarray(opened(f"{name}/signals", driver).read().result())
        equal((signals * 0.195 - 6.0)[:, :: T["every"]], T["signals"])
        equal(np.asarray(opened(f"{name}/event_sweep", driver).read().result()), [-1, 1])

    probe(f"numbers, {name}", numbers)
    probe(
        f"texts, {name}",
        lambda name=name, driver=driver: opened(f"{name}/channel_name", driver) and None,
    )


def attributes():
    import json

    with open(f"{FOLDER}/recording.zarr/zarr.json", encoding="utf-8") as file:
        root = json.load(file)
    same(root["attributes"]["channel_names"], T["names"])
    return "names and units as attributes of the root"


probe("names and units", attributes)
for version, driver in (("0.5", "zarr3"), ("0.4", "zarr")):

    def image(version=version, driver=driver):
        level = np.asarray(opened(f"image_{version}.ome.zarr/0", driver).read().result())
        same(int(level.astype("u8").sum()), truth()["image"]["sum"])

    probe(f"image, OME-Zarr {version}", image)
