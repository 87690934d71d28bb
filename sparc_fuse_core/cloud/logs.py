"""What the functions and tasks of one run logged, from CloudWatch Logs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.aws import asking, aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.settings import Settings

#: Functions of the app; their log groups are named after the stack.
FUNCTIONS = ("start", "plan", "convert", "consolidate", "manifest")

#: Logs arrive a little after what they tell of.
_LOG_DELAY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of CloudWatch Logs."""

    when: datetime
    origin: str
    message: str


def run_logs(
    stack: str, run: str, started: datetime, stopped: datetime | None, settings: Settings
) -> list[LogLine]:
    """Return the lines of a run in the order of time.

    A function's invocation belongs to the run if one of its lines names the run; so does a task.
    """
    client = aws_client("logs", settings)
    groups = [f"/aws/lambda/{stack}-{name}" for name in FUNCTIONS]
    groups.append(f"/aws/ecs/{stack}-convert")
    window = {
        "startTime": _milliseconds(started - _LOG_DELAY),
        "endTime": _milliseconds((stopped or datetime.now(UTC)) + _LOG_DELAY),
    }
    lines: list[LogLine] = []
    for group in groups:
        lines += _group_lines(client, group, run, window)
    return sorted(lines, key=lambda line: line.when)


def _group_lines(client: Any, group: str, run: str, window: Mapping[str, int]) -> list[LogLine]:
    """Return the lines of one log group that belong to a run."""
    origin = group.rpartition("/")[2]
    named = list(_events(client, logGroupName=group, filterPattern=f'"{run}"', **window))
    wanted: dict[str, set[str]] = {}
    for event in named:
        # what names the invocation in a function's line; a task's log stream is the task's own
        wanted.setdefault(event["logStreamName"], set()).add(_request_id(event["message"]))
    lines = []
    for stream, requests in wanted.items():
        is_task = group.startswith("/aws/ecs/")
        for event in _events(client, logGroupName=group, logStreamNames=[stream], **window):
            if is_task or _request_id(event["message"]) in requests:
                when = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                lines.append(LogLine(when, origin, str(event["message"]).rstrip()))
    return lines


def _events(client: Any, **params: Any) -> Iterator[dict[str, Any]]:
    while True:
        with asking(str(params["logGroupName"])):
            try:
                page = client.filter_log_events(**params)
            except client.exceptions.ResourceNotFoundException:
                return  # nothing has been logged there yet
        yield from page.get("events") or ()
        token = page.get("nextToken")
        # an answer may be empty and still have a next page; the same token again is the end
        if not token or token == params.get("nextToken"):
            return
        params["nextToken"] = token


def _request_id(message: str) -> str:
    """Return the invocation that a function's line belongs to, or ``""``."""
    stated = json_object(message)
    record = stated.get("record")
    inner = record.get("requestId") if isinstance(record, dict) else None
    return str(stated.get("requestId") or stated.get("AWSRequestId") or inner or "")


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def json_object(text: Any) -> dict[str, Any]:
    """Return the JSON object of a text; ``{}`` where it is none."""
    try:
        stated = json.loads(text or "{}")
    except (ValueError, TypeError):
        return {}
    return stated if isinstance(stated, dict) else {}
