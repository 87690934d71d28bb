"""No dataset of an HDF5 file is read from another file, whichever reader reads it, whatever leads there."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from sparc_fuse_core.errors import CorruptFileError, OutsideFileError, SparcFuseError
from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.readers.hdf5.confined import open_confined
from sparc_fuse_core.readers.mat.matio_objects import load_stored_objects
from tests.samples import Sample, all_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Way = Callable[[h5py.File, str, np.ndarray, Path], None]

#: Bytes of the file outside: each value made of them is recognised, whatever its type.
LETTER = b"S"
FAMILIES = (
    *("hdf5-attributes", "hdf5-time-beside", "hdf5-maxwell-gap", "hdf5-wavesurfer-old"),
    *("nwb-ephys", "nwb-events-only", "mat-timed-7.3", "eeglab-v7.3", "ims-uint16"),
)
SAMPLES = {sample.name: sample for sample in all_samples() if sample.name in FAMILIES}


def secret(values: np.ndarray) -> np.ndarray:
    """Return an array of the same shape and type, made of the letter."""
    return np.frombuffer(LETTER * values.nbytes, values.dtype).reshape(values.shape)


def storage(file: h5py.File, name: str, values: np.ndarray, outside: Path) -> None:
    """External storage in a plain file."""
    external = [(str(outside / "secret.bin"), 0, values.nbytes)]
    file.create_dataset(name, values.shape, values.dtype, external=external)


def link(file: h5py.File, name: str, values: np.ndarray, outside: Path) -> None:
    """A link to a dataset of another HDF5 file."""
    with h5py.File(outside / "secret.h5", "a") as other:
        del other["x"]
        other["x"] = secret(values)
    file[name] = h5py.ExternalLink(str(outside / "secret.h5"), "/x")


def soft_link(file: h5py.File, name: str, values: np.ndarray, outside: Path) -> None:
    """Soft links, the last of which passes through an external link."""
    link(file, "zz", values, outside)
    del file["zz"]
    file["zz"] = h5py.ExternalLink(str(outside / "secret.h5"), "/")
    file["zz_2"] = h5py.SoftLink("/zz/x")
    file[name] = h5py.SoftLink("/zz_2")


def virtual(file: h5py.File, name: str, values: np.ndarray, outside: Path) -> None:
    """A virtual dataset over a virtual dataset of this file over external storage."""
    storage(file, "zz", values, outside)
    for source, target in (("zz", "zz_2"), ("zz_2", name)):
        layout = h5py.VirtualLayout(values.shape, values.dtype)
        layout[...] = h5py.VirtualSource(".", source, values.shape, values.dtype)
        file.create_virtual_dataset(target, layout)


def virtual_link(file: h5py.File, name: str, values: np.ndarray, outside: Path) -> None:
    """A virtual dataset over this file, whose source is behind an external link."""
    link(file, "zz", values, outside)
    layout = h5py.VirtualLayout(values.shape, values.dtype)
    layout[...] = h5py.VirtualSource(".", "zz", values.shape, values.dtype)
    file.create_virtual_dataset(name, layout)


def inside(file: h5py.File, name: str, values: np.ndarray, outside: Path) -> None:
    """No attack: the same values in the file itself."""
    del outside
    file[name] = secret(values)


WAYS: tuple[Way, ...] = (storage, link, soft_link, virtual, virtual_link)


def datasets_of(path: Path) -> list[str]:
    """Return the datasets of numbers and fixed texts that have an axis."""
    names: list[str] = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                names.append(name)
                if isinstance(item, h5py.Dataset) and item.shape and item.dtype.kind in "biufS"
                else None
            )
        )
    return names


def replace(path: Path, name: str, way: Way, outside: Path) -> None:
    """Put another dataset in the place of one; attributes, and references to it, stay."""
    with h5py.File(path, "r+") as file:
        old = file[name]
        values, attributes = old[()], {key: old.attrs.get_id(key) for key in old.attrs}
        kept = {key: (old.attrs[key], stored.dtype) for key, stored in attributes.items()}
        references: list[tuple[str, int]] = []

        def look(other: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and h5py.check_ref_dtype(item.dtype) is not None:
                found = item[()].reshape(-1)
                references.extend(
                    (other, i) for i, one in enumerate(found) if one and file[one] == old
                )

        file.visititems(look)
        del file[name]
        way(file, name, values, outside)
        if isinstance(file.get(name, getlink=True), h5py.HardLink):
            new = file[name]
            for key, (value, dtype) in kept.items():
                new.attrs.create(key, value, dtype=dtype)
            for other, i in references:
                table = file[other][()]
                table.reshape(-1)[i] = new.ref
                file[other][...] = table


def texts_of(value: Any) -> Iterator[str]:
    """Yield every number and text of what a reader gave, arrays read."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from texts_of(getattr(value, field.name))
    elif isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from texts_of(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from texts_of(one)
    elif hasattr(value, "shape") and hasattr(value, "dtype"):
        array = np.asarray(value[tuple(slice(None) for _ in value.shape)])
        yield from (str(one) for one in np.unique(array).tolist())
    elif value is not None:
        yield str(value)


def marks_of(path: Path, name: str) -> set[str]:
    """Return how the letter shows in values of a dataset's type."""
    with h5py.File(path) as file:
        dtype = file[name].dtype
    value = np.frombuffer(LETTER * dtype.itemsize, dtype)[0]
    if dtype.kind == "S":
        return {value.decode()}
    if dtype.itemsize == 1 or dtype.kind == "b":
        return set()  # too common a value to tell
    return {str(value.item()), str(float(value))} | {chr(int(value)) for _ in [0] if dtype == "<u2"}


def read_all(sample: Sample, path: Path, options: Mapping[str, Any]) -> str:
    """Return all that the reader gives of a file, as one text; what it refuses by name is nothing."""
    try:
        with load_reader(format_named(sample.format))(path, options) as contents:
            return "\n".join(texts_of(contents))
    except SparcFuseError as err:
        return str(err)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_dataset_of_any_reader_is_read_from_elsewhere(family: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.bin").write_bytes(LETTER * 2_000_000)
    with h5py.File(outside / "secret.h5", "w") as other:
        other["x"] = 0
    (tmp_path / "ds").mkdir()
    sample = SAMPLES[family]
    truth = sample.write(tmp_path / "ds")
    original = tmp_path / "original"
    shutil.copy(truth.path, original)
    n_seen = 0
    for i, name in enumerate(datasets_of(original)):
        marks = marks_of(original, name)
        # all ways for some, one in turn for the others
        ways = WAYS if i % 7 == 0 else (WAYS[i % len(WAYS)],)
        for way in (inside, *ways):
            shutil.copy(original, truth.path)
            replace(truth.path, name, way, outside)
            found = read_all(sample, truth.path, truth.options)
            leaked = any(mark in found for mark in marks)
            if way is inside:
                n_seen += leaked
            else:
                assert not leaked, f"{name} by {way.__name__}"
    assert n_seen, "the test would not see a leak"


def test_each_way_out_is_refused_and_each_way_inside_is_open(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.bin").write_bytes(LETTER * 1000)
    values = np.arange(10, dtype="<i4")
    for way in WAYS:
        with h5py.File(outside / "secret.h5", "w") as other:
            other["x"] = 0
        path = tmp_path / f"{way.__name__}.h5"
        with h5py.File(path, "w") as file:
            way(file, "a/x", values, outside)
        with open_confined(path) as file:
            assert "x" in file["a"]
            for lead in (lambda: file["a/x"], lambda: file["a"]["x"], lambda: file.get("a/x")):
                with pytest.raises(OutsideFileError, match=path.name):
                    lead()
            with pytest.raises(OutsideFileError):
                list(file["a"].values())
    path = tmp_path / "inside.h5"
    with h5py.File(path, "w") as file:
        file["a/x"] = values
        file["soft"] = h5py.SoftLink("/a")
        file["chain"] = h5py.SoftLink("soft/x")
        file["loop"] = h5py.SoftLink("/loop")
        file["nowhere"] = h5py.SoftLink("/b/c")
        file["reference"] = np.array([file["a/x"].ref], h5py.ref_dtype)
        layout = h5py.VirtualLayout((20,), "<i4")
        layout[:10] = layout[10:] = h5py.VirtualSource(".", "chain", (10,), "<i4")
        file.create_virtual_dataset("virtual", layout)
    with open_confined(path) as file:
        for name in ("a/x", "/a/./x", "soft/x", "chain"):
            np.testing.assert_array_equal(file[name][()], values)
        np.testing.assert_array_equal(file["virtual"][:10], values)
        np.testing.assert_array_equal(file[file["reference"][0]][()], values)
        assert file["a/x"].parent == file["a"]
        assert type(file["a/x"].parent.file) is type(file)
        for name, kind in (
            ("loop", h5py.SoftLink),
            ("a/x", h5py.HardLink),
            ("soft/x", h5py.HardLink),
        ):
            assert isinstance(file.get(name, getlink=True), kind)
        assert "loop" not in file
        assert "nowhere" not in file
        assert file.get("b") is None
        with pytest.raises(KeyError):
            file["loop"]


def test_what_only_a_reference_leads_to_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(LETTER * 80)
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        hidden = file.create_dataset(
            None, (10,), "<i4", external=[(str(tmp_path / "secret.bin"), 0, 40)]
        )
        file["x"] = np.array([hidden.ref], h5py.ref_dtype)
        file["keep"] = hidden
    with open_confined(path) as file, pytest.raises(OutsideFileError):
        file[file["x"][0]]


def test_virtual_datasets_that_never_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        for name, source in (("self", "self"), ("a", "b"), ("b", "a"), ("gone", "absent")):
            layout = h5py.VirtualLayout((10,), "<i4")
            layout[:] = h5py.VirtualSource(".", source, (10,), "<i4")
            file.create_virtual_dataset(name, layout)
    with open_confined(path) as file:
        for name in ("self", "a", "gone"):
            with pytest.raises(CorruptFileError):
                file[name]


def test_objects_of_matlab_are_read_from_the_file_itself(tmp_path: Path) -> None:
    """mat-io walks the subsystem by itself: it has to be handed the confined file."""
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["MCOS"] = np.zeros(4)
    path = tmp_path / "x.mat"
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros((1, 6), "<u4")
        file["x"].attrs["MATLAB_object_decode"] = np.int32(3)
        file["x"].attrs["MATLAB_class"] = np.bytes_("string")
        file["#subsystem#"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/")
    with open_confined(path) as file, pytest.raises(OutsideFileError):
        load_stored_objects(file, ["x"], "<")


def test_no_reader_opens_hdf5_by_itself() -> None:
    folder = Path(load_reader.__code__.co_filename).parents[1] / "readers"
    found = [file for file in folder.rglob("*.py") if "h5py.File(" in file.read_text()]
    assert not found


@pytest.mark.parametrize("kind", ["hdf5", "nwb", "struct", "cell"])
def test_groups_and_cells_that_hold_themselves_have_an_end(kind: str, tmp_path: Path) -> None:
    name = "nwb" if kind == "nwb" else "hdf5" if kind == "hdf5" else "mat"
    path = tmp_path / f"x.{name}"
    with h5py.File(path, "w", userblock_size=512 if name == "mat" else 0) as file:
        group = file.create_group("acquisition/g")
        group["a"] = group["b"] = group
        file["general"] = group
        if kind == "cell":
            cells = file.create_dataset("c", (1, 40), h5py.ref_dtype)
            cells[...] = cells.ref
            cells.attrs["MATLAB_class"] = np.bytes_("cell")
        for at, values in (("acquisition/y/data", np.arange(4000.0)), ("fs", np.array([[100.0]]))):
            file[at] = values.reshape(1, -1) if name == "mat" else values
            file[at].attrs["MATLAB_class"] = np.bytes_("double")
            file[at].attrs["sampling_rate"] = 100.0
        file["acquisition/y/starting_time"] = 0.0
        file["acquisition/y/starting_time"].attrs["rate"] = 100.0
        file.attrs["of"] = kind
        if kind == "nwb":
            file.attrs["nwb_version"] = "2.0"
    if name == "mat":
        with path.open("r+b") as raw:
            raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    started = time.monotonic()
    with contextlib.suppress(SparcFuseError), load_reader(format_named(name))(path, {}) as contents:
        assert contents.recordings or contents.arrays
    assert time.monotonic() - started < 10
