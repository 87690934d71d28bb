"""HDF5: WaveSurfer and MaxWell recordings, files described by a scheme, and files that describe themselves.

Nothing outside of the file is followed: neither external links nor external or virtual storage. Objects,
references and code are never executed. A file whose content is NWB or MATLAB goes to that reader.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h5py

from sparc_fuse_core.errors import NothingToConvertError
from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.readers.exports.contents import contents_of_tree
from sparc_fuse_core.readers.hdf5.arrays import check_filter, damage_told, member, open_hdf5
from sparc_fuse_core.readers.hdf5.groups import map_groups
from sparc_fuse_core.readers.hdf5.maxwell import is_maxwell, read_maxwell
from sparc_fuse_core.readers.hdf5.tree import tree_of
from sparc_fuse_core.readers.hdf5.wavesurfer import is_wavesurfer, read_wavesurfer
from sparc_fuse_core.readers.shared.tree import Left

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Contents


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an HDF5 file; see `sparc_fuse_core.readers.Reader`."""
    with open_hdf5(path) as file:
        other = _other_format(file, path)
        if not other:
            yield _contents(file, options, path)
    if other:
        with load_reader(format_named(other))(path, {}) as contents:
            yield contents


def _other_format(file: h5py.File, path: Path) -> str:
    """Return the format that the content gives away, or ``""``."""
    with damage_told(path):
        if "nwb_version" in file.attrs or "nwb_version" in file:
            return "nwb"
    with path.open("rb") as raw:
        return "mat" if raw.read(10) == b"MATLAB 7.3" else ""


def _contents(file: h5py.File, options: Mapping[str, Any], path: Path) -> Contents:
    with damage_told(path):
        if options.get("group_path"):
            contents = map_groups(file, options, path)
        elif is_wavesurfer(file):
            contents = read_wavesurfer(file, path)
        elif is_maxwell(file):
            contents = read_maxwell(file, path)
        else:
            return _stated(file, options, path)
    if not any(recording.n_values for recording in contents.recordings):
        message = f"{path.name}: its recordings hold no sample"
        raise NothingToConvertError(message)
    return contents


def _stated(file: h5py.File, options: Mapping[str, Any], path: Path) -> Contents:
    """Return what the file states by its words, or its arrays."""
    root = tree_of(file)
    left = [name for name, node in root.fields.items() if isinstance(node, Left)]
    try:
        return contents_of_tree(
            root.fields,
            root.attributes,
            path.name,
            rate_hz=options.get("sampling_rate_hz"),
            orientation=str(options.get("orientation", "")),
            separator="/",
            is_ordered=False,
        )
    except NothingToConvertError:
        for name in left:
            item = member(file, name)
            if isinstance(item, h5py.Dataset):
                check_filter(item, path)
        raise
