"""Convert shared real images and print what came of each, against the truth stated beside it.

``python -m tests.imaging_table <folder of samples> <new folder>`` converts all of the folder through the
pipeline, then looks at the published stores only, with zarr-python: pixels of level 0 by sha256, scale and
channels against Bio-Formats' view, both validators again.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import math
import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import ome_zarr_models
import yaozarrs
import zarr

from sparc_fuse_core.run.local import convert_dataset
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sparc_fuse_core.convert.receipt import Receipt

_METERS = {"nm": 1e-9, "µm": 1e-6, "mm": 1e-3, "fm": 1e-15}
_UNITS = {
    "picometer": 1e-12,
    "nanometer": 1e-9,
    "micrometer": 1e-6,
    "millimeter": 1e-3,
    "centimeter": 1e-2,
    "second": 1.0,
    "hour": 3600.0,
}
#: Orders of five axes are tried only where the bytes to hash stay few.
_SMALL_BYTES = 1 << 24
_MANY = 6


def _truth(path: Path) -> dict[str, Any]:
    stated = Path(f"{path}.expected.json")
    found: dict[str, Any] = json.loads(stated.read_text("utf-8")) if stated.exists() else {}
    return found


def _sums(node: Any) -> Iterator[str]:
    """Yield every checksum of pixels that a truth file states."""
    if isinstance(node, dict):
        if "sha256_tczyx" in node:
            yield node["sha256_tczyx"]
        for value in node.values():
            yield from _sums(value)
    elif isinstance(node, list):
        for value in node:
            yield from _sums(value)


def _stores(root: Path) -> list[Path]:
    """Return the images of a result: itself, or those of its collection."""
    attributes: Any = dict(zarr.open_group(root, mode="r").attrs)
    if "bioformats2raw.layout" not in _ome(attributes):
        return [root]
    inner: Any = dict(zarr.open_group(root / "OME", mode="r").attrs)
    return [root / path for path in _ome(inner)["series"]]


def _stated_images(truth: dict[str, Any]) -> list[dict[str, Any]]:
    native = truth.get("native") or {}
    first: dict[str, Any] = native[0] if isinstance(native, list) else native
    images: list[dict[str, Any]] = first.get("images", [first])
    return images


def _pixels(
    attributes: dict[str, Any], store: Path, truth: dict[str, Any], planes: set[str]
) -> str:
    """Compare level 0 with the stated checksums: as it is, then with its axes called otherwise.

    A stack of single-slice files is compared plane by plane with ``planes``, the sums of all these files;
    indices also with their palette applied; of a video the truth is the sum of its RGB values.
    """
    multiscale = _ome(attributes)["multiscales"][0]
    axes = [axis["name"] for axis in multiscale["axes"]]
    array: Any = zarr.open_group(store, mode="r")[multiscale["datasets"][0]["path"]]
    pixels = np.asarray(array[...])
    sums = set(_sums(truth))
    for order in ("tczyx", *map("".join, itertools.permutations("tczyx"))):
        if _sha256(pixels.transpose([axes.index(a) for a in order if a in axes])) in sums:
            return "equal" if order == "tczyx" else f"equal, ordered {order}"
        if pixels.nbytes > _SMALL_BYTES:
            break
    if axes[0] == "z" and {_sha256(plane) for plane in pixels} <= planes:
        return "equal, plane by plane"
    palette = json.loads(attributes.get("image_metadata", "{}")).get("palette")
    if palette and _sha256(_colours(pixels, palette)) in sums:
        return "equal with the palette applied"
    for image in _stated_images(truth):
        if "sum" in image.get("meta", {}):
            n_alike = 1 if "c" in axes else 3
            total = int(pixels.sum(dtype="int64")) * n_alike
            return "sum of RGB equal" if total == image["meta"]["sum"] else "differ"
    return "differ" if sums else "no truth stated"


def _sha256(pixels: Any) -> str:
    little = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    return hashlib.sha256(little.tobytes()).hexdigest()


def _colours(indices: Any, palette: list[str]) -> Any:
    table = np.array([list(bytes.fromhex(color)) for color in palette], np.uint8)
    return np.moveaxis(table.take(indices, axis=0, mode="clip"), -1, 0)


def _scale(ome: dict[str, Any], stated: dict[str, Any]) -> str:
    """Compare the steps with Bio-Formats' of the same image."""
    multiscale = ome["multiscales"][0]
    steps = multiscale["datasets"][0]["coordinateTransformations"][0]["scale"]
    notes = []
    for axis, step in zip(multiscale["axes"], steps, strict=True):
        name, unit = axis["name"], axis.get("unit")
        theirs = (stated.get("phys") or {}).get(name)
        ours = f"{name} {step:.6g} {unit or '-'}" if unit or step != 1 else ""
        if theirs and unit in _UNITS and (theirs[1] in _METERS or theirs[1] == "s"):
            factor = _METERS.get(theirs[1], 1.0)
            same = math.isclose(step * _UNITS[unit], theirs[0] * factor, rel_tol=1e-5)
            ours += "" if same else f" (BF {theirs[0]:.6g} {theirs[1]})"
        elif theirs:
            ours += f" (BF {name} {theirs[0]:.6g} {theirs[1]})"
        if ours:
            notes.append(ours.strip())
    return ", ".join(notes) or "none stated"


def _validators(store: Path) -> str:
    checks: dict[str, Callable[[], Any]] = {
        "yaozarrs": lambda: yaozarrs.validate_zarr_store(str(store)),
        "ome-zarr-models": lambda: ome_zarr_models.open_ome_zarr(zarr.open_group(store, mode="r")),
    }
    said = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, check in checks.items():
            try:
                check()
            except Exception as err:  # noqa: BLE001 - whatever it raises is its finding
                said.append(f"{name}: {' '.join(str(err).split())[:80]}")
    return "; ".join(said) or "both accept"


def _ome(attributes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = attributes.get("ome", attributes)
    return found


def _image_row(
    store: Path, stated: dict[str, Any], truth: dict[str, Any], planes: set[str]
) -> list[str]:
    attributes: Any = dict(zarr.open_group(store, mode="r").attrs)
    ome = _ome(attributes)
    axes = "".join(axis["name"] for axis in ome["multiscales"][0]["axes"])
    level0: Any = zarr.open_group(store, mode="r")["0"]
    names = [channel["label"] for channel in ome.get("omero", {}).get("channels", [])]
    if len(names) > _MANY:
        names = [names[0], "…", names[-1]]
    return [
        attributes["image_kind"],
        f"{axes} {'×'.join(map(str, level0.shape))} {level0.dtype}",
        _pixels(attributes, store, truth, planes),
        _scale(ome, stated),
        ", ".join(names),
        _validators(store),
    ]


def rows(samples: Path, work: Path) -> Iterator[list[str]]:
    """Convert ``samples`` below ``work`` and yield the table's rows."""
    source = work / "imaging"
    for file in samples.rglob("*"):
        if file.is_file() and not file.name.endswith((".expected.json", "README.md")):
            target = source / "primary" / file.relative_to(samples)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    settings = Settings()
    opened = open_source(str(source), settings=settings)
    run = convert_dataset(opened, work / "out", load_schemes(), settings)
    for receipt in sorted(run.receipts, key=lambda receipt: receipt.path):
        yield from _rows_of(receipt, samples, work / "out" / "imaging" / "local")


def _rows_of(receipt: Receipt, samples: Path, folder: Path) -> Iterator[list[str]]:
    path = receipt.path.removeprefix("files/primary/")
    if receipt.status != "converted":
        said = f"{receipt.error}: {receipt.message}" if receipt.error else receipt.message
        yield [path, receipt.status, "", "", "", "", "", said.replace("|", "/")]
        return
    remark = f"{receipt.verification}, score {receipt.score}"
    remark += "".join(f"; {text}" for text in receipt.explanation)
    if receipt.kind != "image":
        yield [path, receipt.kind, "", "", "", "", "", remark]
        return
    truth = _truth(samples / path)
    series = (truth.get("bioformats_7.3.1") or {}).get("series") or []
    beside = (samples / path).parent.glob(f"*{Path(path).suffix}")
    planes = {text for file in beside for text in _sums(_truth(file))}
    for n, store in enumerate(_stores(folder / receipt.output)):
        stated = series[n] if n < len(series) else {}
        if n >= len(_stated_images(truth)):
            truth = {}
        name = path if store == folder / receipt.output else f"{path} [{store.name}]"
        yield [name, *_image_row(store, stated, truth, planes), remark]


def main() -> None:
    """Print the table as Markdown."""
    samples, work = map(Path, sys.argv[1:])
    titles = ["file", "kind", "image", "pixels", "scale", "channels", "validators", "remark"]
    with contextlib.suppress(BrokenPipeError):
        for row in (titles, ["---"] * len(titles), *rows(samples, work)):
            sys.stdout.write(f"| {' | '.join(row)} |\n")


if __name__ == "__main__":
    main()
