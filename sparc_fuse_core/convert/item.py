"""Convert one item: fetch, read, write, verify, publish; the result is data, not an exception.

The same function runs in a worker process, a Lambda and a Fargate task. A file that cannot be converted
gives a receipt that says so; only errors that mean "try again" leave here.
"""

from __future__ import annotations

import dataclasses
import errno
import logging
import math
import os
import shutil
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata as package_metadata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sparc_fuse_core.convert import scores
from sparc_fuse_core.convert.metadata import (
    SdsTables,
    conversion_attributes,
    entity_ids,
    read_tables,
)
from sparc_fuse_core.convert.staged import open_staged, sibling_index, stage_item
from sparc_fuse_core.errors import (
    DiskFullError,
    EmptyFileError,
    SizeLimitError,
    SourceUnavailableError,
    SparcFuseError,
    UncertainMappingError,
    UnexpectedError,
    UnsupportedFormatError,
    VerificationError,
)
from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.plan.planner import ConvertOptions
from sparc_fuse_core.privacy.screening import screen
from sparc_fuse_core.privacy.species import keeps_free_text
from sparc_fuse_core.sources import SourceFile
from sparc_fuse_core.storage.destination import WORK_FOLDER
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sparc_fuse_core.formats.registry import Format
    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.plan.planner import Item, Plan
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import Source
    from sparc_fuse_core.storage.destination import Destination

