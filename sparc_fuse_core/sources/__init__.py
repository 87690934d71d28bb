"""Sources of datasets: Discover with S3, or a local folder. One protocol for both.

Importing this package loads neither requests nor boto3; `open_source` imports what it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


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
        ``s3://bucket/key`` or ``file:///…``: where the bytes are.
    etag
        Modification time and size of a local file; identity where nothing better is known.
    """

    path: str
    size_bytes: int
    name: str = ""
    sha256: str = ""
    version_id: str = ""
    uri: str = ""
    etag: str = ""

    @property
    def identity(self) -> str:
        """What changes when the content changes: hash, else S3 version, else modification time."""
        return f"{self.sha256 or self.version_id or self.etag}:{self.size_bytes}"


class Source(Protocol):
    """One version of one dataset. `SourceUnavailableError` means: try again."""

    @property
    def dataset_id(self) -> str:
        """Discover id, or the folder's name."""

    @property
    def version(self) -> str:
        """Version number, or ``"local"``."""

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

    def metadata(self) -> Mapping[str, Any]:
        """Return the dataset's metadata as the Discover API gives it; ``{}`` for a plain folder."""
