"""The stack: storage, compute, workflow, triggers and observability put together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Environment, Stack, Tags, Validations
from aws_cdk import aws_iam as iam
from cdk_nag import AwsSolutionsChecks

from stacks.compute import Compute
from stacks.lists import Lists
from stacks.observability import Observability
from stacks.publishing import Publishing
from stacks.settings import StackSettings
from stacks.storage import Storage
from stacks.tasks import ROOT
from stacks.triggers import Triggers
from stacks.workflow import Workflow

if TYPE_CHECKING:
    from aws_cdk import App
    from constructs import Construct


class PipelineStack(Stack):
    """Everything that one deployment has."""

    def __init__(self, scope: Construct, settings: StackSettings) -> None:
        super().__init__(
            scope,
            settings.stack_name,
            env=Environment(region=settings.region),
            description="SPARC FUSE: datasets to Zarr and OME-Zarr",
        )
        if settings.permissions_boundary_arn:
            bound = iam.ManagedPolicy.from_managed_policy_arn(
                self, "Boundary", settings.permissions_boundary_arn
            )
            iam.PermissionsBoundary.of(self).apply(bound)
        storage = Storage(self, "Storage", settings)
        compute = Compute(self, "Compute", settings, storage.bucket)
        workflow = Workflow(self, "Workflow", settings, storage.bucket, compute)
        lists = Lists(self, "Lists", settings, compute)
        publishing = (
            Publishing(self, "Publishing", settings, storage.bucket) if settings.publish else None
        )
        if publishing:
            publishing.let_forget([compute.plan, compute.manifest])
        Triggers(self, "Triggers", settings, storage.bucket, compute)
        observability = Observability(
            self, "Observability", settings, compute, workflow.state_machine, lists.state_machine
        )
        # so that a bill can be split by it
        Tags.of(self).add("project", settings.stack_name)
        for name, value in {
            "Bucket": storage.bucket.bucket_name,
            "StateMachineArn": workflow.state_machine.state_machine_arn,
            "AlarmTopicArn": observability.topic.topic_arn,
            "Dashboard": observability.dashboard.dashboard_name,
            "ConverterVersion": converter_version(),
            "DeadLetterQueueUrl": compute.dead_letters.queue_url,
            **(
                {
                    "PublishedUrl": publishing.url,
                    "DistributionId": publishing.distribution.distribution_id,
                }
                if publishing
                else {}
            ),
        }.items():
            CfnOutput(self, name, value=value)


def converter_version() -> str:
    """Return the version of the converter that is deployed, as the package states it."""
    text = (ROOT / "sparc_fuse_core" / "version.py").read_text(encoding="utf-8")
    found = re.search(r'^CONVERTER_VERSION = "([^"]+)"$', text, flags=re.MULTILINE)
    if found is None:
        message = "sparc_fuse_core/version.py states no CONVERTER_VERSION"
        raise ValueError(message)
    return found[1]


def add_pipeline(app: App) -> PipelineStack:
    """Add the stack to ``app``, with the settings of its context, and let cdk-nag look at it.

    Raises
    ------
    stacks.settings.StackSettingError
        If the context has a setting that is unknown or cannot be used.
    """
    settings = StackSettings.from_context(app.node.get_all_context())
    stack = PipelineStack(app, settings)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stack
