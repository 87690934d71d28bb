"""Tables, names and links of a dataset that attack: each is one warning or one row, and the rest goes on."""

from __future__ import annotations

import io
import json
import os
import random
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from openpyxl import Workbook

from sparc_fuse_core.command.main import main
from sparc_fuse_core.command.terminal import ShownStream, shown
from sparc_fuse_core.convert.sds_tables import read_tables
from sparc_fuse_core.convert.sheets import read_rows
from sparc_fuse_core.errors import CorruptFileError, IntegrityError, SizeLimitError, SparcFuseError
from sparc_fuse_core.formats.set_headers import HEADERS, names_in_header
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import Schemes, default_schemes_folder, load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import check_unchanged
from sparc_fuse_core.sources.local import LocalSource
from sparc_fuse_core.storage.folder import FolderDestination

if TYPE_CHECKING:
    from pathlib import Path

CSV = b"time (s),a (mV)\n" + b"".join(b"%.2f,%d\n" % (i / 100, i % 7) for i in range(200))


@pytest.fixture(scope="module")
def schemes() -> Schemes:
    """Return the built-in schemes."""
    return load_schemes(default_schemes_folder())


def book(path: Path, rows: list[list[object]]) -> bytes:
    """Write a workbook and return its bytes."""
    made = Workbook()
    for row in rows:
        made.active.append(row)  # type: ignore[union-attr]
    made.save(path)
    return path.read_bytes()


