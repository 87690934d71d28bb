"""OME-Zarr 0.4, 0.5 and 0.6 as they are: an image, a collection of images, a plate of wells.

A dataset's own OME-Zarr is validated and copied, never written anew; what is read here is what the
manifest says of it. Only full resolution is an image; labels and tables inside stay where they are.

Source: NGFF specification 0.4, 0.5 and 0.6 (multiscales, coordinateSystems, omero, plate, well,
bioformats2raw.layout).
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import zarr
from zarr.storage import LocalStore

from sparc_fuse_core.blosc_frames import FramesStore
from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    MissingCompanionError,
    SparcFuseError,
    UnsafePathError,
    UnsupportedFormatError,
)
from sparc_fuse_core.formats.registry import ZARR_ROOTS
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.model.ngff import axes_of, steps_of
from sparc_fuse_core.paths import safe_relative
from sparc_fuse_core.readers.ome_zarr_opinions import opinions
from sparc_fuse_core.readers.shared.planes import unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_VERSIONS = ("0.4", "0.5", "0.6")
_GROUPS = ("multiscales", "plate", "bioformats2raw.layout")
#: What an absent or damaged part of a store raises, whatever the version.
_DAMAGE = (KeyError, IndexError, TypeError, ValueError, AttributeError, OSError)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a store by its folder or its root metadata; see `sparc_fuse_core.readers.Reader`."""
    del options
    store = path if path.is_dir() else path.parent
    ome = root_metadata(store)
    try:
        images = [_image(store, where) for where in image_paths(store, ome)]
    except SparcFuseError:
        raise
    except _DAMAGE as err:
        message = f"{store.name}: not a readable OME-Zarr ({err}); upload the original again"
        raise CorruptFileError(message) from err
    if not images:
        message = f"{store.name}: no image in it"
        raise EmptyFileError(message)
    names = unique_names(image.name for image in images)
    yield Contents(
        images=tuple(replace(image, name=name) for image, name in zip(images, names, strict=True)),
        metadata={"ome_zarr_version": version_of(ome)},
        evidence=tuple(accept(store)),
    )


def accept(store: Path) -> list[Evidence]:
    """Return what validators say against a store that most of them take.

    Raises
    ------
    CorruptFileError
        If most of the validators refuse one of its images; all findings are named.
    """
    ome = root_metadata(store)
    evidence = []
    for where in image_paths(store, ome):
        folder = store / where if where else store
        accepted, findings = opinions(folder, version_of(ome))
        label = f"{where}: " if where else ""
        if not accepted:
            message = (
                f"{store.name}: not a valid OME-Zarr: {label}{'; '.join(findings)}; export it again"
            )
            raise CorruptFileError(message)
        evidence += [
            Evidence("content", "file", f"{label}accepted by most validators, but not by {finding}")
            for finding in findings
        ]
    return evidence


def root_metadata(store: Path) -> dict[str, Any]:
    """Return the OME metadata of a store's root; reads nothing else.

    Raises
    ------
    MissingCompanionError
        If nothing makes the folder a Zarr store.
    CorruptFileError
        If its metadata is no JSON object.
    UnsupportedFormatError
        If it is a Zarr store of something else, or of another version than 0.4, 0.5 and 0.6.
    """
    if not any((store / name).is_file() for name in ZARR_ROOTS):
        message = f"{store.name}: neither zarr.json nor .zgroup is there: not a whole Zarr store"
        raise MissingCompanionError(message, ZARR_ROOTS[:1])
    ome = _ome_of(store)
    if not any(key in ome for key in _GROUPS):
        message = (
            f"{store.name}: a Zarr store that states no OME-Zarr image; it is Zarr already: open it "
            "as it is"
        )
        raise UnsupportedFormatError(message)
    version = version_of(ome)
    if version not in _VERSIONS:
        message = (
            f"{store.name}: OME-Zarr {version or 'without a version'}; {', '.join(_VERSIONS)} are "
            "taken as they are: upgrade it"
        )
        raise UnsupportedFormatError(message)
    return ome


