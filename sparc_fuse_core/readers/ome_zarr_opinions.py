"""What three validators say of somebody's own OME-Zarr: accepted where most of those that know its version do.

The strictest one does not decide alone: what a minority finds is told. yaozarrs and ome-zarr-models know
versions 0.4 and 0.5; ngff-zarr checks all, 0.6 included, against the published JSON schemas.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import ngff_zarr
import ome_zarr_models
import yaozarrs
import zarr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BOTH = ("0.4", "0.5")


def opinions(image: Path, version: str) -> tuple[bool, list[str]]:
    """Return whether an image's group is accepted, and what each validator that refuses it found."""
    asked: list[tuple[str, Callable[[Path], Any]]] = [("ngff-zarr", _ngff_zarr)]
    if version in _BOTH:
        asked = [("yaozarrs", _yaozarrs), ("ome-zarr-models", _ome_zarr_models), *asked]
    findings = []
    for name, validate in asked:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                validate(image)
            except Exception as err:  # noqa: BLE001 - whatever it raises is its finding
                findings.append(f"{name}: {' '.join(str(err).split())[:300]}")
    return 2 * len(findings) < len(asked), findings


def _yaozarrs(image: Path) -> None:
    yaozarrs.validate_zarr_store(str(image))


def _ome_zarr_models(image: Path) -> None:
    group = zarr.open_group(image, mode="r")
    models = ome_zarr_models.v05 if "ome" in group.attrs else ome_zarr_models.v04
    models.Image.from_zarr(group)


def _ngff_zarr(image: Path) -> None:
    ngff_zarr.from_ngff_zarr(str(image), validate=True)
