"""The buckets: private, encrypted, versioned, over TLS, kept; nothing is left lying about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sparc_fuse_core.cloud.run_objects import run_key_of
from sparc_fuse_core.convert.receipt import receipt_key
from sparc_fuse_core.version import CONVERTER_VERSION
from tests.infrastructure.policies import resolved

if TYPE_CHECKING:
    from tests.infrastructure.conftest import Synthesized

BUCKET = "AWS::S3::Bucket"


@pytest.fixture(scope="module")
def results(stack: Synthesized) -> dict[str, Any]:
    (found,) = [b for b in stack.resources(BUCKET).values() if "LoggingConfiguration" in b]
    return found


def test_every_bucket_is_private_encrypted_and_stays(stack: Synthesized) -> None:
    for name, bucket in stack.resources(BUCKET).items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        resource = stack.template["Resources"][name]
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_every_bucket_refuses_what_is_not_tls(stack: Synthesized) -> None:
    policies = stack.resources("AWS::S3::BucketPolicy")
    assert len(policies) == len(stack.resources(BUCKET))
    for policy in policies.values():
        denied = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
        conditions = [statement["Condition"] for statement in denied]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions
        for statement in denied:
            assert statement["Action"] == "s3:*"
            assert statement["Principal"] == {"AWS": "*"}
            assert len(statement["Resource"]) == 2


def test_results_are_versioned_and_tell_eventbridge(results: dict[str, Any]) -> None:
    assert results["VersioningConfiguration"] == {"Status": "Enabled"}
    events = results["NotificationConfiguration"]["EventBridgeConfiguration"]
    assert events == {"EventBridgeEnabled": True}


def test_access_is_logged_to_the_other_bucket(stack: Synthesized, results: dict[str, Any]) -> None:
    logs = results["LoggingConfiguration"]["DestinationBucketName"]["Ref"]
    assert "LoggingConfiguration" not in stack.resources(BUCKET)[logs]


def test_leftovers_go_and_results_stay(results: dict[str, Any]) -> None:
    rules = {rule["Id"]: rule for rule in results["LifecycleConfiguration"]["Rules"]}
    assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
    cut_short = [
        r["AbortIncompleteMultipartUpload"]
        for r in rules.values()
        if "AbortIncompleteMultipartUpload" in r
    ]
    assert cut_short == [{"DaysAfterInitiation": 7}]
    replaced = [
        r["NoncurrentVersionExpiration"]
        for r in rules.values()
        if "NoncurrentVersionExpiration" in r
    ]
    assert replaced == [{"NoncurrentDays": 30}]
    expired = {
        r["Prefix"]: r["ExpirationInDays"] for r in rules.values() if "ExpirationInDays" in r
    }
    assert expired == {"requests/": 90, "datasets/.sparc-fuse/runs/": 90}


def test_what_expires_is_what_runs_leave_and_nothing_else(results: dict[str, Any]) -> None:
    rules = results["LifecycleConfiguration"]["Rules"]
    prefixes = tuple(r["Prefix"] for r in rules if "ExpirationInDays" in r)
    folder = "224/2"
    left = f"datasets/{run_key_of(folder, 'run-1')}/items.json"
    assert left.startswith(prefixes)
    kept = (
        f"datasets/{folder}/manifest.json",
        f"datasets/{folder}/primary/x.zarr/zarr.json",
        f"datasets/{receipt_key(folder, 'primary/x.zarr')}",
        "uploads/mine/x.wav",
        "watch/datasets.json",
    )
    assert not [key for key in kept if key.startswith(prefixes)]


def test_settings_reach_the_buckets(other_stack: Synthesized) -> None:
    (bucket,) = [b for b in other_stack.resources(BUCKET).values() if "LoggingConfiguration" in b]
    assert bucket["BucketName"] == "second-results"
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert {r["ExpirationInDays"] for r in rules if "ExpirationInDays" in r} == {14}
    assert [
        r["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for r in rules
        if "NoncurrentVersionExpiration" in r
    ] == [7]


def test_outputs_name_what_the_command_needs(stack: Synthesized) -> None:
    outputs = {name: resolved(o["Value"]) for name, o in stack.template["Outputs"].items()}
    (bucket,) = [n for n, b in stack.resources(BUCKET).items() if "LoggingConfiguration" in b]
    machine, _ = stack.machine()
    assert outputs["Bucket"] == f"<{bucket}>"
    assert outputs["StateMachineArn"] == f"<{machine}>"
    assert outputs["ConverterVersion"] == CONVERTER_VERSION
    assert set(outputs) >= {"AlarmTopicArn", "Dashboard", "DeadLetterQueueUrl"}
