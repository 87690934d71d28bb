"""What a deployment may choose, from the CDK's context.

``-c sparc-fuse:<name>=<value>`` on the command line, or under ``context`` in ``cdk.json``. The account is
that of the credentials at the time of the deployment; it is never part of what is synthesized.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "sparc-fuse:"

#: Days that logs can be kept, of those that CloudWatch knows.
LOG_DAYS = (7, 30, 90, 180, 365, 731)

#: Buckets of Pennsieve Discover; the first is open to everyone, the others are paid for by the reader.
SOURCE_BUCKETS = (
    "sparc-prod-aod-discover-publish50-use1",
    "prd-sparc-discover50-use1",
    "prd-sparc-discover-use1",
    "pennsieve-prod-discover-publish-use1",
)

PAID_BUCKETS = SOURCE_BUCKETS[1:]


class StackSettingError(ValueError):
    """A setting of the deployment cannot be used."""


@dataclass(frozen=True, slots=True)
class StackSettings:
    """Every setting; each field ``x`` is the context value ``sparc-fuse:x``.

    Attributes
    ----------
    region
        Where everything runs and the results lie.
    stack_name
        Name of the stack, and first part of the names of what is in it; a second deployment in one account
        and region takes another.
    bucket_name
        Name of the results bucket; ``""`` lets CloudFormation choose one.
    source_buckets
        Buckets that may be read, by name.
    max_concurrency
        Items of one execution that run at once at most.
    convert_memory_mib
        Memory of the converting function; larger items go to Fargate. New accounts are limited to 3008.
    convert_reserved_concurrency
        Invocations of the converting function at once, over all executions; 0 reserves nothing.
    default_cost_limit_usd
        Whole US dollars that an execution may cost whose request states no limit; 0 for no limit.
    pennsieve_secret_arn
        Secret of Secrets Manager with an API key of Pennsieve, for datasets of one's own; ``""`` for none.
    vpc_id, subnet_ids, assign_public_ip
        A network that is there, two of its subnets (in two zones) for the tasks, and whether tasks have public
        addresses in them; without, the stack makes a network of its own.
    permissions_boundary_arn
        Policy that bounds every role of the stack; ``""`` for none.
    kms_key_arn
        Key that encrypts the results bucket; ``""`` for S3's own.
    watch_hours
        Hours between two looks at the watch list; 0 never looks.
    log_days
        How long logs are kept.
    run_days
        How long requests and the working objects of a run are kept; no run can be redriven after that.
    noncurrent_days
        How long a result that was replaced or deleted can still be got back.
    alarm_email
        Address that alarms are sent to, after it was confirmed; ``""`` for none.
    alarm_failed_percent
        An alarm tells of a dataset of which so many percent of the files, or more, failed.
    publish
        Whether everybody may read the results of datasets with a number, through a content network.
    publish_domain, publish_certificate_arn
        Name that results are published under, and its certificate (of us-east-1); ``""`` for the network's own
        name, which also lets readers in whose TLS is older than 1.2.
    """

    region: str = "eu-north-1"
    stack_name: str = "SparcFuse"
    bucket_name: str = ""
    source_buckets: tuple[str, ...] = SOURCE_BUCKETS
    max_concurrency: int = 200
    convert_memory_mib: int = 4096
    convert_reserved_concurrency: int = 0
    default_cost_limit_usd: int = 0
    pennsieve_secret_arn: str = ""
    vpc_id: str = ""
    subnet_ids: tuple[str, ...] = ()
    assign_public_ip: bool = False
    permissions_boundary_arn: str = ""
    kms_key_arn: str = ""
    watch_hours: int = 24
    log_days: int = 90
    run_days: int = 90
    noncurrent_days: int = 30
    alarm_email: str = ""
    alarm_failed_percent: int = 50
    publish: bool = False
    publish_domain: str = ""
    publish_certificate_arn: str = ""

    def __post_init__(self) -> None:
        """Refuse what a deployment would only refuse half-way.

        Raises
        ------
        StackSettingError
            If a value is out of its range.
        """
        _check("region", self.region, r"[a-z]{2}(-[a-z]+)+-\d", "an AWS region")
        _check(
            "stack_name",
            self.stack_name,
            r"[A-Za-z][A-Za-z0-9-]{0,39}",
            "up to 40 letters, digits and -",
        )
        _check(
            "bucket_name", self.bucket_name, r"|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name"
        )
        _check(
            "pennsieve_secret_arn",
            self.pennsieve_secret_arn,
            r"|arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}",
            "the whole ARN of a secret, with the six characters at its end, or nothing",
        )
        _check("alarm_email", self.alarm_email, r"|[^@\s]+@[^@\s]+", "an address, or nothing")
        _check(
            "publish_domain",
            self.publish_domain,
            r"|([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}",
            "a domain, or nothing",
        )
        _check(
            "publish_certificate_arn",
            self.publish_certificate_arn,
            r"|arn:aws:acm:us-east-1:\d{12}:certificate/[A-Za-z0-9-]+",
            "the ARN of a certificate of us-east-1 (where CloudFront reads them), or nothing",
        )
        if bool(self.publish_domain) != bool(self.publish_certificate_arn):
            message = (
                f"{PREFIX}publish_domain and {PREFIX}publish_certificate_arn: give both, or none"
            )
            raise StackSettingError(message)
        if self.publish_domain and not self.publish:
            message = f"{PREFIX}publish_domain={self.publish_domain!r}: needs {PREFIX}publish=true"
            raise StackSettingError(message)
        self._check_network()
        _check(
            "permissions_boundary_arn",
            self.permissions_boundary_arn,
            r"|arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+",
            "the ARN of a policy, or nothing",
        )
        _check(
            "kms_key_arn",
            self.kms_key_arn,
            rf"|arn:aws[a-z-]*:kms:{self.region}:\d{{12}}:key/[A-Za-z0-9-]+",
            f"the ARN of a key (no alias) in {self.region}, or nothing",
        )
        for name in self.source_buckets:
            _check("source_buckets", name, r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "names of buckets")
        for name, least, most in (
            ("max_concurrency", 1, 10_000),
            ("convert_memory_mib", 1024, 10_240),
            ("convert_reserved_concurrency", 0, 10_000),
            ("default_cost_limit_usd", 0, 1_000_000),
            ("alarm_failed_percent", 1, 100),
            ("watch_hours", 0, 24 * 365),
            ("run_days", 1, 3650),
            ("noncurrent_days", 1, 3650),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                message = f"{PREFIX}{name}={value}: expected {least} to {most}"
                raise StackSettingError(message)
        if self.log_days not in LOG_DAYS:
            message = (
                f"{PREFIX}log_days={self.log_days}: expected one of {', '.join(map(str, LOG_DAYS))}"
            )
            raise StackSettingError(message)

    def _check_network(self) -> None:
        _check("vpc_id", self.vpc_id, r"|vpc-[0-9a-f]{8,17}", "the id of a VPC, or nothing")
        for subnet in self.subnet_ids:
            _check("subnet_ids", subnet, r"subnet-[0-9a-f]{8,17}", "ids of subnets")
        wanted = 2 if self.vpc_id else 0
        if not len(self.subnet_ids) == len(set(self.subnet_ids)) == wanted:
            message = (
                f"{PREFIX}vpc_id={self.vpc_id!r} and {PREFIX}subnet_ids={','.join(self.subnet_ids)!r}: give a "
                "VPC and two of its subnets, in two zones, or neither"
            )
            raise StackSettingError(message)
        if self.assign_public_ip and not self.vpc_id:
            message = f"{PREFIX}assign_public_ip: is for the subnets of {PREFIX}vpc_id alone"
            raise StackSettingError(message)

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> StackSettings:
        """Read the settings from the CDK's context, where numbers may be text.

        Raises
        ------
        StackSettingError
            If a name is unknown, or a value cannot be used.
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for key, value in context.items():
            if not key.startswith(PREFIX):
                continue
            name = key.removeprefix(PREFIX)
            if name not in fields:
                known = ", ".join(PREFIX + known for known in fields)
                message = f"{key} is no setting; known: {known}"
                raise StackSettingError(message)
            kind = str(fields[name].type)
            if kind == "int":
                if isinstance(value, bool) or not re.fullmatch(r"\d+(\.0)?", str(value)):
                    message = f"{key}={value!r}: expected a whole number"
                    raise StackSettingError(message)
                values[name] = int(float(value))
            elif kind == "bool":
                # text of the command line: "false" is no more than "true" is
                if str(value).lower() not in ("true", "false"):
                    message = f"{key}={value!r}: expected true or false"
                    raise StackSettingError(message)
                values[name] = str(value).lower() == "true"
            elif kind.startswith("tuple"):
                parts = value.split(",") if isinstance(value, str) else value
                values[name] = tuple(str(part).strip() for part in parts if str(part).strip())
            else:
                values[name] = str(value)
        return cls(**values)


def _check(name: str, value: str, pattern: str, expected: str) -> None:
    if not re.fullmatch(pattern, value):
        message = f"{PREFIX}{name}={value!r}: expected {expected}"
        raise StackSettingError(message)
