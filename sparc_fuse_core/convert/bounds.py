"""What is refused before anything of a file is written: nothing in it, or more than the budgets allow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.errors import EmptyFileError, NothingToConvertError, SizeLimitError

if TYPE_CHECKING:
    from sparc_fuse_core.model import Blocks, Contents
    from sparc_fuse_core.settings import Settings


def check_contents(contents: Contents, name: str, stored_bytes: int, settings: Settings) -> None:
    """Refuse what holds nothing, and what would decode to more than the budget."""
    arrays = [recording.signals for recording in contents.recordings]
    arrays += [image.pixels for image in contents.images]
    kept = _kept_arrays(contents)
    if not arrays and not kept and not contents.shapes and not len(contents.events):
        message = f"{name}: no channel, image, shape, event or array in it"
        raise NothingToConvertError(message)
    for array in arrays:
        if not math.prod(array.shape):
            message = f"{name}: an array of shape {tuple(array.shape)} holds no value"
            raise EmptyFileError(message)
    n_bytes = sum(math.prod(a.shape) * np.dtype(a.dtype).itemsize for a in [*arrays, *kept])
    if n_bytes > settings.max_decoded_bytes:
        message = (
            f"{name}: announces {n_bytes / 1e9:.1f} GB of decoded values, more than "
            f"{settings.max_decoded_bytes / 1e9:.1f} GB; raise SPARC_FUSE_MAX_DECODED_BYTES if this is true"
        )
        raise SizeLimitError(message)
    inflation = n_bytes / max(stored_bytes, 1)
    if n_bytes > settings.max_inflated_bytes and inflation > settings.max_inflation:
        message = (
            f"{name}: {stored_bytes} bytes announce {n_bytes / 1e9:.1f} GB of decoded values, "
            f"{inflation:.0f} times as much: a damaged header or a size bomb; raise "
            "SPARC_FUSE_MAX_INFLATED_BYTES if this is true"
        )
        raise SizeLimitError(message)


def _kept_arrays(contents: Contents) -> list[Blocks]:
    """Return the arrays that are no signals, those of tables included; they may be empty."""
    groups = [contents.arrays] if contents.arrays else []
    for group in groups:
        groups += group.groups
    kept = [array.values for group in groups for array in group.arrays]
    return kept + [column.values for table in contents.tables for column in table.columns]
