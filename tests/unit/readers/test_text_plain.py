"""Plain numbers are read as the table parser reads them, or not at all."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparc_fuse_core.errors import SparcFuseError
from sparc_fuse_core.readers.text import lines as text_lines
from sparc_fuse_core.readers.text.columns import TableParser
from sparc_fuse_core.readers.text.kinds import Column
from sparc_fuse_core.readers.text.layout import MISSING
from sparc_fuse_core.readers.text.plain import PlainNumbers
from sparc_fuse_core.readers.text.store import ColumnStore

if TYPE_CHECKING:
    from pathlib import Path

ODD = [
    "",
    "nan",
    "NaN",
    "+1.5",
    ".5",
    "1.",
    "007",
    "-0.0",
    "1e5",
    "-1.7e308",
    "word",
    '"1.5"',
    "[2]",
]
ODD += [" 1.5 ", "1,5", "1e400", "123456789012345678901234567890", "true", "9007199254740993"]

plain_cell = st.floats(allow_nan=False, allow_infinity=False).map(repr)
odd_cell = st.one_of(plain_cell, st.sampled_from(ODD))


def parsed(
    block: bytes, separator: str, n_columns: int, folder: Path, *, plain: bool
) -> tuple[np.ndarray, object] | str:
    with ExitStack() as stack:
        store = ColumnStore(folder / f"columns-{plain}", n_columns)
        stack.callback(store.close)
        parser = TableParser(
            name="x.csv",
            separator=separator,
            decimal=".",
            encoding="utf-8",
            missing=MISSING,
            n_columns=n_columns,
            columns=tuple(Column(i, "number") for i in range(n_columns)),
            store=store,
            integers=set(),
        )
        if not plain:
            parser._plain = None
        try:
            parser.feed(block)
        except SparcFuseError as err:
            return str(err)
        said = (parser.n_lines, parser.n_blank_lines, parser.n_short_rows, dict(parser.bad_cells))
        said += (parser.footer, parser.is_cut_off)
        return store.blocks(list(range(n_columns)), "float64")[:, :], said


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_both_ways_give_the_same(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    n_columns = data.draw(st.integers(1, 4))
    separator = data.draw(st.sampled_from([",", ";", "\t", "|"]))
    cell = data.draw(st.sampled_from([plain_cell, odd_cell]))
    lengths = st.integers(1, 5) if data.draw(st.booleans()) else st.just(n_columns)
    rows = data.draw(
        st.lists(lengths.flatmap(lambda n: st.lists(cell, min_size=n, max_size=n)), max_size=5)
    )
    text = "\n".join(separator.join(row) for row in rows) + data.draw(st.sampled_from(["", "\n"]))
    folder = tmp_path_factory.mktemp("x")
    with_it = parsed(text.encode(), separator, n_columns, folder, plain=True)
    without = parsed(text.encode(), separator, n_columns, folder, plain=False)
    if isinstance(with_it, str) or isinstance(without, str):
        assert with_it == without
        return
    np.testing.assert_array_equal(with_it[0], without[0])
    assert with_it[1] == without[1]


@pytest.mark.parametrize(
    ("block", "n_columns"),
    [
        (b"1,2\n3\n4,5,6\n", 2),  # as many numbers as two rows of two need, and one more
        (b"1,2,3\n4\n", 2),
        (b"1,-1.7e308\n2,3\n", 2),  # what marks the ends of rows, as a value
        (b"1,2\n\n3,4\n", 2),
        (b"1,[2]\n", 2),
        (b"", 1),
    ],
)
def test_what_is_no_plain_table_is_left_to_the_other_parser(block: bytes, n_columns: int) -> None:
    assert PlainNumbers(",", n_columns).read(block) is None


def test_a_plain_table_is_read() -> None:
    table = PlainNumbers(";", 2).read(b"1.5;-2\n3e2;4.25\n")
    assert table is not None
    assert table.tolist() == [[1.5, 300.0], [-2.0, 4.25]]


def test_it_gives_up_on_a_file_of_other_cells() -> None:
    numbers = PlainNumbers(",", 2)
    for _ in range(4):
        assert numbers.read(b"1,\n") is None
    assert numbers.read(b"1,2\n") is None


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(alphabet="1,\r\n", max_size=60).map(str.encode),
    size=st.integers(1, 12),
    bom=st.booleans(),
)
def test_any_pieces_give_the_same_lines(
    text: bytes, size: int, bom: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("x") / "x.csv"
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + text)
    expected = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    with pytest.MonkeyPatch.context() as patch:
        # a byte order mark is not cut in two by the true size
        patch.setattr(text_lines, "BLOCK_BYTES", size + 3)
        blocks = list(text_lines.line_blocks(path, "utf-8", 0))
    assert b"".join(blocks) == expected
    assert all(block.endswith(b"\n") for block in blocks[:-1])
