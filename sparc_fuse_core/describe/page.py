"""The page that shows a dataset's results in a browser: one HTML file, built from `viewer/`."""

from __future__ import annotations

from importlib.resources import files


def page_bytes() -> bytes:
    """Return the page; it finds the manifest and the stores beside itself."""
    return files("sparc_fuse_core").joinpath("page", "dataset.html").read_bytes()
