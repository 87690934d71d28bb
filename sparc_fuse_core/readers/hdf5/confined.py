"""HDF5 files whose every dataset lies in the file itself: the one place where HDF5 is opened.

An HDF5 file can name any other file of the machine as the place of its values: by external storage (plain
files, ``/proc/self/environ`` too), by external and user-defined links, by virtual datasets, and by each of
these behind soft links or behind each other. HDF5 follows all of them silently. The classes here are h5py's
own, except that an object is handed out only after every link on the way to it, and the storage of its
values, is known to stay in the file. Readers get their file from `open_confined` and reach everything else
through it, so none of them can forget to ask.
"""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import h5py
from h5py import h5d, h5f, h5g, h5i, h5l, h5o, h5t

from sparc_fuse_core.errors import CorruptFileError, OutsideFileError, SizeLimitError
from sparc_fuse_core.readers.shared.unpacked import check_unpacked

if TYPE_CHECKING:
    from pathlib import Path

#: Soft links on one way; HDF5 itself stops at 16.
_MOST_LINKS = 16
#: Virtual datasets over each other.
_MOST_LAYERS = 8
#: Sources of the virtual datasets behind one dataset.
_MOST_SOURCES = 10_000
#: Of one chunk that has filters.
_MOST_CHUNK_BYTES = 1_000_000_000


class _Confined:
    """What groups, files and datasets share: no way back to an object that is not confined."""

    id: Any

    @property
    def file(self) -> ConfinedFile:
        """The file that the object lies in."""
        return ConfinedFile(h5i.get_file_id(self.id))

    @property
    def parent(self) -> ConfinedGroup:
        """The group that the object was reached through."""
        name = getattr(self, "name", None)
        if name is None:
            message = "what only a reference leads to has no parent"
            raise ValueError(message)
        found: ConfinedGroup = self.file[str(PurePosixPath(name).parent)]
        return found


class ConfinedDataset(_Confined, h5py.Dataset):  # type: ignore[misc]
    """A dataset whose values lie in its own file."""

    def __getitem__(self, args: Any, new_dtype: Any = None) -> Any:
        """Read values; all of them at once only where the file can hold them.

        Raises
        ------
        SizeLimitError
            If all are asked for, and are far more than is stored.
        """
        if (args is Ellipsis or (isinstance(args, tuple) and not args)) and self.shape:
            check_unpacked(
                f"{file_name(self.id)}: {self.name}", self.id.get_storage_size(), self.nbytes
            )
        return super().__getitem__(args, new_dtype)


class ConfinedGroup(_Confined, h5py.Group):  # type: ignore[misc]
    """A group that hands out only what lies in its own file."""

    def __getitem__(self, name: Any) -> Any:
        """Return a member, or what a path or a reference leads to.

        Raises
        ------
        KeyError
            If there is none.
        OutsideFileError
            If it, or the values of it, lie in another file.
        """
        if isinstance(name, h5py.h5r.Reference):  # a region reference is one too
            found = h5py.h5r.dereference(name, self.id)
            if found is None:
                message = "a reference leads nowhere"
                raise ValueError(message)
        else:
            found = _walk(self.id, _encoded(name), [_MOST_LINKS])
        return _confined(found)

    def get(
        self, name: Any, default: Any = None, getclass: bool = False, getlink: bool = False
    ) -> Any:
        """Return a member, or ``default`` if there is none; see `h5py.Group.get`."""
        try:
            found = self._link(_encoded(name)) if getlink else self[name]
        except KeyError:
            return default
        return type(found) if getclass else found

    def _link(self, path: bytes) -> Any:
        """Return what kind of link the last step of a path is, without following it."""
        above, _, last = path.rpartition(b"/")
        place = _walk(self.id, above or (b"/" if path.startswith(b"/") else b""), [_MOST_LINKS])
        kind = _link_kind(place, last)
        if kind == h5l.TYPE_HARD:
            return h5py.HardLink()
        if kind == h5l.TYPE_SOFT:
            return h5py.SoftLink(_shown(place.links.get_val(last)))
        if kind == h5l.TYPE_EXTERNAL:
            return h5py.ExternalLink(*map(_shown, place.links.get_val(last)))
        message = f"{_shown(last)}: a link of an unknown kind"
        raise KeyError(message)

    def __contains__(self, name: Any) -> bool:
        """Whether there is a member, or a link to one, whether or not it may be followed."""
        try:
            _walk(self.id, _encoded(name), [_MOST_LINKS])
        except OutsideFileError:
            return True
        except (KeyError, ValueError, TypeError):
            return False
        return True


class ConfinedFile(ConfinedGroup, h5py.File):  # type: ignore[misc]
    """An HDF5 file, open for reading."""


def open_confined(path: Path, **cache: int) -> ConfinedFile:
    """Open an HDF5 file for reading; ``cache`` are h5py's settings of the cache of chunks.

    Raises
    ------
    OSError
        And what else h5py raises on a file that is damaged or none.
    """
    return ConfinedFile(path, "r", **cache)


def _encoded(name: Any) -> bytes:
    return name if isinstance(name, bytes) else str(name).encode("utf-8", "surrogateescape")


