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
