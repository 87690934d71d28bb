"""DuckDB on the manifest."""

import duckdb
from common import FOLDER, probe, same, versions

versions("duckdb")


def items():
    query = f"SELECT i.status, sum(i.bytes_out) FROM (SELECT unnest(items) i FROM read_json('{FOLDER}/manifest.json')) GROUP BY 1"
    same([(a, int(b)) for a, b in duckdb.sql(query).fetchall()], [("converted", 15)])


probe("items of manifest.json", items)
