"""Results that an older converter made: found by their manifests, and asked for again as they were."""

from __future__ import annotations

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.cloud.environment import RESULTS
from sparc_fuse_core.cloud.request import UPLOADS, WORKSPACE, parse_request
from sparc_fuse_core.errors import RequestError, SparcFuseError
from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.run.manifest import LATEST, MANIFEST
from sparc_fuse_core.sources.bucket import VERSION as UPLOAD_VERSION
from sparc_fuse_core.sources.pennsieve import VERSION as WORKSPACE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sparc_fuse_core.cloud.app import App
    from sparc_fuse_core.cloud.request import Request

_REQUESTS = 8
_POINTER_BYTES = 64 * 1024

#: A manifest of some paths is read whole, to ask for these again.
_PARTIAL_BYTES = 64_000_000
_MOST_PATHS = 200

#: Texts inside of a manifest have their quotation marks escaped, so that only keys look so.
_MADE_BY = re.compile(rb'"converter_version": ?"([^"\\]{0,40})"')
_HEAD_BYTES = 1_000_000
_OVERLAP = 80

#: Options that a request of the cloud can state.
_SHARED = ("file_format", "profile", "salvage", "reader", "verify")


@dataclass(frozen=True, slots=True)
class Older:
    """One dataset of which something was made by an older converter.

    Attributes
    ----------
    made_by
        Items by the version of the converter that made them.
    request
        Does the same again; None if that cannot be told, then ``fault`` says why.
    """

    dataset_id: str
    version: str
    made_by: Mapping[str, int]
    request: Request | None = None
    fault: str = ""


def find_older(app: App, current: str, datasets: Sequence[str] = ()) -> list[Older]:
    """Return the datasets whose latest results are not all made by ``current`` or a newer converter.

    Parameters
    ----------
    datasets
        Ids as in the results, or ``uploads/NAME``; all of the bucket if empty.

    Raises
    ------
    RequestError
        If one of ``datasets`` has no results.
    """
    wanted = [name.removeprefix(UPLOADS).removeprefix(WORKSPACE) for name in datasets]
    folders = wanted or list(app.objects.folders(f"{RESULTS}/"))
    with ThreadPoolExecutor(_REQUESTS) as pool:
        found = list(pool.map(lambda name: _look(app, name, current), folders))
    for name, entry in zip(wanted, found, strict=False):
        if entry is None:
            message = f"{name}: no complete result of it in s3://{app.bucket}/{RESULTS}"
            raise RequestError(message)
    return [entry for entry in found if entry is not None and _is_behind(entry, current)]


def _is_behind(entry: Older, current: str) -> bool:
    return bool(entry.fault) or any(is_older(made_by, current) for made_by in entry.made_by)


def is_older(version: str, current: str) -> bool:
    """Whether a converter's version is older than ``current``; one that is no version counts as older."""
    try:
        return _parts(version) < _parts(current)
    except ValueError:
        return version != current


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _look(app: App, name: str, current: str) -> Older | None:
    """Return what made a dataset's latest results; None where there are none."""
    try:
        pointer = app.objects.read_json(f"{RESULTS}/{name}/{LATEST}", _POINTER_BYTES)
        if pointer is None:
            return None
        version = str(pointer[0]["version"])
        key = f"{RESULTS}/{name}/{version}/{MANIFEST}"
        made_by, head = _scan(app.objects.pieces(key))
    except (SparcFuseError, KeyError, TypeError) as err:
        return Older(name, "", {}, fault=f"its manifest cannot be read ({err})")
    if not any(is_older(made, current) for made in made_by):
        return Older(name, version, made_by)
    try:
        return Older(name, version, made_by, _same_again(app, name, version, key, head, current))
    except SparcFuseError as err:
        return Older(name, version, made_by, fault=str(err))


def _scan(pieces: Iterable[bytes]) -> tuple[dict[str, int], bytes]:
    """Count the converters that a manifest names, piece by piece; return its beginning too."""
    counts: Counter[str] = Counter()
    head, tail = b"", b""
    for piece in pieces:
        if len(head) < _HEAD_BYTES:
            head += piece
        text = tail + piece
        end = 0
        for match in _MADE_BY.finditer(text):
            counts[match[1].decode(errors="replace")] += 1
            end = match.end()
        # what was counted is not looked at again; what is cut in two is
        tail = text[max(end, len(text) - _OVERLAP) :]
    return dict(counts), head


def _same_again(app: App, name: str, version: str, key: str, head: bytes, current: str) -> Request:
    """Return the request that made a manifest.

    Raises
    ------
    RequestError
        If it cannot be told, or no request can state it.
    """
    options = _stated(head, "options")
    is_whole = _stated(head, "whole_dataset")
    if not isinstance(options, dict):
        stated = _stated(head, "file_format")
        options = {"file_format": stated} if isinstance(stated, str) else {}
    usual = ConvertOptions()
    for option, value in options.items():
        if option not in _SHARED and value != getattr(usual, option, None):
            message = f"was made with {option}={value!r}, which a request of the cloud cannot state"
            raise RequestError(message)
    values: dict[str, Any] = {
        option: options[option]
        for option in _SHARED
        if option in options and options[option] != getattr(usual, option)
    }
    if version == UPLOAD_VERSION:
        values["dataset_id"] = UPLOADS + name
    elif version == WORKSPACE_VERSION:
        values["dataset_id"] = WORKSPACE + name
    else:
        values |= {"dataset_id": name, "version": version}
    if is_whole is not True:
        values["paths"] = _older_paths(app, key, current)
    return parse_request(values)


def _stated(head: bytes, name: str) -> Any:
    """Return a value at the beginning of a manifest; None if it is not there."""
    text = head.decode(errors="replace")
    found = re.search(rf'^ ?"{name}": ?', text, flags=re.MULTILINE)
    if found is None:
        return None
    try:
        return json.JSONDecoder().raw_decode(text, found.end())[0]
    except ValueError:
        return None


def _older_paths(app: App, key: str, current: str) -> list[str]:
    """Return the files that an older converter made, of a dataset that was converted in part."""
    found = app.objects.read_json(key, _PARTIAL_BYTES)
    items = found[0].get("items") if found and isinstance(found[0], dict) else None
    paths = [
        str(item["path"])
        for item in items or ()
        if is_older(str(item.get("converter_version", "")), current)
    ]
    if not 0 < len(paths) <= _MOST_PATHS:
        message = (
            f"was converted in part, {len(paths)} files by an older converter; start it with the folders "
            "that are wanted"
        )
        raise RequestError(message)
    return paths
