"""The stack, synthesized once: with the settings of ``cdk.json``, and with every setting changed."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

#: Settings that share no value with the defaults, so that nothing of a default can be baked in.
OTHER_SETTINGS = {
    "sparc-fuse:region": "us-west-2",
    "sparc-fuse:stack_name": "Second",
    "sparc-fuse:bucket_name": "second-results",
    "sparc-fuse:source_buckets": "one-source,another-source",
    "sparc-fuse:max_concurrency": "17",
    "sparc-fuse:convert_memory_mib": "3008",
    "sparc-fuse:convert_reserved_concurrency": "5",
    "sparc-fuse:watch_hours": "0",
    "sparc-fuse:log_days": "30",
    "sparc-fuse:run_days": "14",
    "sparc-fuse:noncurrent_days": "7",
    "sparc-fuse:alarm_email": "someone@example.org",
    "sparc-fuse:alarm_failed_percent": "20",
    "sparc-fuse:publish": "true",
}


@dataclass(frozen=True)
class Synthesized:
    """One synthesized stack: where its files are, and its template."""

    folder: Path
    template: dict[str, Any]

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of every resource of a type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.template["Resources"].items()
            if resource["Type"] == kind
        }

    def only(self, kind: str) -> dict[str, Any]:
        """Return the properties of the one resource of a type."""
        (properties,) = self.resources(kind).values()
        return properties

    def task(self, *, volume: bool = False) -> dict[str, Any]:
        """Return the properties of the task definition, or of the one that has a volume."""
        (properties,) = [
            properties
            for properties in self.resources("AWS::ECS::TaskDefinition").values()
            if properties["Family"].endswith("-volume") == volume
        ]
        return properties

    def machine(self, definition: str = "workflow") -> tuple[str, dict[str, Any]]:
        """Return logical id and properties of the state machine of ``stacks/<definition>.asl.json``."""
        wanted = json.loads((ROOT / "stacks" / f"{definition}.asl.json").read_text())["Comment"]
        (found,) = [
            (name, properties)
            for name, properties in self.resources("AWS::StepFunctions::StateMachine").items()
            if json.loads(properties["DefinitionString"])["Comment"] == wanted
        ]
        return found

    def function(self, name: str) -> dict[str, Any]:
        """Return the properties of the function whose handler is ``lambdas/<name>.py``."""
        found = [
            properties
            for properties in self.resources("AWS::Lambda::Function").values()
            if properties["ImageConfig"]["Command"] == [f"lambdas.{name}.handler"]
        ]
        (properties,) = found
        return properties


@pytest.fixture(scope="session")
def node() -> str:
    """Path of Node, which the CDK runs on."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is missing, and the AWS CDK needs it: install nodejs and npm")
    return found


@pytest.fixture(scope="session")
def node_modules(node: str) -> Path:
    """Folder of the tools that ``make`` installs with npm."""
    folder = ROOT / "node_modules"
    assert (folder / ".bin").is_dir(), "Node is here, but not its packages: run npm ci"
    return folder


def synthesize(folder: Path, settings: dict[str, str]) -> Synthesized:
    """Synthesize into ``folder``; an unacknowledged finding of cdk-nag is an error."""
    os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "20"
    # importing the CDK starts Node, so it waits until Node is known to be there
    from aws_cdk import App

    from stacks.pipeline import add_pipeline

    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(context=context | settings, outdir=str(folder))
    stack = add_pipeline(app)
    app.synth()
    text = (folder / f"{stack.stack_name}.template.json").read_text()
    return Synthesized(folder, json.loads(text))


@pytest.fixture(scope="session")
def stack(node: str, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The stack with the settings of ``cdk.json``."""
    return synthesize(tmp_path_factory.mktemp("cdk.out"), {})


#: What an account of an institution may ask for.
INSIDE_SETTINGS = {
    "sparc-fuse:stack_name": "Inside",
    "sparc-fuse:vpc_id": "vpc-0123456789abcdef0",
    "sparc-fuse:subnet_ids": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "sparc-fuse:permissions_boundary_arn": "arn:aws:iam::123456789012:policy/team/boundary",
    "sparc-fuse:pennsieve_secret_arn": (
        "arn:aws:secretsmanager:eu-north-1:123456789012:secret:pennsieve/key-AbC123"
    ),
    "sparc-fuse:kms_key_arn": "arn:aws:kms:eu-north-1:123456789012:key/11111111-2222-3333-4444-555555555555",
}


@pytest.fixture(scope="session")
def inside_stack(node: str, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The stack in a network, below a boundary and with a key that are there already."""
    return synthesize(tmp_path_factory.mktemp("inside.cdk.out"), INSIDE_SETTINGS)


@pytest.fixture(scope="session")
def other_stack(node: str, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The stack with every setting changed."""
    return synthesize(tmp_path_factory.mktemp("other.cdk.out"), OTHER_SETTINGS)
