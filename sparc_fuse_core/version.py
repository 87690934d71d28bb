"""The converter's version; a new one means that files are converted again."""

from __future__ import annotations

CONVERTER_VERSION = "0.3.0"
