"""Roles that say in full what they may do: no managed policies, no action by ``*``.

A resource that ends in ``*`` needs a reason, which is handed on to cdk-nag: without one the synthesis fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from stacks import layout
from stacks.acknowledged import acknowledge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_s3 as s3
    from constructs import Construct

_KEYS = "Names of datasets, versions and runs do not exist yet; the policy ends where the task's prefix does."

Conditions = dict[str, dict[str, str | list[str]]]


def make_role(scope: Construct, id_: str, service: str, description: str) -> iam.Role:
    """Return a role of ``service``, so far without any right."""
    return iam.Role(
        scope,
        id_,
        assumed_by=iam.ServicePrincipal(f"{service}.amazonaws.com"),
        description=description,
    )


def allow(
    role: iam.Role,
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: Conditions | None = None,
    *,
    because: str = "",
) -> None:
    """Let ``role`` do ``actions`` on ``resources``; ``because`` is the reason of a ``*`` in one of them."""
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=list(actions), resources=list(resources), conditions=conditions or {}
        )
    )
    if because:
        for resource in resources:
            shown = _shown(Stack.of(role).resolve(resource))
            acknowledge(role, f"AwsSolutions-IAM5[Resource::{shown}]", because)


def acknowledge_any_resource(role: iam.Role, because: str) -> None:
    """Say why ``role`` has an action that no resource can be named for."""
    acknowledge(role, "AwsSolutions-IAM5[Resource::*]", because)


def allow_objects(
    role: iam.Role, bucket: s3.IBucket, actions: Sequence[str], patterns: Sequence[str]
) -> None:
    """Let ``role`` do ``actions`` on the objects of ``bucket`` whose keys match ``patterns``."""
    arns = [bucket.arn_for_objects(pattern) for pattern in patterns]
    allow(role, actions, arns, because=_KEYS)
    if bucket.encryption_key is not None:
        # S3 asks the key in the name of who reads or writes
        use = ["kms:Decrypt"]
        if "s3:PutObject" in actions:
            use.append("kms:GenerateDataKey")
        allow(role, use, [bucket.encryption_key.key_arn])


def allow_listing(role: iam.Role, bucket: s3.IBucket, prefixes: Sequence[str]) -> None:
    """Let ``role`` list below ``prefixes``.

    ``IfExists``: S3 asks for this right also when an object that is read is not there, and then without a
    prefix. Without it a missing object would be a refusal instead of "not found".
    """
    patterns = [f"{prefix}*" for prefix in prefixes]
    condition: Conditions = {"StringLikeIfExists": {"s3:prefix": patterns}}
    allow(role, ["s3:ListBucket"], [bucket.bucket_arn], condition)


def allow_sources(role: iam.Role, buckets: Sequence[s3.IBucket]) -> None:
    """Let ``role`` read the published datasets, at the version that a plan names."""
    arns = [bucket.arn_for_objects("*") for bucket in buckets]
    reason = "Every object of these buckets is a published file."
    allow(role, ["s3:GetObject", "s3:GetObjectVersion"], arns, because=reason)


def allow_results(role: iam.Role, bucket: s3.IBucket, *, delete: bool) -> None:
    """Let ``role`` read and write results, and delete them."""
    actions = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
    if delete:
        actions.append("s3:DeleteObject")
    allow_objects(role, bucket, actions, [layout.RESULTS + "*"])


def _shown(value: Any) -> str:
    """Return a resolved ARN as cdk-nag names it: references in ``<…>``."""
    if isinstance(value, str):
        return value
    name, of = next(iter(value.items()))
    if name == "Fn::Join":
        return str(of[0]).join(_shown(part) for part in of[1])
    if name == "Fn::GetAtt":
        return f"<{'.'.join(of)}>"
    return f"<{of}>"
