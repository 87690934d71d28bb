"""The state machine of ``datasets.asl.json``: many datasets, each an execution of the other machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.log_groups import make_log_group
from stacks.permissions import acknowledge_any_resource, allow, make_role
from stacks.workflow import check_substitutions

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam

    from stacks.compute import Compute
    from stacks.settings import StackSettings

DEFINITION = Path(__file__).with_name("datasets.asl.json")

#: The rule by which Step Functions hears that an execution has ended (`.sync`); AWS gives its name.
_EXECUTION_EVENTS_RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"


class Lists(Construct):
    """One execution a list of datasets."""

    def __init__(
        self, scope: Construct, id_: str, settings: StackSettings, compute: Compute
    ) -> None:
        super().__init__(scope, id_)
        definition = DEFINITION.read_text(encoding="utf-8")
        substitutions = {
            "PlanFunction": compute.plan.current_version.function_arn,
            "StateMachine": compute.state_machine_arn,
        }
        check_substitutions(DEFINITION, definition, substitutions)
        self.state_machine = sfn.StateMachine(
            self,
            "DatasetsMachine",
            state_machine_name=compute.lists_machine_name,
            definition_body=sfn.DefinitionBody.from_string(definition),
            definition_substitutions=substitutions,
            role=self._role(compute),
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=make_log_group(
                    self, "Log", f"/aws/vendedlogs/states/{settings.stack_name}-datasets", settings
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
        )

    def _role(self, compute: Compute) -> iam.Role:
        role = make_role(self, "Role", "states", "Starts the conversions of a list of datasets")
        stack = Stack.of(self)
        allow(
            role,
            ["lambda:InvokeFunction"],
            [f"{compute.plan.function_arn}:*"],
            because="An execution goes on with the version that it began with.",
        )
        allow(role, ["states:StartExecution"], [compute.state_machine_arn])
        executions = stack.format_arn(
            service="states",
            resource="execution",
            resource_name=f"{compute.state_machine_name}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(
            role,
            ["states:DescribeExecution", "states:StopExecution"],
            [executions],
            because="Executions of this one machine; their names do not exist yet.",
        )
        rule = stack.format_arn(
            service="events", resource="rule", resource_name=_EXECUTION_EVENTS_RULE
        )
        allow(role, ["events:PutTargets", "events:PutRule", "events:DescribeRule"], [rule])
        acknowledge_any_resource(role, "X-Ray and the delivery of logs know no resources.")
        return role
