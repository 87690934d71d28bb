"""A deployment into what an institution has: its network, its boundary of permissions, its key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.infrastructure.conftest import INSIDE_SETTINGS
from tests.infrastructure.policies import allows, resolved, statements

if TYPE_CHECKING:
    from tests.infrastructure.conftest import Synthesized

KEY = INSIDE_SETTINGS["sparc-fuse:kms_key_arn"]


def _text(stack: Synthesized) -> str:
    text = stack.machine()[1]["DefinitionString"]
    for name, value in stack.machine()[1]["DefinitionSubstitutions"].items():
        text = text.replace(f"${{{name}}}", str(resolved(value)))
    return str(text)


def _networks(stack: Synthesized) -> list[dict[str, object]]:
    states = json.loads(_text(stack))["States"]["ConvertAll"]["ItemProcessor"]["States"]
    return [
        state["Parameters"]["NetworkConfiguration"]["AwsvpcConfiguration"]
        for state in states.values()
        if "ecs:runTask" in state.get("Resource", "")
    ]


def test_no_network_is_made_and_every_task_is_private(inside_stack: Synthesized) -> None:
    for kind in (
        "VPC",
        "Subnet",
        "InternetGateway",
        "NatGateway",
        "RouteTable",
        "VPCEndpoint",
        "FlowLog",
    ):
        assert not inside_stack.resources(f"AWS::EC2::{kind}"), kind
    group = inside_stack.only("AWS::EC2::SecurityGroup")
    assert group["VpcId"] == INSIDE_SETTINGS["sparc-fuse:vpc_id"]
    assert "SecurityGroupIngress" not in group
    networks = _networks(inside_stack)
    assert len(networks) == 4
    for network in networks:
        assert network["AssignPublicIp"] == "DISABLED"
        assert network["Subnets"] == INSIDE_SETTINGS["sparc-fuse:subnet_ids"].split(",")


def test_tasks_of_the_own_network_have_addresses(stack: Synthesized) -> None:
    assert {network["AssignPublicIp"] for network in _networks(stack)} == {"ENABLED"}
    assert len(stack.resources("AWS::EC2::Subnet")) == 2


def test_every_role_has_the_boundary(inside_stack: Synthesized, stack: Synthesized) -> None:
    roles = inside_stack.resources("AWS::IAM::Role")
    assert len(roles) > 8
    wanted = INSIDE_SETTINGS["sparc-fuse:permissions_boundary_arn"]
    assert {role.get("PermissionsBoundary") for role in roles.values()} == {wanted}
    assert not [r for r in stack.resources("AWS::IAM::Role").values() if "PermissionsBoundary" in r]


def test_the_bucket_is_encrypted_with_the_key_and_who_uses_it_may_use_that(
    inside_stack: Synthesized, stack: Synthesized
) -> None:
    buckets = inside_stack.resources("AWS::S3::Bucket").values()
    (results,) = [bucket for bucket in buckets if "LoggingConfiguration" in bucket]
    (rule,) = results["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": KEY,
    }
    assert rule["BucketKeyEnabled"] is True
    named = ["plan", "convert", "consolidate", "manifest", "start"]
    roles = {name: inside_stack.function(name)["Role"]["Fn::GetAtt"][0] for name in named}
    roles["machine"] = inside_stack.machine()[1]["RoleArn"]["Fn::GetAtt"][0]
    tasks = inside_stack.resources("AWS::ECS::TaskDefinition").values()
    (roles["task"],) = {task["TaskRoleArn"]["Fn::GetAtt"][0] for task in tasks}
    for name, role in roles.items():
        assert allows(inside_stack, role, "kms:Decrypt", KEY), name
        writes = name != "start"
        assert allows(inside_stack, role, "kms:GenerateDataKey", KEY) is writes, name
        assert not allows(inside_stack, role, "kms:Decrypt", KEY.replace("1111", "9999")), name
    own = [s for s in statements(stack) if any(a.startswith("kms:") for a in s.actions)]
    assert own == [], "without a key of their own roles use none"
