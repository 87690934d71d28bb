"""One figure as a PNG; matplotlib is loaded when something is drawn."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import MissingDependencyError
from sparc_fuse_core.formats.extras import install_hint
from sparc_fuse_core.storage.results import writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Points of a line that a picture can show.
MOST_POINTS = 4000
_DPI = 110


@contextlib.contextmanager
def figure(out: Path, width: float, height: float, title: str) -> Iterator[Any]:
    """Yield a matplotlib figure of a size in inches; it is written to ``out`` at the end.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    OutputNotWritableError
        If ``out`` cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as err:
        message = f"drawing needs matplotlib: {install_hint('plot')}"
        raise MissingDependencyError(message) from err
    drawn = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(drawn)
    drawn.suptitle(plain(title), fontsize=9)
    yield drawn
    with writing(str(out)):
        out.parent.mkdir(parents=True, exist_ok=True)
        drawn.savefig(out)


def plain(text: str, most: int = 120) -> str:
    """Return a text as matplotlib shows it: no formulas, nothing that cannot be drawn, not too long."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    shown = shown if len(shown) <= most else f"{shown[: most - 1]}…"
    return shown.replace("$", r"\$")


def note(drawn: Any, text: str) -> None:
    """Write a remark below the figure."""
    if text:
        drawn.supxlabel(plain(text, 240), fontsize=7, x=0.01, ha="left")
