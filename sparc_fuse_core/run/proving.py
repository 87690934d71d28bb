"""Prove published results again: their bytes, their sources' bytes, and the same result made once more.

All is told by the manifest, which is a file like any other: what it names must lie inside of its folder. A
result is made again only by the version of the converter that made it, as another may give other bytes.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema

from sparc_fuse_core.convert.digests import digests_of, sha256_of_file
from sparc_fuse_core.convert.receipt import DONE
from sparc_fuse_core.errors import (
    RequestError,
    ResultNotFoundError,
    UnknownLayoutError,
    UnsafePathError,
)
from sparc_fuse_core.paths import safe_relative
from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.run.manifest import MANIFEST, SCHEMA, SCHEMA_VERSION
from sparc_fuse_core.storage.results import SCRATCH_PREFIX
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.schemes.schemes import Schemes
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import Source

_MOST_MANIFEST_BYTES = 512 << 20
_SCHEMA = Path(__file__).parents[1] / "schemas" / "manifest.schema.json"


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of one result.

    Attributes
    ----------
    result
        Whether its bytes are those of the manifest: ``"same"``, ``"changed"``, ``"missing"``, ``"no digest"``.
    source
        The same of the files that it was made from, or ``""`` where they were not looked at.
    again
        Whether it comes out the same when it is made again: ``"same"``, ``"differs"``, ``"failed"``, or ``""``.
    why
        What was not done, and why; or what is wrong.
    """

    path: str
    output: str
    result: str
    source: str = ""
    again: str = ""
    why: str = ""

    @property
    def is_right(self) -> bool:
        """Whether nothing that was looked at is wrong."""
        return {self.result, self.source, self.again} <= {"same", "no digest", ""}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder of results, whose paths are safe.

    Raises
    ------
    ResultNotFoundError
        If there is none that can be read.
    UnknownLayoutError
        If it is of another schema than this version's.
    UnsafePathError
        If it names a path outside of its folder.
    """
    path = folder / MANIFEST
    if not path.is_file():
        message = f"{folder}: no {MANIFEST}; give the folder of a dataset's version"
        raise ResultNotFoundError(message)
    if path.stat().st_size > _MOST_MANIFEST_BYTES:
        message = f"{path}: larger than {_MOST_MANIFEST_BYTES >> 20} MB; it is no manifest of this package"
        raise ResultNotFoundError(message)
    try:
        manifest = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as err:
        message = f"{path}: is not JSON; convert the dataset again"
        raise ResultNotFoundError(message) from err
    said = manifest if isinstance(manifest, dict) else {}
    if (said.get("schema"), said.get("schema_version")) != (SCHEMA, SCHEMA_VERSION):
        message = (
            f"{path}: of another version of the manifest than {SCHEMA_VERSION}; convert the dataset again, "
            "or lift it with `sparc-fuse lift`"
        )
        raise UnknownLayoutError(message)
    fault = next(
        jsonschema.Draft202012Validator(json.loads(_SCHEMA.read_bytes())).iter_errors(said), None
    )
    if fault is not None:
        message = (
            f"{path}: {fault.json_path} is not what a manifest has there; convert the dataset again"
        )
        raise ResultNotFoundError(message)
    for entry in said["items"]:
        for named in (entry["output"], *(file["path"] for file in entry["files"])):
            safe_relative(named)
        if not (folder / entry["output"]).resolve().is_relative_to(folder.resolve()):
            message = f"{entry['output']}: a link leads out of the folder of results"
            raise UnsafePathError(message)
    return said


def prove(
    folder: Path,
    manifest: Mapping[str, Any],
    source: Source | None,
    schemes: Schemes,
    settings: Settings,
) -> Iterator[Proof]:
    """Yield what is known of each result of a manifest that `read_manifest` returned.

    Parameters
    ----------
    source
        What the results were made from; None checks the results' bytes alone.
    """
    entries = [e for e in manifest["items"] if e["status"] in DONE]
    listed = {file.path: file for file in source.list_files()} if source is not None else {}
    with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX) as scratch:
        made: dict[str, tuple[str, str]] = {}
        why = ""
        if source is not None:
            why = _why_not_again(manifest, source)
            there = [e["path"] for e in entries if e["path"] in listed]
            if not why and there:
                run = convert_dataset(
                    source,
                    Path(scratch) / "again",
                    schemes,
                    settings,
                    paths=[] if manifest["whole_dataset"] else there,
                    options=_options_of(manifest),
                )
                made = {r.output: (r.digest, r.message) for r in run.receipts}
        for entry in entries:
            result, text = _result(folder, entry)
            held, again = "", ""
            if source is not None:
                held = _source(entry, listed, source, Path(scratch))
                is_ours = entry["converter_version"] == CONVERTER_VERSION
                other = "" if is_ours else f"made by version {entry['converter_version']}"
                if made and is_ours and held == "same" and entry["digest"]:
                    digest, message = made.get(entry["output"], ("", "it is not made any more"))
                    again = (
                        "same" if digest == entry["digest"] else "differs" if digest else "failed"
                    )
                    text = text or ("" if digest else message)
                elif held == "same":
                    text = text or why or other
            yield Proof(entry["path"], entry["output"], result, held, again, text)


def extra_files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Return stores and packed files below ``folder`` that the manifest does not name."""
    known = {e["output"] for e in manifest["items"] if e["status"] in DONE}
    found = []
    for path in sorted(folder.rglob("*.zarr")) + sorted(folder.rglob("*.zarr.zip")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(".") or any(name == one or name.startswith(f"{one}/") for one in known):
            continue
        found.append(name)
    return found


def _options_of(manifest: Mapping[str, Any]) -> ConvertOptions | None:
    try:
        return ConvertOptions(**{**manifest["options"], "verify": "roundtrip"})
    except (TypeError, RequestError):
        return None


def _why_not_again(manifest: Mapping[str, Any], source: Source) -> str:
    if "options" not in manifest:
        return "not made again: the manifest is older than the options it would be made with"
    if _options_of(manifest) is None:
        return "not made again: the manifest's options are not those of this version"
    here = (source.dataset_id, source.version)
    if here != (manifest["dataset_id"], manifest["version"]):
        return (
            f"not made again: the source is {'/'.join(here)}, the results are those of "
            f"{manifest['dataset_id']}/{manifest['version']}, which their attributes name"
        )
    return ""


def _result(folder: Path, entry: Mapping[str, Any]) -> tuple[str, str]:
    path = folder / entry["output"]
    if not path.exists():
        return "missing", "the result is gone"
    if not entry["digest"]:
        return "no digest", "a copy of an earlier result has no digest"
    digest, _ = digests_of(path)
    if digest == entry["digest"]:
        return "same", ""
    return "changed", f"SHA-256 {digest[:12]} instead of {entry['digest'][:12]}"


def _source(
    entry: Mapping[str, Any], listed: Mapping[str, Any], source: Source, scratch: Path
) -> str:
    for n, facts in enumerate(entry["files"]):
        file = listed.get(facts["path"])
        if file is None:
            return "missing"
        if file.size_bytes != facts["size_bytes"]:
            return "changed"
        if not facts.get("sha256"):
            if file.identity != facts.get("identity"):
                return "changed"
            continue
        with tempfile.TemporaryDirectory(dir=scratch, prefix=f"{n}-") as place:
            if sha256_of_file(source.fetch(file, Path(place))) != facts["sha256"]:
                return "changed"
    return "same"
