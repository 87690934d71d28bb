"""What is seen of the app: a dashboard, and alarms that reach a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_stepfunctions as sfn

    from stacks.compute import Compute
    from stacks.settings import StackSettings

_FIVE_MINUTES = Duration.minutes(5)
_HOUR = Duration.hours(1)

#: Statuses that an item can have (`sparc_fuse_core.cloud.metrics` names the metrics).
_STATUSES = ("converted", "unchanged", "unsupported", "failed")


class Observability(Construct):
    """Dashboard, alarms, topic."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        settings: StackSettings,
        compute: Compute,
        state_machine: sfn.StateMachine,
        lists_machine: sfn.StateMachine,
    ) -> None:
        super().__init__(scope, id_)
        self._settings = settings
        self._compute = compute
        self._machine = state_machine
        self._lists = lists_machine
        self.topic = self._topic()
        self._alarms()
        self.dashboard = self._dashboard()

    def _topic(self) -> sns.Topic:
        # CloudWatch may not use the account's own SNS key, so the topic has one that it may
        key = kms.Key(
            self,
            "TopicKey",
            description="Encrypts the alarms' topic",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        key.grant_encrypt_decrypt(iam.ServicePrincipal("cloudwatch.amazonaws.com"))
        topic = sns.Topic(self, "Alarms", master_key=key, enforce_ssl=True)
        topic.grant_publish(iam.ServicePrincipal("cloudwatch.amazonaws.com"))
        if self._settings.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self._settings.alarm_email))
        return topic

    def _alarms(self) -> None:
        self._alarm(
            "ExecutionsFailed",
            self._machine.metric_failed(period=_FIVE_MINUTES),
            "An execution failed; `sparc-fuse cloud status` tells why, `retry` goes on with it",
        )
        self._alarm(
            "ListsFailed",
            self._lists.metric_failed(period=_FIVE_MINUTES),
            "A list of datasets was not started; `sparc-fuse cloud status` of it tells why",
        )
        self._alarm(
            "ExecutionsTimedOut",
            self._machine.metric_timed_out(period=_FIVE_MINUTES),
            "An execution ran out of time",
        )
        self._alarm(
            "FunctionThrottles",
            _total([f.metric_throttles(period=_FIVE_MINUTES) for f in self._compute.functions]),
            "Functions are throttled for 15 minutes: ask for more concurrency or lower max_concurrency",
            n_periods=3,
        )
        # convert is left out: what its errors mean for an item is in that item's receipt
        run = (self._compute.consolidate, self._compute.manifest, self._compute.start)
        self._alarm(
            "FunctionErrors",
            _total([function.metric_errors(period=_FIVE_MINUTES) for function in run]),
            "A function that starts or ends runs failed; its log tells why",
        )
        self._alarm(
            "ItemsFailedForNow",
            self._run_metric("ItemsFailedForNow"),
            "Items failed for reasons that lie in no file; start their datasets again",
        )
        self._alarm(
            "FailedShare",
            self._run_metric("FailedPercent", "Maximum"),
            "Of a dataset a large share of the files failed; its manifest tells which and why",
            threshold=self._settings.alarm_failed_percent,
        )
        self._alarm(
            "DeadLetters",
            self._compute.dead_letters.metric_approximate_number_of_messages_visible(
                period=_FIVE_MINUTES, statistic="Maximum"
            ),
            "A request could not be started; the message in the queue tells which and why",
        )

    def _alarm(
        self,
        id_: str,
        metric: cloudwatch.IMetric,
        description: str,
        *,
        n_periods: int = 1,
        threshold: float = 1,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            id_,
            metric=metric,
            threshold=threshold,
            evaluation_periods=n_periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))

    def _dashboard(self) -> cloudwatch.Dashboard:
        machine, compute = self._machine, self._compute
        dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=self._settings.stack_name, start="-P7D"
        )
        dashboard.add_widgets(
            _graph(
                "Executions",
                [
                    machine.metric_started(period=_HOUR),
                    machine.metric_succeeded(period=_HOUR),
                    machine.metric_failed(period=_HOUR),
                    machine.metric_timed_out(period=_HOUR),
                    machine.metric_aborted(period=_HOUR),
                ],
            ),
            _graph(
                "Items by status",
                [
                    *(self._run_metric(f"Items{s.capitalize()}") for s in _STATUSES),
                    self._run_metric("ItemsFailedForNow"),
                ],
            ),
            _graph(
                "Failed files, percent of a dataset", [self._run_metric("FailedPercent", "Maximum")]
            ),
            _graph("Seconds a GB", [self._ratio("Seconds a GB", "Seconds", "Gigabytes")]),
        )
        dashboard.add_widgets(
            _graph("Estimated cost, US dollars", [self._run_metric("CostUsd")]),
            _graph(
                "Functions at once",
                [
                    function.metric("ConcurrentExecutions", statistic="Maximum", period=_HOUR)
                    for function in compute.functions
                ],
            ),
            _graph("Fargate tasks", [self._tasks_metric()]),
        )
        dashboard.add_widgets(
            _graph("Errors", [f.metric_errors(period=_HOUR) for f in compute.functions]),
            _graph("Throttles", [f.metric_throttles(period=_HOUR) for f in compute.functions]),
            _graph(
                "Dead letters",
                [
                    compute.dead_letters.metric_approximate_number_of_messages_visible(
                        period=_HOUR, statistic="Maximum"
                    )
                ],
            ),
        )
        return dashboard

    def _run_metric(self, name: str, statistic: str = "Sum") -> cloudwatch.Metric:
        """Return what the functions log of each run (`sparc_fuse_core.cloud.metrics`)."""
        return cloudwatch.Metric(
            namespace=self._settings.stack_name, metric_name=name, statistic=statistic, period=_HOUR
        )

    def _ratio(self, label: str, above: str, below: str) -> cloudwatch.MathExpression:
        return cloudwatch.MathExpression(
            expression="above / below",
            using_metrics={"above": self._run_metric(above), "below": self._run_metric(below)},
            label=label,
            period=_HOUR,
        )

    def _tasks_metric(self) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="ECS/ContainerInsights",
            metric_name="TaskCount",
            dimensions_map={"ClusterName": self._compute.cluster.cluster_name},
            statistic="Maximum",
            period=_HOUR,
        )


def _total(metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.MathExpression:
    using = {f"m{i}": metric for i, metric in enumerate(metrics)}
    return cloudwatch.MathExpression(
        expression=" + ".join(using), using_metrics=using, period=_FIVE_MINUTES
    )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8)
