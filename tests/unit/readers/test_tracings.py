"""Tracings: told from other XML by their content, and nobody's paths or names in the result."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.formats.signatures import format_of, format_of_content
from sparc_fuse_core.privacy.screening import screen
from tests.samples import tracings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'<?xml version="1.0"?>\n<!-- a > b --><mbf version="4.0">', "mbf"),
        (b"\xef\xbb\xbf<nl:mbf>", "mbf"),
        (b"<mbfx>", ""),
        (b'<?xml version="1.0"?><OME><mbf>', ""),
        (b"<!---->" * 600, ""),
    ],
)
def test_xml_is_told_by_its_first_element(head: bytes, name: str, tmp_path: Path) -> None:
    before = time.process_time()
    found = format_of_content(head)
    assert (found.name if found else "") == name
    assert time.process_time() - before < 1
    path = tmp_path / "a.xml"
    path.write_bytes(head)
    assert format_of(path).name == (name or "structured")


def test_nothing_of_a_person_is_taken(tmp_path: Path) -> None:
    (sample,) = (sample for sample in tracings.SAMPLES if sample.name == "mbf")
    path = sample.write(tmp_path).path
    with load_reader(format_named("mbf"))(path, {}) as contents:
        published = screen(contents, "mbf", free_text=False).contents
        about = str(published)
        trees = contents.shapes[0].metadata["groups"]
    assert "jdoe" not in about
    assert "Doe" not in about
    assert "NCBITaxon_10090" in about
    assert trees[2] == {"element": "branch"}
    assert trees[1]["trace_association"] == ["http://purl.org/sig/ont/fma/fma6220"]
    assert any("1 pictures" in one.sentence for one in published.evidence)
