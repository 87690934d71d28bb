"""What converts: five functions of one image and a Fargate task of a larger one, each with its own role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks import layout
from stacks.acknowledged import acknowledge
from stacks.log_groups import make_log_group
from stacks.network import make_network
from stacks.permissions import (
    acknowledge_any_resource,
    allow,
    allow_listing,
    allow_objects,
    allow_results,
    allow_sources,
    make_role,
)
from stacks.settings import PAID_BUCKETS
from stacks.tasks import DOCKERFILE, ROOT, make_tasks, make_volume_role

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam

    from stacks.settings import StackSettings

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class FunctionSize:
    """What one invocation has; Lambda gives one CPU for each 1,769 MiB."""

    memory_mib: int
    disk_mib: int
    timeout: Duration


class Compute(Construct):
    """Functions, cluster, task and the network that the task runs in."""

    def __init__(
        self, scope: Construct, id_: str, settings: StackSettings, bucket: s3.Bucket
    ) -> None:
        super().__init__(scope, id_)
        self._settings = settings
        self._bucket = bucket
        self._sources = [
            s3.Bucket.from_bucket_name(self, f"Source{i}", name)
            for i, name in enumerate(settings.source_buckets)
        ]
        stack = Stack.of(self)
        # by name: the functions and the machine name each other
        self.state_machine_name = settings.stack_name
        self.state_machine_arn = stack.format_arn(
            service="states",
            resource="stateMachine",
            resource_name=self.state_machine_name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        # known to the command by this very ending
        self.lists_machine_name = f"{self.state_machine_name}-datasets"
        self._lists_arn, self._list_arns = (
            stack.format_arn(
                service="states",
                resource=resource,
                resource_name=self.lists_machine_name + below,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for resource, below in (("stateMachine", ""), ("execution", ":*"))
        )
        self._execution_arns = stack.format_arn(
            service="states",
            resource="execution",
            resource_name=f"{self.state_machine_name}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        disk_mib = 10_240
        self.environment = {
            "OUTPUT_URI": f"s3://{bucket.bucket_name}/{layout.RESULTS.rstrip('/')}",
            "SPARC_FUSE_OUTPUT_REGION": settings.region,
            # whoever deploys the app pays for reading these
            "SPARC_FUSE_PAID_BUCKETS": ",".join(PAID_BUCKETS),
            # megabytes for mebibytes: the rest is for Python itself
            "SPARC_FUSE_LAMBDA_MEMORY_BYTES": str(settings.convert_memory_mib * _MB),
            "SPARC_FUSE_LAMBDA_DISK_BYTES": str(disk_mib * _MB),
        }
        if settings.pennsieve_secret_arn:
            # where the key is, never the key
            self.environment["SPARC_FUSE_PENNSIEVE_SECRET_ARN"] = settings.pennsieve_secret_arn
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        acknowledge(self.dead_letters, "AwsSolutions-SQS3", "It is the dead-letter queue itself.")

        long = Duration.minutes(15)
        self.plan = self._function("plan", FunctionSize(2048, 2048, long), self._plan_role())
        self.convert = self._function(
            "convert",
            FunctionSize(settings.convert_memory_mib, disk_mib, long),
            self._worker_role("ConvertRole", "lambda", "Converts one item"),
            reserved=settings.convert_reserved_concurrency or None,
        )
        self.consolidate = self._function(
            "consolidate", FunctionSize(2048, 1024, long), self._consolidate_role()
        )
        self.manifest = self._function(
            # receipts and manifest of 200,000 items lie on its disk while it is written
            "manifest",
            FunctionSize(2048, 4096, long),
            self._manifest_role(),
        )
        self.start = self._function(
            "start",
            FunctionSize(1024, 512, Duration.minutes(5)),
            self._start_role(),
            dead_letters=self.dead_letters,
        )
        for function in (self.plan, self.start):
            function.add_environment("STATE_MACHINE_ARN", self.state_machine_arn)
        self.plan.add_environment("MAX_CONCURRENCY", str(settings.max_concurrency))
        if settings.convert_reserved_concurrency:
            reserved = str(settings.convert_reserved_concurrency)
            self.plan.add_environment("CONVERT_CONCURRENCY", reserved)
        if settings.default_cost_limit_usd:
            self.plan.add_environment("COST_LIMIT_USD", str(settings.default_cost_limit_usd))
        for function in (self.plan, self.manifest):
            function.add_environment("METRICS_NAMESPACE", settings.stack_name)
        self.functions = (self.plan, self.convert, self.consolidate, self.manifest, self.start)

        self.network = make_network(self, settings)
        self.security_group = ec2.SecurityGroup(
            self,
            "TaskSecurity",
            vpc=self.network.vpc,
            description="Converting tasks: nothing comes in, HTTPS goes out",
            allow_all_outbound=False,
        )
        self.security_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "HTTPS")
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=self.network.vpc,
            enable_fargate_capacity_providers=True,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        self.task_role = self._worker_role("TaskRole", "ecs-tasks", "Converts one larger item")
        self.task_execution_role = make_role(
            self, "TaskExecutionRole", "ecs-tasks", "Pulls the image and writes the log of a task"
        )
        self.volume_role = make_volume_role(self)
        self.task, self.volume_task = make_tasks(
            self, settings, self.task_role, self.task_execution_role, self.environment
        )

    def _function(
        self,
        name: str,
        size: FunctionSize,
        role: iam.Role,
        *,
        reserved: int | None = None,
        dead_letters: sqs.Queue | None = None,
    ) -> lambda_.DockerImageFunction:
        """Return the function whose handler is ``lambdas/<name>.py``."""
        log_group = make_log_group(
            self,
            f"{name.capitalize()}Log",
            f"/aws/lambda/{self._settings.stack_name}-{name}",
            self._settings,
        )
        log_group.grant_write(role)
        function = lambda_.DockerImageFunction(
            self,
            name.capitalize(),
            function_name=f"{self._settings.stack_name}-{name}",
            code=lambda_.DockerImageCode.from_image_asset(
                str(ROOT),
                file=DOCKERFILE,
                target="lambda",
                platform=ecr_assets.Platform.LINUX_AMD64,
                cmd=[f"lambdas.{name}.handler"],
            ),
            architecture=lambda_.Architecture.X86_64,
            memory_size=size.memory_mib,
            ephemeral_storage_size=Size.mebibytes(size.disk_mib),
            timeout=size.timeout,
            environment=self.environment,
            role=role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
            reserved_concurrent_executions=reserved,
            # an execution ends with the code that it began with, also across an upgrade
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN),
            on_failure=destinations.SqsDestination(dead_letters) if dead_letters else None,
            retry_attempts=2 if dead_letters else None,
            max_event_age=Duration.hours(6) if dead_letters else None,
        )
        acknowledge_any_resource(role, "X-Ray and the account's settings know no resources.")
        return function

    def _plan_role(self) -> iam.Role:
        """Return a role that lists datasets, keeps the lock and withdraws what is to be replaced."""
        role = make_role(self, "PlanRole", "lambda", "Plans a run")
        allow_results(role, self._bucket, delete=True)
        allow_objects(role, self._bucket, ["s3:GetObject"], [layout.UPLOADS + "*"])
        allow_listing(role, self._bucket, [layout.RESULTS, layout.UPLOADS])
        allow_sources(role, self._sources)
        self._allow_key(role)
        self._allow_executions(role)
        # what the account lets run at once; AWS knows no resource for the first (see `_function`)
        allow(role, ["lambda:GetAccountSettings"], ["*"])
        vcpus = [
            Stack.of(self).format_arn(
                service="servicequotas", resource="fargate", resource_name=code
            )
            for code in ("L-36FBB829", "L-3032A538")
        ]
        allow(role, ["servicequotas:GetServiceQuota"], vcpus)
        return role

    def _worker_role(self, id_: str, service: str, description: str) -> iam.Role:
        """Return a role that reads sources and writes results; it deletes nothing."""
        role = make_role(self, id_, service, description)
        allow_results(role, self._bucket, delete=False)
        allow_objects(role, self._bucket, ["s3:GetObject"], [layout.UPLOADS + "*"])
        allow_listing(role, self._bucket, [layout.RESULTS, layout.UPLOADS])
        allow_sources(role, self._sources)
        self._allow_key(role)
        return role

    def _consolidate_role(self) -> iam.Role:
        """Return a role that collects receipts and removes what lost items left."""
        role = make_role(self, "ConsolidateRole", "lambda", "Collects the receipts of a run")
        allow_results(role, self._bucket, delete=True)
        allow_listing(role, self._bucket, [layout.RESULTS])
        return role

    def _manifest_role(self) -> iam.Role:
        """Return a role that writes the manifest and gives the lock back."""
        role = make_role(self, "ManifestRole", "lambda", "Writes the manifest of a run")
        allow_results(role, self._bucket, delete=False)
        allow_objects(role, self._bucket, ["s3:DeleteObject"], [layout.LOCKS])
        allow_listing(role, self._bucket, [layout.RESULTS])
        return role

    def _start_role(self) -> iam.Role:
        """Return a role that reads requests and the watch list, and starts executions."""
        role = make_role(self, "StartRole", "lambda", "Starts executions")
        readable = [
            layout.REQUESTS + "*",
            layout.WATCH + "*",
            layout.UPLOADS + "*",
            layout.RESULTS + "*/manifest.json",
            layout.RESULTS + "*/latest.json",
        ]
        allow_objects(role, self._bucket, ["s3:GetObject"], readable)
        prefixes = [layout.REQUESTS, layout.WATCH, layout.UPLOADS, layout.RESULTS]
        allow_listing(role, self._bucket, prefixes)
        self._allow_key(role)
        allow(role, ["states:StartExecution"], [self.state_machine_arn, self._lists_arn])
        self._allow_executions(role)
        reason = "Executions of this one machine; their names do not exist yet."
        allow(role, ["states:DescribeExecution"], [self._list_arns], because=reason)
        return role

    def _allow_key(self, role: iam.Role) -> None:
        """Let ``role`` read the one secret with Pennsieve's API key, if there is one."""
        if self._settings.pennsieve_secret_arn:
            allow(role, ["secretsmanager:GetSecretValue"], [self._settings.pennsieve_secret_arn])

    def _allow_executions(self, role: iam.Role) -> None:
        """Let ``role`` see whether an execution still runs."""
        reason = "Executions of this one machine; their names do not exist yet."
        allow(role, ["states:DescribeExecution"], [self._execution_arns], because=reason)
