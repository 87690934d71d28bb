"""The matrix of readers: independent programs on one store of every kind, in environments of their own.

``make readers`` runs it; it is no part of ``make test``. Environments lie below ``build/readers``, findings are
written to ``docs/readers.md``. A reader that cannot be installed here is a line that says so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.infrastructure.conftest import synthesize
from tests.servers.published import PublishedNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "readers"
PROBES = Path(__file__).parent / "probes"
PAGE = ROOT / "docs" / "readers.md"
_INSTALL_S, _PROBE_S = 900, 600


@dataclass(frozen=True, slots=True)
class Reader:
    """One column of the matrix.

    Attributes
    ----------
    packages
        For pip, or npm where ``probe`` is a module of Node.
    probe
        File below ``probes/`` and further arguments; empty for ``pytest``.
    after
        Packages installed after the others, against what these ask for.
    program
        That has to be on the path.
    python
        Versions of Python that may run it, the first one found; by default this one's.
    note
        What is said of its findings.
    """

    name: str
    packages: tuple[str, ...]
    probe: tuple[str, ...]
    after: tuple[str, ...] = ()
    program: str = ""
    python: tuple[str, ...] = ()
    note: str = ""
    ours: bool = False


#: zarr-python after 3.1 is for these only.
_NEWEST_PYTHON = ("3.13", "3.12")
_XARRAY = ("dask", "netCDF4", "fsspec[http]", "aiohttp")
READERS = (
    Reader(
        "zarr-python 2.18", ("zarr==2.18.*", "numcodecs<0.16", "numpy<2.3"), ("zarr_python.py",)
    ),
    Reader("zarr-python 3.1", ("zarr==3.1.*",), ("zarr_python.py",)),
    Reader("zarr-python newest", ("zarr",), ("zarr_python.py",), python=_NEWEST_PYTHON),
    Reader(
        "xarray before 2026.2",
        ("xarray==2025.9.*", "zarr>=3.1", *_XARRAY),
        ("xarray_plain.py",),
        note="not supported: `to_zarr` of a sharded store as it was opened writes wrong values without a word (its chunks of dask "
        "share shards); from 2026.2 on it refuses",
    ),
    Reader(
        "xarray oldest supported",
        ("xarray==2026.2.*", "zarr>=3.1", *_XARRAY),
        ("xarray_plain.py",),
        note="before 2026.9 the engine netcdf4 takes texts only where they are loaded (`chunks=None`); h5netcdf takes them",
    ),
    Reader(
        "xarray newest",
        ("xarray", "zarr>=3.1", *_XARRAY),
        ("xarray_plain.py",),
        python=_NEWEST_PYTHON,
        note='`chunks="auto"` asks dask for the size of a text, which has none; `to_zarr` of a store as it was opened '
        "asks for chunks of dask that hold whole shards: `ds.drop_encoding().to_zarr()`",
    ),
    Reader("zarrs", ("zarrs", "zarr"), ("zarrs_python.py",)),
    Reader(
        "TensorStore",
        ("tensorstore",),
        ("tensorstore_.py",),
        note="knows no text of variable length; names and units are attributes of the root",
    ),
    Reader(
        "NetCDF-C",
        ("netCDF4", "xarray", "zarr", "dask"),
        ("netcdf_c.py",),
        note="its Zarr reader knows neither version 3 nor text of variable length; `to_netcdf` of xarray is the way",
    ),
    Reader(
        "GDAL",
        (),
        ("gdal.sh",),
        program="gdalmdiminfo",
        note="this version reads no sharded array; Zarr version 2 it reads whole",
    ),
    Reader("zarrita", ("zarrita",), ("zarrita.mjs",), program="npm"),
    Reader("viv", ("@vivjs/loaders",), ("viv.mjs",), program="npm"),
    Reader(
        "viv as Pennsieve pins it",
        ("@vivjs/loaders@0.18.2",),
        ("viv.mjs",),
        program="npm",
        note="knows OME-Zarr 0.4 only: convert with `--ome-zarr-version 0.4`",
    ),
    Reader(
        "neuroglancer",
        ("neuroglancer",),
        ("neuroglancer_.py",),
        note="its client as it is shipped, in headless Chromium, from a page of another origin",
    ),
    Reader("ome-zarr-py", ("ome-zarr",), ("images_python.py", "ome_zarr_py")),
    Reader("napari-ome-zarr", ("napari", "napari-ome-zarr"), ("images_python.py", "napari")),
    Reader(
        "bioio",
        ("bioio", "bioio-ome-zarr"),
        ("images_python.py", "bioio"),
        note="refuses every `bioformats2raw.layout` on purpose and says so; its members open one by one",
    ),
    Reader("ngio", ("ngio",), ("images_python.py", "ngio")),
    Reader(
        "iohub",
        ("iohub",),
        ("images_python.py", "iohub"),
        note="this version rests on zarr-python 2, so it knows OME-Zarr 0.4 only",
    ),
    Reader("ngff-zarr", ("ngff-zarr",), ("images_python.py", "ngff_zarr")),
    Reader("numpy and scipy", ("numpy", "scipy"), ("files_python.py",)),
    Reader("Octave (MATLAB's .mat)", (), ("octave.m",), program="octave"),
    Reader("R through reticulate", (), ("zarr_in_r.R",), program="Rscript", ours=True),
    Reader("DuckDB", ("duckdb",), ("duckdb_.py",)),
    Reader(
        "MNE, neo, SpikeInterface",
        ("mne", "neo", "spikeinterface", "pytest"),
        (),
        after=("zarr>=3.1,<3.2",),
        ours=True,
        note="by `to_mne`, `to_neo`, `to_spikeinterface`; SpikeInterface asks for zarr < 3 for its own format only",
    ),
)


@dataclass(slots=True)
class Findings:
    """What came of one reader."""

    reader: Reader
    versions: dict[str, str] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    absent: str = ""


@contextlib.contextmanager
def published(bucket: Path) -> Iterator[PublishedNetwork]:
    """Serve a folder as the stack's own content network would, to readers without an account."""
    node = shutil.which("node")
    if node is None:
        message = "Node is missing, and runs the stack's function: install nodejs and npm"
        raise SystemExit(message)
    template = synthesize(BUILD / "cdk.out", {"sparc-fuse:publish": "true"}).template
    network = PublishedNetwork(bucket, template, node)
    try:
        yield network
    finally:
        network.close()


