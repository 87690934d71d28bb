"""What only Bio-Formats reads (Olympus .vsi, Hamamatsu .cxd and much else), by regions, from its own process.

The file is shown to Bio-Formats in a folder that holds nothing but its own set, so that it cannot draw in
neighbours. Pyramid levels, labels, macro and overview images are not read.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.errors import EmptyFileError, MissingCompanionError, SizeLimitError
from sparc_fuse_core.formats.companions import BIOFORMATS_SETS, is_part_for_bioformats
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.bioformats.process import (
    OPEN_TIMEOUT_S,
    READ_TIMEOUT_S,
    Worker,
    worker_command,
)
from sparc_fuse_core.readers.shared.planes import RGB, RGB_COLORS, by_plane, unique_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

#: Readers that a file's name fixes; without one Bio-Formats looks at the content.
_READERS = {
    ".vsi": "loci.formats.in.CellSensReader",
    ".cxd": "loci.formats.in.PCIReader",
}
_MAX_SERIES = 10_000
_MOST_PARTS = 100_000
#: Pixels of one request, so that neither process holds more.
_REQUEST_BYTES = 32_000_000
#: Words in the names of images that show the slide's label or a survey of it.
_ASSOCIATED = ("label", "macro", "overview", "thumbnail")


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a file with Bio-Formats; see `sparc_fuse_core.readers.Reader`."""
    del options
    members = _members(path)
    command = worker_command()
    with (
        tempfile.TemporaryDirectory(prefix="sparc-fuse-") as folder,
        Worker(command, path.name) as worker,
    ):
        for member in members:
            place = Path(folder) / member.relative_to(path.parent)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(member.resolve())
        about, _ = worker.ask(
            OPEN_TIMEOUT_S,
            what="open",
            path=str(Path(folder) / path.name),
            reader=_READERS.get(path.suffix.lower(), ""),
            limit=_MAX_SERIES,
            group=_is_set(path, members),
        )
        yield _contents(path, about, worker, _unused(path, members, about))


def _members(path: Path) -> list[Path]:
    """Return the file and what belongs to it."""
    if path.suffix.lower() != ".vsi":
        return [path, *_parts(path)]
    folder = path.with_name(f"_{path.stem}_")
    if not any(folder.glob("stack*/frame_t*.ets")):
        message = (
            f"{path.name}: the folder {folder.name!r} with stack*/frame_t.ets is absent: a lone .vsi "
            "holds an overview only; put the folder beside it"
        )
        raise MissingCompanionError(message)
    return [path, folder]


def _parts(path: Path) -> list[Path]:
    """Return the parts of a set on disk, as they were planned by their names."""
    leading = PurePosixPath(path.name)
    if leading.suffix.lower() not in BIOFORMATS_SETS:
        return []
    found = []
    # the folder of one item: a worker has nothing else there; of a local run, the dataset's own
    for n, other in enumerate(path.parent.rglob("*")):
        if n >= _MOST_PARTS:
            message = f"{path.name}: more than {_MOST_PARTS} files lie around it"
            raise SizeLimitError(f"{message}; put the set into a folder of its own")
        name = PurePosixPath(other.relative_to(path.parent).as_posix())
        if other != path and other.is_file() and is_part_for_bioformats(leading, name):
            found.append(other)
    return sorted(found)


def _is_set(path: Path, members: Sequence[Path]) -> bool:
    return path.suffix.lower() != ".vsi" and len(members) > 1


def _unused(path: Path, members: Sequence[Path], about: Mapping[str, Any]) -> list[Evidence]:
    """Say which files of a set Bio-Formats did not use."""
    used = set(about.get("used", ()))
    left = [one.name for one in members if one.name not in used]
    if not _is_set(path, members) or not used or not left:
        return []
    shown = ", ".join(left[:5]) + (" …" if len(left) > 5 else "")
    return [Evidence("content", "missing", f"Bio-Formats did not use {len(left)} files: {shown}")]


