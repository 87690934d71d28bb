"""Sources of datasets: Discover with S3, local folders and archives, a bucket of one's own; one protocol.

Importing this package loads neither requests nor boto3.
"""

from sparc_fuse_core.sources.opening import check_unchanged, fetch_file, fetching, open_source
from sparc_fuse_core.sources.source import OWN_ACCOUNT, Fetch, Source, SourceFile

__all__ = [
    "OWN_ACCOUNT",
    "Fetch",
    "Source",
    "SourceFile",
    "check_unchanged",
    "fetch_file",
    "fetching",
    "open_source",
]
