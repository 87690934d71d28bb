"""Addresses of things in buckets: ``s3://bucket/key``, read in one place."""

from __future__ import annotations

from sparc_fuse_core.errors import RequestError

_S3 = "s3://"


def is_s3(text: str) -> bool:
    """Whether ``text`` is an address in a bucket."""
    return text.startswith(_S3)


def s3_parts(address: str) -> tuple[str, str]:
    """Return bucket and key (or prefix, ``""`` for all) of ``s3://bucket/key``.

    Raises
    ------
    RequestError
        If it is none, or names no bucket.
    """
    bucket, _, key = address.removeprefix(_S3).partition("/")
    if not is_s3(address) or not bucket:
        message = f"{address}: no bucket is named; expected s3://bucket/prefix"
        raise RequestError(message)
    return bucket, key


def s3_address(bucket: str, key: str = "") -> str:
    """Return the address of a key or prefix."""
    return f"{_S3}{bucket}/{key}" if key else f"{_S3}{bucket}"
