"""What each role may do, and what none may."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from rehearsal.gate import GRANTS
from tests.infrastructure.conftest import INSIDE_SETTINGS
from tests.infrastructure.policies import Statement, allows, role_of, statements

if TYPE_CHECKING:
    from tests.infrastructure.conftest import Synthesized

#: Actions that IAM offers no resource for, so that ``*`` is all that can be said.
WITHOUT_RESOURCE = {
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "ecr:GetAuthorizationToken",
    "lambda:GetAccountSettings",
    "ec2:DescribeVolumes",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstances",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}

RESULT = "datasets/224/2/primary/sub 1/µ-x.acq.zarr/c/0/0"
MANIFEST = "datasets/224/2/manifest.json"
LATEST = "datasets/224/latest.json"
LOCK = "datasets/224/2/.sparc-fuse/running.json"
RECEIPT = "datasets/224/2/.sparc-fuse/receipts/x.json"
RUN = "datasets/.sparc-fuse/runs/224/2/224-2-abc/items.json"
UPLOAD = "uploads/mine/files/primary/x.wav"
REQUEST = "requests/ours/one.json"
WATCH = "watch/datasets.json"

KEYS = (RESULT, MANIFEST, LATEST, LOCK, RECEIPT, RUN, UPLOAD, REQUEST, WATCH)
RESULTS = (RESULT, MANIFEST, LATEST, LOCK, RECEIPT, RUN)

#: Role, action, and the keys that it is allowed on; on all other keys it must not be.
ON_KEYS = [
    ("plan", "s3:GetObject", (*RESULTS, UPLOAD)),
    ("plan", "s3:PutObject", RESULTS),
    ("plan", "s3:DeleteObject", RESULTS),
    ("convert", "s3:GetObject", (*RESULTS, UPLOAD)),
    ("convert", "s3:PutObject", RESULTS),
    ("convert", "s3:AbortMultipartUpload", RESULTS),
    ("convert", "s3:DeleteObject", ()),
    ("task", "s3:GetObject", (*RESULTS, UPLOAD)),
    ("task", "s3:PutObject", RESULTS),
    ("task", "s3:AbortMultipartUpload", RESULTS),
    ("task", "s3:DeleteObject", ()),
    ("consolidate", "s3:GetObject", RESULTS),
    ("consolidate", "s3:PutObject", RESULTS),
    ("consolidate", "s3:DeleteObject", RESULTS),
    ("manifest", "s3:GetObject", RESULTS),
    ("manifest", "s3:PutObject", RESULTS),
    ("manifest", "s3:DeleteObject", (LOCK,)),
    ("start", "s3:GetObject", (MANIFEST, LATEST, UPLOAD, REQUEST, WATCH)),
    ("start", "s3:PutObject", ()),
    ("start", "s3:DeleteObject", ()),
    ("execution", "s3:GetObject", ()),
    ("execution", "s3:PutObject", ()),
]


def _role(stack: Synthesized, name: str) -> str:
    task = stack.task()
    if name == "task":
        return str(task["TaskRoleArn"]["Fn::GetAtt"][0])
    if name == "execution":
        return str(task["ExecutionRoleArn"]["Fn::GetAtt"][0])
    return role_of(stack.function(name))


def _bucket(stack: Synthesized) -> str:
    """Return the results bucket's ARN, as in a policy."""
    buckets = stack.resources("AWS::S3::Bucket")
    (name,) = [name for name, bucket in buckets.items() if "LoggingConfiguration" in bucket]
    return f"<{name}.Arn>"


@pytest.mark.parametrize(("name", "action", "allowed"), ON_KEYS)
def test_each_role_may_do_what_its_work_needs_and_no_more(
    stack: Synthesized, name: str, action: str, allowed: tuple[str, ...]
) -> None:
    role, bucket = _role(stack, name), _bucket(stack)
    found = {key for key in KEYS if allows(stack, role, action, f"{bucket}/{key}")}
    assert found == set(allowed)


