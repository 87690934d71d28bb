"""What the command shows: live progress, the plan and the summary as tables.

On a terminal rich draws bars; elsewhere each file is one plain line when it is finished.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sparc_fuse_core.command.terminal import plain_stream, shown
from sparc_fuse_core.convert.receipt import DONE
from sparc_fuse_core.convert.stated import UNUSED
from sparc_fuse_core.formats.choice import read_by
from sparc_fuse_core.formats.extras import install_hint, missing_extra
from sparc_fuse_core.formats.registry import format_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from sparc_fuse_core.convert.receipt import Receipt
    from sparc_fuse_core.plan.items import Item, Plan
    from sparc_fuse_core.run.local import Watcher

_COLOURS = {"converted": "green", "unchanged": "cyan", "unsupported": "yellow", "failed": "red"}


@contextlib.contextmanager
def watcher_for(stream: TextIO) -> Iterator[Watcher]:
    """Yield bars for a terminal, plain lines for anything else."""
    if not stream.isatty():
        yield PlainLines(stream)
        return
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[shown]}"),
        TimeRemainingColumn(),
        console=Console(file=plain_stream(stream)),
    )
    with progress:
        yield Bars(progress)


class PlainLines:
    """One line for each finished file."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._n_to_do = 0
        self._n_finished = 0

    def planned(self, plan: Plan, to_do: Sequence[Item], done: Sequence[Receipt]) -> None:
        """Say how much there is to do."""
        self._n_to_do = len(to_do)
        size = megabytes(sum(item.size_bytes for item in to_do))
        self._say(
            f"dataset {plan.dataset_id} version {plan.version}: {len(to_do)} to convert ({size}), "
            f"{len(done)} unchanged, {len(plan.skipped)} left out"
        )
        for line in missing_libraries(to_do, plan.options.reader):
            self._say(line)

    def progress(self, path: str, stage: str, amount: int) -> None:
        """Say nothing in between."""

    def finished(self, receipt: Receipt) -> None:
        """Say how a file went."""
        self._n_finished += 1
        tail = (
            f": {remark_of(receipt.path, receipt.message)}"
            if receipt.message
            else f" ({receipt.seconds:.1f} s)"
        )
        self._say(
            f"[{self._n_finished}/{self._n_to_do}] {receipt.status} {told_path(receipt.path)}{tail}"
        )

    def _say(self, text: str) -> None:
        self._stream.write(f"{shown(text)}\n")
        self._stream.flush()


class Bars:
    """An overall bar in bytes, and one for each file at work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._sizes: dict[str, int] = {}
        self._tasks: dict[str, object] = {}
        self._overall = progress.add_task("overall", total=None, shown="")

    def planned(self, plan: Plan, to_do: Sequence[Item], done: Sequence[Receipt]) -> None:
        """Set the total."""
        self._sizes = {item.path: item.size_bytes for item in to_do}
        self._progress.update(
            self._overall,
            description=f"dataset {_plain(plan.dataset_id)}",
            total=sum(self._sizes.values()),
            shown=f"{len(done)} unchanged",
        )
        for line in missing_libraries(to_do, plan.options.reader):
            self._progress.console.print(_plain(line), style="yellow", highlight=False)

    def progress(self, path: str, stage: str, amount: int) -> None:
        """Move a file's bar: fetching counts its bytes."""
        if path not in self._tasks:
            name = path.rpartition("/")[2]
            self._tasks[path] = self._progress.add_task(
                f"  {_plain(name)}", total=self._sizes.get(path), shown=stage
            )
        task = self._tasks[path]
        step = amount if stage == "fetch" else 0
        self._progress.update(task, advance=step, shown=stage)  # type: ignore[arg-type]

    def finished(self, receipt: Receipt) -> None:
        """Take the file's bar away and move the overall one."""
        task = self._tasks.pop(receipt.path, None)
        if task is not None:
            self._progress.remove_task(task)  # type: ignore[arg-type]
        colour = _COLOURS[receipt.status]
        self._progress.console.print(
            f"[{colour}]{receipt.status}[/] {_plain(told_path(receipt.path))}", highlight=False
        )
        size_bytes = self._sizes.get(receipt.path, 0)
        self._progress.update(self._overall, advance=size_bytes, shown="")


def told_path(path: str) -> str:
    """Return a path as the user knows it: ``files/`` is put before paths that have none of Discover's."""
    return path.removeprefix("files/")


def remark_of(path: str, message: str) -> str:
    """Return a message without the name of its file in front, which stands beside it."""
    return message.removeprefix(f"{path}: ").removeprefix(f"{path.rpartition('/')[2]}: ")


class Ended(Protocol):
    """A run that has its manifest, on one machine or in the cloud."""

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest's content."""

    @property
    def manifest_uri(self) -> str:
        """Where it is."""

    @property
    def seconds(self) -> float:
        """Wall time."""