_LOG = logging.getLogger(__name__)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Status = Literal["converted", "unchanged", "unsupported", "failed"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """How one item went. JSON both ways; the manifest is made of these.

    Attributes
    ----------
    key
        Of the item: the same key and ``"converted"`` means that nothing has to be done again.
    status
        ``"unsupported"`` is a file that no reader takes or whose meaning would be guessed.
    error, message
        Class name in `sparc_fuse_core.errors`, and what the user is told.
    kind, things
        ``"signal"``, ``"image"`` or ``"shapes"``, and facts about each stream or image.
    score, explanation
        How sure the mapping is, and why.
    verification
        ``"verified"``, ``"failed"`` or ``""`` if it never came to that.
    left_out
        How many statements of the file are not published, by why: ``"identity"``, ``"free text"``,
        ``"private"`` or ``"unlisted"``.
    free_text
        Whether the dataset's tables allowed free text (species not human).
    leftovers
        Keys of an older result that the worker was not allowed to delete.
    """

    path: str
    files: tuple[Mapping[str, Any], ...]
    key: str
    output: str
    status: Status
    format: str = ""
    reader: str = ""
    libraries: Mapping[str, str] = field(default_factory=dict)
    scheme: str = ""
    score: float | None = None
    explanation: tuple[str, ...] = ()
    kind: str = ""
    things: tuple[Mapping[str, Any], ...] = ()
    n_events: int = 0
    error: str = ""
    message: str = ""
    verification: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    n_objects: int = 0
    seconds: float = 0.0
    finished: str = ""
    converter_version: str = CONVERTER_VERSION
    left_out: Mapping[str, int] = field(default_factory=dict)
    free_text: bool = False
    leftovers: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        values: dict[str, Any] = json_safe(dataclasses.asdict(self))
        if not self.leftovers:
            del values["leftovers"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Receipt:
        """Read what `to_json` returned."""
        tuples = {name: tuple(values[name]) for name in ("files", "explanation", "things")}
        tuples["leftovers"] = tuple(values.get("leftovers", ()))
        return cls(**{**values, **tuples})


@dataclass(frozen=True, slots=True)
class Context:
    """What all items of one run share; picklable, so that it reaches a worker process once.

    Attributes
    ----------
    folder
        Of the dataset's results: ``"224/2"``.
    description, dataset_metadata, tables
        SPARC facts for the attributes of every result.
    siblings
        OME-TIFF files by path, for the parts of sets.
    """

    folder: str
    options: ConvertOptions
    settings: Settings
    description: Mapping[str, Any] = field(default_factory=dict)
    dataset_metadata: Mapping[str, Any] = field(default_factory=dict)
    tables: SdsTables | None = None
    siblings: Mapping[str, SourceFile] = field(default_factory=dict)

    def keeps_free_text(self, path: str) -> bool:
        """Tell whether free text of a file may be published: its subject is stated as not human."""
        return self.tables is not None and keeps_free_text(self.tables.rows, entity_ids(path))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping, without the settings: those are each machine's own."""
        return {
            "folder": self.folder,
            "options": dataclasses.asdict(self.options),
            "description": dict(self.description),
            "dataset_metadata": dict(self.dataset_metadata),
            "tables": self.tables.to_json() if self.tables else None,
            "siblings": {path: file.to_json() for path, file in self.siblings.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any], settings: Settings) -> Context:
        """Read what `to_json` returned."""
        tables = SdsTables.from_json(values["tables"]) if values["tables"] else None
        options = ConvertOptions(**values["options"])
        siblings = {p: SourceFile.from_json(file) for p, file in values["siblings"].items()}
        return cls(
            **{
                **values,
                "options": options,
                "tables": tables,
                "settings": settings,
                "siblings": siblings,
            }
        )


def make_context(plan: Plan, source: Source, settings: Settings) -> Context:
    """Read the dataset's metadata and SDS tables once for all items."""
    scratch = Path(tempfile.mkdtemp(prefix="sparc-fuse-"))
    try:
        tables = read_tables(source, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Context(
        plan.folder,
        plan.options,
        settings,
        plan.description,
        source.metadata(),
        tables,
        sibling_index(plan.siblings),
    )


def receipt_key(folder: str, output: str) -> str:
    """Return where the receipt of ``output`` lies."""
    return f"{folder}/{WORK_FOLDER}/receipts/{output}.json"


def file_facts(files: Sequence[SourceFile]) -> tuple[Mapping[str, Any], ...]:
    """Return what a receipt says of the files that were read; never where they lay on a machine."""
    return tuple(
        {
            "path": file.path,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "version_id": file.version_id,
            "uri": "" if file.uri.startswith("file:") else file.uri,
            "identity": file.identity,
        }
        for file in files
    )


def convert_item(
    item: Item,
    context: Context,
    fetch: Callable[[SourceFile, Path, Callable[[int], None] | None], Path],
    destination: Destination,
    on_progress: Callable[[str, int], None] | None = None,
) -> Receipt:
    """Convert one item and publish its result.

    Parameters
    ----------
    fetch
        Puts one file into a folder and returns where it is.
    on_progress
        Told (stage, amount): ``"fetch"`` in bytes, ``"write"`` in values, ``"verify"`` and
        ``"publish"`` once.

    Raises
    ------
    SourceUnavailableError
        The source does not answer; the same call may succeed later.
    MemoryError
        The item needs a larger machine.
    """
    tell = on_progress or (lambda _stage, _amount: None)
    started = time.monotonic()
    draft = _Draft(item)
    try:
        _convert(item, context, fetch, destination, tell, draft)
    except (SourceUnavailableError, MemoryError):
        raise
    except UnsupportedFormatError as err:
        draft.refuse("unsupported", err)
    except SparcFuseError as err:
        draft.refuse("failed", err)
    except Exception as err:  # noqa: BLE001 - one bad file never stops the others
        if _is_disk_full(err):
            message = f"{_name(item)}: no space left for scratch files or the result; free some"
            draft.refuse("failed", DiskFullError(message))
        else:
            draft.refuse("failed", _unexpected(item, err))
    seconds = round(time.monotonic() - started, 3)
    return Receipt(
        **draft.facts, seconds=seconds, finished=datetime.now(UTC).isoformat(timespec="seconds")
    )


def _name(item: Item) -> str:
    return PurePosixPath(item.path).name


def _is_disk_full(err: Exception) -> bool:
    """Whether the disk is full; tensorstore says so in words only."""
    if isinstance(err, OSError) and err.errno in _FULL:
        return True
    return any(os.strerror(number) in str(err) for number in _FULL)


def _unexpected(item: Item, err: Exception) -> UnexpectedError:
    _LOG.exception("unexpected error while converting %s", item.path)
    return UnexpectedError(
        f"{_name(item)}: {type(err).__name__}: {err}; this is a fault of the converter, please report it"
    )


class _Draft:
    """The facts of a receipt, collected on the way, so that a failure keeps what was known."""

    def __init__(self, item: Item) -> None:
        self.facts: dict[str, Any] = {
            "path": item.path,
            "key": item.key,
            "output": item.output,
            "format": item.format,
            "scheme": item.scheme.name if item.scheme else "",
            "status": "failed",
        }
        self.note_files(item.files)

    def note_files(self, files: Sequence[SourceFile]) -> None:
        """Take what was read: more than was planned where a set's description names it."""
        self.facts["files"] = file_facts(files)
        self.facts["bytes_in"] = sum(f.size_bytes for f in files)

    def refuse(self, status: Status, err: Exception) -> None:
        message = str(err)
        self.facts.update(status=status, error=type(err).__name__, message=message)


def _convert(
    item: Item,
    context: Context,
    fetch: Callable[[SourceFile, Path, Callable[[int], None] | None], Path],
    destination: Destination,
    tell: Callable[[str, int], None],
    draft: _Draft,
) -> None:
    options, settings = context.options, context.settings
    with ExitStack() as stack:
        scratch = stack.enter_context(destination.scratch())

        def on_bytes(n_bytes: int) -> None:
            tell("fetch", n_bytes)

        staged = stage_item(item, fetch, scratch / "source", on_bytes)
        path, row = staged.path, staged.format
        reader_options = dict(item.scheme.options) if item.scheme else {}
        draft.facts.update(format=row.name, reader=row.reader or "", libraries=_libraries(row))
        out = scratch / "out"
        with ExitStack() as opened:
            free_text = context.keeps_free_text(item.path)
            screened = screen(
                open_staged(staged, reader_options, opened, fetch, context.siblings, on_bytes),
                row.name,
                free_text=free_text,
            )
            contents = screened.contents
            draft.facts.update(left_out=screened.counts, free_text=free_text)
            draft.note_files(staged.files)
            stored_bytes = sum(file.size_bytes for file in staged.files)
            _check_contents(contents, path.name, stored_bytes, settings)
            score = scores.score(contents, item.scheme)
            draft.facts.update(
                score=round(score.value, 3),
                explanation=score.sentences,
                n_events=len(contents.events),
            )
            if score.value < settings.score_threshold:
                message = (
                    f"{path.name}: what it means would be guessed (score {score.value:.2f} of "
                    f"{settings.score_threshold:.2f} needed): {' '.join(score.sentences)} "
                    f"Write a mapping scheme: `sparc-fuse scheme new --from {path.name}`"
                )
                raise UncertainMappingError(message)
            attributes = conversion_attributes(
                contents,
                item_path=item.path,
                source_format=row.title,
                auto_mapped=item.scheme is None,
                description=context.description,
                dataset_metadata=context.dataset_metadata,
                tables=context.tables,
                original_file_name=item.files[0].name or path.name,
                converted=datetime.now(UTC),
            )
            attributes["mapping_score"] = round(score.value, 3)
            attributes["mapping_explanation"] = list(score.sentences)
            attributes["descriptor_id"] = item.scheme.name if item.scheme else row.name
            attributes["converter_version"] = CONVERTER_VERSION
            if row.name == "ome-zarr":
                _pass_through(contents, path, out, tell, draft)
            else:
                _write_and_verify(contents, out, path.name, attributes, context, tell, draft)
        result = _pack(out, scratch, options.file_format, draft)
        from sparc_fuse_core.writers.zarr_arrays import folder_size

        n_objects, n_bytes = folder_size(result)
        draft.facts.update(n_objects=n_objects, bytes_out=n_bytes)
        tell("publish", n_bytes)
        leftovers = destination.put_result(result, f"{context.folder}/{item.output}")
    draft.facts.update(status="converted", leftovers=tuple(leftovers))


def _check_contents(contents: Contents, name: str, stored_bytes: int, settings: Settings) -> None:
    """Refuse what holds nothing, and what would decode to more than the budget."""
    arrays = [recording.signals for recording in contents.recordings]
    arrays += [image.pixels for image in contents.images]
    if not arrays and not contents.shapes and not len(contents.events):
        message = f"{name}: no channel, image, shape or event in it"
        raise EmptyFileError(message)
    for array in arrays:
        if not math.prod(array.shape):
            message = f"{name}: an array of shape {tuple(array.shape)} holds no value"
            raise EmptyFileError(message)
    n_bytes = sum(math.prod(a.shape) * np.dtype(a.dtype).itemsize for a in arrays)
    if n_bytes > settings.max_decoded_bytes:
        message = (
            f"{name}: announces {n_bytes / 1e9:.1f} GB of decoded values, more than "
            f"{settings.max_decoded_bytes / 1e9:.1f} GB; raise SPARC_FUSE_MAX_DECODED_BYTES if this is true"
        )
        raise SizeLimitError(message)
    inflation = n_bytes / max(stored_bytes, 1)
    if n_bytes > settings.max_inflated_bytes and inflation > settings.max_inflation:
        message = (
            f"{name}: {stored_bytes} bytes announce {n_bytes / 1e9:.1f} GB of decoded values, "
            f"{inflation:.0f} times as much: a damaged header or a size bomb; raise "
            "SPARC_FUSE_MAX_INFLATED_BYTES if this is true"
        )
        raise SizeLimitError(message)


def _pass_through(
    contents: Contents, store: Path, out: Path, tell: Callable[[str, int], None], draft: _Draft
) -> None:
    """Copy a dataset's own OME-Zarr as it is."""
    from sparc_fuse_core.convert.passed_through import copy_store

    tell("verify", 0)
    things = copy_store(contents, store, out)
    draft.facts.update(kind="image", things=things, verification="verified")


def _write_and_verify(
    contents: Contents,
    out: Path,
    name: str,
    attributes: dict[str, Any],
    context: Context,
    tell: Callable[[str, int], None],
    draft: _Draft,
) -> None:
    options, settings = context.options, context.settings

    def on_values(n_values: int) -> None:
        tell("write", n_values)

    kinds = [
        kind
        for kind, things in (
            ("signal", contents.recordings or len(contents.events)),
            ("image", contents.images),
            ("shapes", contents.shapes),
        )
        if things
    ]
    if "image" in kinds and kinds[0] == "signal" and not contents.recordings:
        kinds = ["image"]
    kind = kinds[0]
    # each kind loads what it needs when it needs it: a recording no image libraries, and those of the
    # verification only after it is written
    if kind == "signal":
        from sparc_fuse_core.writers import zarr_signals

        facts = zarr_signals.write(
            contents,
            out,
            attributes,
            budget_bytes=settings.memory_budget_bytes,
            zarr_format=options.zarr_format,
            profile=options.profile,
            on_values=on_values,
        )
        draft.facts.update(kind=kind, things=tuple(facts))
        tell("verify", 0)
        from sparc_fuse_core.verify.recordings import compare_signals

        differences = compare_signals(contents, out, whole_bytes=settings.verify_whole_bytes)
    elif kind == "image":
        from sparc_fuse_core.verify import images as ome_zarr_check
        from sparc_fuse_core.writers import ome_zarr

        summaries = ome_zarr.write_images(
            contents.images,
            out,
            name,
            ome_zarr_version=options.ome_zarr_version,
            memory_budget_bytes=settings.memory_budget_bytes,
            attributes=attributes,
            on_values=on_values,
        )
        draft.facts.update(kind=kind, things=tuple(dataclasses.asdict(s) for s in summaries))
        tell("verify", 0)
        ome_zarr_check.validate(out)
        differences = ome_zarr_check.compare_images(
            contents.images, out, name, whole_bytes=settings.verify_whole_bytes
        )
    else:
        from sparc_fuse_core.writers import shapes

        facts = shapes.write(contents.shapes, out, attributes, zarr_format=options.zarr_format)
        draft.facts.update(kind=kind, things=tuple(facts))
        differences = []
    if differences:
        draft.facts["verification"] = "failed"
        message = f"{name}: what was written differs from the source: {'; '.join(differences[:5])}"
        raise VerificationError(message)
    draft.facts["verification"] = "verified"


def _pack(out: Path, scratch: Path, file_format: str, draft: _Draft) -> Path:
    """Return what is published: the store itself, or the one file made from it."""
    if file_format == "zarr" or draft.facts["kind"] != "signal":
        return out
    from sparc_fuse_core.writers import bundle

    packed = scratch / f"packed.{file_format}"
    {"zarr.zip": bundle.write_zip, "npz": bundle.write_npz, "mat": bundle.write_mat}[file_format](
        out, packed
    )
    return packed


def _libraries(row: Format) -> dict[str, str]:
    """Versions of the libraries that read a format."""
    versions = {}
    for library in row.library.split(","):
        name = library.strip().split(" ")[0]
        try:
            versions[name] = package_metadata.version(name)
        except (package_metadata.PackageNotFoundError, ValueError):
            continue
    return versions
