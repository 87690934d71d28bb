"""Settings: endpoints, limits and budgets, each with its environment variable.

Nothing is read at import; `Settings.from_environment` is called by the command line, the documented
functions and the handlers, and passed on as a value.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "SPARC_FUSE_"

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; each field is read from ``SPARC_FUSE_`` and its name in capitals.

    Attributes
    ----------
    discover_url
        Base URL of the Pennsieve Discover API.
    source_s3_endpoint
        S3 endpoint for reading datasets; ``""`` for AWS.
    paid_buckets
        Buckets of the publisher that are read with this machine's AWS credentials, as requester pays; names
        with commas between. All others are read without credentials, whoever a listing says owns them.
    output_s3_endpoint
        S3 endpoint for results; ``""`` for AWS (or ``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL``).
    output_region
        Region of the results bucket.
    pennsieve_url, pennsieve_login_url
        The platform's API, for datasets of one's own; where its keys are exchanged for tokens, ``""`` for
        the service that the API names.
    pennsieve_api_key, pennsieve_api_secret
        An API key of Pennsieve.
    pennsieve_secret_arn
        Secret of AWS Secrets Manager that holds one (``{"api_key": …, "api_secret": …}``).
    scicrunch_url, scicrunch_key
        SciCrunch search; used only where a key is set.
    request_timeout_s
        Time to wait for an answer to one request.
    request_attempts
        How often a transient failure is tried before it is reported.
    retry_pause_s
        First pause between attempts; doubled each time, with full jitter.
    memory_budget_bytes
        What one conversion may hold in block buffers.
    lambda_memory_bytes, lambda_disk_bytes
        What one Lambda invocation has; larger items go to Fargate.
    fargate_memory_bytes, fargate_disk_bytes
        What the largest Fargate task has; an item that needs more disk gets a volume.
    fargate_volume_bytes
        The largest volume that a task can have; larger items are refused when planned for the cloud.
    max_decoded_bytes
        Decoded size of one file past which it is refused, whatever its stored size.
    max_inflation, max_inflated_bytes
        A file that announces more than ``max_inflated_bytes`` of decoded values and more than
        ``max_inflation`` times its own size is refused: a size bomb, or a damaged header.
    max_unpacked_bytes, max_unpacked_inflation
        What has to be unpacked whole, to a disk or into memory, before any of it is read: refused if it is
        more than the first and more than the second times what is stored.
    item_time_limit_s
        Time that one file may take on one machine; large ones get as much again as they are thought to need.
    score_threshold
        Mapping score below which a file is unsupported rather than converted to something wrong.
    verify_whole_bytes
        Recordings and images up to this decoded size are compared sample by sample; larger ones by
        stratified blocks.
    stack_name, state_machine_arn, app_bucket
        The deployed app that ``sparc-fuse cloud`` speaks to: the name of its stack, whose outputs tell the
        rest, or state machine and bucket themselves.
    bioformats_jar
        Path of ``bioformats_package.jar``; ``""`` for where the container image has it.
    """

    discover_url: str = "https://api.pennsieve.io/discover"
    source_s3_endpoint: str = ""
    paid_buckets: str = ""
    output_s3_endpoint: str = ""
    output_region: str = "eu-north-1"
    pennsieve_url: str = "https://api.pennsieve.io"
    pennsieve_login_url: str = ""
    pennsieve_api_key: str = dataclasses.field(default="", repr=False)
    pennsieve_api_secret: str = dataclasses.field(default="", repr=False)
    pennsieve_secret_arn: str = ""
    scicrunch_url: str = "https://api.scicrunch.io/elastic/v1/SPARC_Algolia_pr/_search"
    scicrunch_key: str = dataclasses.field(default="", repr=False)
    request_timeout_s: float = 60.0
    request_attempts: int = 6
    retry_pause_s: float = 0.5
    memory_budget_bytes: int = 64 * MB
    lambda_memory_bytes: int = 4096 * MB
    lambda_disk_bytes: int = 10_000 * MB
    fargate_memory_bytes: int = 120_000 * MB
    fargate_disk_bytes: int = 200_000 * MB
    fargate_volume_bytes: int = 17_500_000 * MB
    max_decoded_bytes: int = 10_000_000 * MB
    max_inflation: float = 1000.0
    max_inflated_bytes: int = 2_000 * MB
    max_unpacked_bytes: int = 256 * MB
    max_unpacked_inflation: float = 300.0
    item_time_limit_s: float = 1800.0
    score_threshold: float = 0.5
    verify_whole_bytes: int = 64 * MB
    stack_name: str = "SparcFuse"
    state_machine_arn: str = ""
    app_bucket: str = ""
    bioformats_jar: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from ``environment`` (default: the process's own).

        Raises
        ------
        RequestError
            If a variable is not of the setting's type, or names no setting.
        """
        variables = os.environ if environment is None else environment
        fields = {PREFIX + field.name.upper(): field for field in dataclasses.fields(cls)}
        values: dict[str, str | int | float] = {}
        for name, text in variables.items():
            if not name.startswith(PREFIX):
                continue
            field = fields.get(name)
            if field is None:
                message = f"{name} is no setting; known: {', '.join(sorted(fields))}"
                raise RequestError(message)
            convert = {"int": int, "float": float}.get(str(field.type), str)
            try:
                values[field.name] = convert(text)
            except ValueError:
                message = f"{name}={text!r}: expected {field.type}"
                raise RequestError(message) from None
        if "output_s3_endpoint" not in values:
            endpoint = variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL")
            if endpoint:
                values["output_s3_endpoint"] = endpoint
        return cls(**values)  # type: ignore[arg-type]