def print_summary(run: Ended, stream: TextIO, only: AbstractSet[str] | None = None) -> None:
    """Print what happened to each file, then the counts.

    Parameters
    ----------
    only
        Paths of the files that the call was about, where it was not about the whole dataset.
    """
    table = Table("status", "file", "result", "verified", "remark", title_justify="left")
    entries = [*run.manifest["items"], *run.manifest["skipped"]]
    listed = [entry for entry in entries if only is None or entry["path"] in only]
    for entry in listed:
        status = entry["status"]
        # the file stands in its own column
        remark = remark_of(entry["path"], entry["message"])
        if not remark and entry.get("score") is not None:
            remark = f"score {entry['score']:.2f}"
        unused = [told for told in entry.get("explanation", ()) if told.startswith(UNUSED)]
        remark = "; ".join(filter(None, (remark, *(told.rstrip(".") for told in unused))))
        if status == "failed":
            remark = f"{entry['error']}: {remark}"
        table.add_row(
            f"[{_COLOURS[status]}]{status}[/]",
            _plain(told_path(entry["path"])),
            _plain(_shown(entry)),
            _verified(entry),
            _plain(remark),
        )
    console = Console(file=plain_stream(stream), width=None if stream.isatty() else 160)
    console.print(table)
    for warning in run.manifest.get("warnings", ()):
        console.print(f"[yellow]warning[/] {_plain(warning)}", highlight=False)
    counts = Counter(entry["status"] for entry in listed)
    console.print(
        ", ".join(f"{counts[name]} {name}" for name in _COLOURS) + f" in {run.seconds:.1f} s",
        highlight=False,
    )
    if len(listed) < len(entries):
        console.print(
            f"the dataset has {len(entries)} files in all, see its manifest", highlight=False
        )
    console.print(f"manifest: {_plain(run.manifest_uri)}", highlight=False, soft_wrap=True)


def _verified(entry: dict[str, Any]) -> str:
    """Say what read it back, and what another library said."""
    opinion = entry.get("independent") or {}
    said = entry.get("verification", "")
    if not opinion:
        return str(said)
    library = f"{opinion['library']} " if "library" in opinion else ""
    return f"{said}, {library}{opinion['result']}"


def _shown(entry: dict[str, object]) -> str:
    """Shapes of what a file became: ``2 × 3000 @ 1000 Hz``."""
    things = entry.get("things") or ()
    if entry["status"] not in DONE:
        return ""
    parts = []
    for thing in things:  # type: ignore[attr-defined]
        shape = " × ".join(str(length) for length in thing.get("shape", ()))
        rate = thing.get("sampling_rate_hz")
        shape = shape or _points_of(thing.get("arrays"))
        parts.append(f"{shape} @ {rate:g} Hz" if rate else shape)
    text = "; ".join(parts[:4]) + ("; …" if len(parts) > 4 else "")
    n_events = entry.get("n_events")
    return f"{text}{', ' if text and n_events else ''}{n_events} events" if n_events else text


def _points_of(arrays: object) -> str:
    """How many points a mesh, tracing or drawing has; ``""`` where no array of it is called so."""
    for name in ("points", "vertices"):
        if isinstance(arrays, dict) and name in arrays:
            return f"{arrays[name][0]} {name}"
    return ""


_PLAN_COLUMNS = ("file", "format", "scheme", "size", "memory", "seconds", "result")
_CLOUD_COLUMNS = (
    "file",
    "format",
    "scheme",
    "size",
    "runner",
    "memory",
    "seconds",
    "US$",
    "result",
)

#: Plans of more files are printed as lines with tabs.
_TABLE_ROWS = 2000


def print_plan(plan: Plan, stream: TextIO, *, cloud: bool = False) -> None:
    """Print what would be done to each file on this machine, or in the ``cloud`` and at what cost."""
    columns = _CLOUD_COLUMNS if cloud else _PLAN_COLUMNS
    rows = [_plan_row(item, cloud=cloud) for item in plan.items]
    console = Console(file=plain_stream(stream), width=None if stream.isatty() else 180)
    if len(rows) + len(plan.skipped) > _TABLE_ROWS:
        # a drawn table of 50,000 files takes 40 s
        stream.writelines("\t".join(row) + "\n" for row in [columns, *rows])
        stream.writelines(f"{entry.status}\t{entry.reason}\n" for entry in plan.skipped)
    else:
        table = Table(*columns)
        for row in rows:
            table.add_row(*(_plain(text) for text in row))
        console.print(table)
        for entry in plan.skipped:
            console.print(f"[yellow]{entry.status}[/] {_plain(entry.reason)}", highlight=False)
    console.print(
        f"{len(plan.items)} to convert, {len(plan.skipped)} left out, about "
        f"{sum(item.seconds for item in plan.items):.0f} s of work"
        + (f" and US$ {plan.cost_usd:.4f} in the cloud" if cloud else ""),
        highlight=False,
    )
    for line in () if cloud else missing_libraries(plan.items, plan.options.reader):
        console.print(f"[yellow]{_plain(line)}[/]", highlight=False, soft_wrap=True)


def _plan_row(item: Item, *, cloud: bool) -> tuple[str, ...]:
    more = f" (+{len(item.files) - 1})" if len(item.files) > 1 else ""
    start = (
        item.path.removeprefix("files/") + more,
        item.format,
        item.scheme.name if item.scheme else "",
        megabytes(item.size_bytes),
    )
    needs = (megabytes(item.memory_bytes), f"{item.seconds:.0f}")
    if cloud:
        return (*start, item.runner, *needs, f"{item.cost_usd:.5f}", item.output)
    return (*start, *needs, item.output)


def missing_libraries(items: Sequence[Item], reader: str = "own") -> list[str]:
    """Return a line for each optional library that is not installed and that files to convert need."""
    wanted: dict[str, list[str]] = {}
    for item in items:
        extra = missing_extra(read_by(format_named(item.format), reader))
        if extra:
            wanted.setdefault(extra, []).append(item.path.removeprefix("files/"))
    return [
        f"{len(paths)} file{'s' if len(paths) > 1 else ''} ({paths[0]}{', …' if len(paths) > 1 else ''}) "
        f"cannot be read yet: {install_hint(extra)}"
        for extra, paths in sorted(wanted.items())
    ]


def megabytes(n_bytes: int) -> str:
    """Return a size as people read it, in units of 1,000."""
    value = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _plain(text: str) -> str:
    """Text from a dataset, with what rich would take for markup escaped."""
    return shown(text).replace("[", r"\[")
