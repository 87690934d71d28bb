"""The page that shows a dataset's results in a browser: one HTML file, built from `viewer/`."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD = b"</head>"


def page_bytes(graph: Mapping[str, Any] | None = None) -> bytes:
    """Return the page; it finds the manifest and the stores beside itself.

    Parameters
    ----------
    graph
        The dataset as JSON-LD, for search engines. Browsers do not execute it; no text in it ends its element.
    """
    page = files("sparc_fuse_core").joinpath("page", "dataset.html").read_bytes()
    if graph is None:
        return page
    text = json.dumps(graph, allow_nan=False).replace("<", "\\u003c")
    element = f'<script type="application/ld+json">{text}</script>'.encode()
    return page.replace(_HEAD, element + _HEAD, 1)
