"""A second reader agrees with a right store, and says both values of a wrong one."""

from __future__ import annotations

import shutil
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from sparc_fuse_core.command.main import main
from sparc_fuse_core.command.sample import write_sample
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.proof.compare import compare
from sparc_fuse_core.proof.opinion import is_chosen, opinion, second_opinion, share_of
from sparc_fuse_core.proof.published import look
from sparc_fuse_core.proof.signals import edf

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zarr import Group

EDF, PNG = "sub-1/sam-1/sleep.edf", "sub-2/sam-3/Schnittfläche.png"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("proof")
    write_sample(folder / "sample")
    paths = [f"primary/{path}" for path in (EDF, PNG)]
    call = ["convert", str(folder / "sample"), *paths, "-o", str(folder / "out")]
    assert main([*call, "--workers", "1", "--verify", "independent"]) == 0
    return folder / "sample/primary", folder / "out/sample/local/primary"


def test_it_agrees_and_says_over_how_much(places: tuple[Path, Path]) -> None:
    source, stores = places
    said = second_opinion([source / EDF], stores / f"{EDF}.zarr", "edf")
    assert (said["result"], said["library"]) == ("agrees", "pyedflib")
    assert said["compared"] == {
        "channels": 3,
        "values": 36060,
        "events": 2,
        "facts": ["names", "rates", "units"],
    }
    said = second_opinion([source / PNG], stores / f"{PNG}.ome.zarr", "raster")
    assert (said["result"], said["compared"]["values"]) == ("agrees", 3 * 600 * 800)


def change_value(root: Group) -> None:
    signals: Any = root["signals"]
    signals[0, 77] += 5


def change_scale(root: Group) -> None:
    root["signals"].attrs["scale_factor"] = 1.00002 * float(root["signals"].attrs["scale_factor"])


def change_unit(root: Group) -> None:
    root["units"][...] = np.array(["uV"], dtype=np.dtypes.StringDType())


def change_name(root: Group) -> None:
    root["channel_name"][...] = np.array(["EKG"], dtype=np.dtypes.StringDType())


def change_rate(root: Group) -> None:
    root.attrs["streams"] = root.attrs["streams"].replace(":500.0", ":501.0")


def change_event(root: Group) -> None:
    times: Any = root["event_time_s"]
    times[0] = float(times[0]) + 0.01


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (change_value, "channel ECG: at [77] the store has"),
        (change_scale, "the store has"),
        (change_unit, "channel ECG"),
        (change_name, "its name in the store is 'EKG'"),
        (change_rate, "501.0 Hz in the store, 500.0 in the file"),
        (change_event, "an event at"),
    ],
)
def test_a_wrong_store_is_told_with_both_values(
    places: tuple[Path, Path], tmp_path: Path, change: Callable[[Group], None], says: str
) -> None:
    source, stores = places
    store = tmp_path / "wrong.zarr"
    shutil.copytree(stores / f"{EDF}.zarr", store)
    change(zarr.open_group(store, mode="r+"))
    with warnings.catch_warnings(action="ignore"):
        zarr.consolidate_metadata(store)
    differences, _ = compare(edf([source / EDF]), look(store))
    assert says in "; ".join(differences)


def test_what_has_no_second_reader_says_so(tmp_path: Path) -> None:
    assert opinion([str(tmp_path)], str(tmp_path), "adicht") == {"result": "no second reader"}


def test_a_sample_is_the_same_each_time() -> None:
    assert (share_of("roundtrip"), share_of("independent"), share_of("sample:5%")) == (0, 1, 0.05)
    chosen = [n for n in range(4000) if is_chosen(f"primary/{n}.edf", 0.05)]
    assert 140 < len(chosen) < 260
    assert chosen == [n for n in range(4000) if is_chosen(f"primary/{n}.edf", 0.05)]
    for wrong in ("sample:0%", "sample:101%", "sample", "5%"):
        with pytest.raises(RequestError, match="choose roundtrip"):
            share_of(wrong)
