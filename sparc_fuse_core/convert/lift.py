"""Rewrite results of layout 1 in layout 2 without their source, compared before the old ones go."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.attributes import stream_attributes
from sparc_fuse_core.convert.digests import digests_of
from sparc_fuse_core.convert.lift_images import is_old_image, lift_images
from sparc_fuse_core.errors import RequestError, SparcFuseError, VerificationError
from sparc_fuse_core.formats.registry import FORMATS
from sparc_fuse_core.opening.layout_1 import contents_of
from sparc_fuse_core.opening.layouts import layout_version
from sparc_fuse_core.opening.places import open_group, store_of
from sparc_fuse_core.opening.recordings import left_out
from sparc_fuse_core.opening.whole_store import WholeStore
from sparc_fuse_core.privacy.screening import screen
from sparc_fuse_core.privacy.species import is_not_human
from sparc_fuse_core.privacy.tables import public_description, public_record, public_rows
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage.destination import open_destination
from sparc_fuse_core.verify.recordings import compare_signals
from sparc_fuse_core.writers import zarr_signals
from sparc_fuse_core.writers.dense_arrays import check_readable, dense_codec
from sparc_fuse_core.writers.zarr_arrays import folder_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import zarr

    from sparc_fuse_core.model import Contents

#: Attributes that the writer states itself.
_WRITTEN = frozenset(
    {
        "channel_names",
        "channel_units",
        "coordinates",
        "layout",
        "n_events",
        "profile",
        "sampling_frequency",
        "source_metadata",
        "streams",
        "sweep_mode",
        "time_auto_generated",
        "time_units",
    }
)


#: What earlier releases called the source's format, where its row has another title now.
_FORMER_TITLES = {
    "Delimited text (CSV, TSV, LabChart, OpenSignals, ATF)": "text",
    "OME-Zarr 0.4 and 0.5": "ome-zarr",
    "Spreadsheet": "spreadsheet",
}


@dataclass(frozen=True, slots=True)
class Lifted:
    """What came of one store.

    Attributes
    ----------
    said
        In words.
    facts
        What the manifest of its dataset says of a result, as it is now; empty of a store that was not changed.
    """

    said: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def lift_all(target: str, settings: Settings | None = None) -> Iterator[tuple[str, Lifted]]:
    """Lift a store, or every store of layout 1 below a folder; yield (store, what came of it).

    A store that cannot be lifted stays as it is, and the others go on.

    Raises
    ------
    FileNotFoundError
        If there is no such store or folder.
    RequestError
        If there is no store in the folder.
    """
    path = Path(target)
    if "://" in target or path.is_file() or is_store(path):
        yield target, lift(target, settings)
        return
    if not path.is_dir():
        message = f"{target}: no such store or folder"
        raise FileNotFoundError(message)
    stores = [p for p in sorted(path.rglob("*.zarr")) if is_store(p) and not _is_inside(p, path)]
    if not stores:
        message = f"{target}: no store lies in this folder"
        raise RequestError(message)
    for store in stores:
        try:
            yield str(store), lift(str(store), settings, below=path)
        except SparcFuseError as err:
            yield str(store), Lifted(f"failed: {err}")


def is_store(path: Path) -> bool:
    """Whether a folder is the root of a Zarr store."""
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup"))


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a store lies in another store."""
    return any(is_store(parent) for parent in path.parents if folder in parent.parents)


