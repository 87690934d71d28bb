"""Plan a dataset: which files are converted together, by which reader, to which output, at what cost.

The plan is made from the listing, and from the first bytes of files whose names say nothing, before any file is
fetched. It is JSON both ways: the local run
and the state machine execute the same items.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import (
    EmptyDatasetError,
    OutputClashError,
    SchemeError,
    SizeLimitError,
    SparcFuseError,
    UnsafePathError,
)
from sparc_fuse_core.formats.choice import NEO_TOO, read_by
from sparc_fuse_core.formats.neighbours import neighbours
from sparc_fuse_core.formats.registry import zarr_folder
from sparc_fuse_core.paths import MAX_PART_BYTES, safe_relative
from sparc_fuse_core.plan.content import (
    formats_by_content,
    names_by_header,
    sizes_by_header,
    without_pictures,
)
from sparc_fuse_core.plan.estimates import estimate
from sparc_fuse_core.plan.grouping import Group, group_files, siblings_of_sets
from sparc_fuse_core.plan.hints import name_here
from sparc_fuse_core.plan.items import ConvertOptions, Item, Plan, Skipped
from sparc_fuse_core.plan.patterns import names_by_pattern
from sparc_fuse_core.plan.selection import chosen, why_no_data
from sparc_fuse_core.privacy.facts import POLICY
from sparc_fuse_core.schemes.schemes import Scheme, Schemes, find_scheme
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sparc_fuse_core.formats.format import Format
    from sparc_fuse_core.plan.decoded import Decoded
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import Source, SourceFile

#: What is added to an output's name for its receipt, and for its thumbnail.
_RECEIPT_SUFFIX = ".json"
_THUMBNAIL_SUFFIX = ".png"
_MAX_OUTPUT_BYTES = 800
#: Names at the top of a dataset's results, lower case.
_OWN_NAMES = (
    *(".sparc-fuse", "manifest.json", "latest.json", "index.html", "items.parquet"),
    *("ro-crate-metadata.json", "croissant.json", "schema.org.jsonld", "datacite.json"),
    "citation.cff",
)


def plan_dataset(
    source: Source,
    schemes: Schemes,
    settings: Settings,
    *,
    paths: Sequence[str] = (),
    options: ConvertOptions | None = None,
    here: bool = False,
) -> Plan:
    """List the dataset and decide what happens to each file.

    Parameters
    ----------
    paths
        Files, folders or patterns to convert, with or without ``files/`` or ``primary/`` in front; all
        data files if empty.
    here
        Whether it is carried out on this machine, to which the limits of the cloud are nothing.

    Raises
    ------
    EmptyDatasetError
        If the dataset holds no file.
    SourceFileNotFoundError
        If one of ``paths`` names nothing in the dataset.
    UnsafePathError
        If the dataset's id or version cannot be the name of a folder.
    """
    options = options or ConvertOptions()
    # both become folders of the results
    safe_relative(f"{source.dataset_id}/{source.version}")
    files, skipped = _safe_files(source.list_files())
    # only a folder on this machine has links and places that cannot be read
    for path, why in getattr(source, "refused", {}).items():
        skipped.append(Skipped(_shown(path), 0, "SourceRefusedError", _shown(why)))
    if not files and not skipped:
        message = f"dataset {source.dataset_id}: no files in version {source.version}"
        raise EmptyDatasetError(message)
    known = {*(file.path for file in files), *(entry.path for entry in skipped)}
    named = chosen(known, paths, source.dataset_id)
    no_data = why_no_data(file.path for file in files)
    if named is not None:
        # program code and documents are converted where somebody asks for them
        no_data = {path: why for path, why in no_data.items() if path not in named}
    data = [file for file in files if file.path not in no_data]
    near = _beside(data, named)
    told = neighbours(file.path for file in data)
    by_content = {**formats_by_content((f for f in near if f.path not in told), source), **told}
    names = {**names_by_header(near, source), **names_by_pattern(near, schemes, source.dataset_id)}
    groups, ungrouped = group_files(data, by_content, names)
    skipped += [
        Skipped(file.path, file.size_bytes, "UnsupportedFormatError", no_data[file.path])
        for file in files
        if file.path in no_data
    ]
    skipped += [
        Skipped(u.file.path, u.file.size_bytes, "UnsupportedFormatError", u.reason)
        for u in ungrouped
    ]
    if named is not None:
        groups = [group for group in groups if named & {file.path for file in group.files}]
    # this machine takes what comes; in the cloud something has to be chosen before
    looked = [] if here else [file for group in groups for file in group.files]
    decoded = sizes_by_header(looked, source)
    arrays = without_pictures((group.leading for group in groups), source)
    items: list[Item] = []
    for group in groups:
        of_arrays = group.leading.path in arrays
        outcome = _plan_group(
            group, source, schemes, settings, options, decoded, here=here, of_arrays=of_arrays
        )
        (items if isinstance(outcome, Item) else skipped).append(outcome)  # type: ignore[arg-type]
    items, clashes = _without_clashes(items)
    skipped += clashes
    skipped += _parts_left_out(groups, items, skipped)
    if named is not None:
        skipped = [entry for entry in skipped if entry.path in named]
    return Plan(
        source.dataset_id,
        source.version,
        source.description,
        options,
        tuple(items),
        tuple(sorted(skipped, key=lambda entry: entry.path)),
        siblings_of_sets(data),
    )


def _parts_left_out(
    groups: Sequence[Group], items: Sequence[Item], skipped: Sequence[Skipped]
) -> list[Skipped]:
    """Return the files of sets that are left out with their leading file, so that none is without a word."""
    known = {file.path for item in items for file in item.files}
    known.update(entry.path for entry in skipped)
    found = {}
    for group in groups:
        for file in group.files:
            if file.path not in known:
                why = f"{file.path}: a part of {group.leading.path}, which is left out"
                found[file.path] = Skipped(file.path, file.size_bytes, "PartOfSetError", why)
    return list(found.values())


def _shown(text: str) -> str:
    """Return a name without halves of characters: they stand for bytes that are no UTF-8, and are no JSON."""
    return text.encode("utf-8", "backslashreplace").decode()


def _safe_files(files: Iterable[SourceFile]) -> tuple[list[SourceFile], list[Skipped]]:
    safe, refused = [], []
    for file in files:
        try:
            safe_relative(file.path)
        except UnsafePathError as err:
            refused.append(Skipped(_shown(file.path), file.size_bytes, "UnsafePathError", str(err)))
        else:
            safe.append(file)
    return safe, refused


def _beside(files: Sequence[SourceFile], chosen: set[str] | None) -> list[SourceFile]:
    """Return the files of the folders in which something was chosen: a set may be planned there."""
    if chosen is None:
        return list(files)
    folders = {str(PurePosixPath(path).parent) for path in chosen}
    return [file for file in files if str(PurePosixPath(file.path).parent) in folders]


def _plan_group(
    group: Group,
    source: Source,
    schemes: Schemes,
    settings: Settings,
    options: ConvertOptions,
    decoded: Mapping[str, Decoded],
    *,
    here: bool,
    of_arrays: bool,
) -> Item | Skipped:
    leading, row = group.leading, read_by(group.format, options.reader)
    files = group.files
    size_bytes = sum(file.size_bytes for file in files)

    def skip(error: str, reason: str) -> Skipped:
        return Skipped(leading.path, size_bytes, error, reason)

    try:
        scheme = find_scheme(schemes, source.dataset_id, leading.path, row)
    except SchemeError as err:
        return skip("SchemeError", str(err))
    if row.reader is None:
        return skip("UnsupportedFormatError", f"{leading.path}: {row.reason}")
    if row.needs_scheme and scheme is None:
        return skip(
            "UnsupportedFormatError",
            f"{leading.path}: {row.title} does not state its layout; write a mapping scheme: "
            f"`sparc-fuse scheme new --from {name_here(leading)}`",
        )
    output = output_of(leading.path, row, options.file_format, of_arrays=of_arrays)
    why = _why_no_result(output)
    if why:
        return skip("UnsafePathError", f"{leading.path}: {why}; rename it")
    if not leading.size_bytes:
        return skip("EmptyFileError", f"{leading.path}: the file is empty; upload it again")
    try:
        needs = estimate(files, row, scheme, settings, decoded, here=here)
    except SizeLimitError as err:
        return skip("SizeLimitError", str(err))
    return Item(
        files=files,
        format=row.name,
        scheme=scheme,
        runner=needs.runner,
        memory_bytes=needs.memory_bytes,
        disk_bytes=needs.disk_bytes,
        seconds=round(needs.seconds, 1),
        cost_usd=round(needs.cost_usd, 6),
        output=output,
        key=_key(files, row, scheme, options),
    )


def output_of(path: str, row: Format, file_format: str, *, of_arrays: bool = False) -> str:
    """Return where the result of ``path`` goes below the dataset's folder; nothing is cut off.

    ``of_arrays``: a file of a format of images that holds no picture.
    """
    inner = path.removeprefix("files/")
    if row.name == "ome-zarr":
        return zarr_folder(inner)
    if row.kind == "image" and not of_arrays:
        return f"{inner}.ome.zarr.zip" if file_format == "zarr.zip" else f"{inner}.ome.zarr"
    suffix = "zarr" if row.kind == "shapes" else file_format
    return f"{inner}.{suffix}"


def _why_no_result(output: str) -> str:
    """Return why nothing can be stored at ``output``, or ``""``.

    A receipt of the same name and a suffix lies below the project's own folder; a key of S3 has 1024 bytes.
    """
    parts = PurePosixPath(output).parts
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    if max(sizes) > MAX_PART_BYTES - len(_RECEIPT_SUFFIX):
        return f"a name of {max(sizes)} bytes with what is added to it; file systems take 255"
    if sum(sizes) + len(sizes) > _MAX_OUTPUT_BYTES:
        return f"a path of {sum(sizes) + len(sizes)} bytes; buckets take 1024 with what is added"
    if parts[0].casefold() in _OWN_NAMES:
        return f"{parts[0]} at the top is where this converter keeps something of its own"
    return ""


def _key(
    files: Sequence[SourceFile], row: Format, scheme: Scheme | None, options: ConvertOptions
) -> str:
    facts: dict[str, Any] = {
        "files": [[file.path, file.identity] for file in files],
        "format": row.name,
        "scheme": scheme.to_json() if scheme else None,
        "converter": CONVERTER_VERSION,
        "privacy": POLICY,
        # how it is verified changes no byte of it
        "options": dataclasses.asdict(dataclasses.replace(options, verify="roundtrip")),
    }
    del facts["options"]["verify"]
    if options.reader == "own" or row.name not in NEO_TOO:
        # the usual, or what changes nothing: the work of earlier runs is the same
        del facts["options"]["reader"]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _without_clashes(items: list[Item]) -> tuple[list[Item], list[Skipped]]:
    """Refuse every item whose output another shares, or lies inside another's."""
    by_output: dict[str, list[Item]] = {}
    for item in items:
        by_output.setdefault(_same(item.output), []).append(item)
        # receipts and thumbnails are files: none may lie where another's folder has to be
        for suffix in (_RECEIPT_SUFFIX, _THUMBNAIL_SUFFIX):
            by_output.setdefault(_same(item.output + suffix), []).append(item)
    good, clashes = [], []
    for item in items:
        own = _same(item.output)
        parents = [str(parent) for parent in PurePosixPath(own).parents]
        rivals = [other for other in by_output[own] if other is not item]
        rivals += [
            other for parent in parents for other in by_output.get(parent, []) if other is not item
        ]
        if not rivals:
            good.append(item)
            continue
        error = OutputClashError(
            f"{item.path}: would be written to {item.output}, as would {rivals[0].path}; rename one"
        )
        clashes.append(_refusal(item, error))
    return good, clashes


def _same(path: str) -> str:
    """Return what two paths share that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _refusal(item: Item, error: SparcFuseError) -> Skipped:
    return Skipped(item.path, item.size_bytes, type(error).__name__, str(error))
