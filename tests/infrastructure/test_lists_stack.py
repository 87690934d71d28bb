"""The state machine of lists in the stack: its definition is the file, its role may do just what that calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sparc_fuse_core.cloud.executions import lists_machine
from tests.infrastructure.conftest import ROOT
from tests.infrastructure.policies import allows, resolved, statements

if TYPE_CHECKING:
    from tests.infrastructure.conftest import Synthesized

#: What `states:startExecution.sync:2` needs, by AWS's page of it, and calling a function.
NEEDED = {
    "lambda:InvokeFunction",
    "states:StartExecution",
    "states:DescribeExecution",
    "states:StopExecution",
    "events:PutTargets",
    "events:PutRule",
    "events:DescribeRule",
}
ARN = "arn:aws:states:eu-north-1:<AWS::AccountId>"


def test_the_definition_is_the_file_and_starts_the_machine_of_one_dataset(
    stack: Synthesized,
) -> None:
    _, machine = stack.machine("datasets")
    text = machine["DefinitionString"]
    assert json.loads(text) == json.loads((ROOT / "stacks" / "datasets.asl.json").read_text())
    values = machine["DefinitionSubstitutions"]
    assert set(values) == {"PlanFunction", "StateMachine"}
    started = str(resolved(values["StateMachine"]))
    assert started == f"{ARN}:stateMachine:{stack.machine()[1]['StateMachineName']}"
    assert lists_machine(started).endswith(f":{machine['StateMachineName']}")
    version = stack.resources("AWS::Lambda::Version")[values["PlanFunction"]["Ref"]]
    function = stack.resources("AWS::Lambda::Function")[version["FunctionName"]["Ref"]]
    assert function["ImageConfig"]["Command"] == ["lambdas.plan.handler"]


def test_its_role_may_do_what_the_file_calls_and_no_more(stack: Synthesized) -> None:
    role = str(stack.machine("datasets")[1]["RoleArn"]["Fn::GetAtt"][0])
    allowed = {
        action
        for statement in statements(stack)
        if statement.role == role and statement.resources != ["*"]
        for action in statement.actions
    }
    assert allowed == NEEDED
    assert allows(stack, role, "states:StartExecution", f"{ARN}:stateMachine:SparcFuse")
    assert not allows(stack, role, "states:StartExecution", f"{ARN}:stateMachine:Other")
    for action in ("states:DescribeExecution", "states:StopExecution"):
        assert allows(stack, role, action, f"{ARN}:execution:SparcFuse:224-2-abc")
        assert not allows(stack, role, action, f"{ARN}:execution:Other:224-2-abc")


def test_the_start_function_may_start_a_list(stack: Synthesized) -> None:
    role = str(stack.function("start")["Role"]["Fn::GetAtt"][0])
    assert allows(stack, role, "states:StartExecution", f"{ARN}:stateMachine:SparcFuse-datasets")
    assert allows(
        stack, role, "states:DescribeExecution", f"{ARN}:execution:SparcFuse-datasets:list-2-abc"
    )
