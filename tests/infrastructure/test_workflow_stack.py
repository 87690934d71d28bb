"""The state machine in the stack: nothing left to fill in, and a role that may do just what it calls."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from sparc_fuse_core.cloud.run_objects import run_key_of
from tests.infrastructure.conftest import ROOT
from tests.infrastructure.policies import allows, resolved, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infrastructure.conftest import Synthesized

ASL = ROOT / "stacks" / "workflow.asl.json"

#: What each integration needs, by AWS's page of it.
NEEDED = {
    "arn:aws:states:::lambda:invoke": {"lambda:InvokeFunction"},
    "arn:aws:states:::ecs:runTask.sync": {
        "ecs:RunTask",
        "ecs:StopTask",
        "ecs:DescribeTasks",
        "ecs:TagResource",
        "iam:PassRole",
        "events:PutTargets",
        "events:PutRule",
        "events:DescribeRule",
    },
    "arn:aws:states:::s3:getObject": {"s3:GetObject"},
    "arn:aws:states:::s3:putObject": {
        "s3:PutObject",
        "s3:GetObject",
        "s3:ListMultipartUploadParts",
        "s3:AbortMultipartUpload",
    },
    "arn:aws:states:::events:putEvents": {"events:PutEvents"},
}
MAP = {
    "states:StartExecution",
    "states:DescribeExecution",
    "states:StopExecution",
    "states:RedriveExecution",
}
RUN = f"datasets/{run_key_of('224/2', '224-2-abc')}"


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from _walk(part)
    elif isinstance(value, list):
        for part in value:
            yield from _walk(part)


@pytest.fixture(scope="module")
def asl() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ASL.read_text())
    return found


@pytest.fixture(scope="module")
def machine(stack: Synthesized) -> dict[str, Any]:
    return stack.machine()[1]


@pytest.fixture(scope="module")
def role(machine: dict[str, Any]) -> str:
    return str(machine["RoleArn"]["Fn::GetAtt"][0])


def _results(stack: Synthesized) -> str:
    buckets = stack.resources("AWS::S3::Bucket")
    (found,) = [name for name, bucket in buckets.items() if "LoggingConfiguration" in bucket]
    return f"<{found}.Arn>"


def test_the_definition_is_the_file(machine: dict[str, Any], asl: dict[str, Any]) -> None:
    assert json.loads(machine["DefinitionString"]) == asl


def test_every_substitution_is_supplied_and_every_one_is_used(machine: dict[str, Any]) -> None:
    wanted = set(re.findall(r"\$\{([^}]*)\}", machine["DefinitionString"]))
    assert wanted == set(machine["DefinitionSubstitutions"])
    text = machine["DefinitionString"]
    for name, value in machine["DefinitionSubstitutions"].items():
        # what CloudFormation puts in for a reference is decided there; here only that it is one
        assert value, name
        text = text.replace(f"${{{name}}}", str(resolved(value)))
    assert "${" not in text
    json.loads(text)


def test_functions_are_called_at_a_version(stack: Synthesized, machine: dict[str, Any]) -> None:
    versions = stack.resources("AWS::Lambda::Version")
    functions = stack.resources("AWS::Lambda::Function")
    for name in ("Plan", "Convert", "Consolidate", "Manifest"):
        version = versions[machine["DefinitionSubstitutions"][f"{name}Function"]["Ref"]]
        function = functions[version["FunctionName"]["Ref"]]
        assert function["ImageConfig"]["Command"] == [f"lambdas.{name.lower()}.handler"]


def test_the_role_may_do_what_the_file_calls_and_no_more(
    stack: Synthesized, asl: dict[str, Any], role: str
) -> None:
    called = {str(part["Resource"]) for part in _walk(asl) if isinstance(part.get("Resource"), str)}
    needed = set().union(*(NEEDED[resource] for resource in called))
    if any(part.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED" for part in _walk(asl)):
        needed |= MAP
    allowed = {
        action
        for statement in statements(stack)
        if statement.role == role and statement.resources != ["*"]
        for action in statement.actions
    }
    assert allowed == needed


def test_the_role_may_invoke_what_is_invoked_at_any_version(
    stack: Synthesized, asl: dict[str, Any], machine: dict[str, Any], role: str
) -> None:
    named = {part["FunctionName"] for part in _walk(asl) if "FunctionName" in part}
    versions = stack.resources("AWS::Lambda::Version")
    called = {
        versions[machine["DefinitionSubstitutions"][name[2:-1]]["Ref"]]["FunctionName"]["Ref"]
        for name in named
    }
    allowed = {
        function
        for function in stack.resources("AWS::Lambda::Function")
        if allows(stack, role, "lambda:InvokeFunction", f"<{function}.Arn>:7")
    }
    assert allowed == called
    assert len(called) == 4


def test_the_role_may_run_the_task_in_the_cluster_only(stack: Synthesized, role: str) -> None:
    family = stack.task()["Family"]
    (cluster,) = stack.resources("AWS::ECS::Cluster")
    arn = "arn:aws:ecs:eu-north-1:<AWS::AccountId>"
    definition = f"{arn}:task-definition/{family}:3"
    here = f"<{cluster}.Arn>"
    assert allows(stack, role, "ecs:RunTask", definition, ecs__cluster=here)
    assert not allows(stack, role, "ecs:RunTask", definition, ecs__cluster="another")
    with_volume = f"{arn}:task-definition/{family}-volume:3"
    assert allows(stack, role, "ecs:RunTask", with_volume, ecs__cluster=here)
    other = f"{arn}:task-definition/other:1"
    assert not allows(stack, role, "ecs:RunTask", other, ecs__cluster=here)
    task = f"{arn}:task/<{cluster}>/0123"
    for action in ("ecs:StopTask", "ecs:DescribeTasks"):
        assert allows(stack, role, action, task, ecs__cluster=here)
        assert not allows(stack, role, action, f"{arn}:task/other/0123", ecs__cluster=here)


def test_the_role_tags_tasks_only_as_they_are_started(stack: Synthesized, role: str) -> None:
    (cluster,) = stack.resources("AWS::ECS::Cluster")
    task = f"arn:aws:ecs:eu-north-1:<AWS::AccountId>:task/<{cluster}>/0123"
    assert allows(stack, role, "ecs:TagResource", task, ecs__CreateAction="RunTask")
    assert not allows(stack, role, "ecs:TagResource", task, ecs__CreateAction="CreateService")


def test_the_role_hands_on_the_roles_of_the_task_only(stack: Synthesized, role: str) -> None:
    task = stack.task()
    wanted = {task[key]["Fn::GetAtt"][0] for key in ("TaskRoleArn", "ExecutionRoleArn")}
    handed_on = {
        name
        for name in stack.resources("AWS::IAM::Role")
        if allows(
            stack,
            role,
            "iam:PassRole",
            f"<{name}.Arn>",
            iam__PassedToService="ecs-tasks.amazonaws.com",
        )
    }
    assert handed_on == wanted
    (first, _) = sorted(wanted)
    elsewhere = "lambda.amazonaws.com"
    assert not allows(stack, role, "iam:PassRole", f"<{first}.Arn>", iam__PassedToService=elsewhere)


def test_the_volume_of_the_run_fits_its_definition_and_ecs_gets_the_role_for_it(
    stack: Synthesized, asl: dict[str, Any], machine: dict[str, Any], role: str
) -> None:
    (volume,) = [v for part in _walk(asl) for v in part.get("VolumeConfigurations", ())]
    assert volume["Name"] == stack.task(volume=True)["Volumes"][0]["Name"]
    managed = volume["ManagedEBSVolume"]
    assert managed["Encrypted"] is True
    assert managed["RoleArn"] == "${VolumeRole}"
    arn = str(resolved(machine["DefinitionSubstitutions"]["VolumeRole"]))
    assert allows(stack, role, "iam:PassRole", arn, iam__PassedToService="ecs.amazonaws.com")
    elsewhere = "ecs-tasks.amazonaws.com"
    assert not allows(stack, role, "iam:PassRole", arn, iam__PassedToService=elsewhere)
    # each task that has a definition with a volume gives one, and no other does
    for part in _walk(asl):
        if "TaskDefinition" in part:
            with_volume = part["TaskDefinition"] == "${VolumeTaskDefinition}"
            assert with_volume == ("VolumeConfigurations" in part)
            assert with_volume != ("EphemeralStorage" in part["Overrides"])


def test_ecs_makes_and_deletes_its_own_volumes_only(
    stack: Synthesized, machine: dict[str, Any]
) -> None:
    role = str(machine["DefinitionSubstitutions"]["VolumeRole"]["Fn::GetAtt"][0])
    properties = stack.resources("AWS::IAM::Role")[role]
    (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "ecs.amazonaws.com"}
    volume = "arn:aws:ec2:eu-north-1:<AWS::AccountId>:volume/vol-1"
    task = "arn:aws:ecs:eu-north-1:<AWS::AccountId>:task/x/0123"
    # AWS's own policy for this, AmazonECSInfrastructureRolePolicyForVolumes, as moto has it
    policy = json.loads(aws_managed_policies_data)["AmazonECSInfrastructureRolePolicyForVolumes"]
    for granted in policy["Document"]["Statement"]:
        conditions = granted.get("Condition", {})
        actions = granted["Action"] if isinstance(granted["Action"], list) else [granted["Action"]]
        if "snapshot" in granted["Resource"]:
            assert not allows(stack, role, "ec2:CreateVolume", granted["Resource"])
            continue
        wanted = {"volume": volume, "instance": volume.replace("volume/vol", "instance/i")}
        kind = granted["Resource"].rpartition(":")[2].partition("/")[0]
        context = {
            key.replace(":", "__"): task if "Created" in key else value
            for tested in conditions.values()
            for key, value in tested.items()
        }
        for action in actions:
            assert allows(stack, role, action, wanted.get(kind, "*"), **context), (action, kind)
            if conditions:
                assert not allows(stack, role, action, wanted[kind]), "any volume"


def test_the_map_reads_its_items_and_writes_its_results_only(stack: Synthesized, role: str) -> None:
    bucket = _results(stack)
    assert allows(stack, role, "s3:GetObject", f"{bucket}/{RUN}/items.json")
    assert allows(stack, role, "s3:PutObject", f"{bucket}/{RUN}/map/0123/manifest.json")
    for key in (f"{RUN}/plan.json", "datasets/224/2/manifest.json", "uploads/x/items.json"):
        assert not allows(stack, role, "s3:GetObject", f"{bucket}/{key}")
        assert not allows(stack, role, "s3:PutObject", f"{bucket}/{key}")


def test_the_map_starts_children_of_its_own_machine_only(stack: Synthesized, role: str) -> None:
    arn = "arn:aws:states:eu-north-1:<AWS::AccountId>"
    assert allows(stack, role, "states:StartExecution", f"{arn}:stateMachine:SparcFuse")
    assert not allows(stack, role, "states:StartExecution", f"{arn}:stateMachine:Other")
    child = f"{arn}:execution:SparcFuse/Items:0123"
    for action in MAP - {"states:StartExecution"}:
        assert allows(stack, role, action, child)
        assert not allows(stack, role, action, f"{arn}:execution:Other/Items:0123")


def test_the_event_goes_to_the_bus_that_the_role_may_use(
    stack: Synthesized, machine: dict[str, Any], role: str
) -> None:
    bus = machine["DefinitionSubstitutions"]["EventBus"]
    arn = "arn:aws:events:eu-north-1:<AWS::AccountId>:event-bus"
    assert allows(stack, role, "events:PutEvents", f"{arn}/{bus}")
    assert not allows(stack, role, "events:PutEvents", f"{arn}/other")


def test_executions_are_logged_and_traced(stack: Synthesized, machine: dict[str, Any]) -> None:
    assert machine["TracingConfiguration"] == {"Enabled": True}
    logging = machine["LoggingConfiguration"]
    assert logging["Level"] == "ALL"
    (destination,) = logging["Destinations"]
    group = destination["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"][0]
    name = stack.resources("AWS::Logs::LogGroup")[group]["LogGroupName"]
    assert name == "/aws/vendedlogs/states/SparcFuse"


def test_the_container_of_the_overrides_is_that_of_the_task(
    stack: Synthesized, asl: dict[str, Any]
) -> None:
    (container,) = stack.task()["ContainerDefinitions"]
    overridden = {
        override["Name"] for part in _walk(asl) for override in part.get("ContainerOverrides", ())
    }
    assert overridden == {container["Name"]}
    providers = set(
        stack.only("AWS::ECS::ClusterCapacityProviderAssociations")["CapacityProviders"]
    )
    used = {part["CapacityProvider"] for part in _walk(asl) if "CapacityProvider" in part}
    assert used == providers
