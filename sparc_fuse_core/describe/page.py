"""The pages that show results in a browser: one HTML file each, built from `viewer/`."""

from __future__ import annotations

from importlib.resources import files


def page_bytes() -> bytes:
    """Return the page of a dataset; it finds the manifest and the stores beside itself."""
    return _page("dataset")


def search_page_bytes() -> bytes:
    """Return the page of all datasets; it finds the catalogue beside itself."""
    return _page("search")


def is_own_page(page: bytes) -> bool:
    """Whether a page is one of these, of this release or another."""
    return b"<title>SPARC FUSE</title>" in page[:4096]


def _page(name: str) -> bytes:
    return files("sparc_fuse_core").joinpath("page", f"{name}.html").read_bytes()
