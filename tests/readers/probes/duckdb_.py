"""DuckDB on the manifest, and on the catalogue by the line of docs/use.md."""

import re
from pathlib import Path

import duckdb
from common import FOLDER, probe, same, versions

versions("duckdb")


def items():
    query = f"SELECT i.status, sum(i.bytes_out) FROM (SELECT unnest(items) i FROM read_json('{FOLDER}/manifest.json')) GROUP BY 1"
    same([(a, int(b)) for a, b in duckdb.sql(query).fetchall()], [("converted", 15)])


def found():
    page = (Path(__file__).parents[3] / "docs" / "use.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"```sql\n(.*?)```", page, flags=re.DOTALL)
    rows = duckdb.sql(
        line.replace("output/catalogue.parquet", f"{FOLDER}/catalogue.parquet")
    ).fetchall()
    same(rows, [("7", "1", "Rattus norvegicus.zarr", None, None)])


probe("a search of catalogue.parquet", found)
probe("items of manifest.json", items)
