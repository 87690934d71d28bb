"""The documents by which a dataset is found and cited, from a recorded Discover record and from SDS tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sparc_fuse_core.convert.sds_tables import SdsTables
from sparc_fuse_core.describe.describing import documents
from sparc_fuse_core.describe.licences import licence_of
from sparc_fuse_core.describe.rows import DatasetFacts

_RECORD = Path(__file__).parents[2] / "data/discover/dataset-364-v1.json"


def _of_discover() -> dict[str, Any]:
    record = json.loads(_RECORD.read_text(encoding="utf-8"))
    description = {name: record[name] for name in ("name", "doi")} | {"licence": record["license"]}
    found = documents(DatasetFacts("364", "1", description, record))
    return {
        name: yaml.safe_load(text) if name.endswith(".cff") else json.loads(text)
        for name, text in found.items()
    }


def test_a_discover_record_gives_all_three() -> None:
    found = _of_discover()
    assert set(found) == {"schema.org.jsonld", "datacite.json", "CITATION.cff"}
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


def test_what_is_not_stated_makes_no_document() -> None:
    assert not documents(DatasetFacts("x", "local"))
    assert set(documents(DatasetFacts("x", "local", {"name": "x"}))) == {"schema.org.jsonld"}


def test_hostile_names_stay_texts() -> None:
    name = 'Mü, A: "1st"\n# x\u2028- y: [{'
    tables = SdsTables(description={"contributor name": [name], "title": ["!!python/x: &a *a"]})
    found = documents(DatasetFacts("x", "local", {}, {}, tables))
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
