"""Arrays that are decompressed without the format's own library are what that library reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import loadmat, savemat

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.hdf5.arrays import StoredBlocks
from sparc_fuse_core.readers.hdf5.chunks import deflated_chunks
from sparc_fuse_core.readers.mat import v5 as mat5
from sparc_fuse_core.readers.mat.v5_arrays import plain_arrays
from sparc_fuse_core.readers.shared.tree import Numeric

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(11)
NUMBERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
NUMBERS += ["float32", "float64"]


def as_big_endian(data: bytes) -> bytes:
    """Turn an uncompressed file of one float64 variable around: words of 4 bytes, values of 8."""
    words = np.frombuffer(data[128:], "<u4").astype(">u4").tobytes()
    name = data.index(b"long_name") - 128
    values = name + 16 + 8
    turned = words[:name] + data[128 + name : 128 + name + 16] + words[name + 16 : values]
    turned += np.frombuffer(data[128 + values :], "<f8").astype(">f8").tobytes()
    return data[:124] + b"\x01\x00MI" + turned


@settings(max_examples=60, deadline=None)
@given(
    dtype=st.sampled_from(NUMBERS),
    shape=st.lists(st.integers(0, 5), min_size=2, max_size=4),
    compressed=st.booleans(),
    name=st.sampled_from(["x", "data", "a_longer_name", "n" * 31]),
)
def test_numeric_variables_of_a_mat_file_are_those_of_scipy(
    dtype: str,
    shape: list[int],
    compressed: bool,
    name: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("x") / "x.mat"
    values = RNG.integers(0, 100, shape).astype(dtype)
    savemat(path, {name: values, "fs": 1000.0}, do_compression=compressed)
    assert None not in plain_arrays(path)
    variables, _ = mat5.read_variables(path, path.read_bytes()[:128])
    assert list(variables) == [name, "fs"]
    node, expected = variables[name], loadmat(path)[name]
    assert isinstance(node, Numeric)
    assert node.rows.dtype == expected.dtype
    assert node.matlab_class == {"float64": "double", "float32": "single"}.get(dtype, dtype)
    np.testing.assert_array_equal(node.whole(), expected)


def test_what_is_no_real_array_is_left_to_scipy(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    large = RNG.normal(size=(200_000, 2))
    others = {"c": np.array([1 + 2j]), "s": "text", "l": np.array([True]), "st": {"a": 1.0}}
    savemat(path, {"large": large, **others}, do_compression=True)
    found = plain_arrays(path)
    assert [array is not None for array in found] == [True, False, False, False, False]
    variables, _ = mat5.read_variables(path, path.read_bytes()[:128])
    assert list(variables) == ["large", *others]
    node = variables["large"]
    assert isinstance(node, Numeric)
    np.testing.assert_array_equal(node.whole(), large)


def test_big_endian_mat_file(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    values = RNG.normal(size=(7, 3))
    savemat(path, {"long_name": values})
    path.write_bytes(as_big_endian(path.read_bytes()))
    np.testing.assert_array_equal(loadmat(path)["long_name"], values)
    variables, _ = mat5.read_variables(path, path.read_bytes()[:128])
    node = variables["long_name"]
    assert isinstance(node, Numeric)
    np.testing.assert_array_equal(node.whole(), values)


@pytest.mark.parametrize("cut", [40, 400])
def test_a_damaged_variable_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.mat"
    savemat(path, {"data": RNG.normal(size=(5000, 2))}, do_compression=True)
    data = bytearray(path.read_bytes())
    for at in range(len(data) - cut, len(data) - cut + 8):
        data[at] ^= 0x5A
    path.write_bytes(data)
    with pytest.raises(CorruptFileError, match="not a readable MAT file"):
        mat5.read_variables(path, bytes(data[:128]))


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    dtype=st.sampled_from([*NUMBERS, ">i2", ">f8"]),
    shuffle=st.booleans(),
    n_channels=st.integers(1, 5),
    n_samples=st.integers(20_000, 60_000),
)
def test_any_blocks_of_a_deflated_dataset_are_those_of_hdf5(
    data: st.DataObject,
    dtype: str,
    shuffle: bool,
    n_channels: int,
    n_samples: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("x") / "x.h5"
    values = RNG.integers(0, 100, (n_channels, n_samples)).astype(dtype)
    chunk = (data.draw(st.integers(1, n_channels)), data.draw(st.integers(8192, n_samples)))
    chunk = (chunk[0], max(chunk[1], 32_768 // np.dtype(dtype).itemsize))
    chunk = (chunk[0], min(chunk[1], n_samples))
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, chunks=chunk, compression="gzip", shuffle=shuffle)
    edges = sorted(data.draw(st.lists(st.integers(0, n_samples), max_size=6)))
    rows = sorted(data.draw(st.tuples(*(st.integers(0, n_channels) for _ in range(2)))))
    with h5py.File(path) as file:
        blocks = StoredBlocks(file["x"])
        for start, stop in zip([0, *edges], [*edges, n_samples], strict=True):
            block = blocks[rows[0] : rows[1], start:stop]
            assert block.dtype == values.dtype
            np.testing.assert_array_equal(block, values[rows[0] : rows[1], start:stop])


def test_chunks_that_were_never_written_hold_the_fill_value(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        made = file.create_dataset(
            "x", (2, 50_000), "f8", chunks=(1, 10_000), compression="gzip", fillvalue=-1.0
        )
        made[1, 20_000:25_000] = 3.0
        assert deflated_chunks(made) is not None
        block = StoredBlocks(made)[0:2, 0:50_000]
        np.testing.assert_array_equal(block, made[...])


def test_a_chunk_that_is_stored_without_its_filter(tmp_path: Path) -> None:
    values = np.arange(2 * 25_000.0).reshape(2, -1)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        made = file.create_dataset("x", data=values, chunks=(1, 10_000), compression="gzip")
        made.id.write_direct_chunk((0, 10_000), (values[0, 10_000:20_000] + 1).tobytes(), 1)
        assert deflated_chunks(made) is not None
        block = StoredBlocks(made)[0:2, 5:25_000]
        np.testing.assert_array_equal(block[0, 9_995:19_995], values[0, 10_000:20_000] + 1)
        np.testing.assert_array_equal(block[1], values[1, 5:])


def test_a_damaged_chunk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        made = file.create_dataset(
            "x", data=RNG.normal(size=50_000), chunks=(10_000,), compression="gzip"
        )
        at = made.id.get_chunk_info_by_coord((20_000,)).byte_offset
    with path.open("r+b") as raw:
        raw.seek(at + 500)
        raw.write(b"\x5a" * 300)
    with h5py.File(path) as file:
        blocks = StoredBlocks(file["x"])
        assert len(blocks[0:20_000]) == 20_000
        with pytest.raises(CorruptFileError, match="dataset /x cannot be read"):
            blocks[15_000:25_000]


def test_what_is_not_deflated_alone_is_left_to_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        values = np.arange(50_000.0)
        options = {"compression": "gzip", "fletcher32": True, "chunks": (10_000,)}
        checked = file.create_dataset("a", data=values, **options)
        plain = file.create_dataset("b", data=values, chunks=(10_000,))
        flags = file.create_dataset("c", data=values > 3, chunks=(50_000,), compression="gzip")
        assert [deflated_chunks(one) for one in (checked, plain, flags)] == [None, None, None]
        np.testing.assert_array_equal(StoredBlocks(checked)[5:20_000], values[5:20_000])


def stored(
    path: Path, base: h5py.h5t.TypeID, values: np.ndarray, precision: int, offset: int
) -> None:
    """Write integers of a declared precision, in a chunk that is large enough to be taken as it is."""
    kind = base.copy()
    kind.set_precision(precision)
    kind.set_offset(offset)
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((values.size // 2,))
    creation.set_shuffle()
    creation.set_deflate(4)
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple(values.shape)
        h5py.Dataset(h5py.h5d.create(file.id, b"x", kind, space, creation))[...] = values


@pytest.mark.parametrize(
    ("base", "precision", "offset"),
    [
        *((h5py.h5t.STD_I32LE, 24, 0), (h5py.h5t.STD_I32BE, 20, 5), (h5py.h5t.STD_U16LE, 12, 4)),
        *((h5py.h5t.STD_I64LE, 40, 8), (h5py.h5t.STD_I16LE, 16, 0)),
    ],
)
def test_integers_of_a_declared_precision_are_those_of_hdf5(
    base: h5py.h5t.TypeID, precision: int, offset: int, tmp_path: Path
) -> None:
    path = tmp_path / "x.h5"
    values = np.arange(60_000) % 4000 - (0 if base == h5py.h5t.STD_U16LE else 2000)
    stored(path, base, values, precision, offset)
    with h5py.File(path) as file:
        is_plain = offset == 0 and precision == 8 * base.get_size()
        assert (deflated_chunks(file["x"]) is not None) == is_plain
        blocks = StoredBlocks(file["x"])
        np.testing.assert_array_equal(blocks[(slice(0, 60_000),)], values)
        np.testing.assert_array_equal(blocks[(slice(29_000, 31_000),)], values[29_000:31_000])
