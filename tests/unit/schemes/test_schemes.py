"""Schemes are data: checked when loaded, matched by how much they name, proposed with reasons."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparc_fuse_core.errors import SchemeError
from sparc_fuse_core.formats.registry import FORMATS
from sparc_fuse_core.schemes import schemes as module
from sparc_fuse_core.schemes.options import OPTIONS
from sparc_fuse_core.schemes.schemes import (
    Scheme,
    check,
    default_schemes_folder,
    find_scheme,
    load_scheme,
    load_schemes,
)

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "\n[options]\nheader = true\n"


def _folder(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "schemes"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


def test_schemes_that_come_with_the_package_are_right() -> None:
    assert check(default_schemes_folder()) == []
    assert len(load_schemes().all) >= 14


def test_every_option_of_every_format_has_a_type() -> None:
    taken = {option for row in FORMATS for option in row.options}
    assert taken == set(OPTIONS)


def test_readme_explains_every_option() -> None:
    text = (default_schemes_folder() / "README.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) >= set(OPTIONS)


def test_examples_of_the_readme_are_schemes(tmp_path: Path) -> None:
    text = (default_schemes_folder() / "README.md").read_text()
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert examples
    for i, example in enumerate(examples):
        path = tmp_path / f"example{i}.toml"
        path.write_text(example)
        load_scheme(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("files = ", "not a readable TOML"),
        ('file = "*.csv"', "unknown key 'file'; did you mean 'files'?"),
        ('files = "*.csv"\n[options]\nheader = true', "need a format"),
        ('format = "txt"' + HEADER, "'txt' is no format; did you mean 'text'?"),
        ('format = "text"\n[options]\ntime_colum = 1', "did you mean 'time_column'?"),
        ('format = "wav"\n[options]\nheader = true', "it takes none"),
        ('format = "text"\n[options]\nheader = "yes"', "expected true or false"),
        ('format = "text"\n[options]\ntime_column = -1', "position from 0 on"),
        ('format = "text"\n[options]\ntime_column = true', "position from 0 on"),
        ('format = "text"\n[options]\nsignal_columns = "a"', "list of names"),
        ('format = "text"\n[options]\nsampling_rate_hz = 0', "above 0"),
        ('format = "text"\n[options]\nsampling_rate_hz = inf', "above 0"),
        ('format = "text"\n[options]\ntime_unit = "sec"', "expected one of 's'"),
        ('format = "text"\n[options.channel_units]\na = 1', "table of texts"),
        ('format = "text"\noptions = 3', "expected a table"),
        ('format = "text"', "neither"),
        ("[options]\nheader = true", "names no dataset"),
        ("dataset = 1.5\n[metadata]\nspecies = 'Rat'", "expected an id"),
        ("dataset = true\n[metadata]\nspecies = 'Rat'", "expected an id"),
        ("dataset = 1\nfiles = 3\n[metadata]\nspecies = 'Rat'", "expected text"),
    ],
)
def test_a_wrong_scheme_is_refused_with_its_file_and_key(
    tmp_path: Path, text: str, says: str
) -> None:
    folder = _folder(tmp_path, wrong=text)
    with pytest.raises(SchemeError, match=re.escape(says)) as caught:
        load_schemes(folder)
    assert "wrong.toml" in str(caught.value)
    assert len(check(folder)) == 1


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SchemeError, match="no such folder"):
        load_schemes(tmp_path / "nowhere")
    with pytest.raises(SchemeError, match="nowhere"):
        check(tmp_path / "nowhere")


def test_the_scheme_that_names_most_wins(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path,
        by_format='format = "text"' + HEADER,
        by_files='files = "*.csv"\nformat = "text"' + HEADER,
        by_dataset='dataset = [7, "mine"]\nformat = "text"' + HEADER,
        by_all='dataset = 7\nfiles = "primary/**/*.csv"\nformat = "text"' + HEADER,
        by_longer='dataset = 7\nfiles = "primary/**/*_raw.csv"\nformat = "text"' + HEADER,
        other="dataset = 9\n[metadata]\nspecies = 'Rat'\n",
    )
    schemes = load_schemes(folder)

    def found(dataset_id: str, path: str, format_name: str = "text") -> str:
        scheme = find_scheme(schemes, dataset_id, path, format_name)
        return scheme.name if scheme else ""

    assert found("7", "primary/sub-1/a/b_raw.csv") == "by_longer"
    assert found("7", "primary/sub-1/a/b.CSV") == "by_all"
    assert found("7", "primary/a.csv") == "by_all"
    assert found("7", "derivative/a.csv") == "by_dataset"
    assert found("mine", "primary/a.csv") == "by_dataset"
    assert found("8", "primary/a.csv") == "by_files"
    assert found("8", "primary/a.tsv") == "by_format"
    assert found("8", "primary/a.mat", "mat") == ""
    assert found("9", "primary/a.rhd", "intan") == "other"
    assert schemes.named("other").metadata == {"species": "Rat"}
    with pytest.raises(SchemeError, match="did you mean 'by_all'"):
        schemes.named("by_al")


@pytest.mark.parametrize(
    ("one", "other", "is_tie"),
    [
        ('dataset = 7\nformat = "text"', 'dataset = [8, 7]\nformat = "text"', True),
        ('dataset = 7\nformat = "text"', 'dataset = 8\nformat = "text"', False),
        ('files = "**/a*.csv"\nformat = "text"', 'files = "**/*b.csv"\nformat = "text"', True),
        ('files = "**/a.csv"\nformat = "text"', 'files = "**/b.csv"\nformat = "text"', False),
        ('files = "x/*.csv"\nformat = "text"', 'files = "y/*.csv"\nformat = "text"', False),
        ('files = "x/*.csv"\nformat = "text"', 'files = "?/*.csv"\nformat = "text"', False),
        ('format = "text"', 'format = "text"', True),
        ('dataset = 7\nfiles = "*.csv"\nformat = "text"', 'dataset = 7\nformat = "text"', False),
    ],
)
def test_two_schemes_that_win_equally_are_refused(
    tmp_path: Path, one: str, other: str, *, is_tie: bool
) -> None:
    folder = _folder(tmp_path, one=one + HEADER, other=other + HEADER)
    if is_tie:
        with pytest.raises(SchemeError, match=r"one\.toml and other\.toml"):
            load_schemes(folder)
    else:
        assert len(load_schemes(folder).all) == 2


@given(
    st.text("ab/*?", min_size=1, max_size=7),
    st.text("ab/*?", min_size=1, max_size=7),
    st.text("ab/", min_size=1, max_size=6),
)
def test_patterns_that_fit_one_path_are_seen_to(one: str, other: str, path: str) -> None:
    both = module._matches_pattern(one, path) and module._matches_pattern(other, path)
    if both:
        assert module._can_match_one_path(module._tokens(one), module._tokens(other))


def test_a_scheme_travels_as_json() -> None:
    for scheme in load_schemes().all:
        assert Scheme.from_json(json.loads(json.dumps(scheme.to_json()))) == scheme


def test_a_tampered_scheme_is_refused_on_arrival() -> None:
    values = {**load_schemes().all[0].to_json(), "options": {"evil": 1}}
    with pytest.raises(SchemeError):
        Scheme.from_json(values)
