"""The state machine's definition as it is deployed: the real file with its ``${…}`` filled in.

Nothing else is changed: what moto cannot do as AWS does is taught to the engine (`rehearsal.engine`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / "stacks" / "workflow.asl.json"

#: Starts the one above for many datasets.
DATASETS = ROOT / "stacks" / "datasets.asl.json"

FUNCTIONS = ("plan", "convert", "consolidate", "manifest")


def substitutions(region: str, account: str, machine: str = "sparc-fuse") -> dict[str, str]:
    """Return a value for each name that the definitions ask for."""
    functions = {
        f"{name.capitalize()}Function": f"arn:aws:lambda:{region}:{account}:function:{name}"
        for name in FUNCTIONS
    }
    return {
        **functions,
        "Cluster": f"arn:aws:ecs:{region}:{account}:cluster/sparc-fuse",
        "TaskDefinition": f"arn:aws:ecs:{region}:{account}:task-definition/convert:1",
        "VolumeTaskDefinition": f"arn:aws:ecs:{region}:{account}:task-definition/convert-volume:1",
        "VolumeRole": f"arn:aws:iam::{account}:role/volume",
        "AssignPublicIp": "ENABLED",
        "SubnetA": "subnet-a",
        "SubnetB": "subnet-b",
        "SecurityGroup": "sg-convert",
        "EventBus": "default",
        "StateMachine": f"arn:aws:states:{region}:{account}:stateMachine:{machine}",
    }


def load_definition(values: Mapping[str, str], workflow: Path = WORKFLOW) -> str:
    """Return the definition with every ``${name}`` replaced.

    Raises
    ------
    KeyError
        If it asks for a name that has no value.
    """
    text = workflow.read_text(encoding="utf-8")
    return re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text)
