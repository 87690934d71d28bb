"""MetaMorph ``.nd``: a text that says which TIFF or STK file holds which wavelength, stage and time.

An image for each stage position. Layout: as Bio-Formats' documentation describes it (DoWave, DoStage,
DoTimelapse, DoZSeries; files ``<stem>_w1<name>_s1_t1``).
"""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError
from sparc_fuse_core.formats.set_headers import metamorph_facts, metamorph_planes
from sparc_fuse_core.model import Contents, Evidence
from sparc_fuse_core.readers.shared.planes import unique_names
from sparc_fuse_core.readers.tiff.reader import read as read_tiff
from sparc_fuse_core.readers.tiff.stacked import Placed, Stated, stacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sparc_fuse_core.model import Image

_MAX_TEXT = 1_000_000
_SUFFIXES = (".tif", ".tiff", ".stk")


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a ``.nd`` and the files that it announces; see `sparc_fuse_core.readers.Reader`."""
    del options
    with path.open("rb") as file:
        text = file.read(_MAX_TEXT).decode("latin-1")
    stated = metamorph_facts(text)
    if "NDInfoFile" not in text.partition("\n")[0]:
        message = f"{path.name}: does not begin as a MetaMorph .nd file; upload it again"
        raise CorruptFileError(message)
    planes = metamorph_planes(path.stem, text)
    if not planes:
        message = f"{path.name}: announces no file, or too many"
        raise EmptyFileError(message)
    with ExitStack() as stack:
        yield _contents(path, stated, planes, stack)


def _contents(
    path: Path,
    stated: Mapping[str, str],
    planes: list[tuple[str, int, int, int]],
    stack: ExitStack,
) -> Contents:
    beside = {other.name.casefold(): other for other in path.parent.iterdir() if other.is_file()}
    n_waves = max(wave for _, wave, _, _ in planes) + 1
    channels = tuple(stated.get(f"WaveName{i + 1}", "") for i in range(n_waves))
    step = _number(stated.get("ZStepSize", ""))
    scale = {"z": step} if math.isfinite(step) and step > 0 else {}
    images: list[Image] = []
    evidence: list[Evidence] = []
    for stage in sorted({stage for _, _, stage, _ in planes}):
        placed = [
            Placed(_found(path, beside, name), time, wave)
            for name, wave, at, time in planes
            if at == stage
        ]
        placed, n_cut = _recorded(placed)
        if n_cut:
            sentence = f"the last {n_cut} time points were announced and not recorded"
            evidence.append(Evidence("content", "missing", sentence))
        name = stated.get(f"Stage{stage + 1}", "") or (f"stage {stage + 1}" if stage else "")
        about = Stated(name, scale, dict.fromkeys(scale, "micrometer"), channels)
        image, remarks = stacked(path, placed, about, _open, stack)
        images.append(image)
        evidence += remarks
    names = unique_names(image.name for image in images)
    if len(images) == 1:
        names = [""]
    return Contents(
        images=tuple(replace(image, name=name) for image, name in zip(images, names, strict=True)),
        evidence=tuple(evidence),
    )


def _open(path: Path) -> Any:
    return read_tiff(path, {})


def _found(path: Path, beside: Mapping[str, Path], name: str) -> Path:
    """Return the file of a plane, under whichever suffix it has; where there is none, the usual one."""
    for suffix in _SUFFIXES:
        found = beside.get(f"{name}{suffix}".casefold())
        if found is not None:
            return found
    return path.with_name(f"{name}{_SUFFIXES[0]}")


def _recorded(placed: list[Placed]) -> tuple[list[Placed], int]:
    """Return the planes without the last time points that have no file at all, and how many those are."""
    times = {one.t for one in placed if one.path.is_file()}
    last = max(times, default=-1)
    if last < 0:
        return placed, 0
    kept = [one for one in placed if one.t <= last]
    return kept, max(one.t for one in placed) - last


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan
