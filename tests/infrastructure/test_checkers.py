"""What independent checkers say: cdk-nag, cfn-lint, the checker of state machines, the CDK's command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from tests.infrastructure.checkov import ACKNOWLEDGED, judge
from tests.infrastructure.conftest import ROOT, synthesize

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infrastructure.conftest import Synthesized


@pytest.mark.parametrize("which", ["stack", "other_stack", "inside_stack"])
def test_cdk_nag_has_no_finding(which: str, request: pytest.FixtureRequest) -> None:
    synthesized: Synthesized = request.getfixturevalue(which)
    report = json.loads((synthesized.folder / "validation-report.json").read_text())
    assert [v for plugin in report["pluginReports"] for v in plugin["violations"]] == []


def test_cdk_nag_finds_what_no_reason_is_given_for(
    node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stacks import permissions

    monkeypatch.setattr(permissions, "acknowledge", lambda *_: None)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        synthesize(tmp_path / "out", {})
    report = (tmp_path / "out" / "validation-report.json").read_text()
    assert "AwsSolutions-IAM5" in report


@pytest.mark.parametrize("which", ["stack", "other_stack", "inside_stack"])
def test_cfn_lint_has_nothing_to_say(which: str, request: pytest.FixtureRequest) -> None:
    synthesized: Synthesized = request.getfixturevalue(which)
    # W3005: the CDK states dependencies that references imply already
    found = lint(json.dumps(synthesized.template), config=ManualArgs(ignore_checks=["W3005"]))
    assert [f"{m.rule.id} {m.message}" for m in found] == []


def _finding(check: str, resource: str) -> dict[str, str]:
    return {"check_id": check, "resource": resource, "check_name": "Ensure so"}


def test_findings_of_checkov_need_a_reason_and_reasons_a_finding(stack: Synthesized) -> None:
    """``make checkov`` runs it, in an environment of its own."""
    names = {
        f"{resource['Type']}.{name}": resource
        for name, resource in stack.template["Resources"].items()
    }
    acknowledged = [
        _finding(check, name)
        for check, (pattern, reason) in ACKNOWLEDGED.items()
        for name in names
        if reason and re.fullmatch(pattern, name)
    ]
    report: dict[str, Any] = {
        "summary": {"passed": 9},
        "results": {"passed_checks": [{}], "failed_checks": acknowledged},
    }
    assert judge(report) == []
    (results,) = [
        name
        for name, resource in names.items()
        if "LoggingConfiguration" in resource.get("Properties", {})
        and resource["Type"] == "AWS::S3::Bucket"
    ]
    report["results"]["failed_checks"] = [*acknowledged, _finding("CKV_AWS_18", results)]
    assert judge(report) == [f"CKV_AWS_18: {results}: Ensure so"], "the results bucket has none"
    report["results"]["failed_checks"] = [f for f in acknowledged if f["check_id"] != "CKV_AWS_27"]
    assert judge(report) == ["CKV_AWS_27: is not found any more"]
    # what each reason says of the template is so
    queue = stack.only("AWS::SQS::Queue")
    assert queue["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("name", ["workflow", "datasets"])
def test_the_definition_is_a_valid_state_machine(name: str, node_modules: Path) -> None:
    done = subprocess.run(
        [node_modules / ".bin" / "asl-validator", "--json-path", f"stacks/{name}.asl.json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_checker_of_state_machines_refuses_what_is_wrong(
    node_modules: Path, tmp_path: Path
) -> None:
    text = (ROOT / "stacks" / "workflow.asl.json").read_text()
    wrong = tmp_path / "wrong.asl.json"
    wrong.write_text(text.replace('"Next": "Consolidate"', '"Next": "Nowhere"'))
    done = subprocess.run(
        [node_modules / ".bin" / "asl-validator", "--json-path", wrong],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Nowhere" in done.stdout + done.stderr


def test_cdk_synth_needs_no_credentials(node_modules: Path, tmp_path: Path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "CDK_", "npm_"))
    }
    environment["HOME"] = str(tmp_path)
    done = subprocess.run(
        [
            node_modules / ".bin" / "cdk",
            "synth",
            "--quiet",
            "--app",
            f"{sys.executable} app.py",
            "--output",
            tmp_path / "out",
            "--context",
            "sparc-fuse:max_concurrency=9",
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    template = json.loads((tmp_path / "out" / "SparcFuse.template.json").read_text())
    assert '"MAX_CONCURRENCY": "9"' in json.dumps(template)
