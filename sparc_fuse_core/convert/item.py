"""Convert one item: fetch, read, write, verify, publish; the result is data, not an exception.

The same function runs in a worker process, a Lambda and a Fargate task. A file that cannot be converted
gives a receipt that says so; only errors that mean "try again" leave here.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import metadata as package_metadata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert import scores
from sparc_fuse_core.convert.attributes import conversion_attributes
from sparc_fuse_core.convert.bounds import check_contents
from sparc_fuse_core.convert.digests import digests_of, sha256_of
from sparc_fuse_core.convert.receipt import Receipt, Status, file_facts, thumbnail_path
from sparc_fuse_core.convert.staged import open_staged, stage_item
from sparc_fuse_core.convert.stated import reader_options_of, with_stated
from sparc_fuse_core.convert.writing import Writing, kind_of, write_and_compare
from sparc_fuse_core.errors import (
    DamagedPartError,
    DiskFullError,
    SourceUnavailableError,
    SparcFuseError,
    UncertainMappingError,
    UnexpectedError,
    UnsupportedFormatError,
    VerificationError,
)
from sparc_fuse_core.formats.choice import read_by
from sparc_fuse_core.plan.hints import scheme_hint
from sparc_fuse_core.privacy.beside import keep_beside
from sparc_fuse_core.privacy.pixels import refuse_burned_in
from sparc_fuse_core.privacy.screening import screen
from sparc_fuse_core.privacy.texts import frames_of, told_by
from sparc_fuse_core.proof.opinion import is_asked, second_opinion
from sparc_fuse_core.sources import check_unchanged
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sparc_fuse_core.convert.context import Context
    from sparc_fuse_core.convert.staged import Staged
    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.model import Contents
    from sparc_fuse_core.plan.items import Item
    from sparc_fuse_core.privacy.sieve import Aside
    from sparc_fuse_core.sources import Fetch, SourceFile
    from sparc_fuse_core.storage.destination import Destination

_LOG = logging.getLogger(__name__)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def convert_item(
    item: Item,
    context: Context,
    fetch: Fetch,
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


def _named(file: Mapping[str, Any], name: str) -> bool:
    return PurePosixPath(file["path"]).name == name


def _name(item: Item) -> str:
    return PurePosixPath(item.path).name


def _is_disk_full(err: Exception) -> bool:
    """Whether the disk is full; tensorstore says so in words only."""
    if isinstance(err, OSError) and err.errno in _FULL:
        return True
    return any(os.strerror(number) in str(err) for number in _FULL)


def _unexpected(item: Item, err: Exception) -> UnexpectedError:
    # a traceback's last line may quote the file
    where = f"{type(err).__name__}: {told_by(err)}\n{frames_of(err)}"
    _LOG.error("unexpected error while converting %s: %s", item.path, where)
    return UnexpectedError(
        f"{_name(item)}: {type(err).__name__}: {told_by(err)}; this is a fault of the converter, "
        "please report it"
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

    def note_files(
        self, files: Sequence[SourceFile], sha256: Mapping[str, str] | None = None
    ) -> None:
        """Take what was read: more than was planned where a set's description names it."""
        self.facts["files"] = file_facts(files, sha256)
        self.facts["bytes_in"] = sum(f.size_bytes for f in files)

    def refuse(self, status: Status, err: Exception) -> None:
        message = str(err)
        self.facts.update(status=status, error=type(err).__name__, message=message)
        if isinstance(err, DamagedPartError):
            self.facts["files"] = tuple(
                {**file, "fault": type(err).__name__} if _named(file, err.part) else file
                for file in self.facts["files"]
            )


