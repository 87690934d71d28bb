"""Prove published results again: their bytes, their sources' bytes, and the same result made once more.

All is told by the manifest, which is a file like any other: what it names must lie inside of its folder. Where
a result that is made again has other bytes (made by another version of the converter or of a library), it is
compared with the published one value by value.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import jsonschema

from sparc_fuse_core.convert.digests import digests_of, sha256_of_file
from sparc_fuse_core.convert.receipt import DONE
from sparc_fuse_core.errors import (
    RequestError,
    ResultNotFoundError,
    SourceError,
    UnknownLayoutError,
    UnsafePathError,
)
from sparc_fuse_core.paths import safe_relative
from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.proof.opinion import INDEPENDENT, ROUNDTRIP
from sparc_fuse_core.proof.same import value_differences
from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.run.manifest import MANIFEST, SCHEMA, SCHEMA_VERSION
from sparc_fuse_core.storage.results import SCRATCH_PREFIX
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.convert.receipt import Receipt
    from sparc_fuse_core.run.published import Results
    from sparc_fuse_core.schemes.schemes import Schemes
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import Source, SourceFile

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
        Whether it comes out the same when it is made again: ``"same"`` in every byte, ``"same values"``,
        ``"differs"``, ``"failed"``, or ``""`` where that was not tried.
    independent
        What another library says of the source (`sparc_fuse_core.proof.opinion.second_opinion`), or ``""``.
    why
        What was not done, and why; or what is wrong.
    """

    path: str
    output: str
    result: str
    source: str = ""
    again: str = ""
    independent: str = ""
    why: str = ""

    @property
    def is_right(self) -> bool:
        """Whether nothing that was looked at is wrong."""
        told = {self.result, self.source, self.again}
        return told <= {"same", "same values", "no digest", "not seen", ""} and (
            self.independent != "differs"
        )


def read_manifest(results: Results) -> dict[str, Any]:
    """Return the manifest of results, whose paths are safe.

    Raises
    ------
    ResultNotFoundError
        If there is none that can be read.
    UnknownLayoutError
        If it is of another schema than this version's.
    UnsafePathError
        If it names a path outside of its folder.
    """
    where = f"{results.uri}/{MANIFEST}"
    data = results.read(MANIFEST)
    if data is None:
        message = f"{results.uri}: no {MANIFEST}; give the folder of a dataset's version"
        raise ResultNotFoundError(message)
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError) as err:
        message = f"{where}: is not JSON; convert the dataset again"
        raise ResultNotFoundError(message) from err
    said = manifest if isinstance(manifest, dict) else {}
    if (said.get("schema"), said.get("schema_version")) != (SCHEMA, SCHEMA_VERSION):
        message = (
            f"{where}: of another version of the manifest than {SCHEMA_VERSION}; convert the dataset again, "
            "or lift it with `sparc-fuse lift`"
        )
        raise UnknownLayoutError(message)
    fault = next(
        jsonschema.Draft202012Validator(json.loads(_SCHEMA.read_bytes())).iter_errors(said), None
    )
    if fault is not None:
        message = f"{where}: {fault.json_path} is not what a manifest has there; convert the dataset again"
        raise ResultNotFoundError(message)
    for entry in said["items"]:
        for named in (entry["output"], *(file["path"] for file in entry["files"])):
            safe_relative(named)
        if results.leads_out(entry["output"]):
            message = f"{entry['output']}: a link leads out of the folder of results"
            raise UnsafePathError(message)
    return said


def prove(
    results: Results,
    manifest: Mapping[str, Any],
    source: Source | None,
    schemes: Schemes,
    settings: Settings,
    *,
    independent: bool = False,
    silent: str = "",
) -> Iterator[Proof]:
    """Yield what is known of each result of a manifest that `read_manifest` returned.

    Parameters
    ----------
    source
        What the results were made from; None checks the results' bytes alone.
    independent
        Let another library read each source too.
    silent
        Why the source could not be asked.
    """
    entries = [e for e in manifest["items"] if e["status"] in DONE]
    with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX) as folder:
        scratch = Path(folder)
        listed: dict[str, SourceFile] = {}
        made: dict[str, Receipt] = {}
        why = ""
        if source is not None:
            try:
                listed = {file.path: file for file in source.list_files()}
            except SourceError as err:
                silent = str(err)
        there = [e["path"] for e in entries if e["path"] in listed]
        if source is not None and there and not silent:
            why = _why_not_again(manifest)
            if not why:
                run = convert_dataset(
                    source,
                    scratch / "again",
                    schemes,
                    settings,
                    paths=[] if manifest["whole_dataset"] else there,
                    options=_options_of(manifest, independent=independent),
                )
                made = {receipt.path: receipt for receipt in run.receipts}
        for entry in entries:
            with tempfile.TemporaryDirectory(dir=scratch) as place:
                result, text, here = _result(results, entry, Path(place))
                known = Proof(entry["path"], entry["output"], result, why=text)
                if silent:
                    known = replace(known, source="unreachable", why=text or silent)
                elif source is not None:
                    held, text = _source(entry, listed, source, Path(place))
                    known = replace(known, source=held, why=known.why or text or why)
                    again = made.get(entry["path"])
                    if held == "same" and made:
                        beside = scratch / "again" / source.dataset_id / source.version
                        known = _made_again(known, entry, again, beside, here)
            yield known


