"""The other containers: npz with numpy, mat with scipy; packed images with zarr."""

import numpy as np
import scipy.io
from common import FOLDER, equal, probe, same, truth, versions

versions("numpy", "scipy")
T = truth()["recording"]


def npz():
    with np.load(f"{FOLDER}/recording.npz", allow_pickle=False) as opened:
        equal(opened["signals"][:, :: T["every"]], T["signals"], 1e-5)
        same(opened["channel_name"].tolist(), T["names"])
        equal(opened["auxiliary/signals"][:, ::97], T["auxiliary"], 1e-5)


def mat():
    opened = scipy.io.loadmat(f"{FOLDER}/recording.mat")
    equal(opened["signals"][:, :: T["every"]], T["signals"], 1e-5)
    same([str(x[0]) if x.size else "" for x in opened["channel_name"].ravel()], T["names"])


probe("npz in numpy", npz)
probe("mat in scipy", mat)
