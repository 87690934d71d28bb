"""Alarms reach someone, and the dashboard shows what the app logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.metrics import METRICS
from tests.infrastructure.policies import resolved

if TYPE_CHECKING:
    from tests.infrastructure.conftest import Synthesized

ALARM = "AWS::CloudWatch::Alarm"


def _metrics(alarm: dict[str, Any]) -> set[tuple[str, str]]:
    entries = [
        alarm,
        *(m["MetricStat"]["Metric"] for m in alarm.get("Metrics", ()) if "MetricStat" in m),
    ]
    return {(e["Namespace"], e["MetricName"]) for e in entries if "MetricName" in e}


def _widgets(stack: Synthesized) -> list[dict[str, Any]]:
    body = json.loads(resolved(stack.only("AWS::CloudWatch::Dashboard")["DashboardBody"]))
    widgets: list[dict[str, Any]] = body["widgets"]
    return widgets


def test_every_alarm_reaches_the_topic(stack: Synthesized) -> None:
    (topic,) = stack.resources("AWS::SNS::Topic")
    alarms = stack.resources(ALARM)
    assert alarms
    for alarm in alarms.values():
        assert resolved(alarm["AlarmActions"]) == [f"<{topic}>"]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"]
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        is_share = ("SparcFuse", "FailedPercent") in _metrics(alarm)
        assert alarm["Threshold"] == (50 if is_share else 1)


def test_failed_executions_throttles_errors_and_dead_letters_are_watched(
    stack: Synthesized,
) -> None:
    watched = set().union(*(_metrics(alarm) for alarm in stack.resources(ALARM).values()))
    assert watched == {
        ("AWS/States", "ExecutionsFailed"),
        ("AWS/States", "ExecutionsTimedOut"),
        ("AWS/Lambda", "Throttles"),
        ("AWS/Lambda", "Errors"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("SparcFuse", "ItemsFailedForNow"),
        ("SparcFuse", "FailedPercent"),
    }


def test_the_share_that_an_alarm_tells_of_is_a_setting(other_stack: Synthesized) -> None:
    (alarm,) = [
        a
        for a in other_stack.resources(ALARM).values()
        if ("Second", "FailedPercent") in _metrics(a)
    ]
    # of each run: the sum of two would be a share of nothing
    assert (alarm["Threshold"], alarm["Statistic"]) == (20, "Maximum")


def test_throttles_of_every_function_count(stack: Synthesized) -> None:
    (alarm,) = [
        a for a in stack.resources(ALARM).values() if ("AWS/Lambda", "Throttles") in _metrics(a)
    ]
    functions = {
        resolved(metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"])
        for metric in alarm["Metrics"]
        if "MetricStat" in metric
    }
    assert functions == {f"<{name}>" for name in stack.resources("AWS::Lambda::Function")}


def test_the_topic_is_encrypted_with_a_key_that_alarms_can_use(stack: Synthesized) -> None:
    topic = stack.only("AWS::SNS::Topic")
    (key,) = stack.resources("AWS::KMS::Key")
    assert resolved(topic["KmsMasterKeyId"]) == f"<{key}.Arn>"
    properties = stack.only("AWS::KMS::Key")
    assert properties["EnableKeyRotation"] is True
    allowed = [
        s
        for s in properties["KeyPolicy"]["Statement"]
        if s["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    actions = {action for statement in allowed for action in statement["Action"]}
    assert {"kms:Decrypt", "kms:GenerateDataKey*"} <= actions
    (policy,) = stack.resources("AWS::SNS::TopicPolicy").values()
    denied = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
    assert [s["Condition"] for s in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_alarms_may_publish_to_the_topic(stack: Synthesized) -> None:
    """A topic policy replaces the default one, which lets the account's alarms publish."""
    (policy,) = stack.resources("AWS::SNS::TopicPolicy").values()
    allowed = [
        s
        for s in policy["PolicyDocument"]["Statement"]
        if s["Effect"] == "Allow" and s["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    (statement,) = allowed
    assert statement["Action"] == "sns:Publish"


def test_an_address_gets_the_alarms_only_if_one_is_set(
    stack: Synthesized, other_stack: Synthesized
) -> None:
    assert not stack.resources("AWS::SNS::Subscription")
    subscription = other_stack.only("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "someone@example.org")


def test_the_dashboard_shows_what_runs_log(stack: Synthesized) -> None:
    shown = set()
    for widget in _widgets(stack):
        for entry in widget["properties"]["metrics"]:
            if entry[0] == "SparcFuse":
                shown.add(entry[1])
    assert shown == set(METRICS)
    namespace = stack.function("manifest")["Environment"]["Variables"]["METRICS_NAMESPACE"]
    assert namespace == "SparcFuse"


def test_the_dashboard_answers_the_questions_of_operations(stack: Synthesized) -> None:
    titles = {widget["properties"]["title"] for widget in _widgets(stack)}
    assert {
        "Executions",
        "Items by status",
        "Seconds a GB",
        "Estimated cost, US dollars",
        "Dead letters",
    } <= titles


def test_two_deployments_do_not_mix_their_numbers(other_stack: Synthesized) -> None:
    namespaces = {
        entry[0]
        for widget in _widgets(other_stack)
        for entry in widget["properties"]["metrics"]
        if isinstance(entry[0], str) and not entry[0].startswith(("AWS/", "ECS/"))
    }
    assert namespaces == {"Second"}
    assert other_stack.only("AWS::CloudWatch::Dashboard")["DashboardName"] == "Second"
