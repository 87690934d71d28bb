"""The workloads: what is run on which input, by whom, and how its output is checked."""

from __future__ import annotations

from dataclasses import dataclass

#: Worker processes run with two heaps; so does what is measured.
HEAPS = {"MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True)
class Way:
    """One way to do a workload.

    Attributes
    ----------
    name
        ``"ours"``, ``"verified"``, ``"floor"`` or a peer.
    arguments
        After the interpreter; ``{input}`` and ``{out}`` are put in.
    venv
        Environment below ``build/bench/venvs``; ``""`` for the project's own.
    check
        Of `benchmarks.checks`; ``""`` for none.
    delay_ms
        If not None, a bucket is served, each request waiting so long.
    once
        Not repeated: its memory is what is asked.
    minus
        A way whose CPU is taken off (the bare interpreter).
    """

    name: str
    arguments: tuple[str, ...]
    venv: str = ""
    check: str = ""
    delay_ms: float | None = None
    once: bool = False
    minus: str = ""


@dataclass(frozen=True)
class Workload:
    """Ways to do the same thing with one input, run in turn."""

    name: str
    title: str
    ways: tuple[Way, ...]
    source: str = ""
    ending: str = ".zarr"


def _ours(what: str = "convert", *, name: str = "ours", check: str = "", once: bool = False) -> Way:
    return Way(name, ("-m", "benchmarks.ours", what, "{input}", "{out}"), check=check, once=once)


def _floor(what: str, venv: str = "") -> Way:
    return Way("floor", ("-m", "benchmarks.floor", what, "{input}", "{out}"), venv=venv)


def _peer(name: str, what: str, venv: str, check: str = "", delay_ms: float | None = None) -> Way:
    arguments = ("benchmarks/peers.py", what, "{input}", "{out}")
    return Way(name, arguments, venv=venv, check=check, delay_ms=delay_ms)


def _both(check: str) -> tuple[Way, Way]:
    return _ours(check=check), _ours("verified", name="verified", check=check)


def _remote(what: str, name: str = "ours", delay_ms: float = 20) -> Way:
    return Way(name, ("-m", "benchmarks.remote", what, "{input}"), delay_ms=delay_ms)


def _command(name: str, *arguments: str) -> Way:
    return Way(name, ("-m", "sparc_fuse_core.command.main", *arguments))


WORKLOADS = (
    Workload(
        "rhd",
        ".rhd 204 MB → Zarr with overview",
        (
            _floor("recording"),
            *_both("recording"),
            _peer("spikeinterface", "spikeinterface", "spikeinterface", "traces"),
        ),
        "recording.rhd",
    ),
    Workload(
        "rhd10",
        "the same, 10 times as long",
        (
            _ours(check="recording", once=True),
            _ours("verified", name="verified", check="recording", once=True),
        ),
        "recording10.rhd",
    ),
    Workload(
        "dense",
        ".rhd, dense profile",
        (_ours("dense", check="recording"),),
        "recording.rhd",
    ),
    Workload(
        "bucket",
        ".rhd → object store",
        (
            _floor("recording"),
            Way(
                "ours",
                ("-m", "benchmarks.ours", "bucket", "{input}", "{out}"),
                check="recording",
                delay_ms=0,
            ),
        ),
        "recording.rhd",
    ),
    Workload(
        "parallel",
        "4 recordings by the command, verified",
        tuple(
            _command(
                f"{n} worker{'s' if n > 1 else ''}",
                "convert",
                "{input}",
                "-o",
                "{out}",
                "--workers",
                str(n),
            )
            for n in (1, 2)
        ),
        "four",
    ),
    Workload(
        "stack",
        "TIFF stack 503 MB → pyramid",
        (
            _floor("stack"),
            *_both("stack"),
            _peer("ome-zarr-py", "ome_zarr_stack", "ome-zarr", "stack0"),
            _peer("ngff-zarr", "ngff_zarr_stack", "ngff-zarr", "stack0"),
        ),
        "stack.ome.tif",
        ".ome.zarr",
    ),
    Workload(
        "stack2g",
        "TIFF stack 2 GB",
        (_ours(check="stack", once=True),),
        "stack2g.ome.tif",
        ".ome.zarr",
    ),
    Workload(
        "virtual20g",
        "image of 20 GB that no file holds",
        (_ours("virtual", once=True),),
        "",
        ".ome.zarr",
    ),
    Workload(
        "jpeg",
        "JPEG 8192² RGB → pyramid",
        (
            _floor("picture"),
            *_both("picture"),
            _peer("ome-zarr-py", "ome_zarr_picture", "ome-zarr", "picture0"),
        ),
        "picture.jpg",
        ".ome.zarr",
    ),
    Workload(
        "csv",
        "CSV 185 MB, 17 columns",
        (
            _floor("table", "tables"),
            *_both("table"),
            _peer("polars", "polars_table", "tables", "table"),
            _peer("pandas", "pandas_table", "tables", "table"),
        ),
        "table.csv",
    ),
    Workload(
        "mat5",
        "MAT v5, 230 MB float64",
        (
            _floor("matrix5"),
            *_both("matrix"),
            _peer("scipy", "scipy_matrix", "tables", "matrix"),
        ),
        "matrix5.mat",
    ),
    Workload(
        "mat73",
        "MAT v7.3, 230 MB float64",
        (
            _floor("matrix73"),
            *_both("matrix"),
            _peer("h5py", "h5py_matrix", "tables", "matrix"),
        ),
        "matrix73.mat",
    ),
    Workload(
        "slice",
        "100,000 samples of one channel, opening included, 20 ms a request",
        (
            _remote("floor_slice", "floor"),
            _remote("slice"),
            _peer("plain xarray", "xarray_slice", "remote", delay_ms=20),
            _peer("icechunk", "icechunk_slice", "remote", delay_ms=20),
        ),
        "store",
    ),
    Workload(
        "overview",
        "first picture of all 32 channels, 20 ms a request",
        (_remote("overview"),),
        "store",
    ),
    Workload(
        "upload",
        "upload of 1,473 objects, 105 MB",
        (
            _remote("upload", delay_ms=0),
            _peer("boto3", "boto3_upload", "remote", delay_ms=0),
            _peer("s3fs", "s3fs_upload", "remote", delay_ms=0),
        ),
        "objects",
    ),
    Workload(
        "import",
        "import sparc_fuse_core, the bare interpreter taken off",
        (
            Way("interpreter", ("-c", "pass")),
            Way("ours", ("-c", "import sparc_fuse_core"), minus="interpreter"),
            Way("handler", ("-c", "import lambdas.convert"), minus="interpreter"),
        ),
    ),
    Workload(
        "planning",
        "sparc-fuse plan of 20 files, whole command",
        (_command("ours", "plan", "{input}"),),
        "small",
    ),
    Workload(
        "plan50k",
        "plan of 50,000 files",
        (_command("ours", "plan", "{input}"),),
        "large",
    ),
)
