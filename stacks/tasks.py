"""The Fargate tasks of one container: on the disk of a task, and on an EBS volume made for each run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs

from stacks.acknowledged import acknowledge
from stacks.log_groups import make_log_group
from stacks.permissions import Conditions, acknowledge_any_resource, allow, make_role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_logs as logs
    from constructs import Construct

    from stacks.settings import StackSettings

#: Build context of both images; `.dockerignore` there says what is in it.
ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = "containers/Dockerfile"

#: Rights of a user of the image, which has no name for it.
_USER = "10001:10001"

#: Name of the task's container, by which the workflow sets its environment.
CONTAINER = "convert"

#: Of the volume, by which the workflow says how large it is.
VOLUME = "scratch"

#: What ECS marks the volumes with that it makes.
_MANAGED: Conditions = {"StringEquals": {"aws:RequestTag/AmazonECSManaged": "true"}}
_OWN: Conditions = {"StringEquals": {"aws:ResourceTag/AmazonECSManaged": "true"}}


def make_tasks(
    scope: Construct,
    settings: StackSettings,
    task_role: iam.Role,
    execution_role: iam.Role,
    environment: Mapping[str, str],
) -> tuple[ecs.FargateTaskDefinition, ecs.FargateTaskDefinition]:
    """Return the task, and the one whose ``/tmp`` is a volume; the workflow says how large each run is."""
    image = ecr_assets.DockerImageAsset(
        scope,
        "TaskImage",
        directory=str(ROOT),
        file=DOCKERFILE,
        target="fargate",
        platform=ecr_assets.Platform.LINUX_AMD64,
    )
    family = f"{settings.stack_name}-convert"
    log_group = make_log_group(scope, "TaskLog", f"/aws/ecs/{family}", settings)
    made = []
    for id_, name, volume in (
        ("Task", family, ecs.Volume(name="tmp")),
        ("VolumeTask", f"{family}-volume", ecs.Volume(name=VOLUME, configured_at_launch=True)),
    ):
        task = ecs.FargateTaskDefinition(
            scope,
            id_,
            family=name,
            cpu=2048,
            memory_limit_mib=8192,
            ephemeral_storage_gib=21,
            task_role=task_role,
            execution_role=execution_role,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.X86_64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            volumes=[volume],
        )
        # an older revision stays usable for the executions that began with it
        task.apply_removal_policy(RemovalPolicy.RETAIN)
        _add_container(task, image, log_group, environment, volume.name)
        made.append(task)
    acknowledge_any_resource(execution_role, "The token for pulling images is of the account.")
    return made[0], made[1]


def _add_container(
    task: ecs.FargateTaskDefinition,
    image: ecr_assets.DockerImageAsset,
    log_group: logs.LogGroup,
    environment: Mapping[str, str],
    volume: str,
) -> None:
    # Python as process 1 would not hear the signal that a Spot task is to end
    linux = ecs.LinuxParameters(task, "Linux", init_process_enabled=True)
    linux.drop_capabilities(ecs.Capability.ALL)
    container = task.add_container(
        CONTAINER,
        container_name=CONTAINER,
        image=ecs.ContainerImage.from_docker_image_asset(image),
        command=["python", "-m", "containers.convert_task"],
        environment=dict(environment),
        # of a volume ECS lets this user's group write
        user=_USER,
        readonly_root_filesystem=True,
        linux_parameters=linux,
        stop_timeout=Duration.seconds(120),
        logging=ecs.LogDrivers.aws_logs(stream_prefix=CONTAINER, log_group=log_group),
    )
    container.add_mount_points(
        ecs.MountPoint(container_path="/tmp", source_volume=volume, read_only=False)  # noqa: S108
    )
    acknowledge(
        task,
        "AwsSolutions-ECS2",
        "The variables are names and sizes; there is nothing secret among them.",
    )


def make_volume_role(scope: Construct) -> iam.Role:
    """Return the role by which ECS makes, attaches and deletes the volumes of tasks, and no other volume.

    As AWS's policy AmazonECSInfrastructureRolePolicyForVolumes, without snapshots, of this account and region.
    """
    role = make_role(scope, "VolumeRole", "ecs", "Makes and deletes the volumes of large tasks")
    stack = Stack.of(scope)
    volumes = stack.format_arn(service="ec2", resource="volume", resource_name="*")
    instances = stack.format_arn(service="ec2", resource="instance", resource_name="*")
    tasks = stack.format_arn(service="ecs", resource="task", resource_name="*")
    because = "Volumes that ECS makes for tasks and marks as its own; they do not exist yet."
    made_for: Conditions = {"ArnLike": {"aws:RequestTag/AmazonECSCreated": tasks}}
    allow(role, ["ec2:CreateVolume"], [volumes], {**_MANAGED, **made_for}, because=because)
    tagging: Conditions = {
        "StringEquals": {**_MANAGED["StringEquals"], "ec2:CreateAction": "CreateVolume"},
        **made_for,
    }
    allow(role, ["ec2:CreateTags"], [volumes], tagging, because=because)
    allow(role, ["ec2:AttachVolume", "ec2:DetachVolume"], [volumes], _OWN, because=because)
    allow(
        role,
        ["ec2:AttachVolume", "ec2:DetachVolume"],
        [instances],
        because="Of Fargate the machine is AWS's own; AWS's policy names any.",
    )
    of_tasks: Conditions = {"ArnLike": {"aws:ResourceTag/AmazonECSCreated": tasks}}
    allow(role, ["ec2:DeleteVolume"], [volumes], {**_OWN, **of_tasks}, because=because)
    allow(
        role,
        ["ec2:DescribeVolumes", "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances"],
        ["*"],
        because="Describing knows no resources.",
    )
    return role
