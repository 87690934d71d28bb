"""Plan a dataset: which files are converted together, by which reader, to which output, at what cost.

The plan is made from the listing alone, before anything is fetched, and is JSON both ways: the local run
and the state machine execute the same items.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.errors import (
    EmptyDatasetError,
    OutputClashError,
    RequestError,
    SchemeError,
    SparcFuseError,
    UnsafePathError,
)
from sparc_fuse_core.formats.registry import LAMBDA_EXTRAS, zarr_folder
from sparc_fuse_core.paths import safe_relative
from sparc_fuse_core.plan.grouping import Group, group_files, ome_tiff_siblings
from sparc_fuse_core.plan.selection import chosen, why_no_data
from sparc_fuse_core.schemes.schemes import Scheme, Schemes, find_scheme
from sparc_fuse_core.sources import SourceFile
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sparc_fuse_core.formats.registry import Format
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import Source

Runner = Literal["lambda", "fargate"]

FILE_FORMATS = ("zarr", "zarr.zip", "npz", "mat")

PROFILES = ("default", "dense")

#: What a worker holds besides its buffers, libraries and verification included. Measured for recordings
#: with a budget of 64 MB: 214 MB in all, whatever their length; a quarter is added.
_BASE_MEMORY_BYTES = {"signal": 140_000_000}
_OTHER_BASE_MEMORY_BYTES = 300_000_000
#: How often the budget is in use at the worst.
_BUDGETS = {"signal": 2}
_OTHER_BUDGETS = 3
_BYTES_PER_S = 20_000_000
_BASE_SECONDS = 3.0
#: Files of one item are fetched side by side.
_SECONDS_PER_FILE = 0.01
_LAMBDA_LIMIT_S = 600.0

#: Prices in US dollars, eu-north-1, noted on 2026-11-23; see docs/operations.md.
PRICES = {
    "lambda_gb_s": 0.0000166667,
    "lambda_request": 0.0000002,
    "fargate_vcpu_h": 0.0445,
    "fargate_gb_h": 0.0049,
    "transfer_gb": 0.02,
    "put": 0.005 / 1000,
    "transition": 25 / 1_000_000,
}


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """What the user asked for, the same for every item.

    Attributes
    ----------
    file_format
        Container of recordings: one of `FILE_FORMATS`. Images are OME-Zarr always.
    zarr_format
        3, or 2 for recordings that old readers must open.
    ome_zarr_version
        ``"0.5"`` or ``"0.4"``.
    profile
        ``"dense"``: recordings a fifth smaller, for readers that have the package pcodec.
    """

    file_format: str = "zarr"
    zarr_format: Literal[2, 3] = 3
    ome_zarr_version: Literal["0.4", "0.5"] = "0.5"
    profile: Literal["default", "dense"] = "default"

    def __post_init__(self) -> None:
        """Check the values."""
        if self.file_format not in FILE_FORMATS:
            message = f"file format {self.file_format!r}: choose one of {', '.join(FILE_FORMATS)}"
            raise RequestError(message)
        if self.zarr_format not in (2, 3) or self.ome_zarr_version not in ("0.4", "0.5"):
            message = "zarr_format is 2 or 3, ome_zarr_version 0.4 or 0.5"
            raise RequestError(message)
        if self.profile not in PROFILES:
            message = f"profile {self.profile!r}: choose one of {', '.join(PROFILES)}"
            raise RequestError(message)


@dataclass(frozen=True, slots=True)
class Item:
    """One unit of work: what one reader opens, and where its result goes. JSON both ways.

    Attributes
    ----------
    files
        The leading file first, then its companions; all that a worker needs to fetch them.
    format
        Row of the formats table that the name suggests; the content decides when it is read.
    scheme
        The mapping scheme that applies, or None.
    runner, memory_bytes, seconds, cost_usd
        Where it runs in the cloud, and estimates.
    output
        Below the dataset's folder: ``"primary/sub-1/x.acq.zarr"``; unique in the plan.
    key
        Changes when source, scheme, converter or options change: the same key is the same work.
    copy_from
        Folder of another version where the same work was done (``"224/1"``): its result is copied.
    """

    files: tuple[SourceFile, ...]
    format: str
    scheme: Scheme | None
    runner: Runner
    memory_bytes: int
    seconds: float
    cost_usd: float
    output: str
    key: str
    copy_from: str = ""

    @property
    def path(self) -> str:
        """Path of the leading file in the dataset."""
        return self.files[0].path

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["files"] = [file.to_json() for file in self.files]
        values["scheme"] = self.scheme.to_json() if self.scheme else None
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Item:
        """Read what `to_json` returned."""
        scheme = values["scheme"]
        return cls(
            **{
                **values,
                "files": tuple(SourceFile.from_json(file) for file in values["files"]),
                "scheme": Scheme.from_json(scheme) if scheme else None,
            }
        )


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not converted, and why."""

    path: str
    size_bytes: int
    error: str
    reason: str

    @property
    def status(self) -> Literal["unsupported", "failed"]:
        """``"unsupported"`` if nothing is wrong with the file, ``"failed"`` if something is."""
        return "unsupported" if self.error == "UnsupportedFormatError" else "failed"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to do for one version of one dataset.

    Attributes
    ----------
    siblings
        OME-TIFF files that may be parts of one set: which are is told inside of them only.
    """

    dataset_id: str
    version: str
    description: Mapping[str, Any]
    options: ConvertOptions
    items: tuple[Item, ...]
    skipped: tuple[Skipped, ...] = ()
    siblings: tuple[SourceFile, ...] = ()
    converter_version: str = field(default=CONVERTER_VERSION)

    @property
    def folder(self) -> str:
        """Folder of the results: ``"224/2"``."""
        return f"{self.dataset_id}/{self.version}"

    @property
    def cost_usd(self) -> float:
        """Estimated cost in the cloud."""
        return sum(item.cost_usd for item in self.items)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        return {
            "dataset_id": self.dataset_id,
            "version": self.version,
            "description": dict(self.description),
            "options": dataclasses.asdict(self.options),
            "items": [item.to_json() for item in self.items],
            "skipped": [dataclasses.asdict(skipped) for skipped in self.skipped],
            "siblings": [file.to_json() for file in self.siblings],
            "converter_version": self.converter_version,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Plan:
        """Read what `to_json` returned."""
        return cls(
            **{
                **values,
                "options": ConvertOptions(**values["options"]),
                "items": tuple(Item.from_json(item) for item in values["items"]),
                "skipped": tuple(Skipped(**skipped) for skipped in values["skipped"]),
                "siblings": tuple(SourceFile.from_json(file) for file in values["siblings"]),
            }
        )


def plan_dataset(
    source: Source,
    schemes: Schemes,
    settings: Settings,
    *,
    paths: Sequence[str] = (),
    options: ConvertOptions | None = None,
) -> Plan:
    """List the dataset and decide what happens to each file.

    Parameters
    ----------
    paths
        Files, folders or patterns to convert, with or without ``files/`` or ``primary/`` in front; all
        data files if empty.

    Raises
    ------
    EmptyDatasetError
        If the dataset holds no file.
    SourceFileNotFoundError
        If one of ``paths`` names nothing in the dataset.
    """
    options = options or ConvertOptions()
    files, skipped = _safe_files(source.list_files())
    if not files and not skipped:
        message = f"dataset {source.dataset_id}: no files in version {source.version}"
        raise EmptyDatasetError(message)
    named = chosen({file.path for file in files}, paths, source.dataset_id)
    no_data = why_no_data(file.path for file in files)
    if named is not None:
        # program code and documents are converted where somebody asks for them
        no_data = {path: why for path, why in no_data.items() if path not in named}
    data = [file for file in files if file.path not in no_data]
    groups, ungrouped = group_files(data)
    skipped += [
        Skipped(file.path, file.size_bytes, "UnsupportedFormatError", no_data[file.path])
        for file in files
        if file.path in no_data
    ]
    skipped += [
        Skipped(u.file.path, u.file.size_bytes, "UnsupportedFormatError", u.reason)
        for u in ungrouped
    ]
    items: list[Item] = []
    for group in groups:
        members = {file.path for file in (group.leading, *group.companions)}
        if named is not None and not members & named:
            continue
        outcome = _plan_group(group, source, schemes, settings, options)
        (items if isinstance(outcome, Item) else skipped).append(outcome)  # type: ignore[arg-type]
    if named is not None:
        skipped = [entry for entry in skipped if entry.path in named]
    items, clashes = _without_clashes(items)
    return Plan(
        source.dataset_id,
        source.version,
        source.description,
        options,
        tuple(items),
        tuple(sorted([*skipped, *clashes], key=lambda entry: entry.path)),
        ome_tiff_siblings(data),
    )


def _safe_files(files: Iterable[SourceFile]) -> tuple[list[SourceFile], list[Skipped]]:
    safe, refused = [], []
    for file in files:
        try:
            safe_relative(file.path)
        except UnsafePathError as err:
            refused.append(Skipped(file.path, file.size_bytes, "UnsafePathError", str(err)))
        else:
            safe.append(file)
    return safe, refused


def _plan_group(
    group: Group, source: Source, schemes: Schemes, settings: Settings, options: ConvertOptions
) -> Item | Skipped:
    leading, row = group.leading, group.format
    files = (leading, *group.companions)
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
            f"{leading.path}: {row.title} does not state its layout; write a mapping scheme for it "
            "(`sparc-fuse scheme new`)",
        )
    if not leading.size_bytes:
        return skip("EmptyFileError", f"{leading.path}: the file is empty; upload it again")
    memory_bytes = _BASE_MEMORY_BYTES.get(row.kind, _OTHER_BASE_MEMORY_BYTES)
    memory_bytes += _BUDGETS.get(row.kind, _OTHER_BUDGETS) * settings.memory_budget_bytes
    memory_bytes += round(row.memory_factor * size_bytes)
    disk_bytes = 3 * size_bytes
    seconds = _BASE_SECONDS + size_bytes / _BYTES_PER_S + len(files) * _SECONDS_PER_FILE
    if memory_bytes > settings.fargate_memory_bytes or disk_bytes > settings.fargate_disk_bytes:
        return skip(
            "SizeLimitError",
            f"{leading.path}: needs about {memory_bytes / 1e9:.0f} GB of memory and "
            f"{disk_bytes / 1e9:.0f} GB of disk; the largest task has "
            f"{settings.fargate_memory_bytes / 1e9:.0f} and {settings.fargate_disk_bytes / 1e9:.0f}",
        )
    runner: Runner = "lambda"
    if (
        not in_lambda_image(row, scheme)
        or memory_bytes > settings.lambda_memory_bytes
        or disk_bytes > settings.lambda_disk_bytes
        or seconds > _LAMBDA_LIMIT_S
    ):
        runner = "fargate"
    return Item(
        files=files,
        format=row.name,
        scheme=scheme,
        runner=runner,
        memory_bytes=memory_bytes,
        seconds=round(seconds, 1),
        cost_usd=round(_cost_usd(runner, seconds, memory_bytes, files, settings), 6),
        output=output_of(leading.path, row, options.file_format),
        key=_key(files, row, scheme, options),
    )


def in_lambda_image(row: Format, scheme: Scheme | None) -> bool:
    """Return whether the Lambda image has what reads a file; the Fargate image has it always."""
    # a scheme that asks for another library than the usual one (nd2reader, GPL) means Fargate too
    asks = scheme is not None and "library" in scheme.options
    return not asks and (not row.extra or row.extra in LAMBDA_EXTRAS)


def output_of(path: str, row: Format, file_format: str) -> str:
    """Return where the result of ``path`` goes below the dataset's folder; nothing is cut off."""
    inner = path.removeprefix("files/")
    if row.name == "ome-zarr":
        return zarr_folder(inner)
    if row.kind == "image":
        return f"{inner}.ome.zarr"
    suffix = "zarr" if row.kind == "shapes" else file_format
    return f"{inner}.{suffix}"


