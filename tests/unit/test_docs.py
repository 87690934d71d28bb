"""The README is true: its table is the registry's, its Python runs, its commands exist."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

import sparc_fuse_core
from sparc_fuse_core import errors
from sparc_fuse_core.api.reference import _text, reference
from sparc_fuse_core.command import main as cli
from sparc_fuse_core.command.sample import write_sample
from sparc_fuse_core.formats.registry import FORMATS, find_format, load_reader
from sparc_fuse_core.formats.table import written_into
from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.schemes.options import OPTIONS
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_table_of_formats_is_generated() -> None:
    assert written_into(README) == README, "run: make format"
    stale = README.replace("| NRRD |", "| NRRRD |")
    assert stale != README
    assert written_into(stale) == README


def test_the_python_reference_is_generated() -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    assert page == reference(), "run: make format"
    for name in sparc_fuse_core.__all__:
        assert f"### `{name}`" in page
    rows = [line for line in page.splitlines() if line.startswith("| `SPARC_FUSE_")]
    assert len(rows) == len(dataclasses.fields(Settings))
    assert all(len(row.split("|")[3].strip()) > 10 for row in rows), "a setting says nothing"


def test_docstrings_become_markdown() -> None:
    docstring = (
        "Do ``this``.\n\nParameters\n----------\nfirst, second\n    Two ``lines``\n    of it.\n"
        "third\n    One.\n\nReturns\n-------\nA number."
    )
    assert _text(docstring) == (
        "Do `this`.\n\n**Parameters**\n\n- `first, second`: Two `lines` of it.\n- `third`: One.\n\n"
        "**Returns**\n\nA number."
    )


def test_every_reader_exists_and_every_option_is_known() -> None:
    for row in FORMATS:
        assert set(row.options) <= set(OPTIONS), row.name
        if row.reader:
            assert callable(load_reader(row))
            assert row.verified, f"{row.name} does not say how it was verified"
            assert row.keeps, f"{row.name} does not say what is kept"
        else:
            assert row.reason, f"{row.name} has no reader and no reason"


def test_no_two_formats_share_an_extension() -> None:
    extensions = [extension for row in FORMATS for extension in row.extensions]
    assert len(extensions) == len(set(extensions))
    with pytest.raises(errors.UnsupportedFormatError, match=r"\.nonsense"):
        find_format("a.nonsense")


def test_commands_in_the_readme_exist() -> None:
    named = set(re.findall(r"^sparc-fuse (\w+)", README, flags=re.MULTILINE))
    parser = cli._parser()
    (commands,) = [
        a for a in parser._actions if hasattr(a, "choices") and isinstance(a.choices, dict)
    ]
    assert named
    assert named <= set(commands.choices)
    assert "make demo" in README
    assert "make test" in README


def test_python_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    write_sample(tmp_path / "sample")
    settings = Settings()
    convert_dataset(
        open_source("sample", settings=settings),
        "output",
        load_schemes(),
        settings,
        paths=["sub-1/sam-1/sleep.edf"],
    )
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_every_error_is_in_the_tree() -> None:
    names = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert names <= set(re.findall(r"\w+", errors.__doc__ or ""))