@dense_codec()
def lift(target: str, settings: Settings | None = None, *, below: Path | None = None) -> Lifted:
    """Rewrite one store in layout 2.

    Parameters
    ----------
    target
        Path of a store or ``s3://bucket/path``. A packed one is unpacked first, by its user.
    below
        Folder of all stores that are lifted together; scratch files lie in it.

    Raises
    ------
    FileNotFoundError
        If there is no store.
    RequestError
        If it cannot be lifted.
    IncompleteResultError
        If a part of it is absent.
    UnknownLayoutError
        If a newer version wrote it.
    VerificationError
        If what was written differs; the old store is then as it was.
    """
    settings = settings or Settings.from_environment()
    text = target.rstrip("/")
    if text.endswith((".zip", ".npz", ".mat")):
        message = (
            f"{target}: one file is not lifted in place; unpack it, or convert its source again"
        )
        raise RequestError(message)
    root = open_group(store_of(text, settings))
    version = layout_version(root.attrs)
    of_images = version == 0 and is_old_image(root)
    if version != 1 and not of_images:
        return Lifted(f"unchanged: it {_why_not(root.attrs, version)}")
    parent, _, name = text.rpartition("/")
    if below is not None:
        parent, name = str(below), Path(text).relative_to(below).as_posix()
    destination = open_destination(parent or ("/" if text.startswith("/") else "."), settings)
    with destination.scratch() as scratch:
        out = scratch / "lifted.zarr"
        if of_images:
            things = lift_images(root, text, name, out, destination, lambda it: _public(it, root))
            said = f": images {', '.join(one['path'] for one in things)}" * (len(things) > 1)
        else:
            things = _lift_signals(root, out, target, settings)
            groups = ", ".join(fact["group"] for fact in things if fact["group"])
            said = f": streams {groups}" if groups else ""
        digest, zarr_checksum = digests_of(out)
        n_objects, n_bytes = folder_size(out)
        destination.put_result(out, name)
    facts = {
        "things": things,
        "n_objects": n_objects,
        "bytes_out": n_bytes,
        "digest": digest,
        "zarr_checksum": zarr_checksum,
    }
    return Lifted(f"lifted to layout 2{said}", facts)


def _why_not(attributes: Mapping[str, Any], version: int) -> str:
    if version:
        return "is of layout 2 already"
    if "converter_version" in attributes and isinstance(attributes.get("auto_mapped"), int):
        return "is of a kind that layout 2 did not change, or of layout 2 already"
    return "is no recording or image of layout 1"


def _lift_signals(
    root: zarr.Group, out: Path, target: str, settings: Settings
) -> list[dict[str, Any]]:
    """Write a recording of layout 1 as layout 2, compared; return what was written."""
    check_readable(root.attrs)
    root = open_group(WholeStore(root.store, left_out(root)))
    contents, attributes = _public(contents_of(root), root)
    profile: Any = root.attrs.get("profile", "default")
    facts = zarr_signals.write(
        contents,
        out,
        {
            **{key: value for key, value in attributes.items() if key not in _WRITTEN},
            **stream_attributes(contents),
            "source_metadata": dict(contents.metadata),
        },
        budget_bytes=settings.memory_budget_bytes,
        zarr_format=root.metadata.zarr_format,
        profile=profile,
    )
    differences = compare_signals(contents, out, whole_bytes=settings.verify_whole_bytes)
    if differences:
        message = f"{target}: what was lifted differs: {'; '.join(differences[:5])}"
        raise VerificationError(message)
    return facts


def _public(contents: Contents, root: zarr.Group) -> tuple[Contents, dict[str, Any]]:
    """Return contents and attributes as they may be published: layout 1 knew no policy."""
    attributes = dict(root.attrs)
    screened = screen(contents, _format_of(attributes), free_text=_is_not_human(attributes))
    return screened.contents, _public_attributes(attributes)


def _format_of(attributes: Mapping[str, Any]) -> str:
    """Return the key of the format that the store's source had; ``""`` if there is no such row now."""
    title = attributes.get("source_format")
    names = {row.title: row.name for row in FORMATS} | _FORMER_TITLES
    return names.get(str(title), "")


def _is_not_human(attributes: Mapping[str, Any]) -> bool:
    subject = attributes.get("sparc_subject")
    return isinstance(subject, dict) and is_not_human(str(subject.get("species", "")))


def _public_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what may be published of the dataset's facts."""
    rows = {
        kind: {"": attributes.pop(f"sparc_{kind}")}
        for kind in ("subject", "sample", "performance", "site", "pool")
        if isinstance(attributes.get(f"sparc_{kind}"), dict)
    }
    kept, _ = public_rows(rows)
    attributes.update({f"sparc_{kind}": table[""] for kind, table in kept.items() if table.get("")})
    if "sparc_metadata" in attributes:
        attributes["sparc_metadata"] = public_record(attributes["sparc_metadata"])
    described = attributes.get("dataset_description")
    if isinstance(described, dict):
        attributes["dataset_description"] = public_description(described)
    return attributes