@pytest.mark.parametrize(
    ("name", "prefixes"),
    [
        ("plan", ("datasets/224/2/", "uploads/mine/")),
        ("convert", ("datasets/224/2/", "uploads/mine/")),
        ("task", ("datasets/224/2/", "uploads/mine/")),
        ("consolidate", ("datasets/224/2/",)),
        ("manifest", ("datasets/224/2/",)),
        ("start", ("datasets/224/", "uploads/mine/", "requests/", "watch/")),
    ],
)
def test_listing_ends_at_the_prefixes_and_a_missing_object_is_not_a_refusal(
    stack: Synthesized, name: str, prefixes: tuple[str, ...]
) -> None:
    role, bucket = _role(stack, name), _bucket(stack)
    every = ("datasets/224/2/", "datasets/224/", "uploads/mine/", "requests/", "watch/", "", "x/")
    found = {p for p in every if allows(stack, role, "s3:ListBucket", bucket, s3__prefix=p)}
    assert set(prefixes) <= found
    assert not {"", "x/"} & found
    # S3 answers 404 instead of 403 only to those who may list; it asks without a prefix then
    assert allows(stack, role, "s3:ListBucket", bucket)


#: What the rehearsal calls an action, and what IAM calls it.
REHEARSED = {
    "Get": "s3:GetObject",
    "Put": "s3:PutObject",
    "Delete": "s3:DeleteObject",
    "List": "s3:ListBucket",
}


@pytest.mark.parametrize("name", sorted(GRANTS))
def test_what_the_rehearsal_ran_with_is_granted_here(stack: Synthesized, name: str) -> None:
    """Rehearsals refuse what `GRANTS` does not list, so the real calls have shown that it is enough."""
    role, bucket = _role(stack, name), _bucket(stack)
    for action, patterns in GRANTS[name].items():
        for pattern in patterns:
            key = pattern.replace("*", "224/2")
            where, context = (
                (bucket, {"s3__prefix": key}) if action == "List" else (f"{bucket}/{key}", {})
            )
            assert allows(stack, role, REHEARSED[action], where, **context), (action, pattern)
            deletes = allows(stack, role, "s3:DeleteObject", f"{bucket}/{RESULT}")
            assert deletes == ("datasets/*" in GRANTS[name].get("Delete", ()))


@pytest.mark.parametrize("name", ["plan", "convert", "task"])
def test_published_files_are_read_at_their_version(stack: Synthesized, name: str) -> None:
    role = _role(stack, name)
    key = "arn:aws:s3:::sparc-prod-aod-discover-publish50-use1/224/files/x.acq"
    assert allows(stack, role, "s3:GetObject", key)
    assert allows(stack, role, "s3:GetObjectVersion", key)
    assert not allows(stack, role, "s3:PutObject", key)
    assert not allows(stack, role, "s3:GetObject", "arn:aws:s3:::someone-elses/224/x.acq")
    embargoed = "arn:aws:s3:::pennsieve-prod-discover-embargo-use1/224/x.acq"
    assert not allows(stack, role, "s3:GetObject", embargoed)


@pytest.mark.parametrize("name", ["consolidate", "manifest", "start", "execution"])
def test_who_converts_nothing_reads_no_source(stack: Synthesized, name: str) -> None:
    key = "arn:aws:s3:::sparc-prod-aod-discover-publish50-use1/224/files/x.acq"
    assert not allows(stack, _role(stack, name), "s3:GetObject", key)


def test_only_the_machine_of_the_stack_can_be_started_and_asked(stack: Synthesized) -> None:
    start, plan = _role(stack, "start"), _role(stack, "plan")
    arn = "arn:aws:states:eu-north-1:<AWS::AccountId>:"
    assert allows(stack, start, "states:StartExecution", f"{arn}stateMachine:SparcFuse")
    assert allows(stack, start, "states:DescribeExecution", f"{arn}execution:SparcFuse:224-2")
    assert allows(stack, plan, "states:DescribeExecution", f"{arn}execution:SparcFuse:224-2")
    assert not allows(stack, plan, "states:StartExecution", f"{arn}stateMachine:SparcFuse")
    assert not allows(stack, start, "states:StartExecution", f"{arn}stateMachine:Other")
    assert not allows(stack, plan, "states:DescribeExecution", f"{arn}execution:Other:224-2")


