"""What a plan is made of: items to convert, files skipped, the options; JSON both ways."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.errors import (
    RequestError,
)
from sparc_fuse_core.formats.choice import READERS
from sparc_fuse_core.proof.opinion import share_of
from sparc_fuse_core.schemes.schemes import Scheme
from sparc_fuse_core.sources import SourceFile
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping


Runner = Literal["lambda", "fargate"]


FILE_FORMATS = ("zarr", "zarr.zip", "npz", "mat")

PROFILES = ("default", "dense")


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
    salvage
        Convert recordings that end before what their header announces up to the last whole block.
    burned_in
        Publish DICOM pictures that say of themselves that text is burned into the pixels.
    rate_hz
        Samples per second of every recording that states neither rate nor times; None to leave it open.
    unit
        Unit of every channel that states none; ``""`` to leave it open.
    reader
        ``"neo"``: NEO reads the recordings that it can in place of this project's own readers.
    verify
        ``"independent"``: another library reads each file too; ``"sample:5%"``: such a part of them. What
        is written is the same.
    """

    file_format: str = "zarr"
    zarr_format: Literal[2, 3] = 3
    ome_zarr_version: Literal["0.4", "0.5"] = "0.5"
    profile: Literal["default", "dense"] = "default"
    rate_hz: float | None = None
    unit: str = ""
    burned_in: bool = False
    salvage: bool = False
    reader: str = "own"
    verify: str = "roundtrip"

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
        if self.rate_hz is not None and not 0 < self.rate_hz < float("inf"):
            message = f"rate {self.rate_hz}: samples per second are a number above 0"
            raise RequestError(message)
        if self.reader not in READERS:
            message = f"reader {self.reader!r}: choose one of {', '.join(READERS)}"
            raise RequestError(message)
        share_of(self.verify)
        if self.unit != self.unit.strip() or not self.unit.isprintable() or len(self.unit) > 64:
            message = f"unit {self.unit!r}: a short text such as mV"
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
    runner, memory_bytes, disk_bytes, seconds, cost_usd
        Where it runs in the cloud, and estimates.
    output
        Below the dataset's folder: ``"primary/sub-1/x.acq.zarr"``; unique in the plan.
    key
        Changes when source, scheme, converter or options change: the same key is the same work.
    copy_from
        Folder of another version where the same work was done (``"224/1"``): its result is copied.
    replaces
        Mark of the receipt of the same work, whose whole result stands unless this one can replace it.
    """

    files: tuple[SourceFile, ...]
    format: str
    scheme: Scheme | None
    runner: Runner
    memory_bytes: int
    disk_bytes: int
    seconds: float
    cost_usd: float
    output: str
    key: str
    copy_from: str = ""
    replaces: str = ""

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
        fine = ("UnsupportedFormatError", "PartOfSetError")
        return "unsupported" if self.error in fine else "failed"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to do for one version of one dataset.

    Attributes
    ----------
    siblings
        Files that others may name as parts of their set: which are is told inside of them only.
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
