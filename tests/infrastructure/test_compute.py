"""Functions, task and network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sparc_fuse_core.settings import Settings
from tests.infrastructure.policies import resolved

if TYPE_CHECKING:
    from tests.infrastructure.conftest import Synthesized

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("plan", "convert", "consolidate", "manifest", "start")


def _variables(stack: Synthesized, name: str) -> dict[str, str]:
    variables: dict[str, str] = resolved(stack.function(name)["Environment"]["Variables"])
    return variables


def _container(stack: Synthesized, *, volume: bool = False) -> dict[str, Any]:
    (container,) = stack.task(volume=volume)["ContainerDefinitions"]
    return dict(container)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_its_handler_in_the_image(stack: Synthesized, name: str) -> None:
    function = stack.function(name)
    assert function["PackageType"] == "Image"
    assert function["Architectures"] == ["x86_64"]
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    source = (ROOT / "lambdas" / f"{name}.py").read_text()
    assert re.search(r"^def handler\(", source, re.MULTILINE)


def test_there_are_no_other_functions(stack: Synthesized) -> None:
    assert len(stack.resources("AWS::Lambda::Function")) == len(FUNCTIONS)


def test_all_functions_are_one_image(stack: Synthesized) -> None:
    images = {
        json.dumps(function["Code"])
        for function in stack.resources("AWS::Lambda::Function").values()
    }
    assert len(images) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_can_read_their_environment(stack: Synthesized, name: str) -> None:
    variables = _variables(stack, name)
    settings = Settings.from_environment(variables)
    assert settings.output_region == "eu-north-1"
    assert re.fullmatch(r"s3://<\w+>/datasets", variables["OUTPUT_URI"])


def test_only_planning_needs_the_concurrency_and_who_starts_the_machine(
    stack: Synthesized, other_stack: Synthesized
) -> None:
    assert _variables(stack, "plan")["MAX_CONCURRENCY"] == "200"
    assert _variables(other_stack, "plan")["MAX_CONCURRENCY"] == "17"
    arn = "arn:aws:states:us-west-2:<AWS::AccountId>:stateMachine:Second"
    for name in FUNCTIONS:
        variables = _variables(other_stack, name)
        assert variables.get("STATE_MACHINE_ARN") == (arn if name in ("plan", "start") else None)
    assert other_stack.machine()[1]["StateMachineName"] == "Second"
    assert other_stack.machine("datasets")[1]["StateMachineName"] == "Second-datasets"


@pytest.mark.parametrize("which", ["stack", "other_stack"])
def test_what_is_planned_for_lambda_fits_into_it(
    which: str, request: pytest.FixtureRequest
) -> None:
    synthesized: Synthesized = request.getfixturevalue(which)
    function = synthesized.function("convert")
    settings = Settings.from_environment(_variables(synthesized, "plan"))
    assert settings.lambda_memory_bytes <= function["MemorySize"] * 2**20
    assert settings.lambda_memory_bytes >= 0.9 * function["MemorySize"] * 2**20
    assert settings.lambda_disk_bytes <= function["EphemeralStorage"]["Size"] * 2**20
    assert function["Timeout"] == 900


def test_the_default_is_what_the_settings_expect(stack: Synthesized) -> None:
    settings = Settings.from_environment(_variables(stack, "plan"))
    assert settings.lambda_memory_bytes == Settings().lambda_memory_bytes
    assert settings.lambda_disk_bytes >= Settings().lambda_disk_bytes


def test_concurrency_is_reserved_only_where_asked_for(
    stack: Synthesized, other_stack: Synthesized
) -> None:
    assert "ReservedConcurrentExecutions" not in stack.function("convert")
    assert other_stack.function("convert")["ReservedConcurrentExecutions"] == 5


def test_the_container_is_read_only_without_rights(stack: Synthesized) -> None:
    container = _container(stack)
    assert container["Name"] == "convert"
    assert container["Command"] == ["python", "-m", "containers.convert_task"]
    assert container["ReadonlyRootFilesystem"] is True
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", container["User"])
    assert "Privileged" not in container
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert container["LinuxParameters"]["InitProcessEnabled"] is True
    assert container["MountPoints"] == [
        {"ContainerPath": "/tmp", "ReadOnly": False, "SourceVolume": "tmp"}
    ]
    task = stack.task()
    assert task["Volumes"] == [{"Name": "tmp"}]
    assert task["RequiresCompatibilities"] == ["FARGATE"]
    assert task["RuntimePlatform"] == {
        "CpuArchitecture": "X86_64",
        "OperatingSystemFamily": "LINUX",
    }


def test_the_task_with_a_volume_differs_in_its_disk_alone(stack: Synthesized) -> None:
    usual, large = stack.task(), stack.task(volume=True)
    # its size and role come with the run: ECS asks for them then
    assert large["Volumes"] == [{"Name": "scratch", "ConfiguredAtLaunch": True}]
    of_large = _container(stack, volume=True)
    assert of_large["MountPoints"][0]["SourceVolume"] == "scratch"
    of_large["MountPoints"] = _container(stack)["MountPoints"]
    assert of_large == _container(stack)
    same = {"Volumes", "Family", "ContainerDefinitions"}
    assert {k: v for k, v in usual.items() if k not in same} == {
        k: v for k, v in large.items() if k not in same
    }


def test_the_task_knows_what_the_functions_know(stack: Synthesized) -> None:
    of_task = {
        entry["Name"]: resolved(entry["Value"]) for entry in _container(stack)["Environment"]
    }
    of_convert = _variables(stack, "convert")
    assert of_task == of_convert
    Settings.from_environment(of_task)


def test_the_users_of_image_and_task_are_the_same_and_may_write_to_tmp(stack: Synthesized) -> None:
    stage = _stage((ROOT / "containers" / "Dockerfile").read_text(), "fargate")
    assert f"USER {_container(stack)['User']}" in stage
    # Fargate mounts a volume with the owner and mode that the image declares, else for root alone
    assert 'VOLUME ["/tmp"]' in stage


def test_old_revisions_and_versions_stay_for_running_executions(stack: Synthesized) -> None:
    kept = [
        resource
        for resource in stack.template["Resources"].values()
        if resource["Type"] in ("AWS::ECS::TaskDefinition", "AWS::Lambda::Version")
    ]
    assert len(kept) == 6
    for resource in kept:
        assert resource["UpdateReplacePolicy"] == "Retain"


def test_tasks_run_on_spot_and_on_demand(stack: Synthesized) -> None:
    providers = stack.only("AWS::ECS::ClusterCapacityProviderAssociations")
    assert set(providers["CapacityProviders"]) == {"FARGATE", "FARGATE_SPOT"}


def test_the_network_costs_nothing_while_idle_and_lets_nothing_in(stack: Synthesized) -> None:
    assert not stack.resources("AWS::EC2::NatGateway")
    assert not stack.resources("AWS::EC2::EIP")
    assert len(stack.resources("AWS::EC2::Subnet")) == 2
    endpoint = stack.only("AWS::EC2::VPCEndpoint")
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert len(endpoint["RouteTableIds"]) == 2
    group = stack.only("AWS::EC2::SecurityGroup")
    assert not group.get("SecurityGroupIngress")
    assert not stack.resources("AWS::EC2::SecurityGroupIngress")
    (out,) = group["SecurityGroupEgress"]
    assert (out["FromPort"], out["ToPort"], out["IpProtocol"]) == (443, 443, "tcp")
    assert stack.only("AWS::EC2::FlowLog")["TrafficType"] == "REJECT"


def test_every_log_ends_some_day(stack: Synthesized, other_stack: Synthesized) -> None:
    for synthesized, days in ((stack, 90), (other_stack, 30)):
        groups = synthesized.resources("AWS::Logs::LogGroup")
        assert len(groups) == 9
        assert {group["RetentionInDays"] for group in groups.values()} == {days}


def test_nothing_of_an_account_or_of_another_region_is_baked_in(
    stack: Synthesized, other_stack: Synthesized
) -> None:
    for synthesized, own, other in (
        (stack, "eu-north-1", "us-west-2"),
        (other_stack, "us-west-2", "eu-north-1"),
    ):
        # asset names are hashes in which twelve digits can follow each other
        text = re.sub(r"[0-9a-f]{32,64}", "", json.dumps(synthesized.template))
        assert own in text
        assert other not in text
        assert not re.search(r"(?<!\d)\d{12}(?!\d)", text)
        manifest = json.loads((synthesized.folder / "manifest.json").read_text())
        environments = [
            artifact["environment"]
            for artifact in manifest["artifacts"].values()
            if "environment" in artifact
        ]
        assert environments
        assert set(environments) == {f"aws://unknown-account/{own}"}


def test_no_setting_but_the_given_is_in_the_second_stack(other_stack: Synthesized) -> None:
    text = json.dumps(other_stack.template)
    assert "SparcFuse" not in text
    assert "sparc-prod-aod" not in text
    assert "one-source" in text


def test_the_build_context_has_the_code_and_nothing_else(stack: Synthesized) -> None:
    folders = [path for path in stack.folder.glob("asset.*") if path.is_dir()]
    assert len(folders) == 2
    for folder in folders:
        names = {path.name for path in folder.iterdir()}
        assert {"sparc_fuse_core", "lambdas", "containers", "mapping_schemes"} <= names
        assert not names & {"tests", ".git", ".venv", "node_modules", "cdk.out", "benchmarks"}
        assert (folder / "lambdas" / "plan.py").is_file()


def _stage(dockerfile: str, name: str) -> str:
    """Return the text of one stage of a Dockerfile."""
    stages = re.split(r"(?m)^(?=FROM )", dockerfile)
    (found,) = [stage for stage in stages if re.match(rf"FROM \S+ AS {name}\s", stage)]
    return found
