"""Findings of cdk-nag that are as they should be, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations

if TYPE_CHECKING:
    from constructs import IConstruct


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Say why ``finding``, by cdk-nag's name, is right for ``construct``."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
