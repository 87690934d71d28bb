"""What a source of datasets is: its files, and how one of them is fetched."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


#: A file's ``account`` where it lies in a bucket of one's own rather than the publisher's.
OWN_ACCOUNT = "own"

#: A file's ``account`` where a key of Pennsieve is needed for it.
PENNSIEVE_ACCOUNT = "pennsieve"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of one version of a dataset; all that is needed to fetch it. JSON both ways.

    Attributes
    ----------
    path
        Relative to the dataset's root, with ``/``: ``"files/primary/sub-1/20_1021.acq"``. For a
        local folder the same, with ``files/`` in front.
    size_bytes
        As listed.
    name
        Display name where it differs from the path's last part (headers name companions by it).
    sha256
        Lower-case hex of the whole file, or ``""`` where the listing has none that can be checked.
    version_id
        S3 object version, or ``""``.
    uri
        ``s3://bucket/key``, ``file:///…`` or ``pennsieve:<package>/<file>``: where the bytes are.
    etag
        Modification time of a local file, S3's entity tag of an uploaded one; identity where nothing
        better is known.
    dataset
        ``"id/version"`` in Discover, by which it can be asked for a signed URL.
    account
        `OWN_ACCOUNT` for a bucket that is reached like the results' (endpoint, region, credentials),
        `PENNSIEVE_ACCOUNT` for a workspace of Pennsieve; ``""`` for the publisher's bucket.
    """

    path: str
    size_bytes: int
    name: str = ""
    sha256: str = ""
    version_id: str = ""
    uri: str = ""
    etag: str = ""
    dataset: str = ""
    account: str = ""

    @property
    def identity(self) -> str:
        """What changes when the content changes: hash, else S3 version, else modification time."""
        return f"{self.sha256 or self.version_id or self.etag}:{self.size_bytes}"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping, without what is not known."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value != ""}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SourceFile:
        """Read what `to_json` returned."""
        return cls(**values)


class Source(Protocol):
    """One version of one dataset. `SourceUnavailableError` means: try again."""

    @property
    def dataset_id(self) -> str:
        """Discover id, or the name of the folder or prefix."""

    @property
    def version(self) -> str:
        """Version number, ``"local"`` or ``"upload"``."""

    @property
    def description(self) -> Mapping[str, Any]:
        """Facts for the manifest: ``doi``, ``licence``, ``citation``, ``uri``, ``name`` … (true or absent)."""

    def list_files(self) -> Iterable[SourceFile]:
        """Yield every file of the dataset, in path order."""

    def fetch(
        self, file: SourceFile, folder: Path, on_bytes: Callable[[int], None] | None = None
    ) -> Path:
        """Put one file into ``folder`` under its path's last part and return where it is.

        The size is checked, and the hash where the listing has one. ``on_bytes`` is told how many
        bytes arrived since the last call. A local file may be returned where it lies, unless
        ``folder`` must hold it beside companions.
        """

    def head(self, file: SourceFile, n_bytes: int, begin: int = 0) -> bytes:
        """Return bytes of a file, the first or those from ``begin`` on, at most ``n_bytes``, and only them."""

    def metadata(self) -> Mapping[str, Any]:
        """Return the dataset's metadata as the Discover API gives it; ``{}`` for any other source."""


class Fetch(Protocol):
    """Puts one file into a folder and returns where it is; ``on_bytes`` is told how many more have come."""

    def __call__(
        self, file: SourceFile, folder: Path, on_bytes: Callable[[int], None] | None, /
    ) -> Path:
        """Fetch ``file``."""
