"""Results bucket, and the bucket of its access logs. Both stay when the stack is destroyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks import layout

if TYPE_CHECKING:
    from stacks.settings import StackSettings


class Storage(Construct):
    """Private, encrypted, versioned, TLS only; tells EventBridge about every new object."""

    def __init__(self, scope: Construct, id_: str, settings: StackSettings) -> None:
        super().__init__(scope, id_)
        self.logs = s3.Bucket(
            self,
            "AccessLogs",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(id="logs", expiration=Duration.days(settings.log_days))
            ],
        )
        key = None
        if settings.kms_key_arn:
            key = kms.Key.from_key_arn(self, "ResultsKey", settings.kms_key_arn)
        self.bucket = s3.Bucket(
            self,
            "Results",
            bucket_name=settings.bucket_name or None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            # one request to the key for many objects of a bucket
            bucket_key_enabled=True if key else None,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            server_access_logs_bucket=self.logs,
            server_access_logs_prefix="access/",
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="uploads cut short", abort_incomplete_multipart_upload_after=Duration.days(7)
                ),
                s3.LifecycleRule(
                    id="replaced results",
                    noncurrent_version_expiration=Duration.days(settings.noncurrent_days),
                    expired_object_delete_marker=True,
                ),
                s3.LifecycleRule(
                    id="requests",
                    prefix=layout.REQUESTS,
                    expiration=Duration.days(settings.run_days),
                ),
                s3.LifecycleRule(
                    id="runs",
                    prefix=layout.RUNS,
                    expiration=Duration.days(settings.run_days),
                ),
            ],
        )
        # the construct's own switch would add a function with a managed policy to set this one property
        resource: s3.CfnBucket = self.bucket.node.default_child
        resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )
