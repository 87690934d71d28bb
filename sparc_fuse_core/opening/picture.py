"""Describe a result in words and draw it as a PNG, whatever it is; or say in one line why not."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import IncompleteResultError, RequestError, ResultNotFoundError
from sparc_fuse_core.opening.drawing.kept import draw_arrays, draw_shapes
from sparc_fuse_core.opening.drawing.pixels import draw_image
from sparc_fuse_core.opening.drawing.traces import draw_recording
from sparc_fuse_core.opening.ome import ome_of
from sparc_fuse_core.opening.places import below, open_group, store_of
from sparc_fuse_core.opening.results import Results, open_results
from sparc_fuse_core.paths import expanded
from sparc_fuse_core.writers.dense_arrays import dense_codec

if TYPE_CHECKING:
    import zarr

#: Results that other programs open, by their suffix.
_OTHERS = {
    ".npz": "numpy.load(…, allow_pickle=False) opens it",
    ".mat": "MATLAB, Octave and scipy.io.loadmat open it",
}
_LISTED = 40


@dense_codec()
def describe_and_draw(target: str, picture: Path | None = None) -> tuple[str, Path | None]:
    """Return (what is there in words, where its picture is; None for a whole dataset).

    Raises
    ------
    ResultNotFoundError
        If nothing is there, or something that has to be converted first.
    IncompleteResultError
        If the result is damaged or not whole.
    MissingDependencyError
        If matplotlib is not installed.
    OutputNotWritableError
        If the picture cannot be written.
    """
    target = target.rstrip("/") or target
    name = target.rpartition("/")[2]
    results = _whole_dataset(target)
    if results is not None:
        return _listing(results), None
    root = _root(target)
    out = expanded(picture) if picture else Path(f"{name}.png")
    if out.is_dir():
        out = out / f"{name}.png"
    return _drawn(target, root, name, out), out


def _drawn(target: str, root: zarr.Group, name: str, out: Path) -> str:
    ome = ome_of(root)
    kind = root.attrs.get("kind")
    try:
        if "multiscales" in ome or "bioformats2raw.layout" in ome or "plate" in ome:
            return draw_image(target, name, out)
        if "signals" in root or kind == "signal" or "event_time_s" in root:
            return draw_recording(target, name, out)
        if kind == "shapes" or "n_shapes" in root.attrs:
            return draw_shapes(root, name, out)
        if kind in ("arrays", "table"):
            return draw_arrays(root, name, out)
    except (KeyError, IndexError, TypeError, ValueError) as err:
        if isinstance(err, RequestError):
            raise
        message = (
            f"{target}: damaged, or of a layout that is not known ({type(err).__name__}: {err})"
        )
        raise IncompleteResultError(message) from err
    message = f"{target}: a Zarr store that is no result of this converter"
    raise ResultNotFoundError(message)


def _whole_dataset(target: str) -> Results | None:
    """Return the results of a folder that holds a dataset's; None for anything else."""
    if target.endswith((".zarr", ".zip")):
        return None
    try:
        return open_results(target)
    except ResultNotFoundError:
        return None


def _listing(results: Results) -> str:
    counts = Counter(results.manifest.get("counts", {}))
    lines = [
        f"dataset {results.manifest.get('dataset_id')}: {len(results)} results at {results.uri}"
    ]
    lines.append(", ".join(f"{number} {status}" for status, number in counts.items()))
    items = [
        item for item in results.manifest["items"] if item["status"] in ("converted", "unchanged")
    ]
    lines += [
        f"  {item.get('kind') or '?'}  {below(results.uri, item['output'])}"
        for item in items[:_LISTED]
    ]
    if len(items) > _LISTED:
        lines.append(f"  … {len(items) - _LISTED} more, see its manifest.json")
    lines.append("open one of them to draw it")
    return "\n".join(lines)


def _root(target: str) -> zarr.Group:
    """Return the group of a store.

    Raises
    ------
    ResultNotFoundError
        If there is none; the message says what is there and what to do.
    """
    if "://" not in target:
        path = expanded(target)
        if path.suffix.lower() in _OTHERS:
            what = _OTHERS[path.suffix.lower()]
            missing = "" if path.is_file() else "no such file; "
            message = f"{target}: {missing}{what}; a picture is drawn of Zarr results"
            raise ResultNotFoundError(message)
        if path.is_dir() and not _is_zarr(path):
            message = (
                f"{target}: a folder of files, no result; "
                f"`sparc-fuse convert {shlex.quote(target)}` converts what is in it"
            )
            raise ResultNotFoundError(message)
    return open_group(store_of(target))


def _is_zarr(folder: Path) -> bool:
    names: Any = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
    return folder.name.endswith(".zarr") or any((folder / name).exists() for name in names)
