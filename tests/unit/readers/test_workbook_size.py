"""Workbooks that would take all memory are refused before a library lays their cells out."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from openpyxl import Workbook

from sparc_fuse_core.errors import CorruptFileError, SizeLimitError
from sparc_fuse_core.readers.shared.workbook_size import check_workbook
from sparc_fuse_core.readers.spreadsheet import read

if TYPE_CHECKING:
    from pathlib import Path


def _book(path: Path) -> Path:
    book = Workbook()
    book.active["A1"] = 1
    book.active["B2"] = 2
    book.save(path)
    return path


def _changed(path: Path, part: str, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def test_a_small_book_passes(tmp_path: Path) -> None:
    check_workbook(_book(tmp_path / "a.xlsx"))


@pytest.mark.parametrize("corner", [b'r="XFD1048576"', b"r = 'XFD1048576'"])
def test_cells_in_opposite_corners(tmp_path: Path, corner: bytes) -> None:
    path = _book(tmp_path / "a.xlsx")
    _changed(path, "xl/worksheets/sheet1.xml", b'r="B2"', corner)
    with pytest.raises(SizeLimitError, match=r"a\.xlsx"):
        read(path, {}).__enter__()


def test_a_cell_that_is_repeated(tmp_path: Path) -> None:
    path = tmp_path / "a.ods"
    value = 'office:value-type="float" office:value="1"'
    cell = f'<table:table-cell table:number-columns-repeated="16384" {value}/>'
    row = f'<table:table-row table:number-rows-repeated="1048576">{cell}</table:table-row>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", f"<office:document-content>{row}</office:document-content>")
    with pytest.raises(SizeLimitError, match=r"a\.ods"):
        read(path, {}).__enter__()


def test_a_part_that_is_more_than_stated(tmp_path: Path) -> None:
    path = _book(tmp_path / "a.xlsx")
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("xl/worksheets/sheet1.xml")
    stated = entry.file_size.to_bytes(4, "little")
    at = raw.rindex(stated, 0, raw.rindex(b"xl/worksheets/sheet1.xml"))
    raw[at : at + 4] = (5).to_bytes(4, "little")  # in the list at the end
    path.write_bytes(bytes(raw))
    with pytest.raises(CorruptFileError, match=r"a\.xlsx"):
        read(path, {}).__enter__()
