"""Many datasets asked for at once: one list, one limit of cost, one number of items at once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.request import Request, as_input, concurrency, cost_limit, parse_request
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Datasets of one list: its execution has 25,000 events at most, and each dataset takes about thirty.
MOST_DATASETS = 500

#: A state holds 256 KiB, and the list in it twice at the worst.
_MOST_BYTES = 100_000

#: How the names of lists' executions begin.
LIST_NAME = "list-"

#: What a list states for all its datasets; an entry may state another.
_SHARED = ("paths", "file_format", "profile", "salvage", "reader", "verify", "overwrite")

#: A word that names a dataset rather than a path inside of one.
_DATASET = re.compile(r"\d+|(https://doi\.org/)?10\.\d{4,}/\S+|uploads/[^/.][^/]*|N:dataset:\S+")


@dataclass(frozen=True, slots=True)
class RequestList:
    """Requests that share a limit of cost and a number of items at once; None where neither is stated."""

    requests: tuple[Request, ...]
    cost_limit_usd: float | None = None
    max_concurrency: int | None = None


def parse_list(values: Any) -> RequestList:
    """Return the list that ``values`` states: ``{"datasets": [224, {"dataset_id": 364, "paths": […]}], …}``.

    Raises
    ------
    RequestError
        If it is none, is too long, or one of its entries is no request; the entry is named.
    """
    if not isinstance(values, dict) or not isinstance(values.get("datasets"), list):
        message = 'a list of datasets is a JSON object such as {"datasets": [224, 225]}'
        raise RequestError(message)
    known = ("datasets", *_SHARED, "cost_limit_usd", "max_concurrency")
    for name in values:
        if name not in known:
            message = f"{name}: no such option of a list; known: {', '.join(known)}"
            raise RequestError(message)
    entries = values["datasets"]
    if not 0 < len(entries) <= MOST_DATASETS:
        message = (
            f"datasets: {len(entries)} entries; a list has 1 to {MOST_DATASETS}, so make several"
        )
        raise RequestError(message)
    shared = {name: values[name] for name in _SHARED if name in values}
    requests = tuple(dict.fromkeys(_entry(entry, shared) for entry in entries))
    found = RequestList(requests, cost_limit(values), concurrency(values.get("max_concurrency")))
    if (n_bytes := len(json.dumps(list_input(found)))) > _MOST_BYTES:
        message = (
            f"datasets: {n_bytes} bytes of requests, more than {_MOST_BYTES}; make several lists"
        )
        raise RequestError(message)
    return found


def _entry(entry: Any, shared: dict[str, Any]) -> Request:
    values = entry if isinstance(entry, dict) else {"dataset_id": entry}
    shown = json.dumps(entry, default=str)[:100]
    if isinstance(entry, bool) or not isinstance(entry, dict | int | str):
        message = f"datasets: {shown}: expected a dataset or a request"
        raise RequestError(message)
    if "max_concurrency" in values:
        message = f"datasets: {shown}: max_concurrency holds for the whole list"
        raise RequestError(message)
    try:
        return parse_request({**shared, **values})
    except RequestError as err:
        message = f"datasets: {shown}: {err}"
        raise RequestError(message) from err


def list_input(requests: RequestList) -> dict[str, Any]:
    """Return a list as the input of its execution; what is not said is left out."""
    values: dict[str, Any] = {"datasets": [as_input(request) for request in requests.requests]}
    if requests.cost_limit_usd is not None:
        values["cost_limit_usd"] = requests.cost_limit_usd
    if requests.max_concurrency is not None:
        values["max_concurrency"] = requests.max_concurrency
    return values


def list_name(requests: RequestList) -> str:
    """Return the name of the execution of a list: the same list has the same name."""
    facts = [CONVERTER_VERSION, [dataclasses.asdict(request) for request in requests.requests]]
    text = json.dumps([*facts, requests.cost_limit_usd], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{LIST_NAME}{len(requests.requests)}-{digest}"


def read_list(text: str, name: str) -> list[Any]:
    """Return the entries of a file: JSON, or lines of a dataset and its paths (``#`` begins a remark).

    Raises
    ------
    RequestError
        If it holds none, or is JSON of something else; ``name`` is named.
    """
    if text.lstrip()[:1] in ("{", "["):
        try:
            stated = json.loads(text)
        except (ValueError, RecursionError) as err:
            message = f"{name}: not JSON ({err})"
            raise RequestError(message) from err
        entries = stated.get("datasets") if isinstance(stated, dict) else stated
        if not isinstance(entries, list) or (
            isinstance(stated, dict) and set(stated) != {"datasets"}
        ):
            message = f'{name}: expected a list of datasets, or {{"datasets": [224, 225]}}'
            raise RequestError(message)
    else:
        lines = (line.partition("#")[0].split() for line in text.splitlines())
        entries = [
            {"dataset_id": words[0], "paths": words[1:]} if words[1:] else words[0]
            for words in lines
            if words
        ]
    if not entries:
        message = f"{name}: names no dataset"
        raise RequestError(message)
    return entries


def datasets_and_paths(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Split what was typed: the first word and all that look like one are datasets, the others paths."""
    datasets: list[str] = []
    paths: list[str] = []
    for n, word in enumerate(words):
        (datasets if not n or _DATASET.fullmatch(word) else paths).append(word)
    return datasets, paths
