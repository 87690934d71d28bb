"""Formats whose libraries are installed are not said to lack them."""

from __future__ import annotations

from importlib import util

import pytest

from sparc_fuse_core.formats.extras import missing_extra
from sparc_fuse_core.formats.registry import format_named


@pytest.mark.parametrize(
    ("format_name", "module"), [("video", "av"), ("nix", "nixio"), ("slide", "openslide")]
)
def test_an_installed_library_is_found(format_name: str, module: str) -> None:
    row = format_named(format_name)
    assert missing_extra(row) == ("" if util.find_spec(module) else row.extra)