def _ome_of(group: Path) -> dict[str, Any]:
    """Return what a group's metadata states under ``ome`` (0.5) or at its top (0.4)."""
    for name, inside in (("zarr.json", True), (".zattrs", False)):
        file = group / name
        if not file.is_file():
            continue
        try:
            document = json.loads(file.read_bytes())
            attributes = document.get("attributes", {}) if inside else document
            found = attributes.get("ome", {}) if inside else attributes
        except (ValueError, AttributeError) as err:
            message = f"{group.name}: {name} is not the JSON of a Zarr group ({err})"
            raise CorruptFileError(message) from err
        return found if isinstance(found, dict) else {}
    return {}


def version_of(ome: Mapping[str, Any]) -> str:
    """Return the NGFF version that metadata states, or ``""``."""
    candidates: list[Any] = [ome]
    candidates += ome.get("multiscales") or [] if isinstance(ome.get("multiscales"), list) else []
    candidates += [ome.get("plate")]
    stated = [c.get("version") for c in candidates if isinstance(c, dict)]
    found = next((str(version) for version in stated if version), "")
    # a collection of version 0.4 states none: its layout has been the same since
    return found or ("0.4" if "bioformats2raw.layout" in ome else "")


def image_paths(store: Path, ome: Mapping[str, Any]) -> list[str]:
    """Return where the images of a store lie below it: ``""`` for an image itself."""
    if "multiscales" in ome:
        return [""]
    if "plate" in ome:
        return [
            f"{well['path']}/{_below(field['path'])}"
            for well in ome["plate"]["wells"]
            for field in _ome_of(store / _below(well["path"]))["well"]["images"]
        ]
    series = _ome_of(store / "OME").get("series")
    if series is None:
        # without a list they are numbered
        numbered = [p.name for p in store.iterdir() if p.is_dir() and p.name.isdigit()]
        series = sorted(numbered, key=int)
    return [_below(path) for path in series]


def _below(path: Any) -> str:
    """Return a path that metadata state, if it stays below where it is stated.

    Raises
    ------
    CorruptFileError
        If it is absolute or climbs.
    """
    try:
        return str(safe_relative(str(path)))
    except UnsafePathError as err:
        message = f"the metadata name a part that does not lie in the store: {err}"
        raise CorruptFileError(message) from err


def _image(store: Path, where: str) -> Image:
    folder = store / where if where else store
    ome = _ome_of(folder)
    multiscale = ome["multiscales"][0]
    first = multiscale["datasets"][0]
    try:
        lowest = FramesStore(LocalStore(folder / _below(first["path"]), read_only=True))
        array = zarr.open_array(lowest, mode="r")
    except FileNotFoundError as err:
        level = "/".join(part for part in (where, first["path"]) if part)
        message = f"{store.name}: the array {level} that it names is absent; upload it again"
        raise CorruptFileError(message) from err
    axes = axes_of(multiscale)
    if len(axes) != array.ndim:
        message = f"{store.name}: {len(axes)} axes for an array of shape {array.shape}"
        raise CorruptFileError(message)
    letters = _letters(axes)
    steps = next(part["scale"] for part in steps_of(multiscale, first) if part["type"] == "scale")
    scale, units = {}, {}
    for axis, letter, step in zip(axes, letters, steps, strict=True):
        if letter != "c" and axis.get("unit"):
            scale[letter], units[letter] = float(step), str(axis["unit"])
    channels = (ome.get("omero") or {}).get("channels") or []
    n_channels = array.shape[letters.index("c")] if "c" in letters else 1
    names = tuple(str(channel.get("label") or "") for channel in channels)
    return Image(
        name=str(multiscale.get("name") or where),
        pixels=array,
        axes=letters,
        scale=scale,
        axis_units=units,
        channel_names=names if len(names) == n_channels and any(names) else (),
    )


def _letters(axes: list[dict[str, Any]]) -> str:
    """Return t, c, z, y, x for axes of any name, by their type: space comes last, as NGFF demands."""
    spaces = iter("zyx"[-sum(axis.get("type") == "space" for axis in axes) :])
    return "".join(
        next(spaces)
        if axis.get("type") == "space"
        else ("t" if axis.get("type") == "time" else "c")
        for axis in axes
    )
