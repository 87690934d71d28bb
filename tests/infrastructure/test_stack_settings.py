"""Settings of a deployment; needs no Node."""

from __future__ import annotations

import dataclasses

import pytest

from stacks.settings import StackSettingError, StackSettings


def test_defaults_are_those_of_the_context() -> None:
    assert StackSettings.from_context({"@aws-cdk/core:x": True}) == StackSettings()
    assert StackSettings().region == "eu-north-1"


def test_text_from_the_command_line_becomes_the_settings_type() -> None:
    settings = StackSettings.from_context(
        {
            "sparc-fuse:max_concurrency": "50",
            "sparc-fuse:source_buckets": "one-bucket, two-bucket",
            "sparc-fuse:watch_hours": 0,
        }
    )
    assert settings.max_concurrency == 50
    assert settings.source_buckets == ("one-bucket", "two-bucket")
    assert settings.watch_hours == 0


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("true", True),
        ("True", True),
        (True, True),
        ("false", False),
        ("False", False),
        (False, False),
    ],
)
def test_a_switch_is_what_its_text_says(text: object, meant: bool) -> None:
    assert StackSettings.from_context({"sparc-fuse:publish": text}).publish is meant


def test_a_name_of_ones_own_needs_its_certificate_and_that_results_are_published() -> None:
    name = {"sparc-fuse:publish_domain": "data.example.org"}
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/1-a"
    both = {**name, "sparc-fuse:publish_certificate_arn": arn}
    with pytest.raises(StackSettingError, match="give both"):
        StackSettings.from_context({**name, "sparc-fuse:publish": "true"})
    with pytest.raises(StackSettingError, match="publish=true"):
        StackSettings.from_context({**both, "sparc-fuse:publish": "false"})
    assert StackSettings.from_context({**both, "sparc-fuse:publish": True}).publish


def test_a_json_list_of_buckets_is_taken_as_it_is() -> None:
    settings = StackSettings.from_context({"sparc-fuse:source_buckets": ["one-bucket"]})
    assert settings.source_buckets == ("one-bucket",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("regon", "eu-north-1"),
        ("region", "Stockholm"),
        ("stack_name", "1-stack"),
        ("stack_name", "with space"),
        ("bucket_name", "Upper_Case"),
        ("source_buckets", "fine,NOT FINE"),
        ("max_concurrency", "0"),
        ("max_concurrency", "many"),
        ("max_concurrency", True),
        ("max_concurrency", "1.5"),
        ("convert_memory_mib", "128"),
        ("convert_memory_mib", "20000"),
        ("convert_reserved_concurrency", "-1"),
        ("watch_hours", "100000"),
        ("log_days", "8"),
        ("run_days", "0"),
        ("noncurrent_days", "0"),
        ("alarm_email", "nobody"),
        ("vpc_id", "vpc-1"),
        ("vpc_id", "vpc-0123456789abcdef0"),
        ("subnet_ids", "subnet-0123456789abcdef0,subnet-0123456789abcdef1"),
        ("subnet_ids", "eu-north-1a"),
        ("assign_public_ip", "true"),
        ("permissions_boundary_arn", "boundary"),
        ("kms_key_arn", "alias/mine"),
        ("kms_key_arn", "arn:aws:kms:us-east-1:123456789012:key/1-a"),
        ("pennsieve_secret_arn", "pennsieve-key"),
        ("publish", "yes"),
        ("publish", "1"),
        ("publish_domain", "data.example.org"),
        ("publish_domain", "https://data.example.org"),
        ("publish_certificate_arn", "arn:aws:acm:eu-north-1:123456789012:certificate/1-a"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(StackSettingError, match=f"sparc-fuse:{name}"):
        StackSettings.from_context({f"sparc-fuse:{name}": value})


def test_every_setting_can_be_said_on_the_command_line() -> None:
    settings = StackSettings()
    context = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        context[f"sparc-fuse:{field.name}"] = (
            ",".join(value) if isinstance(value, tuple) else str(value)
        )
    assert StackSettings.from_context(context) == settings


def test_two_subnets_go_with_a_vpc() -> None:
    vpc = {"sparc-fuse:vpc_id": "vpc-0123456789abcdef0"}
    one, two = "subnet-0123456789abcdef0", "subnet-0123456789abcdef1"
    for subnets in (one, f"{one},{one}", f"{one},{two},subnet-0123456789abcdef2"):
        with pytest.raises(StackSettingError, match="two of its subnets"):
            StackSettings.from_context({**vpc, "sparc-fuse:subnet_ids": subnets})
    found = StackSettings.from_context(
        {**vpc, "sparc-fuse:subnet_ids": f"{one}, {two}", "sparc-fuse:assign_public_ip": "true"}
    )
    assert (found.subnet_ids, found.assign_public_ip) == ((one, two), True)
