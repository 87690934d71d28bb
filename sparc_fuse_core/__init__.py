"""Turn SPARC datasets into Zarr recordings and OME-Zarr images.

Importing this package does no I/O, reads no environment and loads no heavy library; names are resolved on
first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparc_fuse_core.api.buckets import (
        consolidate_s3_metadata,
        generate_and_upload_manifest,
        open_zarr_from_s3,
        upload_to_s3,
    )
    from sparc_fuse_core.api.datasets import (
        fetch_dataset_metadata,
        get_sparc_datasets_by_id,
        list_primary_files,
        list_sparc_datasets,
        print_project_metadata,
    )
    from sparc_fuse_core.api.files import (
        download_and_convert_sparc_data,
        download_and_move_sparc_file,
    )
    from sparc_fuse_core.api.imaging import convert_imaging_file
    from sparc_fuse_core.api.raw_store import create_xarray_zarr_from_raw
    from sparc_fuse_core.opening.handover import (
        to_dataframe,
        to_mne,
        to_neo,
        to_spikeinterface,
    )
    from sparc_fuse_core.opening.images import open_image
    from sparc_fuse_core.opening.recordings import open_zarr, overview
    from sparc_fuse_core.opening.results import open_results
    from sparc_fuse_core.opening.windows import windows

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
    "open_image",
    "open_results",
    "open_zarr",
    "open_zarr_from_s3",
    "overview",
    "print_project_metadata",
    "to_dataframe",
    "to_mne",
    "to_neo",
    "to_spikeinterface",
    "upload_to_s3",
    "windows",
]

_HOME = {
    "consolidate_s3_metadata": "api.buckets",
    "convert_imaging_file": "api.imaging",
    "create_xarray_zarr_from_raw": "api.raw_store",
    "download_and_convert_sparc_data": "api.files",
    "download_and_move_sparc_file": "api.files",
    "fetch_dataset_metadata": "api.datasets",
    "generate_and_upload_manifest": "api.buckets",
    "get_sparc_datasets_by_id": "api.datasets",
    "list_primary_files": "api.datasets",
    "list_sparc_datasets": "api.datasets",
    "open_image": "opening.images",
    "open_results": "opening.results",
    "open_zarr": "opening.recordings",
    "open_zarr_from_s3": "api.buckets",
    "overview": "opening.recordings",
    "print_project_metadata": "api.datasets",
    "to_dataframe": "opening.handover",
    "to_mne": "opening.handover",
    "to_neo": "opening.handover",
    "to_spikeinterface": "opening.handover",
    "upload_to_s3": "api.buckets",
    "windows": "opening.windows",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