def with_part(data: bytes, part: str, content: bytes) -> bytes:
    """Return a workbook with one part replaced."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry, content if entry.filename == part else old.read(entry))
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
XMLNS = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def test_a_table_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "subjects.xlsx"
    book(path, [["subject id", "species"], [], ["sub-1", "rat"], ["sub-2", 3]])
    assert read_rows(path) == [["subject id", "species"], ["sub-1", "rat"], ["sub-2", "3"]]


def test_a_cell_at_the_end_of_the_sheet_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "subjects.xlsx"
    rows = b'<row r="1"><c r="A1" t="inlineStr"><is><t>subject id</t></is></c></row>'
    last = b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row>'
    sheet = b"<worksheet " + XMLNS + b"><sheetData>" + rows + last + b"</sheetData></worksheet>"
    path.write_bytes(with_part(book(path, [["x"]]), SHEET, sheet))
    assert [[cell for cell in row if cell] for row in read_rows(path)] == [["subject id"]]


@pytest.mark.parametrize(
    "sheet",
    [
        b"<worksheet " + XMLNS + b"><sheetData><row",
        b"<worksheet "
        + XMLNS
        + b'><sheetData><row r="1"><c r="A1" t="s"><v>99</v></c></row></sheetData></worksheet>',
        b"<!DOCTYPE a [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><worksheet>&a;</worksheet>",
        b"\xff\xfe no xml",
    ],
)
def test_damaged_workbooks_are_one_error(sheet: bytes, tmp_path: Path) -> None:
    path = tmp_path / "subjects.xlsx"
    path.write_bytes(with_part(book(path, [["x"]]), SHEET, sheet))
    with pytest.raises(CorruptFileError, match=r"subjects\.xlsx"):
        read_rows(path)


def test_a_workbook_that_unpacks_to_much_is_refused_before(tmp_path: Path) -> None:
    path = tmp_path / "subjects.xlsx"
    path.write_bytes(with_part(book(path, [["x"]]), SHEET, bytes(30_000_000)))
    assert path.stat().st_size < 100_000
    with pytest.raises(SizeLimitError, match="unpacks to"):
        read_rows(path)


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_mutated_tables_never_raise_anything_else(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"subjects.{suffix}"
    rows: list[list[object]] = [
        ["subject id", "species"],
        *([f"sub-{i}", "rat"] for i in range(20)),
    ]
    data = (
        book(path, rows)
        if suffix == "xlsx"
        else b"".join(b"%s,x\n" % bytes([i]) * 9 for i in range(99))
    )
    chance = random.Random(7)
    for _ in range(150):
        spoilt = bytearray(data)
        for _ in range(chance.choice((1, 3, 30))):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        path.write_bytes(spoilt[: chance.choice((len(spoilt), chance.randrange(len(spoilt))))])
        try:
            read_rows(path)
        except SparcFuseError:
            continue


def test_a_broken_table_is_a_warning_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "primary").mkdir()
    (tmp_path / "primary" / "x.csv").write_bytes(CSV)
    (tmp_path / "subjects.csv").write_text('subject id,notes\nsub-1,"' + "stray " * 30_000)
    (tmp_path / "samples.csv").write_text("sample id,sample type\nsam-1,nerve\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    tables = read_tables(LocalSource(tmp_path), scratch)
    assert tables.rows["sample"]["sam-1"]["sample type"] == "nerve"
    assert len(tables.warnings) == 1
    assert "subjects.csv" in tables.warnings[0]


def outcomes(folder: Path, schemes: Schemes) -> dict[str, str]:
    """Return what is planned for each file: its output, or its error."""
    plan = plan_dataset(LocalSource(folder), schemes, Settings())
    found = {item.path.removeprefix("files/"): item.output for item in plan.items}
    return found | {entry.path.removeprefix("files/"): entry.error for entry in plan.skipped}


def test_links_and_what_is_no_file_are_rows(tmp_path: Path, schemes: Schemes) -> None:
    data = tmp_path / "ds" / "primary"
    data.mkdir(parents=True)
    (data / "x.csv").write_bytes(CSV)
    (data / "loop.csv").symlink_to("loop.csv")
    (data / "a").symlink_to("b")
    (data / "b").symlink_to("a")
    (data / "out.csv").symlink_to(tmp_path / "secret.csv")
    (tmp_path / "secret.csv").write_bytes(CSV)
    (data / "nowhere.csv").symlink_to("absent")
    for i in range(60):
        (data / f"chain-{i}.csv").symlink_to(f"chain-{i + 1}.csv" if i < 59 else "x.csv")
    os.mkfifo(data / "pipe.csv")
    found = outcomes(tmp_path / "ds", schemes)
    assert found["primary/x.csv"] == "primary/x.csv.zarr"
    for name in ("loop.csv", "a", "b", "out.csv", "nowhere.csv", "chain-0.csv", "pipe.csv"):
        assert found[f"primary/{name}"] == "SourceRefusedError", name


def test_names_that_meet_the_projects_own_are_rows(tmp_path: Path, schemes: Schemes) -> None:
    names = ["primary/x.csv", "manifest.json/x.csv", "LATEST.JSON/x.csv", "primary/a.csv"]
    names += ["primary/a.csv.zarr.json/b.csv", "primary/" + "x" * 251 + ".csv"]
    names += ["primary/" + "x" * 240 + ".csv", "primary/" + "/".join(["y" * 100] * 9) + "/x.csv"]
    names += ["primary/\u00c9.csv", "primary/E\u0301.csv"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(CSV)
    found = outcomes(tmp_path, schemes)
    errors = [found[name] for name in names]
    assert errors[0] == "primary/x.csv.zarr"
    assert errors[1:3] == ["UnsafePathError"] * 2
    assert errors[3] == "primary/a.csv.zarr"
    assert errors[4] == "OutputClashError"
    assert errors[5] == "UnsafePathError"
    assert errors[6].endswith(".csv.zarr")
    assert errors[7] == "UnsafePathError"
    assert errors[8:] == ["OutputClashError"] * 2


def test_a_name_as_long_as_can_be_is_converted(tmp_path: Path) -> None:
    name = "x" * 241 + ".csv"
    (tmp_path / "ds" / "primary").mkdir(parents=True)
    (tmp_path / "ds" / "primary" / name).write_bytes(CSV)
    assert (
        main(["convert", str(tmp_path / "ds"), "-o", str(tmp_path / "out"), "--workers", "1"]) == 0
    )
    assert (tmp_path / "out" / "ds" / "local" / "primary" / f"{name}.zarr" / "zarr.json").is_file()


def test_a_failed_commit_leaves_the_earlier_result(tmp_path: Path) -> None:
    destination = FolderDestination(tmp_path / "out")
    store = tmp_path / "store"
    store.mkdir()
    (store / "zarr.json").write_text("1")
    destination.put_result(store, "x.zarr")
    with pytest.raises(SparcFuseError):
        destination.put_result(tmp_path / "absent", "x.zarr")
    assert (tmp_path / "out" / "x.zarr" / "zarr.json").read_text() == "1"


def test_a_file_that_is_written_to_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "ds" / "primary").mkdir(parents=True)
    path = tmp_path / "ds" / "primary" / "x.csv"
    path.write_bytes(CSV)
    source = LocalSource(tmp_path / "ds")
    file = next(iter(source.list_files()))
    path.write_bytes(CSV[:-1] + b"\t")
    os.utime(path, ns=(0, 5))
    with pytest.raises(SparcFuseError, match="written to"):
        source.fetch(file, tmp_path / "scratch")


@pytest.mark.parametrize(
    "letter", ["\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\x7f", "\r", "\x00"]
)
def test_what_a_terminal_obeys_is_shown(letter: str) -> None:
    assert letter not in shown(f"a{letter}b\nc")
    assert "\n" not in shown("a\nb")
    assert shown("Ä 記 µV") == "Ä 記 µV"
    out = io.StringIO()
    ShownStream(out).write(f"a{letter}b\n\t")
    assert letter not in out.getvalue()
    assert out.getvalue().endswith("b\n\t")


def test_names_with_escapes_are_not_sent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    name = "e\x1b]0;owned\x07\u202evsc.csv"
    (tmp_path / "ds" / "primary").mkdir(parents=True)
    (tmp_path / "ds" / "primary" / name).write_bytes(b"nothing")
    for command in (
        ["plan", str(tmp_path / "ds")],
        ["convert", str(tmp_path / "ds"), "-o", str(tmp_path / "out")],
    ):
        main(command)
        main([*command, "--json"])
    found = capfd.readouterr()
    assert "owned" in found.out
    assert not set("\x1b\x07\u202e") & set(found.out + found.err)
    assert sys.stdout.isatty() is False
    manifest = json.loads((tmp_path / "out" / "ds" / "local" / "manifest.json").read_text())
    assert manifest["counts"]["converted"] == 0


def test_a_result_outlives_a_failed_overwrite(tmp_path: Path) -> None:
    folder, out = tmp_path / "ds", tmp_path / "out"
    (folder / "primary").mkdir(parents=True)
    (folder / "primary" / "x.csv").write_bytes(CSV)
    command = ["convert", str(folder), "-o", str(out), "--workers", "1"]
    assert main(command) == 0
    store = out / "ds" / "local" / "primary" / "x.csv.zarr"
    before = {file: file.read_bytes() for file in store.rglob("*") if file.is_file()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARC_FUSE_ITEM_TIME_LIMIT_S", "-1000")
        main([*command, "--overwrite"])
    manifest = json.loads((out / "ds" / "local" / "manifest.json").read_text())
    (item,) = manifest["items"]
    assert item["status"] == "unchanged"
    assert "TimeLimitError" in item["message"]
    assert {file: file.read_bytes() for file in store.rglob("*") if file.is_file()} == before
    # an older version of the file is no result of this one
    (folder / "primary" / "x.csv").write_bytes(b"\0" * 500)
    assert main(command) == 1
    assert not store.exists()


def test_a_file_that_changes_while_it_is_converted_is_not_published(tmp_path: Path) -> None:
    """The clock of its last change moves while a slow reader is at it."""
    (tmp_path / "primary").mkdir()
    path = tmp_path / "primary" / "x.csv"
    path.write_bytes(CSV)
    file = next(iter(LocalSource(tmp_path).list_files()))
    check_unchanged(file)
    os.utime(path, ns=(0, 5))
    with pytest.raises(IntegrityError, match="written to"):
        check_unchanged(file)
    path.unlink()
    with pytest.raises(IntegrityError, match="vanished"):
        check_unchanged(file)


@pytest.mark.parametrize(
    "head",
    [
        b"NRRD0004\ndata file:\n",
        b"NRRD0004\ndata file: x%d.raw 0 99999999999999999999999 1\n",
        b"NRRD0004\ndata file: x%99999d.raw 0 5 1 2\n",
        b'"NWavelengths", \xc2\xb2\n"DoWave", TRUE\n',
        b'"NWavelengths", ' + b"9" * 9000 + b"\n",
        b"\xff" * 500,
    ],
)
def test_headers_that_are_looked_at_while_planning_stop_nothing(
    head: bytes, tmp_path: Path, schemes: Schemes
) -> None:
    (tmp_path / "primary").mkdir()
    (tmp_path / "primary" / "good.csv").write_bytes(CSV)
    for suffix in HEADERS:
        (tmp_path / "primary" / f"x{suffix}").write_bytes(head)
        assert names_in_header(f"files/primary/x{suffix}", head) is not None
    assert outcomes(tmp_path, schemes)["primary/good.csv"] == "primary/good.csv.zarr"