def run_reader(reader: Reader, stores: Path, network: PublishedNetwork) -> Findings:
    """Install one reader and run its probe."""
    found = Findings(reader)
    folder = BUILD / "".join(c if c.isalnum() else "_" for c in reader.name)
    try:
        command = _command(reader, folder)
    except (subprocess.SubprocessError, OSError, LookupError) as err:
        reason = getattr(err, "stderr", "") or str(err)
        found.absent = " ".join(str(reason).split())[-200:]
        return found
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT) if reader.ours else "",
        "JSII_SILENCE": "1",
    }
    url = f"{network.url}/{stores.parent.name}/{stores.name}"
    arguments = [str(stores), url, *reader.probe[1:]] if reader.probe else []
    network.log.clear()
    try:
        done = subprocess.run(
            [*command, *arguments],
            cwd=ROOT if reader.ours else folder,
            capture_output=True,
            text=True,
            timeout=_PROBE_S,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        found.absent = f"did not end within {_PROBE_S} s"
        return found
    _take(found, done)
    if not reader.probe:
        found.versions.update(_versions(command[0], reader.packages))
    if network.log:
        found.versions["requests"] = str(len(network.log))
    return found


def _command(reader: Reader, folder: Path) -> list[str]:
    """Make the environment where it is not there yet, and return what runs the probe in it."""
    program = shutil.which(reader.program) if reader.program else ""
    if program is None:
        message = f"{reader.program} is not installed here"
        raise LookupError(message)
    folder.mkdir(parents=True, exist_ok=True)
    if reader.program == "npm":
        return _node(reader, folder, str(program))
    if not reader.program:
        return _python(reader, folder)
    os.environ["RETICULATE_PYTHON"] = sys.executable
    starts = {"octave": ["octave", "--quiet"], "Rscript": ["Rscript"], "gdalmdiminfo": ["sh"]}
    return [*starts[reader.program], str(PROBES / reader.probe[0])]


def _install(command: list[str], folder: Path) -> None:
    subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=_INSTALL_S, cwd=folder
    )


def _node(reader: Reader, folder: Path, npm: str) -> list[str]:
    if not (folder / "node_modules").is_dir():
        _install([npm, "init", "-y"], folder)
        _install([npm, "install", "--no-audit", "--no-fund", *reader.packages], folder)
    return ["node", str(shutil.copy(PROBES / reader.probe[0], folder))]


def _python(reader: Reader, folder: Path) -> list[str]:
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    if not ready.is_file():
        pip = [str(python), "-m", "pip", "install", "-q"]
        _install([_interpreter(reader.python), "-m", "venv", "--clear", str(folder)], folder)
        _install([*pip, *reader.packages], folder)
        if reader.ours:
            _install([*pip, "obstore", "tensorstore", "dask", "xarray"], folder)
        if reader.after:
            _install([*pip, *reader.after], folder)
        ready.touch()
    if reader.probe:
        return [str(python), str(PROBES / reader.probe[0])]
    options = ["-q", "-rA", "--noconftest", "-p", "no:cacheprovider", "-W", "ignore"]
    return [str(python), "-m", "pytest", *options, "tests/readers/test_handover.py"]


def _interpreter(versions: tuple[str, ...]) -> str:
    """Return the first Python of these versions: on the path, else below pyenv's folder.

    Raises
    ------
    LookupError
        If there is none.
    """
    if not versions:
        return sys.executable
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in versions:
        name = f"python{version}"
        on_path = [found] if (found := shutil.which(name)) else []
        for python in [*on_path, *map(str, sorted(kept.glob(f"{version}.*/bin/{name}")))]:
            # a shim of pyenv is on the path also where the version is not chosen
            done = subprocess.run([python, "-c", "import venv"], capture_output=True, check=False)
            if done.returncode == 0:
                return python
    message = f"needs Python {' or '.join(versions)}, which is not here"
    raise LookupError(message)


