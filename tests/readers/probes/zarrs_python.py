"""zarrs (Rust) behind zarr-python's interface."""

import zarr
import zarrs  # noqa: F401
from common import FOLDER, equal, probe, truth, versions

versions("zarrs", "zarr", "numpy")
zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
T = truth()["recording"]


def every(name):
    def check():
        group = zarr.open_group(f"{FOLDER}/{name}", mode="r")
        n = 0
        for _, array in group.members(max_depth=None):
            if isinstance(array, zarr.Array):
                array[...]
                n += 1
        signals = group["signals"][...] * 0.195 - 6.0
        equal(signals[:, :: T["every"]], T["signals"])
        return f"{n} arrays"

    return check


probe("recording, Zarr v3", every("recording.zarr"))
probe("recording, Zarr v2", every("recording_v2.zarr"))
