"""Opt-in: dataset 364 (107 kB, all hashes known) from the live services; run by ``make network``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.network
def test_dataset_364_is_listed_and_every_file_arrives(tmp_path: Path) -> None:
    source = open_source(364, settings=Settings())
    files = list(source.list_files())
    assert len(files) >= 13
    for file in files:
        assert source.fetch(file, tmp_path / file.path.replace("/", "_")).is_file()
