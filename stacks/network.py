"""The network of the tasks: one of the stack's own, or subnets of one that is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_ec2 as ec2

from stacks.log_groups import make_log_group
from stacks.permissions import make_role

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.settings import StackSettings


@dataclass(frozen=True, slots=True)
class Network:
    """Where tasks run: two subnets, and whether a task has an address that the internet knows."""

    vpc: ec2.IVpc
    subnet_ids: tuple[str, str]
    has_public_ips: bool


def make_network(scope: Construct, settings: StackSettings) -> Network:
    """Return the network that the settings name, or a new one."""
    if settings.vpc_id:
        # nothing is looked up, so the synthesis needs no credentials; zones are asked of nobody
        vpc = ec2.Vpc.from_vpc_attributes(
            scope, "Network", vpc_id=settings.vpc_id, availability_zones=[f"{settings.region}a"]
        )
        first, second = settings.subnet_ids
        return Network(vpc, (first, second), settings.assign_public_ip)
    own = _own_network(scope, settings)
    first, second = (subnet.subnet_id for subnet in own.public_subnets)
    return Network(own, (first, second), has_public_ips=True)


def _own_network(scope: Construct, settings: StackSettings) -> ec2.Vpc:
    """Return two public subnets: tasks reach sources without a NAT, S3 of the region for nothing."""
    vpc = ec2.Vpc(
        scope,
        "Network",
        max_azs=2,
        nat_gateways=0,
        restrict_default_security_group=False,
        subnet_configuration=[
            ec2.SubnetConfiguration(
                name="Public",
                subnet_type=ec2.SubnetType.PUBLIC,
                cidr_mask=20,
                map_public_ip_on_launch=False,
            )
        ],
    )
    vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
    flow_log = make_log_group(scope, "FlowLog", f"/aws/vpc/{settings.stack_name}", settings)
    role = make_role(scope, "FlowLogRole", "vpc-flow-logs", "Writes the log of refused packets")
    vpc.add_flow_log(
        "Refused",
        destination=ec2.FlowLogDestination.to_cloud_watch_logs(flow_log, role),
        traffic_type=ec2.FlowLogTrafficType.REJECT,
    )
    return vpc
