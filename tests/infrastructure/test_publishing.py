"""Publishing: off unless it is asked for; results of numbered datasets alone; nothing is listed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfnlint.api import lint
from cfnlint.config import ManualArgs

from tests.infrastructure.conftest import Synthesized, synthesize
from tests.infrastructure.policies import resolved

if TYPE_CHECKING:
    from collections.abc import Sequence

PATHS = Path(__file__).parents[2] / "stacks" / "published_paths.js"
DISTRIBUTION = "AWS::CloudFront::Distribution"

#: Published, and the object below datasets/ that each address is.
SHOWN = {
    "/": "/index.html",
    "/index.html": "/index.html",
    "/catalogue.parquet": "/.sparc-fuse/published.parquet",
    "/224/latest.json": "/224/latest.json",
    "/224/2/": "/224/2/index.html",
    "/224/2/manifest.json": "/224/2/manifest.json",
    "/224/2/primary/sub-1/a%20b%25.edf.zarr/zarr.json": "/224/2/primary/sub-1/a%20b%25.edf.zarr/zarr.json",
    "/224/2/primary/x.zarr/signals/c/0/0": "/224/2/primary/x.zarr/signals/c/0/0",
    "/224/2/primary/x.zarr/.zattrs": "/224/2/primary/x.zarr/.zattrs",
    "/224/2/.sparc-fuse/thumbnails/a/b.zarr.png": "/224/2/.sparc-fuse/thumbnails/a/b.zarr.png",
}
HIDDEN = [
    "/my-trial/upload/manifest.json",
    "/my-trial/upload/",
    "/uploads/224/x.edf",
    "/2x4/2/manifest.json",
    "/%32x/2/manifest.json",
    "/224",
    "/224/",
    "/.sparc-fuse/published.parquet",
    "/.sparc-fuse/runs/224/2/run/plan.json",
    "/224/2/.sparc-fuse/receipts/x.json",
    "/224/2/.sparc-fuse/running.json",
    "/224/2/%2Esparc-fuse/receipts/x.json",
    "/224/2/.sparc%2Dfuse/receipts/x.json",
    "/224/2/%2e%73parc-fuse%2Freceipts/x.json",
    "/224/2/.SPARC-fuse/receipts/x.json",
    "/224/2/.sparc-fuse/thumbnails/../receipts/x.png",
    "/224/2/.sparc-fuse/thumbnails/%2e%2e/receipts/x.png",
    "/224/2/.sparc-fuse/thumbnails/x.json",
    "/224/2/.sparc-fuse/thumbnails",
    "/224/2/.sparc-fuse/thumbnails/.sparc-fuse/x.png",
    "/224/.sparc-fuse/thumbnails/x.png",
    "/224/../my-trial/upload/manifest.json",
    "/224/%2e%2e/my-trial/upload/manifest.json",
    "/224%2F..%2Fmy-trial/upload/manifest.json",
    "//224/2/manifest.json",
    "/224//.sparc-fuse/x",
    "/224/2/x%00.json",
    "/224/2/x%5C..%5Cy",
    "/224/2/%",
    "/224/2/%ff",
    "/224/2/%c0%ae%c0%ae/x",
    "224/2/manifest.json",
    "",
    "/\u0662\u0662\u0664/2/manifest.json",
    "/%D9%A2/2/manifest.json",
    "/requests/1.json",
    "/my.parquet",
]


def answers(node: str, asked: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return what the function makes of (method, path)."""
    run = (
        f"{PATHS.read_text()}\n"
        "const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(asked.map(([method, uri]) =>"
        " handler({ request: { method, uri, headers: {}, querystring: {} } }))));"
    )
    done = subprocess.run(
        [node, "-e", run], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_only_results_of_numbered_datasets_are_found(node: str) -> None:
    found = answers(node, [("GET", path) for path in (*SHOWN, *HIDDEN)])
    for (path, key), answer in zip(SHOWN.items(), found, strict=False):
        assert answer.get("uri") == key, path
    for path, answer in zip(HIDDEN, found[len(SHOWN) :], strict=True):
        assert answer.get("statusCode") == 404, path
        # a page of another origin is told so too, instead of "no answer"
        assert answer["headers"]["access-control-allow-origin"] == {"value": "*"}


def test_a_preflight_never_reaches_the_bucket(node: str) -> None:
    for answer in answers(node, [("OPTIONS", "/224/2/x.zarr/zarr.json"), ("OPTIONS", "/secret")]):
        assert answer["statusCode"] == 204
        headers = {name: value["value"] for name, value in answer["headers"].items()}
        assert "Range" in headers["access-control-allow-headers"]
        assert headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
        assert {"Content-Range", "Content-Length", "ETag", "Accept-Ranges"} <= set(
            headers["access-control-expose-headers"].split(", ")
        )


def test_nothing_is_published_unless_it_is_asked_for(stack: Synthesized) -> None:
    assert not [r for r in stack.template["Resources"].values() if "CloudFront" in r["Type"]]
    assert "PublishedUrl" not in stack.template["Outputs"]
    assert "cloudfront" not in json.dumps(stack.template)


def test_the_network_reads_results_and_lists_nothing(other_stack: Synthesized) -> None:
    statements = [
        statement
        for policy in other_stack.resources("AWS::S3::BucketPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    ]
    read, absent = statements
    assert read["Action"] == "s3:GetObject"
    assert resolved(read["Resource"]).endswith("/datasets/*")
    assert absent["Action"] == "s3:ListBucket"
    assert absent["Condition"]["Null"] == {"s3:prefix": "true"}
    for statement in statements:
        assert ":distribution/" in resolved(statement["Condition"]["StringEquals"]["AWS:SourceArn"])
    config = other_stack.only(DISTRIBUTION)["DistributionConfig"]
    (origin,) = {
        json.dumps({**one, "Id": ""}) for one in config["Origins"]
    }  # the CDK names it once for each kind of behaviour
    assert json.loads(origin)["OriginPath"] == "/datasets"
    assert json.loads(origin)["OriginAccessControlId"]
    assert "DefaultRootObject" not in config
    for behaviour in (config["DefaultCacheBehavior"], *config["CacheBehaviors"]):
        assert behaviour["AllowedMethods"] == ["GET", "HEAD", "OPTIONS"]
        assert behaviour["ViewerProtocolPolicy"] == "redirect-to-https"
        (function,) = behaviour["FunctionAssociations"]
        assert function["EventType"] == "viewer-request"
        assert behaviour["Compress"]
    for policy in other_stack.resources("AWS::CloudFront::CachePolicy").values():
        forwarded = policy["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
        assert forwarded["QueryStringsConfig"] == {"QueryStringBehavior": "none"}


def test_chunks_stay_long_and_what_names_them_a_minute(other_stack: Synthesized) -> None:
    kept = {
        name: policy["CachePolicyConfig"]["DefaultTTL"]
        for name, policy in other_stack.resources("AWS::CloudFront::CachePolicy").items()
    }
    config = other_stack.only(DISTRIBUTION)["DistributionConfig"]
    patterns = {b["PathPattern"]: kept[b["CachePolicyId"]["Ref"]] for b in config["CacheBehaviors"]}

    def seconds(path: str) -> int:
        for pattern, found in patterns.items():
            if re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), path):
                return int(found)
        return int(kept[config["DefaultCacheBehavior"]["CachePolicyId"]["Ref"]])

    short = ("latest.json", "2/manifest.json", "2/x.zarr/zarr.json", "2/x.zarr/.zmetadata", "2/")
    assert {seconds(f"/224/{path}") for path in short} == {60}
    assert {seconds(path) for path in ("/", "/index.html", "/catalogue.parquet")} == {60}
    assert {seconds(f"/224/2/x.zarr/{path}") for path in ("signals/c/0/0", "0/0.0.1")} == {2592000}


def test_the_functions_that_replace_results_tell_the_network(other_stack: Synthesized) -> None:
    for name in ("plan", "manifest"):
        assert "DISTRIBUTION_ID" in other_stack.function(name)["Environment"]["Variables"]
    for name in ("convert", "consolidate", "start"):
        assert "DISTRIBUTION_ID" not in other_stack.function(name)["Environment"]["Variables"]
    assert ".DomainName" in resolved(other_stack.template["Outputs"]["PublishedUrl"]["Value"])


def test_a_name_of_ones_own_has_todays_tls(node: str, tmp_path: Path) -> None:
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/1-a"
    own = {"publish": "true", "publish_domain": "data.example.org", "publish_certificate_arn": arn}
    made = synthesize(tmp_path / "out", {f"sparc-fuse:{k}": v for k, v in own.items()})
    report = json.loads((made.folder / "validation-report.json").read_text())
    assert [v for plugin in report["pluginReports"] for v in plugin["violations"]] == []
    found = lint(json.dumps(made.template), config=ManualArgs(ignore_checks=["W3005"]))
    assert [f"{m.rule.id} {m.message}" for m in found] == []
    config = made.only(DISTRIBUTION)["DistributionConfig"]
    assert config["Aliases"] == ["data.example.org"]
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert made.template["Outputs"]["PublishedUrl"]["Value"] == "https://data.example.org"


def test_the_function_is_as_short_as_the_network_allows() -> None:
    assert len(PATHS.read_bytes()) <= 10_240
