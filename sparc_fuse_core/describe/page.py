"""The pages that show results in a browser: one HTML file each, built from `viewer/`."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD = b"</head>"


def page_bytes(graph: Mapping[str, Any] | None = None) -> bytes:
    """Return the page of a dataset; it finds the manifest and the stores beside itself.

    Parameters
    ----------
    graph
        The dataset as JSON-LD, for search engines. Browsers do not execute it; no text in it ends its element.
    """
    page = _page("dataset")
    if graph is None:
        return page
    text = json.dumps(graph, allow_nan=False).replace("<", "\\u003c")
    element = f'<script type="application/ld+json">{text}</script>'.encode()
    return page.replace(_HEAD, element + _HEAD, 1)


def search_page_bytes() -> bytes:
    """Return the page of all datasets; it finds the catalogue beside itself."""
    return _page("search")


def is_own_page(page: bytes) -> bool:
    """Whether a page is one of these, of this release or another."""
    return b"<title>SPARC FUSE</title>" in page[:4096]


def _page(name: str) -> bytes:
    return files("sparc_fuse_core").joinpath("page", f"{name}.html").read_bytes()
