"""What another library shows is paired with the store, and compared in more than its values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import openpyxl
import pytest
import zarr

from sparc_fuse_core.proof import numbers, opinion, registry
from sparc_fuse_core.proof.compare import compare
from sparc_fuse_core.proof.faults import KnownFaultError
from sparc_fuse_core.proof.registry import SecondReader
from sparc_fuse_core.proof.roles import SCALED, fitted
from sparc_fuse_core.proof.seen import Channel, Seen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WAVE = np.sin(np.arange(500) / 9)
TIME = np.arange(500) / 250


def said(seen: Seen, stored: Seen) -> tuple[list[str], dict[str, Any], Seen]:
    one, other = fitted(seen, stored)
    return *compare(one, other), one


def stored(*channels: Channel) -> Seen:
    return Seen(channels)


def test_a_channel_is_found_among_columns_of_any_name() -> None:
    seen = Seen(arrays={"t": TIME, "table": np.stack([WAVE, -WAVE], axis=1)}, partial=True)
    differences, over, one = said(seen, stored(Channel(WAVE, "ECG"), Channel(-WAVE, "EMG")))
    assert (differences, over["channels"], over["values"]) == ([], 2, 1000)
    assert one.left_aside == ()


def test_stored_numbers_are_the_values_by_one_factor_and_offset() -> None:
    raw = np.round(WAVE * 1000).astype(np.int16)
    scaled = stored(Channel(raw * 0.25 + 3, "ECG"))
    differences, over, one = said(Seen(arrays={"raw": raw}, partial=True), scaled)
    assert (differences, over["channels"], one.left_aside) == ([], 1, (SCALED,))
    bent = stored(Channel(raw * 0.25 + 3 + (np.arange(500) == 77), "ECG"))
    assert not said(Seen(arrays={"raw": raw}, partial=True), bent)[1].get("channels")
    differences, *_ = said(Seen(arrays={"ECG": raw}, partial=True), bent)
    assert "500 values differ" in differences[0]


@pytest.mark.parametrize("name", ["ECG", "column 1"])
def test_one_wrong_value_of_a_column_is_told(name: str) -> None:
    """By its name, or as most of its values are the channel's."""
    wrong = WAVE.copy()
    wrong[123] += 1e-3
    differences, *_ = said(
        Seen(arrays={"t": TIME, name: wrong}, partial=True), stored(Channel(WAVE, "ECG"))
    )
    assert "at [123]" in differences[0]
    assert "1 of 500 values differ" in differences[0]


def test_numbers_above_the_first_sample_are_no_samples() -> None:
    seen = Seen(arrays={"CH1": np.concatenate([[500.0], WAVE])}, partial=True)
    assert said(seen, stored(Channel(WAVE, "ECG")))[:2] == ([], {"channels": 1, "values": 500})


def test_arrays_of_tables_are_paired_by_their_values() -> None:
    seen = Seen(arrays={"sheet/0": TIME, "sheet/1": WAVE}, partial=True)
    differences, over, _ = said(seen, Seen(arrays={"sheet/ECG": WAVE, "names": np.array(["a"])}))
    assert (differences, over["arrays"]) == ([], 1)


def test_pixel_sizes_and_names_of_channels_are_compared() -> None:
    image = np.zeros((2, 4, 5), np.uint8)
    seen = Seen(images=(image,), steps_um=({"x": 0.5, "y": 0.5},), channel_names=("DAPI", "GFP"))
    right = Seen(images=(image,), steps_um=({"x": 0.5, "z": 2.0},), channel_names=("DAPI", "GFP"))
    differences, over = compare(seen, right)
    assert (differences, over["facts"]) == ([], ["channel names", "pixel sizes"])
    wrong = Seen(images=(image,), steps_um=({"x": 500.0},), channel_names=("GFP", "DAPI"))
    differences, _ = compare(seen, wrong)
    assert differences[0] == "image 0: x step of 500.0 µm in the store, 0.5 µm in the file"
    assert "channels ('GFP', 'DAPI') in the store, ('DAPI', 'GFP') in the file" in differences


def test_planes_in_another_order_are_told_where_the_order_is_known() -> None:
    planes = np.arange(24).reshape(2, 3, 4)
    assert compare(Seen(images=(planes,)), Seen(images=(planes,)))[0] == []
    assert compare(Seen(images=(planes,)), Seen(images=(planes[::-1],)))[0] != []
    assert compare(Seen(images=(planes,), pooled=True), Seen(images=(planes[::-1],)))[0] == []


@pytest.mark.parametrize("separator", [",", "\t", ";", " "])
def test_columns_of_a_text(separator: str, tmp_path: Path) -> None:
    rows = [
        ("ECG of a mouse",),
        ("time", "mV"),
        *((f"{t:g}", f"{v:g}") for t, v in zip(TIME, WAVE, strict=True)),
    ]
    text = "\n".join(separator.join(row) for row in rows)
    (tmp_path / "x.txt").write_text(text.replace(".", ",") if separator == ";" else text)
    found = numbers.text([tmp_path / "x.txt"]).arrays
    assert list(found) == ["time", "mV"]
    np.testing.assert_allclose(found["mV"], WAVE, atol=1e-5)


