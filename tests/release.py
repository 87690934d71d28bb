"""What the results of the sample dataset are by this version of the converter, to the byte.

``python -m tests.release`` writes it down, after `CONVERTER_VERSION` was raised.
``tests/integration/test_release.py`` compares: a change of results without a new version would leave datasets
that are half of one and half of the other, and none of them would ever be converted again.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from sparc_fuse_core.command import main as cli
from sparc_fuse_core.command.sample import write_sample
from sparc_fuse_core.version import CONVERTER_VERSION

RECORD = Path(__file__).parent / "data" / "release.json"

#: Libraries that may store the same values in other bytes.
_STORING = ("numpy", "tensorstore", "zarr")


def libraries() -> dict[str, str]:
    """Return the versions of what decides about bytes."""
    return {name: importlib.metadata.version(name) for name in _STORING}


def results(folder: Path) -> dict[str, str]:
    """Convert the sample dataset below ``folder``; return the digest of each result by its source."""
    write_sample(folder / "sample")
    cli.main(["convert", str(folder / "sample"), "-o", str(folder / "out"), "--workers", "1"])
    manifest = json.loads((folder / "out/sample/local/manifest.json").read_text(encoding="utf-8"))
    return {item["path"]: item["digest"] for item in manifest["items"] if item["digest"]}


def faults(record: dict[str, Any], version: str, found: dict[str, str]) -> list[str]:
    """Return what is wrong with results of ``version`` beside what was recorded; nothing if all is well."""
    if record["version"] != version:
        return [
            f"version {version} is not recorded ({record['version']} is); run: python -m tests.release"
        ]
    before = record["results"]
    changed = sorted(
        path for path in before.keys() | found.keys() if before.get(path) != found.get(path)
    )
    return [
        f"{path}: version {version} makes another result than it did; raise CONVERTER_VERSION "
        "(sparc_fuse_core/version.py) and version (pyproject.toml), then run: python -m tests.release"
        for path in changed
    ]


def main() -> int:
    """Write the record; a version that is recorded already keeps its results."""
    with tempfile.TemporaryDirectory() as folder:
        found = results(Path(folder))
    if RECORD.exists():
        record = json.loads(RECORD.read_text(encoding="utf-8"))
        same_bytes = record["libraries"] == libraries()
        if record["version"] == CONVERTER_VERSION and same_bytes:
            for fault in faults(record, CONVERTER_VERSION, found):
                sys.stderr.write(f"{fault}\n")
            return 1 if faults(record, CONVERTER_VERSION, found) else 0
    record = {"version": CONVERTER_VERSION, "libraries": libraries(), "results": found}
    RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
