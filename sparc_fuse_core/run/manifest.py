"""The manifest: what happened to each file of a dataset. Written last: its presence means completeness."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.receipt import PASSING
from sparc_fuse_core.describe.names import DESCRIPTIONS
from sparc_fuse_core.plan.items import Skipped
from sparc_fuse_core.privacy.texts import public_message
from sparc_fuse_core.storage.results import writing
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sparc_fuse_core.convert.receipt import Receipt
    from sparc_fuse_core.describe.rows import DatasetFacts
    from sparc_fuse_core.plan.items import Plan
    from sparc_fuse_core.run.spool import Spool
    from sparc_fuse_core.storage.destination import Destination

MANIFEST = "manifest.json"
LATEST = "latest.json"

#: What a manifest is and which of its versions; `sparc_fuse_core/schemas/manifest.schema.json` has the fields.
SCHEMA, SCHEMA_VERSION = "sparc-fuse-manifest", 2

#: How the last part of a manifest begins; inside of an item more than one space stands in front.
_SKIPPED = b',\n "skipped": ['


def make_manifest(
    plan: Plan,
    receipts: Sequence[Receipt],
    *,
    dataset: DatasetFacts | None = None,
    whole_dataset: bool = True,
    skipped_before: Sequence[Skipped] = (),
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the manifest of a run as JSON-able data.

    Parameters
    ----------
    dataset
        Where the source itself states no name or licence, the dataset's tables may.
    skipped_before
        Files that an earlier run left out and that this one was not about.
    warnings
        What could not be read of the dataset itself, its tables for instance.
    """
    head, skipped = manifest_head(
        plan,
        receipts,
        dataset=dataset,
        whole_dataset=whole_dataset,
        skipped_before=skipped_before,
        warnings=warnings,
    )
    return {**head, "items": [receipt.to_json() for receipt in receipts], "skipped": skipped}


def manifest_head(
    plan: Plan,
    receipts: Iterable[Receipt],
    *,
    dataset: DatasetFacts | None = None,
    whole_dataset: bool = True,
    skipped_before: Sequence[Skipped] = (),
    warnings: Sequence[str] = (),
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a manifest without its items, and what it says of files left out; parameters as `make_manifest`.

    The receipts are gone through once.
    """
    tables = {} if dataset is None else {"name": dataset.name, "licence": dataset.licence}
    stated = {**tables, **plan.description}
    known = {entry.path for entry in plan.skipped}
    counts: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for receipt in receipts:
        known.add(receipt.path)
        counts[receipt.status] += 1
        left_out.update(receipt.left_out)
    skipped = [*plan.skipped, *(entry for entry in skipped_before if entry.path not in known)]
    counts.update(entry.status for entry in skipped)
    head = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "dataset_id": plan.dataset_id,
        "version": plan.version,
        **{
            name: stated[name]
            for name in ("name", "doi", "licence", "citation", "uri", "authors", "upload_date")
            # where a folder lies on somebody's machine is nobody's business
            if stated.get(name) and not str(stated[name]).startswith("file:")
        },
        "generated": datetime.now(UTC).isoformat(timespec="seconds"),
        "converter": {"name": "sparc-fuse", "version": CONVERTER_VERSION},
        "file_format": plan.options.file_format,
        "options": dataclasses.asdict(plan.options),
        "whole_dataset": whole_dataset,
        "counts": {
            status: counts[status] for status in ("converted", "unchanged", "unsupported", "failed")
        },
        "left_out": dict(+left_out),
        **({"warnings": list(warnings)} if warnings else {}),
    }
    return head, [
        {
            "path": entry.path,
            "size_bytes": entry.size_bytes,
            "status": entry.status,
            "error": entry.error,
            "message": public_message(entry.reason),
        }
        for entry in sorted(skipped, key=lambda entry: entry.path)
    ]


def skipped_before(plan: Plan, destination: Destination) -> list[Skipped]:
    """Return the files that the earlier manifest says were left out; none if it cannot be read."""
    try:
        data = destination.read_bytes(f"{plan.folder}/{MANIFEST}") or b"{}"
        # as it is written, what was left out stands at the end of a text that may be large
        begin = data.rfind(_SKIPPED)
        manifest = json.loads(data if begin < 0 else b"{" + data[begin + 2 :])
        return [
            Skipped(entry["path"], entry["size_bytes"], entry["error"], entry["message"])
            for entry in manifest.get("skipped", ())
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def withdraw_manifest(plan: Plan, destination: Destination) -> None:
    """Remove the manifest of an earlier run before results change: it would claim too much.

    So would what describes the results; what a run does not write anew is gone then.
    """
    destination.remove_result(f"{plan.folder}/{MANIFEST}")
    for name in DESCRIPTIONS:
        destination.remove_result(f"{plan.folder}/{name}")


def write_manifest(plan: Plan, destination: Destination, manifest: dict[str, Any]) -> str:
    """Write the manifest and point ``latest.json`` to it; return the manifest's key."""
    key = f"{plan.folder}/{MANIFEST}"
    earlier = earlier_version(plan, destination)
    destination.write_bytes(key, json.dumps(manifest, indent=1, allow_nan=False).encode())
    n_for_now = sum(
        entry["status"] == "failed" and entry["error"] in PASSING for entry in manifest["items"]
    )
    _point(plan, destination, manifest, n_for_now, earlier)
    return key


def write_spooled(
    plan: Plan,
    destination: Destination,
    head: dict[str, Any],
    skipped: Sequence[dict[str, Any]],
    receipts: Spool,
    n_for_now: int,
) -> str:
    """Write the manifest of many receipts, one after the other, as `write_manifest` does.

    ``n_for_now`` of them failed for a reason that passes.
    """
    key = f"{plan.folder}/{MANIFEST}"
    earlier = earlier_version(plan, destination)
    path = receipts.folder / MANIFEST
    with writing(str(path)), path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head, indent=1, allow_nan=False).removesuffix("\n}"))
        file.write(',\n "items": [')
        for number, line in enumerate(receipts.lines()):
            file.write(",\n" if number else "\n")
            file.write(line.decode())
        file.write(f"\n ]{_SKIPPED.decode()}")
        file.write(json.dumps(skipped, indent=1, allow_nan=False).removeprefix("["))
        file.write("\n}")
    destination.put_result(path, key)
    _point(plan, destination, head, n_for_now, earlier)
    return key


def _point(
    plan: Plan,
    destination: Destination,
    manifest: dict[str, Any],
    n_for_now: int,
    earlier: str,
) -> None:
    """Let ``latest.json`` name the manifest."""
    pointer = {
        "dataset_id": plan.dataset_id,
        "version": plan.version,
        "manifest": f"{plan.version}/{MANIFEST}",
        "generated": manifest["generated"],
        "whole_dataset": manifest["whole_dataset"],
        "counts": manifest["counts"],
    }
    if n_for_now:
        pointer["failed_for_now"] = n_for_now
    if earlier:
        pointer["earlier"] = earlier
    latest = f"{plan.dataset_id}/{LATEST}"
    destination.write_bytes(latest, json.dumps(pointer, indent=1).encode())


def earlier_version(plan: Plan, destination: Destination) -> str:
    """Return the version that was converted before the plan's, as ``latest.json`` tells, or ``""``."""
    try:
        pointer = json.loads(destination.read_bytes(f"{plan.dataset_id}/{LATEST}") or b"{}")
        version = pointer.get("version", "")
        found = pointer.get("earlier", "") if version == plan.version else version
    except (ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) and "/" not in found else ""
