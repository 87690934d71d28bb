"""JSON Schemas that follow from the code: of a receipt, an item of a manifest; of a mapping scheme."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sparc_fuse_core.formats.registry import FORMATS
from sparc_fuse_core.schemes.options import OPTIONS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MANIFEST = Path(__file__).parents[1] / "schemas" / "manifest.schema.json"

_TEXT = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 0}
_NUMBER = {"type": "number", "exclusiveMinimum": 0}
_COLUMN = {"anyOf": [_COUNT, _TEXT]}
_KINDS: dict[str, dict[str, Any]] = {
    "text": _TEXT,
    "texts": {"type": "array", "items": {"type": "string"}},
    "boolean": {"type": "boolean"},
    "count": _COUNT,
    "number": _NUMBER,
    "decimal": {"type": "number"},
    "column": _COLUMN,
    "columns": {"type": "array", "items": _COLUMN},
    "table": {"type": "object", "additionalProperties": {"type": "string"}},
    "numbers": {"type": "object", "additionalProperties": _NUMBER},
}


def receipt_schema() -> str:
    """Return the schema of one receipt: that of an item of a manifest, and what a receipt alone may have."""
    manifest = json.loads(_MANIFEST.read_bytes())
    item = manifest["properties"]["items"]["items"]
    leftovers = {
        "description": "keys of an older result that the worker was not allowed to delete",
        "type": "array",
        "items": {"type": "string"},
    }
    return _written(
        {
            "$schema": _DIALECT,
            "$id": f"urn:sparc-fuse:schema:receipt:{manifest['$id'].rpartition(':')[2]}",
            "title": "Receipt of one item, as it lies below .sparc-fuse/receipts and in a manifest's items",
            **item,
            "properties": {**item["properties"], "leftovers": leftovers},
            "$defs": manifest["$defs"],
        }
    )


def scheme_schema() -> str:
    """Return the schema of a mapping scheme, a TOML file: editors check and complete by it."""
    named = [row for row in FORMATS if row.reader]
    options = {
        name: {
            "description": option.does,
            **_KINDS[option.kind],
            **({"enum": list(option.choices)} if option.choices else {}),
        }
        for name, option in OPTIONS.items()
    }
    by_format = [
        {
            "if": {"properties": {"format": {"const": row.name}}, "required": ["format"]},
            "then": {"properties": {"options": {"propertyNames": {"enum": sorted(row.options)}}}},
        }
        for row in named
        if row.options
    ]
    without = sorted(row.name for row in named if not row.options)
    by_format.append(
        {
            "if": {"properties": {"format": {"enum": without}}, "required": ["format"]},
            "then": {"properties": {"options": {"maxProperties": 0}}},
        }
    )
    dataset = {"anyOf": [{"type": "integer"}, _TEXT]}
    return _written(
        {
            "$schema": _DIALECT,
            "$id": "urn:sparc-fuse:schema:scheme:1",
            "title": "Mapping scheme: what a file does not state",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "dataset": {"anyOf": [*dataset["anyOf"], {"type": "array", "items": dataset}]},
                "files": {"type": "string"},
                "format": {"enum": ["", *sorted(row.name for row in FORMATS)]},
                "notes": {"type": "string"},
                "options": {"type": "object", "properties": options},
                "metadata": {"type": "object"},
            },
            "allOf": [
                {
                    "description": "it names something",
                    "anyOf": [
                        {
                            "required": ["dataset"],
                            "properties": {"dataset": {"not": {"const": []}}},
                        },
                        {"required": ["files"], "properties": {"files": {"minLength": 1}}},
                        {"required": ["format"], "properties": {"format": {"minLength": 1}}},
                    ],
                },
                {
                    "description": "it says something",
                    "anyOf": [
                        {"required": [name], "properties": {name: {"minProperties": 1}}}
                        for name in ("options", "metadata")
                    ],
                },
                {
                    "description": "options need a format, whose reader takes them",
                    "if": {
                        "required": ["options"],
                        "properties": {"options": {"minProperties": 1}},
                    },
                    "then": {"required": ["format"], "properties": {"format": {"minLength": 1}}},
                },
                *by_format,
            ],
        }
    )


def _written(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
