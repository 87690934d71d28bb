"""The state machine of ``workflow.asl.json``, with a role that may do exactly what that file calls."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks import layout
from stacks.log_groups import make_log_group
from stacks.permissions import acknowledge_any_resource, allow, allow_objects, make_role

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_s3 as s3

    from stacks.compute import Compute
    from stacks.settings import StackSettings

DEFINITION = Path(__file__).with_name("workflow.asl.json")

#: The rule by which Step Functions hears that a task has ended (`.sync`); AWS gives its name.
_TASK_EVENTS_RULE = "StepFunctionsGetEventsForECSTaskRule"


class SubstitutionError(ValueError):
    """The definition has a placeholder without a value, or a value has no placeholder."""


class Workflow(Construct):
    """One execution a dataset."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        settings: StackSettings,
        bucket: s3.Bucket,
        compute: Compute,
    ) -> None:
        super().__init__(scope, id_)
        definition = DEFINITION.read_text(encoding="utf-8")
        bus = events.EventBus.from_event_bus_name(self, "Bus", "default")
        subnet_a, subnet_b = compute.network.subnet_ids
        substitutions = {
            "PlanFunction": compute.plan.current_version.function_arn,
            "ConvertFunction": compute.convert.current_version.function_arn,
            "ConsolidateFunction": compute.consolidate.current_version.function_arn,
            "ManifestFunction": compute.manifest.current_version.function_arn,
            "Cluster": compute.cluster.cluster_arn,
            "TaskDefinition": compute.task.task_definition_arn,
            "VolumeTaskDefinition": compute.volume_task.task_definition_arn,
            "VolumeRole": compute.volume_role.role_arn,
            "SubnetA": subnet_a,
            "SubnetB": subnet_b,
            "AssignPublicIp": "ENABLED" if compute.network.has_public_ips else "DISABLED",
            "SecurityGroup": compute.security_group.security_group_id,
            "EventBus": bus.event_bus_name,
        }
        check_substitutions(DEFINITION, definition, substitutions)
        self.role = self._role(bucket, compute, bus)
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=compute.state_machine_name,
            definition_body=sfn.DefinitionBody.from_string(definition),
            definition_substitutions=substitutions,
            role=self.role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                # vendedlogs: such names do not use up the size of the account's resource policy
                destination=make_log_group(
                    self, "Log", f"/aws/vendedlogs/states/{settings.stack_name}", settings
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
        )

    def _role(self, bucket: s3.Bucket, compute: Compute, bus: events.IEventBus) -> iam.Role:
        role = make_role(self, "Role", "states", "Runs the conversion of a dataset")
        stack = Stack.of(self)
        called = (compute.plan, compute.convert, compute.consolidate, compute.manifest)
        allow(
            role,
            ["lambda:InvokeFunction"],
            [f"{function.function_arn}:*" for function in called],
            because="An execution goes on with the version that it began with.",
        )
        self._allow_tasks(role, compute, stack)
        self._allow_map(role, bucket, compute, stack)
        allow(role, ["events:PutEvents"], [bus.event_bus_arn])
        acknowledge_any_resource(role, "X-Ray and the delivery of logs know no resources.")
        return role

    def _allow_tasks(self, role: iam.Role, compute: Compute, stack: Stack) -> None:
        in_cluster: dict[str, dict[str, str | list[str]]] = {
            "ArnEquals": {"ecs:cluster": compute.cluster.cluster_arn}
        }
        revisions = [
            stack.format_arn(
                service="ecs", resource="task-definition", resource_name=f"{task.family}:*"
            )
            for task in (compute.task, compute.volume_task)
        ]
        tasks = stack.format_arn(
            service="ecs", resource="task", resource_name=f"{compute.cluster.cluster_name}/*"
        )
        rule = stack.format_arn(service="events", resource="rule", resource_name=_TASK_EVENTS_RULE)
        allow(
            role,
            ["ecs:RunTask"],
            revisions,
            in_cluster,
            because="An execution goes on with the revision that it began with.",
        )
        allow(
            role,
            ["ecs:TagResource"],
            [tasks],
            {"StringEquals": {"ecs:CreateAction": "RunTask"}},
            because="Tasks of this one cluster, while they are started; they do not exist yet.",
        )
        allow(
            role,
            ["ecs:StopTask", "ecs:DescribeTasks"],
            [tasks],
            in_cluster,
            because="Tasks of this one cluster; they do not exist yet.",
        )
        allow(role, ["events:PutTargets", "events:PutRule", "events:DescribeRule"], [rule])
        allow(
            role,
            ["iam:PassRole"],
            [compute.task_role.role_arn, compute.task_execution_role.role_arn],
            {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        )
        allow(
            role,
            ["iam:PassRole"],
            [compute.volume_role.role_arn],
            {"StringEquals": {"iam:PassedToService": "ecs.amazonaws.com"}},
        )

    def _allow_map(self, role: iam.Role, bucket: s3.Bucket, compute: Compute, stack: Stack) -> None:
        children = stack.format_arn(
            service="states",
            resource="execution",
            resource_name=f"{compute.state_machine_name}/*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(role, ["states:StartExecution"], [compute.state_machine_arn])
        allow(
            role,
            ["states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"],
            [children],
            because="The map's own children; they do not exist yet.",
        )
        allow_objects(role, bucket, ["s3:GetObject"], [f"{layout.RUNS}*/items.json"])
        allow_objects(
            role,
            bucket,
            [
                "s3:PutObject",
                "s3:GetObject",
                "s3:ListMultipartUploadParts",
                "s3:AbortMultipartUpload",
            ],
            [f"{layout.RUNS}*/map/*"],
        )


def check_substitutions(path: Path, definition: str, substitutions: dict[str, str]) -> None:
    """Refuse a placeholder that CloudFormation would leave as it is, and a value that nothing uses.

    Raises
    ------
    SubstitutionError
        If there is one; ``path`` is named.
    """
    wanted = set(re.findall(r"\$\{(\w+)\}", definition))
    if wanted != set(substitutions):
        message = (
            f"{path.name}: without a value: {sorted(wanted - set(substitutions))}; "
            f"not used: {sorted(set(substitutions) - wanted)}"
        )
        raise SubstitutionError(message)
