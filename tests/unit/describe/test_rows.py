"""A row of the table says of an item what its file and the dataset's tables state, and nothing else."""

from __future__ import annotations

import io
from typing import Any

import pyarrow.parquet as pq
import pytest

from sparc_fuse_core.convert.sds_tables import SdsTables
from sparc_fuse_core.describe.items import items_table
from sparc_fuse_core.describe.rows import DatasetFacts, row_of_item
from sparc_fuse_core.describe.terms import species, term


@pytest.mark.parametrize(
    ("text", "name", "identifier"),
    [
        ("vagus nerve", "vagus nerve", ""),
        ("vagus nerve (UBERON:0001759)", "vagus nerve", "UBERON:0001759"),
        ("UBERON:0001759", "", "UBERON:0001759"),
        ("http://purl.obolibrary.org/obo/UBERON_0001759", "", "UBERON:0001759"),
        ("Wistar RRID:RGD_13508588", "Wistar", "RRID:RGD_13508588"),
        ("CL 4", "CL 4", ""),
        ("", "", ""),
    ],
)
def test_an_identifier_is_taken_where_it_is_stated(text: str, name: str, identifier: str) -> None:
    assert term(text) == (name, identifier)


def test_a_full_scientific_name_is_a_taxon_and_a_common_one_is_not() -> None:
    assert species("Rattus  norvegicus") == ("Rattus  norvegicus", "NCBITaxon:10116")
    assert species("rat") == ("rat", "")
    assert species("rat (NCBITaxon:10114)") == ("rat", "NCBITaxon:10114")


def tables() -> SdsTables:
    return SdsTables(
        rows={
            "subject": {
                "sub-1": {"species": "Mus musculus", "sex": "female", "age": "P60"},
                "2": {"species": "pig", "rrid for strain": "RRID:X_1"},
            },
            "sample": {"sam-9": {"subject id": "sub-1", "sample anatomical location": "colon"}},
            "site": {"site-3": {"specimen id": "2", "site type": "cuff (ILX:123)"}},
        },
        description={"study organ system": ["colon"], "study technique": ["fEMG", ""]},
    )


def item(path: str, **facts: Any) -> dict[str, Any]:
    plain = {
        "path": path,
        "output": f"{path}.zarr",
        "status": "unchanged",
        "format": "edf",
        "kind": "signal",
        "things": [],
        "bytes_in": 10,
        "bytes_out": 20,
        "n_objects": 3,
        "score": 1.0,
        "verification": "verified",
        "digest": "",
        "n_events": 0,
    }
    return plain | facts


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "primary/sub-1/x.edf",
            {"species_id": "NCBITaxon:10090", "sex": "female", "anatomy": None},
        ),
        ("primary/sam-9/x.edf", {"subject_id": "sub-1", "age": "P60", "anatomy": "colon"}),
        ("primary/sub-2/x.edf", {"species": "pig", "species_id": None, "strain_id": "RRID:X_1"}),
        ("primary/site-3/x.edf", {"subject_id": "2", "anatomy": "cuff", "anatomy_id": "ILX:123"}),
        ("primary/sub-7/x.edf", {"subject_id": "sub-7", "species": None, "sex": None}),
        ("sub-1.edf", {"species": None}),
    ],
)
def test_tables_are_joined_by_what_the_path_names(path: str, expected: dict[str, Any]) -> None:
    row = row_of_item(item(path), DatasetFacts("224", "2", tables=tables()))
    assert {name: row.get(name) for name in expected} == expected
    assert row["modality"] == ["fEMG"]


def test_streams_and_images() -> None:
    streams = [
        {
            "shape": [2, 3, 500],
            "sampling_rate_hz": 100.0,
            "units": ["mV"],
            "channel_names": ["a", ""],
        },
        {"shape": [1, 10], "sampling_rate_hz": None, "units": ["", "mV"], "channel_names": ["a"]},
    ]
    row = row_of_item(item("x", things=streams), DatasetFacts("1", "1"))
    assert (row["duration_s"], row["n_channels"], row["channels"]) == (5.0, 3, ["a"])
    assert (row["rate_hz"], row["rates_hz"], row["units"]) == (100.0, [100.0], ["mV"])
    image = {
        "shape": [2, 8, 9],
        "axes": "cyx",
        "scale": {"y": 0.5, "x": 0.5},
        "axis_units": {"x": "micrometer"},
        "channel_names": ["DAPI"],
    }
    row = row_of_item(item("x", kind="image", things=[image]), DatasetFacts("1", "1"))
    assert (row["pixel_size_x"], row["pixel_size_y"], row["n_channels"]) == (0.5, None, 2)


def test_failed_and_left_out_files_have_rows_and_no_result() -> None:
    failed = item("a", status="failed", error="CorruptFileError", message="a: broken", kind="")
    skipped = {"path": "b", "size_bytes": 1, "status": "unsupported", "error": "E", "message": "m"}
    data = items_table([failed, item("c")], [skipped], DatasetFacts("224", "2"))
    rows = pq.read_table(io.BytesIO(data)).to_pylist()
    assert [row["status"] for row in rows] == ["failed", "converted", "unsupported"]
    assert [row["output"] for row in rows] == [None, "c.zarr", None]
    assert rows[0]["message"] == "a: broken"
    assert not pq.read_table(io.BytesIO(items_table([], [], DatasetFacts("1", "1")))).num_rows
