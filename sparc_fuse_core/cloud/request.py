"""What an execution is asked to do: its input, checked, and the name that says it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from sparc_fuse_core.errors import (
    RequestError,
)
from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.version import CONVERTER_VERSION

#: Folder of the bucket in which datasets are uploaded.
UPLOADS = "uploads/"

#: Datasets of a workspace of Pennsieve.
WORKSPACE = "N:dataset:"
_NODE_ID = r"N:dataset:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def has_no_version(dataset_id: str) -> bool:
    """Whether a dataset is as it is now: an upload, or one of a workspace of Pennsieve."""
    return dataset_id.startswith((UPLOADS, WORKSPACE))


@dataclass(frozen=True, slots=True)
class Request:
    """The input of an execution, checked."""

    dataset_id: str
    version: str | None = None
    paths: tuple[str, ...] = ()
    options: ConvertOptions = dataclasses.field(default_factory=ConvertOptions)
    overwrite: bool = False
    cost_limit_usd: float | None = None
    max_concurrency: int | None = None


def parse_request(values: Any) -> Request:
    """Return the request that ``values`` states.

    Raises
    ------
    RequestError
        If it is no mapping, or a value is missing, unknown or of the wrong kind.
    """
    if not isinstance(values, dict):
        message = 'the input is a JSON object such as {"dataset_id": 224}'
        raise RequestError(message)
    known = (
        *("dataset_id", "version", "paths", "file_format", "profile"),
        *("overwrite", "salvage", "reader", "verify", "cost_limit_usd", "max_concurrency"),
    )
    for name in values:
        if name not in known:
            message = f"{name}: no such option; known: {', '.join(known)}"
            raise RequestError(message)
    dataset_id = str(values.get("dataset_id", "")).strip()
    if not re.fullmatch(
        rf"\d+|(https://doi\.org/)?10\.\S+|uploads/[^/.][^/]*|{_NODE_ID}", dataset_id
    ):
        message = (
            f"dataset_id={dataset_id!r}: expected a Discover id such as 224, a DOI, uploads/<name>, or a "
            "node id of Pennsieve (N:dataset:…)"
        )
        raise RequestError(message)
    if re.fullmatch(r"uploads/\d+", dataset_id):
        message = f"{dataset_id}: a number is a Discover id; upload it under another name"
        raise RequestError(message)
    version = values.get("version")
    if version is not None and (
        not re.fullmatch(r"[1-9]\d*", str(version)) or has_no_version(dataset_id)
    ):
        message = (
            f"version={version!r}: expected a positive integer; an upload or workspace has none"
        )
        raise RequestError(message)
    paths = values.get("paths") or []
    if not isinstance(paths, list) or not all(isinstance(p, str) and p for p in paths):
        message = f"paths={paths!r}: expected a list of paths or patterns"
        raise RequestError(message)
    file_format, profile = values.get("file_format"), values.get("profile")
    verify, reader = values.get("verify"), values.get("reader")
    overwrite, salvage = (_yes_or_no(values, name) for name in ("overwrite", "salvage"))
    return Request(
        dataset_id,
        None if version is None else str(version),
        tuple(paths),
        ConvertOptions(
            "zarr" if file_format is None else file_format,
            profile="default" if profile is None else profile,
            salvage=salvage,
            reader="own" if reader is None else str(reader),
            verify="roundtrip" if verify is None else str(verify),
        ),
        overwrite,
        cost_limit(values),
        concurrency(values.get("max_concurrency")),
    )


def cost_limit(values: dict[str, Any]) -> float | None:
    """Return the limit that ``values`` states, in US dollars, or None.

    Raises
    ------
    RequestError
        If it is no number from 0 on.
    """
    limit = values.get("cost_limit_usd")
    is_number = isinstance(limit, int | float) and not isinstance(limit, bool)
    if limit is not None and (not is_number or not limit >= 0):
        message = f"cost_limit_usd={limit!r}: expected a number of US dollars"
        raise RequestError(message)
    return limit


def concurrency(value: Any) -> int | None:
    """Return how many items are asked to run at once, or None.

    Raises
    ------
    RequestError
        If it is no whole number from 1 on.
    """
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        message = f"max_concurrency={value!r}: expected how many items may run at once"
        raise RequestError(message)
    return value


def _yes_or_no(values: dict[str, Any], name: str) -> bool:
    value = values.get(name, False)
    if not isinstance(value, bool):
        message = f"{name}={value!r}: expected true or false"
        raise RequestError(message)
    return value


def execution_name(request: Request) -> str:
    """Return the name of the execution that does ``request``: the same work has the same name.

    At most 60 characters, so that a suffix fits. A dataset's version should be resolved before: without
    one, all versions to come are the same work.
    """
    work = dataclasses.asdict(request)
    del work["max_concurrency"]  # how fast is no part of what
    facts = json.dumps([CONVERTER_VERSION, work], sort_keys=True)
    digest = hashlib.sha256(facts.encode()).hexdigest()[:12]
    return f"{dataset_part(request.dataset_id)}-{request.version or 'latest'}-{digest}"


def dataset_part(dataset_id: str) -> str:
    """Return how the names of a dataset's executions begin."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", dataset_id)[-38:]


def tag_value(dataset_id: str) -> str:
    """Return a dataset's id as the value of a tag: what tags do not take is ``_``, 256 characters at most."""
    return "".join(c if c.isalnum() or c in " +-=._:/@" else "_" for c in dataset_id)[:256]


def as_input(request: Request) -> dict[str, Any]:
    """Return a request as the input of an execution; what is not said is left out."""
    values: dict[str, Any] = {"dataset_id": request.dataset_id}
    if request.version is not None:
        values["version"] = request.version
    if request.paths:
        values["paths"] = list(request.paths)
    usual = ConvertOptions()
    for name in ("file_format", "profile", "salvage", "reader", "verify"):
        value = getattr(request.options, name)
        if value != getattr(usual, name):
            values[name] = value
    if request.overwrite:
        values["overwrite"] = True
    if request.cost_limit_usd is not None:
        values["cost_limit_usd"] = request.cost_limit_usd
    if request.max_concurrency is not None:
        values["max_concurrency"] = request.max_concurrency
    return values