def test_words_are_no_columns(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("a line of words\nand one more\n")
    with pytest.raises(ValueError, match="no lines"):
        numbers.text([tmp_path / "x.txt"])


def test_arrays_of_json_and_of_a_spreadsheet(tmp_path: Path) -> None:
    told = {
        "a": {"rate": 3, "ecg": WAVE.tolist()},
        "rows": [{"t": t, "n": "x"} for t in (1, 2, None)],
    }
    (tmp_path / "x.json").write_text(json.dumps(told))
    found = numbers.json_file([tmp_path / "x.json"]).arrays
    assert list(found) == ["a/ecg", "rows/t"]
    np.testing.assert_array_equal(found["a/ecg"], WAVE)
    np.testing.assert_array_equal(found["rows/t"], [1, 2, np.nan])
    book = openpyxl.Workbook()
    values = np.round(WAVE, 6)
    for row in [("time", "mV"), *zip(TIME.tolist(), values.tolist(), strict=True)]:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(tmp_path / "x.xlsx")
    sheet = numbers.spreadsheet([tmp_path / "x.xlsx"]).arrays
    np.testing.assert_array_equal(sheet["Sheet/1"], values)


@pytest.mark.parametrize("user_block", [0, 512])
def test_hdf5_without_its_c_library(user_block: int, tmp_path: Path) -> None:
    """Behind a user block, as MATLAB has it, pyfive itself reads zeros."""
    with h5py.File(tmp_path / "x.mat", "w", userblock_size=user_block) as file:
        file["g/plain"] = WAVE
        file.create_dataset(
            "chunked", data=np.arange(600).reshape(2, 300), chunks=(1, 100), compression=4
        )
        file["empty"] = np.zeros(2)
        file["empty"].attrs["MATLAB_empty"] = 1
    found = numbers.hdf5([tmp_path / "x.mat"]).arrays
    np.testing.assert_array_equal(found["g/plain"], WAVE)
    np.testing.assert_array_equal(found["chunked"], np.arange(600).reshape(2, 300))
    turned = numbers.matlab([tmp_path / "x.mat"]).arrays
    assert sorted(turned) == ["chunked", "g/plain"]
    assert turned["chunked"].shape == (300, 2)


def refusing(_: Sequence[Path]) -> Seen:
    message = "it shows colours of palettes"
    raise KnownFaultError(message)


def failing(_: Sequence[Path]) -> Seen:
    raise IndexError


def test_the_next_library_is_asked_and_the_first_reason_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sparc_fuse_core.proof.published.look", lambda _: stored(Channel(WAVE)))
    monkeypatch.setattr(opinion, "_bound_memory", lambda: None)

    def asked(*readers: Any) -> dict[str, Any]:
        rows = tuple(SecondReader(library, read) for library, read in readers)
        monkeypatch.setitem(registry.SECOND_READERS, "made up", rows)
        return opinion.opinion([str(tmp_path)], str(tmp_path), "made up")

    right = asked(
        ("numpy", refusing), ("nowhere", failing), ("h5py", lambda _: stored(Channel(WAVE)))
    )
    assert (right["result"], right["library"]) == ("agrees", "h5py")
    neither = asked(("numpy", refusing), ("h5py", failing))
    assert neither["result"] == "refused"
    assert neither["message"] == "numpy: it shows colours of palettes; h5py: IndexError"
    assert asked(("nowhere", failing))["message"] == "pip install nowhere"


def test_a_kept_child_gives_many_opinions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries are imported once; the child is another one after a while."""
    wave = tmp_path / "x.json"
    wave.write_text(json.dumps({"ecg": WAVE.tolist()}))
    root = zarr.create_group(tmp_path / "x.zarr")
    root.create_array("ecg", data=WAVE)
    kept = opinion._Kept()
    monkeypatch.setattr(opinion, "_kept", kept)
    monkeypatch.setattr(opinion, "_MOST_TOGETHER", 3)
    opinion.keep_child()
    assert kept.child is not None
    starts = []
    for _ in range(4):
        said = opinion.second_opinion([wave], tmp_path / "x.zarr", "json")
        assert said["result"] == "agrees"
        starts.append(kept.child.n_starts)
    assert starts == [1, 1, 1, 2]
    kept.child.close()


@pytest.mark.parametrize(
    ("head", "is_taken"),
    [
        ("CompressedData = False\n", True),
        ("CompressedData = True\n", False),
        ("CompressedData = True\nCompressedDataSize = 9\nHeaderSize = 7\n", False),
    ],
)
def test_what_itk_shows_wrong_is_not_asked_of_it(head: str, is_taken: bool, tmp_path: Path) -> None:
    """It shows free memory where it cannot unpack."""
    from sparc_fuse_core.proof.meshes import volume_by_itk

    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    text = f"ObjectType = Image\nNDims = 2\nBinaryData = True\n{head}DimSize = 3 2\n"
    path = tmp_path / "x.mha"
    path.write_bytes(
        f"{text}ElementType = MET_UCHAR\nElementDataFile = LOCAL\n".encode() + pixels.tobytes()
    )
    pytest.importorskip("SimpleITK")
    if is_taken:
        np.testing.assert_array_equal(volume_by_itk([path]).images[0], pixels)
    else:
        with pytest.raises(KnownFaultError, match="ITK shows other"):
            volume_by_itk([path])