def _cost_usd(
    runner: Runner,
    seconds: float,
    memory_bytes: int,
    files: Sequence[SourceFile],
    settings: Settings,
) -> float:
    if runner == "lambda":
        work = seconds * settings.lambda_memory_bytes / 1e9 * PRICES["lambda_gb_s"]
        work += PRICES["lambda_request"]
    else:
        billed_h = max(seconds, 60.0) / 3600
        work = billed_h * (
            2 * PRICES["fargate_vcpu_h"] + memory_bytes / 1e9 * PRICES["fargate_gb_h"]
        )
    rest = sum(file.size_bytes for file in files) / 1e9 * PRICES["transfer_gb"]
    return work + rest + max(100, len(files)) * PRICES["put"] + 8 * PRICES["transition"]


def _key(
    files: Sequence[SourceFile], row: Format, scheme: Scheme | None, options: ConvertOptions
) -> str:
    facts = {
        "files": [[file.path, file.identity] for file in files],
        "format": row.name,
        "scheme": scheme.to_json() if scheme else None,
        "converter": CONVERTER_VERSION,
        "options": dataclasses.asdict(options),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _without_clashes(items: list[Item]) -> tuple[list[Item], list[Skipped]]:
    """Refuse every item whose output another shares, or lies inside another's."""
    by_output: dict[str, list[Item]] = {}
    for item in items:
        by_output.setdefault(item.output.casefold(), []).append(item)
    good, clashes = [], []
    for item in items:
        own = item.output.casefold()
        parents = [str(parent) for parent in PurePosixPath(own).parents]
        rivals = [other for other in by_output[own] if other is not item]
        rivals += [other for parent in parents for other in by_output.get(parent, [])]
        if not rivals:
            good.append(item)
            continue
        error = OutputClashError(
            f"{item.path}: would be written to {item.output}, as would {rivals[0].path}; rename one"
        )
        clashes.append(_refusal(item, error))
    return good, clashes


def _refusal(item: Item, error: SparcFuseError) -> Skipped:
    return Skipped(item.path, item.size_bytes, type(error).__name__, str(error))