def _made_again(
    known: Proof,
    entry: Mapping[str, Any],
    again: Receipt | None,
    beside: Path,
    here: Path | None,
) -> Proof:
    """Return what is known, with what the result is like that was made once more."""
    if again is None:
        return replace(known, again="failed", why=known.why or "it is not made any more")
    known = replace(known, independent=str(again.independent.get("result", "")))
    if not again.digest:
        return replace(known, again="failed", why=known.why or again.message)
    if again.digest == entry["digest"]:
        return replace(known, again="same")
    if here is None or known.result not in ("same", "no digest"):
        # what it would be compared with is gone or not what was published
        return replace(known, again="differs" if entry["digest"] else "")
    try:
        found = value_differences(here, beside / again.output)
    except ValueError as err:
        return replace(known, again="differs", why=f"other bytes, and {err}")
    by = entry["converter_version"]
    other = "" if by == CONVERTER_VERSION else f", made by version {by}"
    if found:
        return replace(known, again="differs", why="; ".join(found) + other)
    return replace(known, again="same values", why=f"other bytes{other}" if entry["digest"] else "")


def extra_files(results: Results, manifest: Mapping[str, Any]) -> list[str]:
    """Return stores and packed files beside the results that the manifest does not name."""
    known = {e["output"] for e in manifest["items"] if e["status"] in DONE}
    found = []
    for name in sorted(results.names()):
        if name.startswith(".") or any(name == one or name.startswith(f"{one}/") for one in known):
            continue
        found.append(name)
    return found


def _options_of(manifest: Mapping[str, Any], *, independent: bool) -> ConvertOptions | None:
    verify = INDEPENDENT if independent else ROUNDTRIP
    try:
        return ConvertOptions(**{**manifest.get("options", {}), "verify": verify})
    except (TypeError, RequestError):
        return None


def _why_not_again(manifest: Mapping[str, Any]) -> str:
    if "options" not in manifest:
        return "not made again: the manifest is older than the options it would be made with"
    if _options_of(manifest, independent=False) is None:
        return "not made again: the manifest's options are not those of this version"
    return ""


def _result(
    results: Results, entry: Mapping[str, Any], scratch: Path
) -> tuple[str, str, Path | None]:
    """Return whether a result is as the manifest says, what is wrong, and where it lies on this machine."""
    try:
        here = results.here(entry["output"], scratch)
    except UnknownLayoutError as err:
        return "not seen", str(err), None
    if here is None:
        return "missing", "the result is gone", None
    if not entry["digest"]:
        return "no digest", "a copy of an earlier result has no digest", here
    digest, _ = digests_of(here)
    if digest == entry["digest"]:
        return "same", "", here
    n_files = sum(path.is_file() for path in here.rglob("*")) if here.is_dir() else 1
    if n_files != entry["n_objects"]:
        return "changed", f"{n_files} files instead of {entry['n_objects']}", here
    return "changed", f"SHA-256 {digest[:12]} instead of {entry['digest'][:12]}", here


def _source(
    entry: Mapping[str, Any], listed: Mapping[str, SourceFile], source: Source, scratch: Path
) -> tuple[str, str]:
    """Return whether the files of a result are those it was made from, and what is wrong."""
    for n, facts in enumerate(entry["files"]):
        name = PurePosixPath(facts["path"]).name
        file = listed.get(facts["path"])
        if file is None:
            return "missing", f"{name} is not in the source any more"
        if file.size_bytes != facts["size_bytes"]:
            return "changed", f"{name} has {file.size_bytes} bytes instead of {facts['size_bytes']}"
        if not facts.get("sha256"):
            if file.identity != facts.get("identity"):
                return "changed", f"{name} is another version or was written again"
            continue
        place = scratch / f"{n}"
        place.mkdir()
        try:
            sha256 = sha256_of_file(source.fetch(file, place))
        except SourceError as err:
            return "unreachable", str(err)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        if sha256 != facts["sha256"]:
            return "changed", f"{name} has SHA-256 {sha256[:12]} instead of {facts['sha256'][:12]}"
    return "same", ""
