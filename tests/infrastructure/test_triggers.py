"""What starts an execution, and where a start that fails ends up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from moto.events.models import EventPattern

from tests.infrastructure.policies import resolved, role_of, statements

if TYPE_CHECKING:
    from tests.infrastructure.conftest import Synthesized

RULE = "AWS::Events::Rule"


@pytest.fixture(scope="module")
def on_put(stack: Synthesized) -> dict[str, Any]:
    (rule,) = [rule for rule in stack.resources(RULE).values() if "EventPattern" in rule]
    return rule


def _matches(rule: dict[str, Any], event: dict[str, Any]) -> bool:
    pattern = resolved(rule["EventPattern"])
    return EventPattern(json.dumps(pattern), pattern).matches_event(event)  # type: ignore[arg-type]


def _created(stack: Synthesized, key: str) -> dict[str, Any]:
    """Return the event as S3 sends it."""
    buckets = stack.resources("AWS::S3::Bucket")
    (bucket,) = [name for name, found in buckets.items() if "LoggingConfiguration" in found]
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "an account",
        "time": "2026-11-26T09:00:00Z",
        "region": "eu-north-1",
        "resources": [f"arn:aws:s3:::<{bucket}>"],
        "detail": {
            "version": "0",
            "bucket": {"name": f"<{bucket}>"},
            "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184"},
            "request-id": "N4N7GDK58NMKJ12R",
            "reason": "PutObject",
        },
    }


@pytest.mark.parametrize(
    "key",
    [
        "requests/224.json",
        "requests/someone/today 1.json",
        "uploads/mine/.complete",
        "uploads/name with µ/.complete",
    ],
)
def test_requests_and_complete_uploads_start(
    stack: Synthesized, on_put: dict[str, Any], key: str
) -> None:
    assert _matches(on_put, _created(stack, key))


@pytest.mark.parametrize(
    "key",
    [
        "datasets/224/2/manifest.json",
        "datasets/224/latest.json",
        "datasets/224/2/.sparc-fuse/running.json",
        "datasets/224/2/.sparc-fuse/runs/x/items.json",
        "datasets/.sparc-fuse/runs/224/2/x/items.json",
        "datasets/requests/1/x.json",
        "datasets/uploads/1/.complete",
        "datasets/mine/upload/requests/x.json",
        "watch/datasets.json",
        "requests/readme.txt",
        "uploads/mine/files/primary/x.json",
        "uploads/mine/.complete.json",
    ],
)
def test_what_the_app_itself_writes_starts_nothing(
    stack: Synthesized, on_put: dict[str, Any], key: str
) -> None:
    assert not _matches(on_put, _created(stack, key))


def test_other_buckets_and_deletions_start_nothing(
    stack: Synthesized, on_put: dict[str, Any]
) -> None:
    elsewhere = _created(stack, "requests/224.json")
    elsewhere["detail"]["bucket"]["name"] = "another"
    assert not _matches(on_put, elsewhere)
    deleted = _created(stack, "requests/224.json") | {"detail-type": "Object Deleted"}
    assert not _matches(on_put, deleted)
    converted = {"source": "sparc-fuse", "detail-type": "dataset converted", "detail": {}}
    assert not _matches(on_put, converted)


def test_the_watch_list_is_looked_at_by_the_clock(
    stack: Synthesized, other_stack: Synthesized
) -> None:
    (rule,) = [r for r in stack.resources(RULE).values() if "ScheduleExpression" in r]
    assert rule["ScheduleExpression"] in ("rate(24 hours)", "rate(1 day)")
    assert rule["State"] == "ENABLED"
    (target,) = rule["Targets"]
    transformer = target["InputTransformer"]
    text = transformer["InputTemplate"]
    for name in transformer["InputPathsMap"]:
        text = text.replace(f"<{name}>", '"2026-11-26T09:00:00Z"')
    assert json.loads(text) == {"action": "watch", "time": "2026-11-26T09:00:00Z"}
    assert transformer["InputPathsMap"] == {"time": "$.time"}
    (off,) = [r for r in other_stack.resources(RULE).values() if "ScheduleExpression" in r]
    assert off["State"] == "DISABLED"


def test_both_rules_start_the_start_function_and_keep_what_they_cannot_deliver(
    stack: Synthesized,
) -> None:
    (queue,) = stack.resources("AWS::SQS::Queue")
    start = stack.function("start")
    rules = stack.resources(RULE)
    assert len(rules) == 2
    for name, rule in rules.items():
        (target,) = rule["Targets"]
        function = target["Arn"]["Fn::GetAtt"][0]
        assert stack.resources("AWS::Lambda::Function")[function] == start
        assert resolved(target["DeadLetterConfig"]["Arn"]) == f"<{queue}.Arn>"
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
        permitted = [
            p
            for p in stack.resources("AWS::Lambda::Permission").values()
            if resolved(p["SourceArn"]) == f"<{name}.Arn>"
        ]
        (permission,) = permitted
        assert permission["Principal"] == "events.amazonaws.com"
        assert resolved(permission["FunctionName"]) == f"<{function}.Arn>"


def test_a_request_that_cannot_be_started_lands_in_the_queue(stack: Synthesized) -> None:
    (queue,) = stack.resources("AWS::SQS::Queue")
    config = stack.only("AWS::Lambda::EventInvokeConfig")
    functions = stack.resources("AWS::Lambda::Function")
    assert functions[config["FunctionName"]["Ref"]] == stack.function("start")
    failure = config["DestinationConfig"]["OnFailure"]["Destination"]
    assert resolved(failure) == f"<{queue}.Arn>"
    assert config["MaximumRetryAttempts"] == 2
    role = role_of(stack.function("start"))
    assert [
        statement
        for statement in statements(stack)
        if statement.role == role
        and "sqs:SendMessage" in statement.actions
        and statement.resources == [f"<{queue}.Arn>"]
    ]


def test_the_queue_is_encrypted_and_takes_from_the_rules_over_tls_only(stack: Synthesized) -> None:
    (id_,) = stack.resources("AWS::SQS::Queue")
    queue = stack.only("AWS::SQS::Queue")
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    policy = stack.only("AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]
    denied = [s for s in policy if s["Effect"] == "Deny"]
    assert [s["Condition"] for s in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]
    allowed = [s for s in policy if s["Effect"] == "Allow"]
    sources = set()
    for statement in allowed:
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Action"] == "sqs:SendMessage"
        assert resolved(statement["Resource"]) == f"<{id_}.Arn>"
        sources.add(resolved(statement["Condition"]["ArnEquals"]["aws:SourceArn"]))
    assert sources == {f"<{name}.Arn>" for name in stack.resources(RULE)}
