"""The receipt of one item: what became of it, and where that is written down."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sparc_fuse_core.json_values import json_safe
from sparc_fuse_core.privacy.texts import public_message
from sparc_fuse_core.proof.opinion import is_asked
from sparc_fuse_core.storage.results import WORK_FOLDER
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.plan.items import Item
    from sparc_fuse_core.sources import SourceFile
    from sparc_fuse_core.storage.destination import Destination


Status = Literal["converted", "unchanged", "unsupported", "failed"]

#: Of a receipt that speaks for a result.
DONE: tuple[Status, ...] = ("converted", "unchanged")

#: Errors after which the same file may be converted another time, as nothing is wrong with it.
PASSING = (
    "PublishError",
    "SourceThrottledError",
    "SourceUnavailableError",
    "WorkerLostError",
)


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
        Read back with the same reader: ``"verified"``, ``"failed"`` or ``""`` if it never came to that.
    independent
        What another library said of the file (`sparc_fuse_core.proof.opinion.second_opinion`); empty where
        it was not asked for.
    incomplete
        How far a recording goes that ends before what its header announces (``--salvage``); else ``""``.
    digest
        Of the result, as `sparc_fuse_core.convert.digests.digests_of` makes it; ``""`` of a copy.
    zarr_checksum
        Of a store, as DANDI computes it; ``""`` of a packed file and of a copy.
    left_out
        How many statements of the file are not published, by why: ``"identity"``, ``"free text"``,
        ``"private"`` or ``"unlisted"``.
    free_text
        Whether the dataset's tables allowed free text (species not human).
    thumbnail
        Path of a small PNG below the dataset's folder, ``""`` if there is none.
    spent
        What converting took of a function or task (`sparc_fuse_core.cloud.spent`); empty elsewhere.
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
    independent: Mapping[str, Any] = field(default_factory=dict)
    bytes_in: int = 0
    bytes_out: int = 0
    n_objects: int = 0
    digest: str = ""
    zarr_checksum: str = ""
    seconds: float = 0.0
    finished: str = ""
    converter_version: str = CONVERTER_VERSION
    incomplete: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)
    free_text: bool = False
    thumbnail: str = ""
    spent: Mapping[str, Any] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether it speaks for a result: nothing has to be done again for the same key."""
        return self.status in DONE

    @property
    def failed_for_now(self) -> bool:
        """Whether it failed for a reason that passes: another run may convert it."""
        return self.status == "failed" and self.error in PASSING

    def proves(self, verify: str) -> bool:
        """Whether it has the second opinion that is asked for."""
        return not is_asked(verify, self.path) or bool(self.independent)

    def speaks_for(self, item: Item) -> bool:
        """Whether it says that this very work was done."""
        return self.key == item.key and self.is_done

    @property
    def mark(self) -> str:
        """What tells this receipt from every other, one of the same work done again included."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        values: dict[str, Any] = json_safe(dataclasses.asdict(self))
        values["message"] = public_message(self.message)
        for name in ("leftovers", "spent"):
            if not values[name]:
                del values[name]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Receipt:
        """Read what `to_json` returned."""
        tuples = {name: tuple(values[name]) for name in ("files", "explanation", "things")}
        tuples["leftovers"] = tuple(values.get("leftovers", ()))
        return cls(**{**values, **tuples})


def receipt_key(folder: str, output: str) -> str:
    """Return where the receipt of ``output`` lies."""
    return f"{folder}/{WORK_FOLDER}/receipts/{output}.json"


def thumbnail_path(output: str) -> str:
    """Return where the thumbnail of ``output`` lies below the dataset's folder: no result can be there."""
    return f"{WORK_FOLDER}/thumbnails/{output}.png"


def file_facts(
    files: Sequence[SourceFile], sha256: Mapping[str, str] | None = None
) -> tuple[Mapping[str, Any], ...]:
    """Return what a receipt says of the files that were read.

    ``sha256`` has, by path, what was computed while reading. The identity stays the listing's: the next run
    compares it with what is listed then.
    """
    return tuple(
        {
            "path": file.path,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256 or (sha256 or {}).get(file.path, ""),
            "version_id": file.version_id,
            "uri": "" if file.uri.startswith(("file:", "zip+file:")) else file.uri,
            "identity": file.identity,
        }
        for file in files
    )


def read_receipt(destination: Destination, folder: str, output: str) -> Receipt | None:
    """Return the receipt of ``output``, or None if there is none that can be read."""
    data = destination.read_bytes(receipt_key(folder, output))
    if data is None:
        return None
    try:
        return Receipt.from_json(json.loads(data))
    except (ValueError, KeyError, TypeError):
        return None  # written by another release, or cut short: the work is done again


def is_whole(receipt: Receipt, folder: str, destination: Destination) -> bool:
    """Whether a receipt's result opens and has all its objects, to the byte."""
    found = destination.count_result(f"{folder}/{receipt.output}")
    return found == (receipt.n_objects, receipt.bytes_out)


def write_receipt(destination: Destination, folder: str, receipt: Receipt) -> None:
    """Store a receipt, replacing an older one."""
    data = json.dumps(receipt.to_json(), indent=1, allow_nan=False).encode()
    destination.write_bytes(receipt_key(folder, receipt.output), data)


def lost(item: Item) -> Receipt:
    """Return the receipt of an item whose worker ended without one."""
    return Receipt(
        path=item.path,
        files=tuple({"path": file.path, "size_bytes": file.size_bytes} for file in item.files),
        key=item.key,
        output=item.output,
        status="failed",
        format=item.format,
        error="WorkerLostError",
        message=(
            f"{item.path}: what converts it ended without a result; if it does so again, the file is damaged "
            "or too large"
        ),
        bytes_in=item.size_bytes,
    )
