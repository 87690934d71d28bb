"""Rows about subjects lose what identifies them; what a publisher states of the dataset stays."""

import json

import pytest

from sparc_fuse_core.convert.sds_tables import SdsTables, read_tables
from sparc_fuse_core.privacy.species import is_not_human, keeps_free_text
from sparc_fuse_core.privacy.tables import public_description, public_record, public_rows
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source

_HUMAN = {
    "subject id": "sub-1",
    "patient name": "Jane Doe",
    "name": "Jane",
    "date of birth": "1951-05-02",
    "medical record number": "4711-0815",
    "e-mail": "jane@example.org",
    "parent e-mail": "x",
    "laboratory internal id": "L7",
    "experimental log file path": "/home/x/log.txt",
    "age": "60 years",
    "sex": "F",
    "species": "Homo sapiens",
    "strain": "see Jane Doe",
    "bmi": "22",
    "remark": "lives next door",
}


def test_identifying_columns_never_stay_and_free_text_only_of_animals():
    rat = dict(_HUMAN, **{"subject id": "sub-2", "species": "Rattus norvegicus"})
    rows, aside = public_rows({"subject": {"sub-1": _HUMAN, "sub-2": rat}})
    facts = {"age": "60 years", "sex": "F", "species": "Homo sapiens", "bmi": "22"}
    assert rows["subject"]["sub-1"] == {"subject id": "sub-1"} | facts
    kept = {"subject id": "sub-2", "remark": "lives next door"} | facts
    assert rows["subject"]["sub-2"] == kept | {"species": "Rattus norvegicus"}
    left = {one.name for one in aside if one.where == "subject sub-1"}
    assert left == set(_HUMAN) - set(rows["subject"]["sub-1"])
    why = {one.name: one.why for one in aside if one.where == "subject sub-1"}
    assert why["remark"] == "free text"
    assert why["date of birth"] == why["strain"] == "identity"


def test_samples_take_the_word_of_their_subject():
    rows, _ = public_rows(
        {
            "subject": {"s1": {"species": "human"}, "s2": {"species": "mouse"}},
            "sample": {
                "a": {"subject id": "s1", "remark": "x", "sample type": "tissue"},
                "b": {"subject id": "s2", "remark": "x"},
                "c": {"remark": "x"},
            },
        }
    )
    assert rows["sample"] == {
        "a": {"subject id": "s1", "sample type": "tissue"},
        "b": {"subject id": "s2", "remark": "x"},
        "c": {},
    }


@pytest.mark.parametrize(
    ("species", "expected"),
    [
        ("Rattus norvegicus", True),
        ("mouse", True),
        ("Mus musculus", True),
        ("Sus scrofa domesticus", True),
        ("NCBITaxon:10116", True),
        ("Mustela putorius furo", True),
        ("Heterocephalus glaber", True),
        ("non-human primate", True),
        ("Homo sapiens", False),
        ("homo sapiens sapiens", False),
        ("Human", False),
        ("NCBITaxon:9606", False),
        ("human and mouse", False),
        ("", False),
        ("n/a", False),
        ("unknown", False),
        ("Healthy volunteer", False),
    ],
)
def test_species_that_are_not_human(species, expected):
    assert is_not_human(species) is expected


def test_free_text_of_a_file_needs_the_word_of_its_own_subject():
    rows = {"subject": {"sub-1": {"species": "mouse"}, "2": {"species": "Homo sapiens"}}}
    assert keeps_free_text(rows, {"subject": "sub-1"})
    assert not keeps_free_text(rows, {"subject": "sub-2"})
    assert not keeps_free_text(rows, {"subject": "sub-3"})
    assert not keeps_free_text(rows, {})
    del rows["subject"]["2"]
    assert keeps_free_text(rows, {})
    assert not keeps_free_text({}, {})


def test_what_the_publisher_states_stays():
    described = public_description(
        {"contributor name": ["Doe, Jane"], "contributor email": ["j@example.org"], "title": ["T"]}
    )
    assert described == {"contributor name": ["Doe, Jane"], "title": ["T"]}
    record = {
        "doi": "10.26275/x",
        "ownerEmail": "j@x",
        "contributors": [{"lastName": "Doe", "email": "j@x"}],
    }
    assert public_record(record) == {"doi": "10.26275/x", "contributors": [{"lastName": "Doe"}]}


def test_tables_that_travel_to_workers_hold_no_identity(tmp_path):
    (tmp_path / "files" / "primary" / "sub-1").mkdir(parents=True)
    header, row = (
        ",".join(_HUMAN),
        ",".join(value.replace("sub-1", "1") for value in _HUMAN.values()),
    )
    (tmp_path / "files" / "subjects.csv").write_text(f"{header}\n{row}\n")
    source = open_source(str(tmp_path), settings=Settings())
    tables = read_tables(source, tmp_path / "scratch")
    text = json.dumps(tables.to_json())
    for secret in ("Jane", "1951", "4711", "example.org", "next door", "L7", "/home"):
        assert secret not in text
    assert {one.name for one in tables.aside} == set(_HUMAN) - set(tables.rows["subject"]["1"])
    again = SdsTables.from_json(json.loads(text))
    # the id of the folder has a prefix that the table leaves away
    assert again.left_out_of({"subject": "sub-1"}) == {"identity": 9, "free text": 1}
    assert not again.aside
