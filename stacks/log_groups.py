"""Log groups with a name, a time after which logs are deleted, and no life after the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.settings import StackSettings

_RETENTION = {
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
}


def make_log_group(scope: Construct, id_: str, name: str, settings: StackSettings) -> logs.LogGroup:
    """Return the log group ``name``."""
    return logs.LogGroup(
        scope,
        id_,
        log_group_name=name,
        retention=_RETENTION[settings.log_days],
        removal_policy=RemovalPolicy.DESTROY,
    )
