"""The documents by which a dataset is found and cited, from a recorded Discover record and from SDS tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from sparc_fuse_core.convert.sds_tables import SdsTables, read_tables
from sparc_fuse_core.describe.describing import documents
from sparc_fuse_core.describe.licences import licence_of
from sparc_fuse_core.describe.outputs import MOST_LISTED, Outputs
from sparc_fuse_core.describe.rows import DatasetFacts
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source
from sparc_fuse_core.sources.discover import DiscoverSource

_RECORD = Path(__file__).parents[2] / "data/discover/dataset-364-v1.json"


def _documents(dataset: DatasetFacts) -> dict[str, bytes]:
    return documents(dataset, b"", Outputs())


def _of_discover() -> dict[str, Any]:
    record = json.loads(_RECORD.read_text(encoding="utf-8"))
    description = {name: record[name] for name in ("name", "doi")} | {"licence": record["license"]}
    found = _documents(DatasetFacts("364", "1", description, record))
    return {
        name: yaml.safe_load(text) if name.endswith(".cff") else json.loads(text)
        for name, text in found.items()
        if name != "index.html"
    }


def test_a_discover_record_gives_all() -> None:
    found = _of_discover()
    assert set(found) == {
        *("schema.org.jsonld", "datacite.json", "CITATION.cff", "croissant.json"),
        "ro-crate-metadata.json",
    }
    graph, cite, cff = (found[n] for n in ("schema.org.jsonld", "datacite.json", "CITATION.cff"))
    assert graph["@id"] == "https://doi.org/10.26275/0jz3-zrlo"
    assert cite["doi"] == cff["doi"] == "10.26275/0jz3-zrlo"
    assert (cite["publicationYear"], cff["date-released"]) == ("2023", "2023-12-28")
    assert {"family-names", "given-names", "orcid"} == set(cff["authors"][0])
    assert len(cff["authors"]) == len(cite["creators"]) == len(graph["creator"]) == 7
    # the phrase names the GPL's text, not whether later versions hold: no SPDX identifier
    assert "license" not in cff
    assert graph["license"] == "https://www.gnu.org/licenses/gpl-3.0.html"
    # what DataCite 4.5 requires
    required = {"creators", "titles", "publisher", "publicationYear", "types", "schemaVersion"}
    assert required <= set(cite)
    assert "@" not in json.dumps([entry["name"] for entry in cite["creators"]])


def test_the_citation_names_the_publisher_that_the_record_states() -> None:
    record = json.loads(_RECORD.read_text(encoding="utf-8"))

    def cited(**changed: Any) -> str:
        source = DiscoverSource({**record, **changed}, Settings(), requests.Session())
        return str(source.description["citation"])

    assert "[Data set]. SPARC. https://doi.org/10.26275/0jz3-zrlo" in cited()
    assert "[Data set]. https://doi.org/10.26275/0jz3-zrlo" in cited(organizationName=None)


def test_what_is_not_stated_makes_no_document() -> None:
    always = {"index.html", "ro-crate-metadata.json"}
    assert set(_documents(DatasetFacts("x", "local"))) == always
    named = _documents(DatasetFacts("x", "local", {"name": "x"}))
    assert set(named) == {*always, "schema.org.jsonld", "croissant.json"}
    crate = json.loads(named["ro-crate-metadata.json"])
    assert crate["@graph"][1]["license"] == "The source states no licence."


def test_an_orcid_belongs_to_who_stands_in_its_column(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    orcid = "https://orcid.org/0000-0002-1825-0097"
    (tmp_path / "files" / "dataset_description.csv").write_text(
        "Metadata element,Description,Example,Value,Value 2,Value 3\n"
        f'Contributor Name,,,"Doe, Jane","Roe, Max",Poe\nContributor ORCID,,,,{orcid},\n'
        "Contributor Affiliation,,x,,,Lab P\nContributor role,a,b\n"
    )
    source = open_source(str(tmp_path), settings=Settings())
    tables = read_tables(source, tmp_path / "scratch")
    assert "contributor role" not in tables.description
    found = _documents(DatasetFacts("x", "local", {}, {}, tables))
    people = json.loads(found["ro-crate-metadata.json"])["@graph"]
    known = {one["name"]: one for one in people if one["@type"] == "Person"}
    assert known["Max Roe"]["@id"] == orcid
    assert not known["Jane Doe"]["@id"].startswith("https")
    assert "affiliation" in known["Poe"]
    assert "affiliation" not in known["Max Roe"]


def test_hostile_names_stay_texts() -> None:
    name = 'Mü, A: "1st"\n# x\u2028- y: [{'
    tables = SdsTables(description={"contributor name": [name], "title": ["!!python/x: &a *a"]})
    found = _documents(DatasetFacts("x", "local", {}, {}, tables))
    cff = yaml.safe_load(found["CITATION.cff"])
    assert cff["title"] == "!!python/x: &a *a"
    assert cff["authors"] == [{"family-names": "Mü", "given-names": 'A: "1st" # x - y: [{'}]


@pytest.mark.parametrize(
    ("phrase", "spdx"),
    [
        ("Creative Commons Attribution", ""),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by/4.0", "CC-BY-4.0"),
        ("MIT License", "MIT"),
        ("free for friends", ""),
    ],
)
def test_a_licence_is_what_its_phrase_states(phrase: str, spdx: str) -> None:
    assert licence_of(phrase).spdx == spdx
    assert licence_of(phrase).phrase == phrase


def test_a_crate_of_very_many_results_lists_the_first_and_says_so() -> None:
    item = {
        "path": "a",
        "status": "converted",
        "output": "a.zarr",
        "kind": "signal",
        "bytes_out": 1,
    }
    outputs = Outputs()
    assert sum(1 for _ in outputs.of([item] * (MOST_LISTED + 1))) == MOST_LISTED + 1
    crate = json.loads(
        documents(DatasetFacts("x", "local"), b"", outputs)["ro-crate-metadata.json"]
    )
    root = crate["@graph"][1]
    assert f"first {MOST_LISTED} of {MOST_LISTED + 1}" in root["description"]
    n_stores = sum(part["@id"] == "a.zarr/" for part in root["hasPart"])
    assert n_stores == MOST_LISTED


def test_a_text_does_not_leave_its_element_of_the_page() -> None:
    page = _documents(DatasetFacts("x", "local", {"name": "</script><script>alert(1)</script>"}))[
        "index.html"
    ].decode()
    head = page.partition("</head>")[0]
    graph = head.partition('<script type="application/ld+json">')[2].partition("</script>")[0]
    assert json.loads(graph)["name"] == "</script><script>alert(1)</script>"
    assert "<script>alert" not in page