def _confined(found: Any) -> Any:
    """Return the object of an identifier, after its storage has been looked at."""
    if isinstance(found, h5g.GroupID):
        return ConfinedGroup(found)
    if isinstance(found, h5d.DatasetID):
        _check_storage(found, [_MOST_SOURCES], ())
        return ConfinedDataset(found)
    if isinstance(found, h5t.TypeID):
        return h5py.Datatype(found)
    message = f"an HDF5 object of an unknown kind ({type(found).__name__})"
    raise TypeError(message)


def _walk(start: Any, path: bytes, links_left: list[int]) -> Any:
    """Return the identifier of what a path leads to, each link on the way looked at before it is followed.

    Parameters
    ----------
    start
        Identifier of the group that the path begins at.
    links_left
        One number: how many soft links may still be followed.
    """
    place = h5o.open(start, b"/") if path.startswith(b"/") else start
    for step in path.split(b"/"):
        if step in (b"", b"."):
            continue
        kind = _link_kind(place, step)
        if kind == h5l.TYPE_HARD:
            place = h5o.open(place, step)
        elif kind == h5l.TYPE_SOFT:
            links_left[0] -= 1
            if links_left[0] < 0:
                message = f"{_shown(step)}: more than {_MOST_LINKS} links after each other"
                raise KeyError(message)
            place = _walk(place, place.links.get_val(step), links_left)
        else:
            message = (
                f"{file_name(start)}: {_shown(step)} is a link to another file, which is not followed; copy "
                "what it leads to into the file (h5copy, h5repack) and upload it again"
            )
            raise OutsideFileError(message)
    return place


def _link_kind(place: Any, step: bytes) -> int:
    """Return the kind of one link of a group.

    Raises
    ------
    KeyError
        If there is none.
    """
    if not isinstance(place, h5g.GroupID | h5f.FileID):
        message = f"{_shown(step)} lies below what is no group"
        raise KeyError(message)
    try:
        return int(place.links.get_info(step).type)
    except (KeyError, RuntimeError) as err:
        message = f"no object {_shown(step)}"
        raise KeyError(message) from err


def _check_storage(dataset: h5d.DatasetID, sources_left: list[int], above: tuple[int, ...]) -> None:
    """Check that the values of a dataset, and of all it is made of, lie in this file.

    Parameters
    ----------
    sources_left
        One number: how many sources may still be looked at.
    above
        Addresses of the virtual datasets that this one is a source of.
    """
    creation = dataset.get_create_plist()
    if creation.get_external_count():
        raise OutsideFileError(_outside(dataset))
    _check_chunk(dataset, creation)
    if creation.get_layout() != h5d.VIRTUAL:
        return
    address = h5o.get_info(dataset).addr
    if address in above or len(above) >= _MOST_LAYERS:
        message = (
            f"{file_name(dataset)}: a virtual dataset is made of itself, or of too many others"
        )
        raise CorruptFileError(message)
    seen: set[Any] = set()
    for i in range(creation.get_virtual_count()):
        name = creation.get_virtual_dsetname(i)
        # "." is this file; any other name, the file's own too, is looked up on the machine
        if creation.get_virtual_filename(i) not in (".", b".") or "%" in str(name):
            raise OutsideFileError(_outside(dataset))
        if name in seen:
            continue
        seen.add(name)
        sources_left[0] -= 1
        if sources_left[0] < 0:
            message = f"{file_name(dataset)}: a virtual dataset of more than {_MOST_SOURCES} parts"
            raise CorruptFileError(message)
        try:
            source = _walk(h5i.get_file_id(dataset), _encoded(name), [_MOST_LINKS])
        except KeyError as err:
            # HDF5 would show fill values for it
            message = f"{file_name(dataset)}: a part of a virtual dataset is absent ({err})"
            raise CorruptFileError(message) from err
        if isinstance(source, h5d.DatasetID):
            _check_storage(source, sources_left, (*above, address))


def _check_chunk(dataset: h5d.DatasetID, creation: Any) -> None:
    """Refuse a packed chunk, which is unpacked whole whatever is asked for of it, if it is too large."""
    if creation.get_layout() != h5d.CHUNKED or not creation.get_nfilters():
        return
    n_bytes = math.prod(creation.get_chunk()) * dataset.get_type().get_size()
    name = f"{file_name(dataset)}: a chunk of dataset {_shown(h5i.get_name(dataset) or b'?')}"
    check_unpacked(name, dataset.get_storage_size(), n_bytes)
    if n_bytes > _MOST_CHUNK_BYTES:
        message = f"{name} is of {n_bytes / 1e9:.1f} GB; store it in smaller ones (h5repack)"
        raise SizeLimitError(message)


def _outside(dataset: h5d.DatasetID) -> str:
    name = h5i.get_name(dataset)
    return (
        f"{file_name(dataset)}: the values of dataset {_shown(name or b'?')} lie in another file, which is not "
        "read; copy them into the file (h5repack) and upload it again"
    )


def file_name(identifier: Any) -> str:
    """Return the last part of the name of the file that an object lies in."""
    return PurePosixPath(_shown(h5f.get_name(identifier))).name


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "replace")
