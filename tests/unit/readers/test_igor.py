"""Shared Igor files against what igor2 found in them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sparc_fuse_core.errors import NothingToConvertError
from sparc_fuse_core.formats.registry import find_format, load_reader

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sparc_fuse_core.model import Contents


def _open(path: Path) -> AbstractContextManager[Contents]:
    return load_reader(find_format(path.name))(path, {})


def _truth(path: Path) -> Any:
    return json.loads(path.with_name(path.name + ".expected.json").read_text())


def _check(values: np.ndarray, stated: dict) -> None:
    assert list(values.shape) == stated["shape"]
    assert values.dtype == np.dtype(stated["dtype"])
    assert values[:3].tolist() == stated["first"]
    assert values[-3:].tolist() == stated["last"]
    found = [values.min(), values.max(), values.astype(float).mean()]
    assert found == pytest.approx([stated["min"], stated["max"], stated["mean"]], abs=1e-9)


@pytest.mark.parametrize("name", ["mac-version5", "win-double", "win-version2"])
def test_wave_equals_igor2(shared_samples: Path, name: str) -> None:
    path = shared_samples / "timeseries" / "igor" / f"{name}.ibw"
    truth = _truth(path)["content"]
    with _open(path) as contents:
        (recording,) = contents.recordings
        assert f"b'{recording.name}'" == truth["bname"]
        assert recording.sampling_rate_hz is None  # the x axis has no unit
        assert (recording.metadata["x_step"], recording.metadata["x_start"]) == (1.0, 0.0)
        _check(recording.signals[:, :][0], truth)


def test_packed_experiment_equals_igor2(shared_samples: Path) -> None:
    path = shared_samples / "timeseries" / "igor" / "polar-graphs-demo.pxp"
    waves = _truth(path)["content"]["waves"]
    with _open(path) as contents:
        assert [f"/root/{r.name}" for r in contents.recordings] == list(waves)
        for recording, stated in zip(contents.recordings, waves.values(), strict=True):
            _check(recording.signals[:, :][0], stated)
        assert contents.metadata["variables"]["Packages/WMDataBase/u_dbCurrBag"] == "PolarGraph1"


@pytest.mark.parametrize(
    "name",
    [
        "ibw/fmt-igor-fd_SiN_FD_plot.ibw",
        "ibw/mac-version5.ibw",
        "pxp/polar-graphs-demo.pxp",
    ],
)
def test_imaging_samples_equal_igor2(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging" / name
    (reader,) = _truth(path)["native"]
    with _open(path) as contents:
        for recording, image in zip(contents.recordings, reader["images"], strict=True):
            # stated as igor2 gives it: samples first, columns second
            values = np.ascontiguousarray(recording.signals[:, :].T)
            values = values[:, 0] if len(image["meta"]["shape"]) == 1 else values
            assert list(values.shape) == image["meta"]["shape"]
            assert values.sum(dtype=float) == pytest.approx(image["stats"]["sum"], rel=1e-6)
            little = values.astype(values.dtype.newbyteorder("<"))
            digest = hashlib.sha256(little.tobytes()).hexdigest()
            assert digest == image["stats"]["sha256_tczyx"]
    if "SiN" in name:
        assert recording.channel_names == ("Raw", "Defl", "ZSnsr")
        assert (recording.sampling_rate_hz, set(recording.channel_units)) == (2000.0, {"m"})


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("timeseries/igor/mac-textWave.ibw", "only text waves"),
        ("imaging/pxp/ResultsTest.pxp", "no wave with numbers"),
    ],
)
def test_files_without_numbers_are_refused(shared_samples: Path, name: str, says: str) -> None:
    with pytest.raises(NothingToConvertError, match=says), _open(shared_samples / name):
        pass
