"""Clients of AWS: made in one place, with the project's time-outs and number of attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from sparc_fuse_core.settings import Settings


def aws_client(
    service: str,
    settings: Settings,
    *,
    region: str = "",
    endpoint: str = "",
    timeout_s: float | None = None,
    attempts: int | None = None,
    **options: Any,
) -> Any:
    """Return a boto3 client; without an endpoint boto3 honours ``AWS_ENDPOINT_URL`` itself.

    Parameters
    ----------
    region
        That of the results if empty.
    endpoint
        Of a server that may be no AWS: buckets are then named in the path.
    timeout_s, attempts
        Of one request; those of the settings if None.
    options
        Further ones of `botocore.config.Config`.
    """
    wait_s = settings.request_timeout_s if timeout_s is None else timeout_s
    most = settings.request_attempts if attempts is None else attempts
    if endpoint:
        options["s3"] = {"addressing_style": "path"}
    return boto3.client(
        service,
        region_name=region or settings.output_region,
        endpoint_url=endpoint or None,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": max(1, most)},
            connect_timeout=wait_s,
            read_timeout=wait_s,
            **options,
        ),
    )


def own_s3_client(settings: Settings, *, attempts: int | None = None) -> Any:
    """Return a client for buckets of one's own, reached like that of the results."""
    return aws_client("s3", settings, endpoint=settings.output_s3_endpoint, attempts=attempts)
