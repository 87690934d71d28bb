"""Facts from files as JSON holds them, whatever types the libraries gave."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def json_safe(value: Any) -> Any:
    """Return ``value`` as JSON holds it: plain types, numpy scalars as numbers, NaN as None."""
    if value is None or isinstance(value, bool):
        return value
    # subclasses of int, float and str become the plain type
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        # a lone surrogate has no UTF-8
        return str.__str__(value).encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {json_safe(str(key)): json_safe(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):
        return json_safe(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [json_safe(entry) for entry in value]
    return str(value)
