"""Results that everybody may read: a content network in front of published datasets, and nothing else.

Readers reach objects by their whole names below ``datasets/``; which names are published decides
`published_paths.js`, a function that runs before anything is looked up. The bucket itself stays private.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks import layout
from stacks.acknowledged import acknowledge

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_s3 as s3

    from stacks.settings import StackSettings

PATHS = Path(__file__).with_name("published_paths.js")

#: Names that are written anew by a run, or that say what lies beside them: looked up again after a minute.
SHORT = ("*.json", "*.jsonld", "*/.z*", "*.parquet", "*.html", "*.cff", "*/")

_SHORT = Duration.minutes(1)
#: Chunks of a result change only when it is replaced, and then the network is told to forget them.
_LONG = Duration.days(30)
#: How long a reader's own machine keeps what nobody can make it forget.
_AT_READERS = Duration.hours(1)

_EXPOSED = [
    "Accept-Ranges",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "ETag",
    "Last-Modified",
]


class Publishing(Construct):
    """A distribution with origin access control; readers need no account, and list nothing."""

    def __init__(
        self, scope: Construct, id_: str, settings: StackSettings, bucket: s3.Bucket
    ) -> None:
        super().__init__(scope, id_)
        access = cloudfront.S3OriginAccessControl(
            self, "Access", signing=cloudfront.Signing.SIGV4_ALWAYS
        )
        # the construct's own grant would be of the whole bucket, which holds uploads and requests too
        origin = origins.S3BucketOrigin.with_bucket_defaults(
            bucket,
            origin_path=f"/{layout.RESULTS.rstrip('/')}",
            origin_access_control_id=access.origin_access_control_id,
        )
        paths = cloudfront.Function(
            self,
            "Paths",
            code=cloudfront.FunctionCode.from_inline(PATHS.read_text(encoding="utf-8")),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
            comment="Which names are published",
        )
        long = self._behaviour("Long", origin, paths, _LONG, _AT_READERS)
        short = self._behaviour("Short", origin, paths, _SHORT, _SHORT)
        own_name = bool(settings.publish_domain)
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"{settings.stack_name}: published results",
            default_behavior=long,
            additional_behaviors=dict.fromkeys(SHORT, short),
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            price_class=cloudfront.PriceClass.PRICE_CLASS_ALL,
            domain_names=[settings.publish_domain] if own_name else None,
            certificate=acm.Certificate.from_certificate_arn(
                self, "Certificate", settings.publish_certificate_arn
            )
            if own_name
            else None,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021
            if own_name
            else None,
            # a chunk of nothing but the fill value is not stored: that it is absent is an answer
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=Duration.seconds(10))
                for status in (403, 404)
            ],
        )
        domain: str = settings.publish_domain or self.distribution.distribution_domain_name
        self.url = f"https://{domain}"
        self._grant(bucket)
        self._acknowledge(own_name=own_name)

    def let_forget(self, functions: list[lambda_.DockerImageFunction]) -> None:
        """Let these functions have the network forget what a run replaces."""
        for function in functions:
            function.add_environment("DISTRIBUTION_ID", self.distribution.distribution_id)
            function.add_to_role_policy(
                iam.PolicyStatement(
                    actions=["cloudfront:CreateInvalidation"], resources=[self._arn]
                )
            )

    @property
    def _arn(self) -> str:
        arn: str = Stack.of(self).format_arn(
            service="cloudfront",
            region="",
            resource="distribution",
            resource_name=self.distribution.distribution_id,
        )
        return arn

    def _behaviour(
        self,
        name: str,
        origin: cloudfront.IOrigin,
        paths: cloudfront.Function,
        kept: Duration,
        at_readers: Duration,
    ) -> cloudfront.BehaviorOptions:
        cache = cloudfront.CachePolicy(
            self,
            f"{name}Cache",
            comment=f"Results, kept for {kept.to_human_string()}",
            min_ttl=Duration.seconds(0),
            default_ttl=kept,
            max_ttl=kept,
            enable_accept_encoding_gzip=True,
            enable_accept_encoding_brotli=True,
            # no query, cookie or header reaches the bucket: none could ask for a listing
            query_string_behavior=cloudfront.CacheQueryStringBehavior.none(),
            cookie_behavior=cloudfront.CacheCookieBehavior.none(),
            header_behavior=cloudfront.CacheHeaderBehavior.none(),
        )
        headers = cloudfront.ResponseHeadersPolicy(
            self,
            f"{name}Headers",
            comment="Readable from every page; nothing of it runs as one by mistake",
            cors_behavior=cloudfront.ResponseHeadersCorsBehavior(
                access_control_allow_origins=["*"],
                access_control_allow_methods=["GET", "HEAD", "OPTIONS"],
                access_control_allow_headers=["*"],
                access_control_allow_credentials=False,
                access_control_expose_headers=_EXPOSED,
                access_control_max_age=Duration.days(1),
                origin_override=True,
            ),
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.days(365), override=True
                ),
            ),
            custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
                custom_headers=[
                    cloudfront.ResponseCustomHeader(
                        header="Cache-Control",
                        value=f"public, max-age={int(at_readers.to_seconds())}",
                        override=True,
                    )
                ]
            ),
        )
        return cloudfront.BehaviorOptions(
            origin=origin,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD_OPTIONS,
            cached_methods=cloudfront.CachedMethods.CACHE_GET_HEAD,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            # by content type: JSON and pages; chunks are compressed already, and read by range
            compress=True,
            cache_policy=cache,
            response_headers_policy=headers,
            function_associations=[
                cloudfront.FunctionAssociation(
                    function=paths, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST
                )
            ],
        )

    def _grant(self, bucket: s3.Bucket) -> None:
        """Let this one distribution read results, and be told that an object is absent."""
        network = iam.ServicePrincipal("cloudfront.amazonaws.com")
        mine = {"StringEquals": {"AWS:SourceArn": self._arn}}
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="PublishedResults",
                principals=[network],
                actions=["s3:GetObject"],
                resources=[bucket.arn_for_objects(layout.RESULTS + "*")],
                conditions=mine,
            )
        )
        # without it S3 answers 403 for what is not there, which Zarr readers take for an error. No listing
        # comes of it: every address of the distribution is an object's, and no query passes.
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AbsentResults",
                principals=[network],
                actions=["s3:ListBucket"],
                resources=[bucket.bucket_arn],
                conditions={**mine, "Null": {"s3:prefix": "true"}},
            )
        )

    def _acknowledge(self, *, own_name: bool) -> None:
        for finding, reason in {
            "CFR1": "Published research data are for every country.",
            "CFR2": "Fixed files, read only: there is no input that a firewall would look at.",
            "CFR3": "Addresses of readers are not collected; what reaches the bucket is in its access log.",
        }.items():
            acknowledge(self.distribution, f"AwsSolutions-{finding}", reason)
        if not own_name:
            acknowledge(
                self.distribution,
                "AwsSolutions-CFR4",
                "The network's own name allows older TLS; publish_domain with a certificate does not.",
            )
