"""What starts executions: requests and uploads put into the bucket, and the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from stacks import layout

if TYPE_CHECKING:
    from aws_cdk import aws_s3 as s3

    from stacks.compute import Compute
    from stacks.settings import StackSettings


class Triggers(Construct):
    """Rules of EventBridge; what they cannot deliver lies in the dead-letter queue."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        settings: StackSettings,
        bucket: s3.Bucket,
        compute: Compute,
    ) -> None:
        super().__init__(scope, id_)
        self._compute = compute
        events.Rule(
            self,
            "Put",
            description="A request, or the last object of an upload",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    "object": {
                        "key": [
                            {"wildcard": f"{layout.REQUESTS}*.json"},
                            {"wildcard": f"{layout.UPLOADS}*/{layout.UPLOAD_COMPLETE}"},
                        ]
                    },
                },
            ),
            targets=[self._start(None)],
        )
        events.Rule(
            self,
            "Watch",
            description="Looks for new versions of the datasets of the watch list",
            enabled=settings.watch_hours > 0,
            schedule=events.Schedule.rate(Duration.hours(settings.watch_hours or 24)),
            targets=[
                self._start(
                    events.RuleTargetInput.from_object(
                        {"action": "watch", "time": events.EventField.time}
                    )
                )
            ],
        )

    def _start(self, event: events.RuleTargetInput | None) -> targets.LambdaFunction:
        return targets.LambdaFunction(
            self._compute.start,
            event=event,
            dead_letter_queue=self._compute.dead_letters,
            retry_attempts=8,
            max_event_age=Duration.hours(6),
        )
