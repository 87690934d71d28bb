"""Turn SPARC datasets into Zarr recordings and OME-Zarr images.

Importing this package does no I/O, reads no environment and loads no heavy library; names are resolved on
first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparc_fuse_core.api.functions import (
        consolidate_s3_metadata,
        convert_imaging_file,
        create_xarray_zarr_from_raw,
        download_and_convert_sparc_data,
        download_and_move_sparc_file,
        fetch_dataset_metadata,
        generate_and_upload_manifest,
        get_sparc_datasets_by_id,
        list_primary_files,
        list_sparc_datasets,
        open_zarr_from_s3,
        print_project_metadata,
        upload_to_s3,
    )
    from sparc_fuse_core.opening.recordings import open_zarr, overview

__all__ = [
    "consolidate_s3_metadata",
    "convert_imaging_file",
    "create_xarray_zarr_from_raw",
    "download_and_convert_sparc_data",
    "download_and_move_sparc_file",
    "fetch_dataset_metadata",
    "generate_and_upload_manifest",
    "get_sparc_datasets_by_id",
    "list_primary_files",
    "list_sparc_datasets",
    "open_zarr",
    "open_zarr_from_s3",
    "overview",
    "print_project_metadata",
    "upload_to_s3",
]

_HOME = dict.fromkeys(__all__, "sparc_fuse_core.api.functions") | {
    "open_zarr": "sparc_fuse_core.opening.recordings",
    "overview": "sparc_fuse_core.opening.recordings",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
