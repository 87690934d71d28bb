"""Names in a zip: what packers wrote them in, and what they are called here."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from sparc_fuse_core.sources.zipped import ZipSource

if TYPE_CHECKING:
    from pathlib import Path

_PLAIN, _MARKED = "plain.csv", "größe.csv"


def _pack(path: Path, *names: bytes) -> ZipSource:
    """Write files whose names are such bytes without the mark of UTF-8, beside two that Python wrote."""
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(len(names)):
            archive.writestr(f"{i}" * len(names[i]), f"content {i}")
        archive.writestr(_PLAIN, "plain")
        archive.writestr(_MARKED, "marked")
    packed = path.read_bytes()
    for i, name in enumerate(names):
        placeholder = f"{i}" * len(name)
        assert packed.count(placeholder.encode()) == 2
        packed = packed.replace(placeholder.encode(), name)
    path.write_bytes(packed)
    return ZipSource(path)


def test_names_without_the_mark_are_utf_8_or_code_page_437(tmp_path: Path) -> None:
    names = ("Kontrolle µV.csv".encode(), "Größe.csv".encode("cp437"))
    source = _pack(tmp_path / "set.zip", *names)
    files = {file.path.removeprefix("files/"): file for file in source.list_files()}
    assert set(files) == {"Kontrolle µV.csv", "Größe.csv", _PLAIN, _MARKED}
    for name, content in (("Kontrolle µV.csv", b"content 0"), ("Größe.csv", b"content 1")):
        fetched = source.fetch(files[name], tmp_path / name)
        assert (fetched.name, fetched.read_bytes()) == (name, content)


def test_names_that_would_become_one_stay_two(tmp_path: Path) -> None:
    source = _pack(tmp_path / "set.zip", _MARKED.encode())
    files = list(source.list_files())
    contents = {source.head(file, 100) for file in files}
    assert len({file.path for file in files}) == 3
    assert contents == {b"content 0", b"marked", b"plain"}
