"""Sources whose files come from S3, or from signed URLs to it, by the account that each names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources.source import SourceFile


class ByS3:
    """Fetches files and their beginnings; what lists them is each source's own."""

    _settings: Settings

    def fetch(
        self, file: SourceFile, folder: Path, on_bytes: Callable[[int], None] | None = None
    ) -> Path:
        """Put one file into ``folder``; see `sparc_fuse_core.sources.s3.fetch_file`."""
        # listing and planning need no boto3
        from sparc_fuse_core.sources.s3 import fetch_file

        return fetch_file(file, folder, self._settings, on_bytes)

    def head(self, file: SourceFile, n_bytes: int, begin: int = 0) -> bytes:
        """Return the first bytes of a file, or others; see `sparc_fuse_core.sources.s3.read_head`."""
        from sparc_fuse_core.sources.s3 import read_head

        return read_head(file, n_bytes, self._settings, begin)