def _versions(python: str, packages: tuple[str, ...]) -> dict[str, str]:
    names = [name for name in (*packages, "zarr") if name.isidentifier()]
    code = "import sys, json, importlib.metadata as m; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=False)
    found: dict[str, str] = json.loads(done.stdout) if done.returncode == 0 else {}
    return found


def _take(found: Findings, done: subprocess.CompletedProcess[str]) -> None:
    for line in done.stdout.splitlines():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if "versions" in entry:
                found.versions.update(entry["versions"])
            elif "what" in entry:
                found.lines.append(entry)
        word, _, rest = line.partition(" ")
        if word in ("PASSED", "FAILED", "ERROR") and "::" in rest:
            name = rest.split("::")[1].split(" ")[0]
            remark = rest.partition(" - ")[2][:200]
            found.lines.append(
                {"what": name, "ok": word == "PASSED", "remark": remark, "warnings": []}
            )
    if not found.lines:
        found.absent = " ".join((done.stderr or done.stdout).split())[-200:] or "said nothing"


def page(findings: list[Findings]) -> str:
    """Return the page of what every reader made of the stores."""
    lines = [
        "# Readers: what other programs make of the results",
        "",
        "Written by `make readers`, which installs each reader in an environment of its own and lets it read one store of every kind (a recording with",
        "three streams, gaps, sweeps and events as Zarr 3 and 2; an image, labels and a collection as OME-Zarr 0.5 and 0.4; arrays, a table; `npz`, `mat`,",
        "`zarr.zip`). *ok* means that values, names, units and times are those that were written. What a reader cannot do is said with its words. *By its link*",
        "is anonymous, from a server that answers with the function, paths, methods and headers of the stack's own content network; Chromium enforces CORS and",
        "preflight there.",
        "",
        "| reader | versions | ok | not |",
        "| --- | --- | --- | --- |",
    ]
    details = []
    for found in findings:
        told = ", ".join(f"{name} {version}" for name, version in found.versions.items())
        if found.absent:
            lines.append(f"| {found.reader.name} | {told} | not run | {_cell(found.absent)} |")
            continue
        n_ok = sum(entry["ok"] for entry in found.lines)
        bad = "; ".join(entry["what"] for entry in found.lines if not entry["ok"])
        lines.append(
            f"| {found.reader.name} | {told} | {n_ok} of {len(found.lines)} | {_cell(bad)} |"
        )
        details += _details(found)
    return "\n".join([*lines, "", "## What each said", "", *details]) + "\n"


def _details(found: Findings) -> Iterator[str]:
    yield f"**{found.reader.name}**" + (f": {found.reader.note}." if found.reader.note else "")
    yield ""
    for entry in found.lines:
        remark = _cell(entry["remark"]) if entry["remark"] else ""
        yield f"- {'ok' if entry['ok'] else 'NOT'}: {entry['what']}{f' ({remark})' if remark else ''}"
        for said in entry["warnings"]:
            yield f"  - it warns: {_cell(said)}"
    yield ""


def _cell(text: str) -> str:
    """Return a text for a table, without the paths of this machine."""
    for place in (str(BUILD), str(ROOT), str(Path.home())):
        text = text.replace(place, "…")
    text = re.sub(r"file:///[^ ')]*", "file://…", text)  # a path cut short
    return text.replace("|", "/").replace("<", "(").replace(">", ")").replace("\n", " ")


def main() -> None:
    """Run the whole matrix, or the readers that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", help="parts of names; all by default")
    chosen = parser.parse_args().readers
    BUILD.mkdir(parents=True, exist_ok=True)
    stores = BUILD / "bucket" / "datasets" / "7" / "1"
    # in a process of its own: the probes must find the folder as it was written
    code = "import sys, pathlib; from tests.readers.stores import write_stores; write_stores(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(stores)], check=True, cwd=ROOT)
    kept_file = BUILD / "findings.json"
    kept = json.loads(kept_file.read_text()) if kept_file.is_file() else {}
    with published(BUILD / "bucket") as network:
        for reader in READERS:
            if chosen and not any(word.lower() in reader.name.lower() for word in chosen):
                continue
            found = run_reader(reader, stores, network)
            facts = {"versions": found.versions, "lines": found.lines, "absent": found.absent}
            kept[reader.name] = facts
            kept_file.write_text(json.dumps(kept, indent=1))
            n_ok = sum(entry["ok"] for entry in found.lines)
            print(
                f"{reader.name}: {found.absent or f'{n_ok} of {len(found.lines)} ok'}", flush=True
            )
    findings = [Findings(reader, **kept[reader.name]) for reader in READERS if reader.name in kept]
    PAGE.write_text(page(findings), encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
