"""``make fidelity``: converts all samples it finds and lets another library read each once more.

Prints a table, format by format, and writes it as docs/fidelity.md with JSON beside it. The samples are the
tests' own, and those below the folders that are named: files of public datasets are counted, never copied.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.proof.opinion import version_of
from sparc_fuse_core.proof.registry import SECOND_READERS
from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources.pointed import point_at
from sparc_fuse_core.version import CONVERTER_VERSION

#: What second readers found, by hand.
_FOUND = Path(__file__).with_name("fidelity_found.md")

_COLUMNS = {
    "files": "files",
    "converted": "right, read back",
    "agrees": "right by a second reader",
    "differs": "it differs",
    "refused_by_library": "it cannot read",
    "refused": "refused by name",
    "values": "values compared twice",
    "events": "events",
    "with_unit": "channels with a unit",
    "channels": "channels",
}


def write_own_samples(folder: Path) -> None:
    """Write the tests' samples, those that need no mapping scheme, each into a folder of its own."""
    from tests.samples import all_samples

    for n, sample in enumerate(all_samples()):
        place = folder / "primary" / f"{sample.format}-{n:03}"
        place.mkdir(parents=True)
        try:
            truth = sample.write(place)
        except ImportError:
            continue
        if truth.options:
            shutil.rmtree(place)


def converted(folder: Path, out: Path, settings: Settings) -> list[dict[str, Any]]:
    """Convert a folder with a second opinion of every file; return the manifest's entries."""
    entries: list[dict[str, Any]] = []
    for one in point_at([str(folder)], version=None, settings=settings):
        run = convert_dataset(
            one.source,
            out,
            load_schemes(None, with_built_in=True),
            settings,
            paths=one.paths,
            options=ConvertOptions(verify="independent"),
        )
        entries += run.manifest["items"]
    return entries


def counted(entries: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """Return the numbers of each format."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        row = table[entry["format"]]
        opinion = entry.get("independent") or {}
        result = opinion.get("result", "")
        row["files"] += 1
        row["converted"] += entry["status"] == "converted"
        row["agrees"] += result == "agrees"
        row["differs"] += result == "differs"
        row["refused_by_library"] += result == "refused"
        row["refused"] += entry["status"] != "converted" and result != "differs"
        row["values"] += opinion.get("compared", {}).get("values", 0)
        row["events"] += entry["n_events"]
        units = [unit for thing in entry["things"] for unit in thing.get("units", ())]
        row["channels"] += len(units)
        row["with_unit"] += sum(bool(unit) for unit in units)
    return dict(sorted(table.items()))


def refusals(entries: list[dict[str, Any]]) -> list[str]:
    """Return why libraries gave no opinion of files that were converted, the most frequent first."""
    said: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        opinion = entry.get("independent") or {}
        if opinion.get("result") == "refused" and entry["status"] == "converted":
            said[entry["format"], opinion.get("message", "")] += 1
    return [f"- {name}: {why} ({n})" for (name, why), n in sorted(said.items())]


def as_markdown(
    table: dict[str, Counter[str]], differing: list[str], unread: list[str], n_folders: int
) -> str:
    """Return docs/fidelity.md."""
    libraries = {row.library for rows in SECOND_READERS.values() for row in rows}
    versions = {name: version_of(name) or "not installed" for name in libraries}
    total: Counter[str] = sum(table.values(), Counter())
    public = ", and files of public datasets and of reported faults" if n_folders else ""
    n_asked = total["agrees"] + total["differs"]
    lines = [
        "# Fidelity",
        "",
        f"Written by `make fidelity` on {datetime.now(UTC):%Y-%m-%d} with version {CONVERTER_VERSION}, over "
        f"the tests' own samples{public}.",
        "",
        f"**Of {total['files']:,} files {total['converted']:,} were converted and read back right, "
        f"{total['refused']:,} refused by name (most are damaged on purpose, or no data).",
        f"Another library read {n_asked:,} of them on its own: {total['agrees']:,} agree with the published "
        f"store in {total['values']:,} values, {total['differs']:,} differ.**",
        "",
        "A second reader compares what it shows with what plain xarray and zarr show of the store: values, "
        "numbers of samples and planes, and as far as it",
        "tells them rates, units, names, events, pixel sizes and names of channels. `it cannot read` counts "
        "files that it refuses, shows nothing of, or is known to show wrong.",
        "",
        "| format | second reader | " + " | ".join(_COLUMNS.values()) + " |",
        "| --- | --- |" + " ---: |" * len(_COLUMNS),
    ]
    for name, row in table.items():
        second = ", ".join(one.library for one in SECOND_READERS.get(name, ())) or "none"
        numbers = " | ".join(f"{row[column]:,}" for column in _COLUMNS)
        lines.append(f"| {name} | {second} | {numbers} |")
    lines += ["", "Libraries: " + ", ".join(f"{n} {v}" for n, v in sorted(versions.items())) + "."]
    if differing:
        lines += ["", "## Where a library differs", "", *(f"- {text}" for text in differing)]
    if unread:
        lines += ["", "## Why a library gave no opinion", "", *unread]
    return "\n".join(lines) + "\n\n" + _FOUND.read_text()


def main() -> None:
    """Convert, count, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", nargs="*", type=Path, help="more folders of files")
    parser.add_argument("--out", type=Path, default=Path("docs/fidelity.md"))
    options = parser.parse_args()
    settings = Settings.from_environment()
    with tempfile.TemporaryDirectory() as scratch:
        own = Path(scratch) / "own"
        write_own_samples(own)
        entries = []
        for n, folder in enumerate([own, *options.samples]):
            entries += converted(folder, Path(scratch) / f"out-{n}", settings)
    table = counted(entries)
    differing = [
        f"{entry['format']}, {entry['path'].rpartition('/')[2]}: "
        + "; ".join(entry["independent"]["differences"])
        for entry in entries
        if (entry.get("independent") or {}).get("result") == "differs"
    ]
    unread = refusals(entries)
    text = as_markdown(table, differing, unread, len(options.samples))
    options.out.write_text(text)
    facts = {
        "version": CONVERTER_VERSION,
        "formats": table,
        "differing": differing,
        "without opinion": unread,
    }
    options.out.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