def _convert(
    item: Item,
    context: Context,
    fetch: Fetch,
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
        staged.format = read_by(staged.format, options.reader)
        path, row = staged.path, staged.format
        reader_options = reader_options_of(item.scheme, row, options)
        draft.facts.update(
            format=row.name, reader=(row.reader or "").rpartition(".")[2], libraries=_libraries(row)
        )
        out = scratch / "out"
        with ExitStack() as opened:
            free_text = context.keeps_free_text(item.path)
            read = open_staged(
                staged,
                reader_options,
                opened,
                fetch,
                context.siblings,
                on_bytes,
                salvage=options.salvage,
            )
            screened = screen(
                with_stated(read, options),
                row.name,
                free_text=free_text,
            )
            contents, aside = screened.contents, list(screened.aside)
            if not options.burned_in:
                refuse_burned_in(contents, path.name)
            draft.facts["free_text"] = free_text
            draft.note_files(staged.files)
            stored_bytes = sum(file.size_bytes for file in staged.files)
            check_contents(contents, path.name, stored_bytes, settings)
            score = scores.score(contents, item.scheme)
            draft.facts.update(
                score=None if score.value is None else round(score.value, 3),
                explanation=score.sentences,
                n_events=len(contents.events),
            )
            if score.value is not None and score.value < settings.score_threshold:
                message = (
                    f"{path.name}: what it means would be guessed (score {score.value:.2f} of "
                    f"{settings.score_threshold:.2f} needed): {' '.join(score.sentences)} "
                    f"To convert it, {scheme_hint(item.files[0])}"
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
            )
            if score.value is not None:
                attributes["mapping_score"] = round(score.value, 3)
            cut = [one.sentence for one in contents.evidence if one.fact == "completeness"]
            if cut:
                attributes["incomplete"] = " ".join(cut)
                draft.facts["incomplete"] = attributes["incomplete"]
            attributes["mapping_explanation"] = list(score.sentences)
            attributes["descriptor_id"] = item.scheme.name if item.scheme else row.name
            attributes["converter_version"] = CONVERTER_VERSION
            if row.name == "ome-zarr":
                budget = context.settings.memory_budget_bytes
                aside += _pass_through(
                    contents, path, out, tell, draft, free_text=free_text, budget_bytes=budget
                )
            else:
                _write_and_verify(contents, out, path.name, attributes, context, tell, draft)
                _ask_another(item, staged, out, options.verify, draft)
        from sparc_fuse_core.opening.thumbnails.thumbnail import thumbnail_of

        thumbnail = thumbnail_of(out, draft.facts["kind"])
        result = _pack(out, scratch, options.file_format, draft)
        from sparc_fuse_core.writers.zarr_arrays import folder_size

        for file in staged.files:
            check_unchanged(file)
        n_objects, n_bytes = folder_size(result)
        digest, zarr_checksum = digests_of(result)
        draft.facts.update(
            n_objects=n_objects, bytes_out=n_bytes, digest=digest, zarr_checksum=zarr_checksum
        )
        draft.note_files(staged.files, sha256_of(staged))
        tell("publish", n_bytes)
        counts = Counter(one.why for one in aside)
        draft.facts["left_out"] = context.left_out(item.path, counts)
        if context.beside:
            keep_beside(Path(context.beside), f"{context.folder}/{item.output}", item.path, aside)
        leftovers = destination.put_result(result, f"{context.folder}/{item.output}")
        if thumbnail is not None:
            draft.facts["thumbnail"] = thumbnail_path(item.output)
            destination.write_bytes(f"{context.folder}/{draft.facts['thumbnail']}", thumbnail)
    draft.facts.update(status="converted", leftovers=tuple(leftovers))


def _pass_through(
    contents: Contents,
    store: Path,
    out: Path,
    tell: Callable[[str, int], None],
    draft: _Draft,
    *,
    free_text: bool,
    budget_bytes: int,
) -> tuple[Aside, ...]:
    """Copy a dataset's own OME-Zarr; return what of it is not published."""
    from sparc_fuse_core.convert.passed_through import copy_store

    tell("verify", 0)
    things, aside = copy_store(contents, store, out, free_text=free_text, budget_bytes=budget_bytes)
    draft.facts.update(kind="image", things=things, verification="verified")
    return aside


def _write_and_verify(
    contents: Contents,
    out: Path,
    name: str,
    attributes: dict[str, Any],
    context: Context,
    tell: Callable[[str, int], None],
    draft: _Draft,
) -> None:
    writing = Writing(
        out,
        name,
        attributes,
        context.options,
        context.settings,
        on_values=lambda n_values: tell("write", n_values),
        on_verify=lambda: tell("verify", 0),
    )
    written = write_and_compare(contents, writing)
    draft.facts.update(kind=kind_of(contents), things=written.things)
    differences = written.differences
    if differences:
        draft.facts["verification"] = "failed"
        message = f"{name}: what was written differs from the source: {'; '.join(differences[:5])}"
        raise VerificationError(message)
    draft.facts["verification"] = "verified"


def _ask_another(item: Item, staged: Staged, out: Path, verify: str, draft: _Draft) -> None:
    """Let another library read the file too, where that is asked for; see `sparc_fuse_core.proof`."""
    if not is_asked(verify, item.path):
        return
    others = [
        staged.folder / PurePosixPath(file.path).relative_to(staged.above) for file in staged.files
    ]
    files = [staged.path, *(file for file in others if file != staged.path)]
    # a library is no second reader of its own results
    opinion = second_opinion(files, out, staged.format.name, without=staged.format.library)
    draft.facts["independent"] = opinion
    if opinion["result"] == "differs":
        message = (
            f"{staged.path.name}: {opinion['library']} {opinion['version']} reads it differently: "
            f"{'; '.join(opinion['differences'])}; report it"
        )
        raise VerificationError(message)


def _pack(out: Path, scratch: Path, file_format: str, draft: _Draft) -> Path:
    """Return what is published: the store itself, or the one file made from it."""
    kind = draft.facts["kind"]
    if file_format == "zarr" or kind == "shapes" or (kind == "image" and file_format != "zarr.zip"):
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
