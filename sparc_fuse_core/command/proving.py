"""``sparc-fuse verify``: published results proven again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.command.exit_codes import FAILED, OK
from sparc_fuse_core.errors import RequestError, SparcFuseError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from sparc_fuse_core.run.proving import Proof
    from sparc_fuse_core.run.published import Results
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.sources import Source


def add_verify(command: argparse.ArgumentParser) -> None:
    """Add the options of ``verify``."""
    command.add_argument(
        "results",
        help="what was published: the folder of a manifest.json, of a dataset or of all output; a folder, "
        "s3://bucket/prefix or https://…",
    )
    command.add_argument(
        "--source",
        metavar="DATASET",
        help="what they were made from: a folder, s3://bucket/prefix or Discover id; its bytes are compared "
        "and each result is made again (what the manifest tells of Discover or a bucket is fetched without it)",
    )
    command.add_argument(
        "--results-only", action="store_true", help="check the bytes of the results alone"
    )
    command.add_argument(
        "--independent",
        action="store_true",
        help="let another library read each source too, as convert --verify independent does",
    )
    command.add_argument("--schemes", type=Path, metavar="FOLDER", help="as for convert")
    command.add_argument("--json", action="store_true", help="print as JSON")
    command.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> int:
    from sparc_fuse_core.run.published import find_results
    from sparc_fuse_core.settings import Settings

    if options.independent and options.results_only:
        message = "--independent reads the sources, --results-only does not: choose one"
        raise RequestError(message)
    settings = Settings.from_environment()
    places = find_results(options.results, settings)
    if options.source is not None and len(places) > 1:
        names = ", ".join(place.uri for place in places[:5])
        message = (
            f"--source is that of one dataset, here are {len(places)}: {names}; name one of them"
        )
        raise RequestError(message)
    found: list[dict[str, Any]] = []
    for place in places:
        try:
            found.append(_proven(place, options, settings, is_alone=len(places) == 1))
        except SparcFuseError as err:
            if len(places) == 1:
                raise
            found.append({"uri": place.uri, "fault": f"{type(err).__name__}: {err}"})
            if not options.json:
                print(f"WRONG  {place.uri}: {err}")
    n_faults = sum("fault" in one for one in found)
    rows = [row for one in found for row in one.get("rows", ())]
    extra = [name for one in found for name in one.get("extra", ())]
    n_wrong = sum(not row["right"] for row in rows)
    if options.json:
        faults = [one for one in found if "fault" in one]
        print(json.dumps({"results": rows, "not_in_manifest": extra, "faults": faults}, indent=1))
    else:
        unread = f", {n_faults} manifests that cannot be used" if n_faults else ""
        print(f"{len(rows)} results, {n_wrong} wrong, {len(extra)} not in the manifest{unread}")
        if any(one.get("source") is None for one in found if "rows" in one):
            print("sources that were not looked at: name them with --source")
    return FAILED if n_wrong or extra or n_faults or not rows else OK


def _proven(
    place: Results, options: argparse.Namespace, settings: Settings, *, is_alone: bool
) -> dict[str, Any]:
    """Prove the results of one manifest, printing each as it is known."""
    from sparc_fuse_core.run.proving import extra_files, prove, read_manifest
    from sparc_fuse_core.schemes.schemes import load_schemes

    manifest = read_manifest(place)
    if not is_alone and not options.json:
        print(f"{place.uri}:")
    source, silent = _source_of(manifest, options, settings)
    schemes = load_schemes(options.schemes, with_built_in=True)
    rows = []
    for proof in prove(
        place,
        manifest,
        source,
        schemes,
        settings,
        independent=options.independent,
        silent=silent,
    ):
        rows.append({"in": place.uri, **asdict(proof), "right": proof.is_right})
        if not options.json:
            print("".join(_line(proof)))
    front = "" if is_alone else f"{place.uri}/"
    extra = [f"{front}{name}" for name in extra_files(place, manifest)]
    if not options.json:
        for name in extra:
            print(f"WRONG  {name}: not in the manifest")
    return {"uri": place.uri, "rows": rows, "extra": extra, "source": source or silent or None}


def _source_of(
    manifest: Mapping[str, Any], options: argparse.Namespace, settings: Settings
) -> tuple[Source | None, str]:
    """Return what the results were made from, or why it cannot be had; neither if it is not known."""
    from sparc_fuse_core.errors import SourceError
    from sparc_fuse_core.sources.pointed import point_at

    if options.results_only:
        return None, ""
    if options.source is not None:
        return point_at([options.source], settings=settings)[0].source, ""
    told, version = manifest["dataset_id"], manifest["version"]
    is_uploaded = version == "upload" and str(manifest.get("uri", "")).startswith("s3://")
    # a folder may be called 224, its version is "local"
    if not is_uploaded and not (told.isdigit() and version.isdigit()):
        return None, ""
    try:
        if is_uploaded:
            return point_at([manifest["uri"]], settings=settings)[0].source, ""
        return point_at([told], version=version, settings=settings)[0].source, ""
    except SourceError as err:
        return None, str(err)


def _line(proof: Proof) -> Iterator[str]:
    """Yield the parts of what is told of a result."""
    yield f"{'right' if proof.is_right else 'WRONG'}  {proof.path}: result {proof.result}"
    for word, state in (
        ("source", proof.source),
        ("made again", proof.again),
        ("second reader", proof.independent),
    ):
        if state:
            yield f", {word} {state}"
    if proof.why:
        yield f" ({proof.why})"
