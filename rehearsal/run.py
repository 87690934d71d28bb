"""Rehearse the conversion of one dataset: upload it, execute the state machine, look at what came of it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TextIO
from unittest import mock

from rich.console import Console
from rich.table import Table

from sparc_fuse_core.cloud.request import UPLOADS, execution_name, parse_request
from sparc_fuse_core.opening.results import open_results
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources.bucket import COMPLETE
from sparc_fuse_core.sources.local import LocalSource, path_of
from sparc_fuse_core.storage.results import WORK_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rehearsal.embedded_aws import EmbeddedAws, Outcome

#: Prefix of the results in the app's bucket.
_RESULTS = "datasets/"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of one execution that succeeded.

    Attributes
    ----------
    manifest, manifest_uri, seconds
        As of a run on one machine.
    """

    outcome: Outcome
    manifest: dict[str, Any]
    manifest_uri: str
    seconds: float

    @property
    def n_failed(self) -> int:
        """Files that failed."""
        return int(self.manifest["counts"]["failed"])


def upload_folder(aws: EmbeddedAws, folder: Path) -> str:
    """Put a folder's files below ``uploads/``, the marker last; return the dataset's id.

    Raises
    ------
    DatasetNotFoundError
        If there is no such folder.
    """
    source = LocalSource(folder)
    name = source.dataset_id.lstrip(".")
    name = f"folder-{name}" if name.isdigit() else name or "dataset"
    client = aws.client("s3")
    prefix = f"{UPLOADS}{name}/"
    root = folder.resolve()
    for file in source.list_files():
        path = path_of(file)
        key = f"{prefix}{path.relative_to(root).as_posix()}"
        client.upload_file(str(path), aws.bucket, key)
    client.put_object(Bucket=aws.bucket, Key=f"{prefix}{COMPLETE}", Body=b"")
    return f"{UPLOADS}{name}"


def start_once(aws: EmbeddedAws, request: Mapping[str, Any], again: str = "") -> str:
    """Start what a request asks for under the name that says it; return the execution's ARN.

    A request that is being executed already gives the same execution; one that was is refused, unless
    ``again`` gives it another name.
    """
    name = execution_name(parse_request(request))
    return aws.start(dict(request), f"{name}-{again}" if again else name)


def read_manifest(aws: EmbeddedAws, outcome: Outcome, seconds: float) -> Rehearsal:
    """Return what the manifest says of an execution that succeeded."""
    uri = str(outcome.output["manifest"])
    key = uri.removeprefix(f"s3://{aws.bucket}/")
    body = aws.client("s3").get_object(Bucket=aws.bucket, Key=key)["Body"]
    with body:
        return Rehearsal(outcome, json.load(body), uri, seconds)


def rehearse(
    aws: EmbeddedAws,
    dataset: str,
    log: TextIO,
    *,
    paths: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    again: str = "",
) -> Rehearsal | Outcome:
    """Convert a folder, a Discover id, a DOI or an upload; return the outcome alone if that failed."""
    if Path(dataset).is_dir():
        dataset = upload_folder(aws, Path(dataset))
        log.write(f"uploaded to s3://{aws.bucket}/{dataset}/\n")
    request: dict[str, Any] = {"dataset_id": dataset, **(options or {})}
    if paths:
        request["paths"] = list(paths)
    started_s = time.monotonic()
    arn = start_once(aws, request, again)
    log.write(f"started {arn.rpartition(':')[2]}\n")
    outcome = aws.wait(arn, on_poll=_Progress(aws, arn, log).tell)
    if outcome.status != "SUCCEEDED":
        return outcome
    return read_manifest(aws, outcome, time.monotonic() - started_s)


class _Progress:
    """Says which state an execution has come to, and how many items are begun."""

    def __init__(self, aws: EmbeddedAws, arn: str, log: TextIO) -> None:
        self._aws, self._arn, self._log = aws, arn, log
        self._said: dict[str, int] = {}

    def tell(self) -> None:
        entered = dict(self._aws.counts.entered(self._arn))
        if entered != self._said:
            self._said = entered
            shown = ", ".join(f"{state} {n}" if n > 1 else state for state, n in entered.items())
            self._log.write(f"  {shown}\n")
            self._log.flush()


def export(aws: EmbeddedAws, folder: Path) -> int:
    """Copy the bucket's results into a folder, without the app's own objects; return their number."""
    client = aws.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=aws.bucket, Prefix=_RESULTS)
    n_objects = 0
    for page in pages:
        for entry in page.get("Contents", ()):
            parts = PurePosixPath(str(entry["Key"]).removeprefix(_RESULTS)).parts
            if WORK_FOLDER in parts:
                continue
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(aws.bucket, entry["Key"], str(target))
            n_objects += 1
    return n_objects


def print_states(outcome: Outcome, stream: TextIO) -> None:
    """Print how often each state was entered and tried again."""
    table = Table("state", "entered", "tried again")
    for state, n in outcome.entered.items():
        table.add_row(state, str(n), str(outcome.retried[state] or ""))
    console = Console(file=stream, width=None if stream.isatty() else 100)
    console.print(table)
    console.print(
        f"execution {outcome.status}, largest input of a state {outcome.largest_input_bytes} bytes",
        highlight=False,
    )


def show_one_store(aws: EmbeddedAws, rehearsal: Rehearsal) -> str:
    """Open one result from the bucket; return what it shows."""
    folder = rehearsal.manifest_uri.rpartition("/")[0]
    kinds = {
        item["path"].removeprefix("files/"): item["kind"] for item in rehearsal.manifest["items"]
    }
    access = {"AWS_ACCESS_KEY_ID": "user", "AWS_SECRET_ACCESS_KEY": "rehearsal"}
    with mock.patch.dict(os.environ, access):
        results = open_results(folder, settings=Settings(output_s3_endpoint=aws.endpoint))
        order = sorted(results, key=lambda path: kinds[path] != "signal")
        for path in order:
            if results.manifest["file_format"] == "zarr" or kinds[path] != "signal":
                return f"open_results({folder!r})[{path!r}]\n{results[path]}"
    return "no store to open: nothing was converted"
