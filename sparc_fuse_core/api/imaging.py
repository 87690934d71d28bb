"""The documented `convert_imaging_file`: one image file to one OME-Zarr store."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import zarr

from sparc_fuse_core.errors import EmptyFileError, RequestError, VerificationError
from sparc_fuse_core.formats.registry import load_reader
from sparc_fuse_core.formats.signatures import format_of
from sparc_fuse_core.paths import expanded
from sparc_fuse_core.privacy.pixels import refuse_burned_in
from sparc_fuse_core.privacy.screening import screen
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.storage.folder import FolderDestination
from sparc_fuse_core.verify.images import compare_images, validate
from sparc_fuse_core.writers.downsampling import (
    OWN_METHOD,
    applies,
    check_method,
    rewrite_levels,
    with_method,
)
from sparc_fuse_core.writers.ome_collection import series_paths
from sparc_fuse_core.writers.ome_zarr import write_images
from sparc_fuse_core.writers.zarr_arrays import consolidate


def convert_imaging_file(
    local_path: Path,
    *,
    output_dir: Path,
    ome_zarr_version: str | None = None,
    method: str = "dask_image_gaussian",
    output_scale: str = "3",
) -> Path:
    """Convert one image file to an OME-Zarr store and return its path.

    Parameters
    ----------
    local_path
        The file; its companions lie beside it.
    output_dir
        Where ``<file name>.ome.zarr`` is written; made if absent.
    ome_zarr_version
        ``"0.4"``, ``"0.5"``, or None for the default (0.5).
    method
        Any downsampling method of ngff-zarr by its name, or ``"mean"``, this project's own and faster one.
        ngff-zarr's halve y and x; ``"mean"`` also z where its stated step allows. Labels and 1-bit
        pixels are never averaged: methods that do leave them to every second pixel, and the
        store says so.
    output_scale
        Accepted for older code; ngff-zarr uses it for single-scale outputs only, so it changes nothing in
        an OME-Zarr.

    Raises
    ------
    ValueError
        If the file holds no image, its raster's shape is none, or an argument has no such value.
    """
    del output_scale
    version = ome_zarr_version or "0.5"
    if version not in ("0.4", "0.5"):
        message = f"ome_zarr_version {version!r}: choose '0.4', '0.5' or None"
        raise RequestError(message)
    check_method(method)
    path = expanded(local_path)
    settings = Settings.from_environment()
    row = format_of(path)
    destination = FolderDestination(Path(output_dir))
    with destination.scratch() as scratch, load_reader(row)(path, {}) as stated:
        contents = screen(stated, row.name, free_text=False).contents
        refuse_burned_in(contents, path.name)
        if not contents.images:
            message = f"{path.name}: holds no image"
            raise EmptyFileError(message)
        out = scratch / "out"
        chosen: Literal["0.4", "0.5"] = "0.4" if version == "0.4" else "0.5"
        write_images(
            contents.images,
            out,
            path.name,
            ome_zarr_version=chosen,
            memory_budget_bytes=settings.memory_budget_bytes,
            attributes={"original_file_name": path.name, "source_format": row.title},
            halve_z=method == OWN_METHOD,
        )
        differences = compare_images(
            contents.images,
            out,
            whole_bytes=settings.verify_whole_bytes,
            halve_z=method == OWN_METHOD,
        )
        if differences:
            message = f"{path.name}: what was written differs: {'; '.join(differences)}"
            raise VerificationError(message)
        names = series_paths(len(contents.images))
        for image, name in zip(contents.images, names, strict=True):
            store = out / name if name else out
            if applies(image, method):
                rewrite_levels(image, store, method)
                _name_method(store, method, chosen)
        if len(names) > 1:
            # its metadata holds that of all images
            consolidate(out, 2 if chosen == "0.4" else 3)
        validate(out)
        destination.put_result(out, f"{path.name}.ome.zarr")
    return expanded(output_dir) / f"{path.name}.ome.zarr"


def _name_method(store: Path, method: str, version: str) -> None:
    group = zarr.open_group(store, mode="r+")
    attributes: dict[str, Any] = dict(group.attrs)
    ome = attributes if version == "0.4" else attributes["ome"]
    ome["multiscales"] = [with_method(ome["multiscales"][0], method)]
    group.attrs.update(attributes)
    consolidate(store, 2 if version == "0.4" else 3)
