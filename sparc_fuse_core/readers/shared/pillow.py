"""Pillow without its limit of pixels: readers check sizes themselves, against the file's own."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import PIL.Image

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The limit is a global; it is lifted only while a header is read or decoded.
_LOCK = Lock()


@contextmanager
def any_size() -> Iterator[None]:
    """Let Pillow open pictures of any size, and keep its warnings to itself."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit = PIL.Image.MAX_IMAGE_PIXELS
        PIL.Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            PIL.Image.MAX_IMAGE_PIXELS = limit
