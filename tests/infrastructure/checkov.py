"""What checkov says of a synthesized template, beside what is right as it is, each with its reason.

``make checkov`` (checkov lives in an environment of its own)::

    python -m tests.infrastructure.checkov CHECKOV TEMPLATE

Exit code 1 for a finding that is not acknowledged below, and for an acknowledgment that nothing is found for.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

#: Check -> pattern of whole names of resources, and why it is right for them.
ACKNOWLEDGED = {
    "CKV_AWS_18": (
        r"AWS::S3::Bucket\.StorageAccessLogs\w+",
        "It is the bucket of the access logs; logging its own access to itself would never end.",
    ),
    "CKV_AWS_21": (
        r"AWS::S3::Bucket\.StorageAccessLogs\w+",
        "Logs are written once and expire.",
    ),
    "CKV_AWS_27": (
        r"AWS::SQS::Queue\.ComputeDeadLetters\w+",
        "It is encrypted with SQS's own key (SqsManagedSseEnabled), which the check does not look at.",
    ),
    "CKV_AWS_115": (
        r"AWS::Lambda::Function\.\w+",
        "Reserved concurrency is a setting; a new account has none to reserve, and items wait for room.",
    ),
    "CKV_AWS_116": (
        r"AWS::Lambda::Function\.Compute\w+",
        "The workflow's functions are called synchronously, so no event is lost; Start has its queue as a "
        "destination, which the check does not look at.",
    ),
    "CKV_AWS_117": (
        r"AWS::Lambda::Function\.\w+",
        "They call public services only (S3, Discover); in a VPC that would take a NAT, paid by the hour.",
    ),
    "CKV_AWS_158": (
        r"AWS::Logs::LogGroup\.\w+",
        "CloudWatch encrypts logs with its own key; they hold names of published files and no secret.",
    ),
    "CKV_AWS_173": (
        r"AWS::Lambda::Function\.\w+",
        "The variables are names and sizes; Lambda encrypts them with its own key.",
    ),
}


def judge(report: dict[str, Any]) -> list[str]:
    """Return what is wrong, one sentence each: findings without a reason, reasons without a finding."""
    found = report["results"]["failed_checks"]
    if not report["results"].get("passed_checks") and not report["summary"].get("passed"):
        return ["checkov has checked nothing"]
    wrong, used = [], set()
    for finding in found:
        check, resource = finding["check_id"], finding["resource"]
        pattern, _ = ACKNOWLEDGED.get(check, ("", ""))
        if pattern and re.fullmatch(pattern, resource):
            used.add(check)
        else:
            wrong.append(f"{check}: {resource}: {finding['check_name']}")
    return wrong + [
        f"{check}: is not found any more" for check in sorted(ACKNOWLEDGED.keys() - used)
    ]


def main(checkov: str, template: str) -> int:
    """Run checkov on a template; print what is wrong and return the exit code."""
    done = subprocess.run(
        [
            *(checkov, "--file", template, "--framework", "cloudformation"),
            *("--output", "json", "--quiet", "--skip-download"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    wrong = judge(report)
    summary = report["summary"]
    said = f"checkov {summary['checkov_version']}: {summary['passed']} passed, {summary['failed']} found"
    reasons = ["every finding has its reason (tests/infrastructure/checkov.py)"]
    sys.stdout.write("\n".join([said, *(wrong or reasons)]) + "\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
