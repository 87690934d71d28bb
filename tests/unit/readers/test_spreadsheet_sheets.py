"""Sheets beside each other: what is no part of the result is said, and what stated the rate is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from openpyxl import Workbook

from sparc_fuse_core.readers.spreadsheet import read

if TYPE_CHECKING:
    from pathlib import Path

_RECORDING = [["ECG (mV)"], *([i % 7 / 8] for i in range(120))]
_TIMED = [["Time (s)", "ECG (mV)"], *([i / 250, i % 7 / 8] for i in range(120))]
_ANIMALS = [["id", "sex", "litter"], ["r1", "F", 3], ["r2", "M", 4], ["r3", "F", 4]]
_FACTS = [["Sampling rate (Hz)", 250], ["Notes", "none"]]


@pytest.mark.parametrize(
    ("sheets", "is_said"),
    [({"Rec": _TIMED, "Animals": _ANIMALS}, True), ({"Info": _FACTS, "Rec": _RECORDING}, False)],
)
def test_a_table_beside_a_recording_is_said_to_be_left_out(
    tmp_path: Path, sheets: dict[str, list[list[object]]], is_said: bool
) -> None:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    with read(tmp_path / "a.xlsx", {}) as contents:
        assert [one.sampling_rate_hz for one in contents.recordings] == [250]
        said = [one.sentence for one in contents.evidence]
        assert not any("Kept as a table" in one for one in said)
        assert any("no part of the result" in one for one in said) is is_said
