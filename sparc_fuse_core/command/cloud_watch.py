"""``sparc-fuse cloud watch``: the list of datasets whose new versions are converted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.command.cloud_progress import say
from sparc_fuse_core.command.exit_codes import OK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.cloud.app import App


def show_watched(app: App, *, as_json: bool) -> int:
    """Print the watch list."""
    from sparc_fuse_core.cloud.watch_list import read_watch_list

    entries, _ = read_watch_list(app.objects)
    return _shown(entries, as_json=as_json)


def add_watched(app: App, values: Mapping[str, Any]) -> int:
    """Put a dataset into the list, and print it."""
    from sparc_fuse_core.cloud.watch_list import watch

    return _shown(watch(app.objects, values))


def remove_watched(app: App, dataset: str) -> int:
    """Take a dataset out of the list, and print it."""
    from sparc_fuse_core.cloud.watch_list import unwatch

    return _shown(unwatch(app.objects, dataset))


def _shown(entries: list[Any], *, as_json: bool = False) -> int:
    if as_json:
        say(json.dumps({"datasets": entries}, indent=1))
        return OK
    for entry in entries:
        say(json.dumps(entry) if isinstance(entry, dict) else str(entry))
    if not entries:
        say("no dataset is watched; `sparc-fuse cloud watch add 224` adds one")
    return OK
