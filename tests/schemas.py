"""Every store and manifest that a test writes, checked against the published JSON Schemas."""

from __future__ import annotations

import functools
import json
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import zarr

from sparc_fuse_core.convert import receipt
from sparc_fuse_core.run import manifest
from sparc_fuse_core.writers import kept_arrays, shapes, zarr_signals
from sparc_fuse_core.writers.dense_arrays import dense_codec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


@functools.cache
def validator(name: str) -> Any:
    """Return the validator of a schema of the package."""
    text = resources.files("sparc_fuse_core").joinpath(f"schemas/{name}.schema.json").read_text()
    schema = json.loads(text)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema, format_checker=jsonschema.FormatChecker())


def check(name: str, document: Any) -> None:
    """Raise `jsonschema.ValidationError` where ``document`` is not as the schema says."""
    validator(name).validate(document)


@dense_codec()
def check_store(store: Path) -> None:
    """Check the attributes of a store's root, and what they hold as JSON."""
    attributes = dict(zarr.open_group(store, mode="r").attrs)
    check("store", attributes)
    if "streams" in attributes:
        whole = validator("store")
        streams = json.loads(str(attributes["streams"]))
        whole.evolve(
            schema={**whole.schema["$defs"]["streams"], "$defs": whole.schema["$defs"]}
        ).validate(streams)


def check_manifest(document: Any) -> None:
    """Check a manifest, and that each file of the dataset is in exactly one state."""
    check("manifest", document)
    items, skipped = document["items"], document["skipped"]
    leading = Counter([*(item["path"] for item in items), *(entry["path"] for entry in skipped)])
    assert set(leading.values()) <= {1}, f"twice: {[p for p, n in leading.items() if n > 1]}"
    # left out are those without a fault
    states = Counter(item["status"] for item in items)
    states.update(entry["status"] for entry in skipped)
    counts = {status: n for status, n in document["counts"].items() if n}
    assert counts == {status: n for status, n in states.items() if status in document["counts"]}


def checked_on_write(patch: pytest.MonkeyPatch) -> None:
    """Let every writer of this process check what it wrote."""

    def checking(write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def checked(contents: Any, out: Path, *more: Any, **options: Any) -> Any:
            facts = write(contents, out, *more, **options)
            check_store(out)
            return facts

        return checked

    for module, name in (
        (zarr_signals, "write"),
        (kept_arrays, "write_arrays"),
        (kept_arrays, "write_tables"),
        (shapes, "write"),
    ):
        patch.setattr(module, name, checking(getattr(module, name)))
    make = manifest.make_manifest

    @functools.wraps(make)
    def checked_manifest(*arguments: Any, **options: Any) -> Any:
        document = make(*arguments, **options)
        check_manifest(json.loads(json.dumps(document)))
        return document

    patch.setattr(manifest, "make_manifest", checked_manifest)
    to_json = receipt.Receipt.to_json

    @functools.wraps(to_json)
    def checked_receipt(self: receipt.Receipt) -> dict[str, Any]:
        values = to_json(self)
        check("receipt", json.loads(json.dumps(values)))
        return values

    patch.setattr(receipt.Receipt, "to_json", checked_receipt)