@pytest.mark.parametrize("name", ["plan", "convert", "consolidate", "manifest", "start"])
def test_each_function_writes_its_own_log_only(stack: Synthesized, name: str) -> None:
    role = _role(stack, name)
    groups = stack.resources("AWS::Logs::LogGroup")
    allowed = {
        group["LogGroupName"]
        for id_, group in groups.items()
        if allows(stack, role, "logs:PutLogEvents", f"<{id_}.Arn>")
    }
    assert allowed == {f"/aws/lambda/SparcFuse-{name}"}


def test_no_action_is_a_wildcard(stack: Synthesized) -> None:
    for statement in statements(stack):
        for action in statement.actions:
            assert "*" not in action, statement


def test_a_resource_is_a_wildcard_only_where_there_is_none(stack: Synthesized) -> None:
    for statement in statements(stack):
        if "*" in statement.resources:
            assert set(statement.actions) <= WITHOUT_RESOURCE, statement


def test_nothing_reaches_beyond_a_prefix(stack: Synthesized) -> None:
    bucket = _bucket(stack)
    for statement in statements(stack):
        assert f"{bucket}/*" not in statement.resources, statement
        assert not [
            r
            for r in statement.resources
            if re.fullmatch(r"arn:aws:\w+:.*:\*", r)
            and ":execution:" not in r
            and ":task-definition/" not in r
        ], statement


def test_no_managed_policy_is_attached(stack: Synthesized) -> None:
    roles = stack.resources("AWS::IAM::Role")
    assert roles
    for role in roles.values():
        assert "ManagedPolicyArns" not in role


def test_every_task_has_a_role_of_its_own(stack: Synthesized) -> None:
    names = ("plan", "convert", "consolidate", "manifest", "start", "task", "execution")
    assert len({_role(stack, name) for name in names}) == len(names)


def test_the_evaluation_of_policies_refuses_what_it_should() -> None:
    statement = Statement(
        "role", "Allow", ["s3:Get*"], ["b/a/*/c"], {"StringLikeIfExists": {"s3:prefix": ["p/*"]}}
    )
    assert statement.allows("s3:GetObject", "b/a/x/y/c", {})
    assert statement.allows("s3:GetObject", "b/a/x/c", {"s3:prefix": "p/q"})
    assert not statement.allows("s3:GetObject", "b/a/x/c", {"s3:prefix": "q"})
    assert not statement.allows("s3:PutObject", "b/a/x/c", {})
    assert not statement.allows("s3:GetObject", "b/a/c", {})
    strict = Statement("role", "Allow", ["x:Y"], ["*"], {"StringEquals": {"k": "v"}})
    assert not strict.allows("x:Y", "z", {})


def test_the_key_of_pennsieve_is_read_by_who_lists_or_fetches_only(
    stack: Synthesized, inside_stack: Synthesized
) -> None:
    action = "secretsmanager:GetSecretValue"
    assert not [s for s in statements(stack) if action in s.actions], (
        "without a secret nobody reads one"
    )
    arn = INSIDE_SETTINGS["sparc-fuse:pennsieve_secret_arn"]
    readers = {s.role for s in statements(inside_stack) if action in s.actions}
    named = {
        inside_stack.function(name)["Role"]["Fn::GetAtt"][0]
        for name in ("plan", "convert", "start")
    }
    assert len(readers) == 4
    assert named < readers, "and the task's"
    for role in readers:
        assert allows(inside_stack, role, action, arn)
        assert not allows(inside_stack, role, action, arn.replace("pennsieve/key", "another"))
    for name in ("consolidate", "manifest"):
        role = inside_stack.function(name)["Role"]["Fn::GetAtt"][0]
        assert role not in readers
