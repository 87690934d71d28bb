"""The table of coverage is honest: what it says is read is, and what is not has a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sparc_fuse_core.command.main import main
from sparc_fuse_core.errors import UnsupportedFormatError
from sparc_fuse_core.formats.accepted import BIOFORMATS, LISTS, MNE, NEO, NUMBERS, SPARC
from sparc_fuse_core.formats.coverage import as_page, coverage
from sparc_fuse_core.formats.registry import find_format, format_named


def test_the_page_is_generated() -> None:
    page = Path(__file__).parents[2] / "docs" / "coverage.md"
    assert page.read_text(encoding="utf-8") == as_page(), "run: make format"


def test_every_extension_is_read_or_has_a_reason() -> None:
    for one in coverage():
        assert one.detail, one
        if one.status == "not read":
            assert not one.row, one
            continue
        row = format_named(one.row)
        assert row.reader, one
        assert (one.status == "with a scheme") == row.needs_scheme, one
        if one.status == "read" and one.extension in row.extensions:
            assert find_format(f"a{one.extension}") is row


def test_the_lists_are_whole() -> None:
    assert len(SPARC.programs) > 10
    assert len(NEO.programs) > 45
    assert len(BIOFORMATS.programs) > 150
    named = {
        extension for accepted in LISTS for p in accepted.programs for extension in p.extensions
    }
    assert named >= set(NUMBERS)
    assert all(one == "" or (one.startswith(".") and one == one.lower()) for one in named)


def test_neo_lists_no_extension_that_is_not_here() -> None:
    neo = pytest.importorskip("neo")
    ours = {extension for program in NEO.programs for extension in program.extensions}
    theirs = {
        f".{extension.lower()}"
        for reader in (*neo.rawio.rawiolist, *neo.io.iolist)
        for extension in reader.extensions
        # Axona's tetrodes are numbered, "fake" is neo's own example
        if extension and not extension.isdigit() and extension != "fake"
    }
    assert theirs <= ours


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats", "--coverage"]) == 0
    assert "95,158" in capsys.readouterr().out
    assert main(["formats", "--coverage", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert len(records) == len(coverage())
    (tiff,) = (
        one for one in records if one["accepted_by"] == "SPARC" and one["extension"] == ".tif"
    )
    assert tiff["status"] == "read"
    assert tiff["n_files"] == NUMBERS[".tif"]


def test_a_named_row_that_is_not_there_is_told_as_not_read() -> None:
    for accepted in LISTS:
        for program in accepted.programs:
            if not program.row:
                continue
            try:
                format_named(program.row)
            except UnsupportedFormatError:
                found = [one for one in coverage() if one.program == program.name]
                assert {one.status for one in found} == {"not read"}


def test_mne_lists_no_extension_that_is_not_here() -> None:
    pytest.importorskip("mne")
    from mne.io._read_raw import _get_supported

    ours = {extension for program in MNE.programs for extension in program.extensions}
    # a file of Curry's settings and one of its events
    assert set(_get_supported()) - {".cdt.dpa", ".cdt.cef", ".cef"} <= ours