def _contents(
    path: Path, about: Mapping[str, Any], worker: Worker, evidence: list[Evidence]
) -> Contents:
    images = []
    left_out = []
    kept = []
    for number, series in enumerate(about["series"]):
        name = series["name"].lower()
        if series["thumbnail"] or any(word in name for word in _ASSOCIATED):
            left_out.append(series["name"] or f"series {number}")
        else:
            kept.append((number, series))
    if not kept:
        message = f"{path.name}: no image in it but {', '.join(left_out) or 'none'}"
        raise EmptyFileError(message)
    if left_out:
        sentence = f"label, overview and thumbnail images are left out: {', '.join(left_out)}"
        evidence.append(Evidence("content", "missing", sentence))
    names = unique_names(series["name"] for _, series in kept)
    for name, (number, series) in zip(names, kept, strict=True):
        images.append(_image(name, number, series, worker))
        evidence += _evidence(name, series)
    return Contents(
        images=tuple(images),
        metadata={"bioformats_reader": about["format"]},
        evidence=tuple(evidence),
    )


def _image(name: str, number: int, series: Mapping[str, Any], worker: Worker) -> Image:
    is_bit = series["dtype"] == "bit"
    dtype = np.dtype("uint8" if is_bit else series["dtype"])
    rgb = series["rgb"] in (3, 4) and series["c"] == series["rgb"]
    # its colours are left: it makes them up from wavelengths where a file states none
    names = tuple(series["channels"])
    named = len(names) == series["c"] and any(names)
    with_c = series["c"] > 1 or named
    axes = "".join(
        axis
        for axis in "tczyx"
        if axis in "yx" or (axis == "c" and with_c) or (axis != "c" and series[axis] > 1)
    )
    scale = {
        axis: step
        for axis, step in series["steps"].items()
        if axis in axes and 0 < step < float("inf")
    }
    return Image(
        name,
        by_plane(
            axes,
            tuple(series[axis] for axis in axes),
            dtype,
            _plane_reader(axes, number, series, dtype, worker, samples=rgb),
            samples=rgb,
        ),
        axes,
        scale,
        {axis: "second" if axis == "t" else "micrometer" for axis in scale},
        "label" if is_bit or series["palette"] else "rgb" if rgb else "intensity",
        (*RGB, "alpha")[: series["rgb"]] if rgb else names if named else (),
        (*RGB_COLORS, "FFFFFF")[: series["rgb"]] if rgb else (),
        None if series["bits"] >= 8 * dtype.itemsize or is_bit else series["bits"],
    )


def _plane_reader(
    axes: str,
    number: int,
    series: Mapping[str, Any],
    dtype: np.dtype[Any],
    worker: Worker,
    *,
    samples: bool,
) -> Callable[..., np.ndarray[Any, Any]]:
    looped = [axis for axis in axes[:-2] if not (samples and axis == "c")]
    n_samples = series["rgb"]
    stored = dtype.newbyteorder("<" if series["little_endian"] else ">")

    def read_plane(
        index: tuple[int, ...], of_y: tuple[int, int], of_x: tuple[int, int]
    ) -> np.ndarray[Any, Any]:
        at = {"t": 0, "c": 0, "z": 0} | dict(zip(looped, index, strict=True))
        width = of_x[1] - of_x[0]
        rows = max(1, _REQUEST_BYTES // (width * n_samples * dtype.itemsize))
        bands = []
        for top in range(of_y[0], of_y[1], rows):
            height = min(rows, of_y[1] - top)
            _, data = worker.ask(
                READ_TIMEOUT_S,
                what="read",
                series=number,
                zct=[at["z"], at["c"] // n_samples, at["t"]],
                x=of_x[0],
                y=top,
                width=width,
                height=height,
            )
            shape = (height, width, n_samples)
            if not series["interleaved"]:
                shape = (n_samples, height, width)
            band = np.frombuffer(data, stored).reshape(shape)
            bands.append(band if series["interleaved"] else np.moveaxis(band, 0, -1))
        plane = np.concatenate(bands)
        return plane if samples else plane[..., at["c"] % n_samples]

    return read_plane


def _evidence(name: str, series: Mapping[str, Any]) -> Iterator[Evidence]:
    label = f"{name}: " if name else ""
    for axis, kind in series["modulo"].items():
        yield Evidence("axes", "file", f"{label}{axis} holds a further axis ({kind}) in turn")
    if series["palette"]:
        yield Evidence("content", "file", f"{label}palette indices as stored, without the colours")
