"""Digests are those that anybody's sha256sum gives."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

from sparc_fuse_core.convert.digests import digests_of

if TYPE_CHECKING:
    from pathlib import Path

LISTING = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum"


def test_a_folder_s_digest_is_that_of_its_listing(tmp_path: Path) -> None:
    for name in ("zarr.json", "a b/c", "a/b", "µ/0.1", "a/Z"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    listing = subprocess.run(["bash", "-c", LISTING], cwd=tmp_path, capture_output=True, check=True)
    assert digests_of(tmp_path)[0] == hashlib.sha256(listing.stdout).hexdigest()
    assert digests_of(tmp_path / "a/b") == (hashlib.sha256(b"a/b").hexdigest(), "")
    # what zarrsum 0.4.7 prints for this folder
    assert digests_of(tmp_path)[1] == "1a51cd9d562e136f286c244928cd010c-5--26"
