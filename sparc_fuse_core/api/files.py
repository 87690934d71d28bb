"""One file fetched, or a dataset's primary files converted, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparc_fuse_core.api.datasets import PRIMARY
from sparc_fuse_core.convert.context import make_context
from sparc_fuse_core.convert.receipt import Receipt, write_receipt
from sparc_fuse_core.errors import EmptyDatasetError, RequestError, SourceError
from sparc_fuse_core.plan.items import ConvertOptions, Item
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.run.work import done_already
from sparc_fuse_core.run.workers import convert_in_child
from sparc_fuse_core.schemes.schemes import load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import fetch_file, open_source
from sparc_fuse_core.storage.destination import open_destination


# ------------------------------------------------------------------------------------- files
def download_and_move_sparc_file(rel_path: str, dataset_id: int, output_dir: str | Path) -> Path:
    """Download one file into ``output_dir`` and return where it is.

    Parameters
    ----------
    rel_path
        Path in the dataset; ``primary/`` in front is added if missing.

    Raises
    ------
    FileNotFoundError
        If the dataset has no file of exactly this path.
    """
    settings = Settings.from_environment()
    source = open_source(dataset_id, settings=settings)
    wanted = PRIMARY + rel_path.strip("/").removeprefix("files/").removeprefix("primary/")
    for file in source.list_files():
        if file.path == wanted:
            folder = Path(output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            return fetch_file(file, folder, settings, None)
    message = f"{rel_path}: dataset {dataset_id} has no file {wanted}"
    raise FileNotFoundError(message)


def download_and_convert_sparc_data(
    dataset_id: int,
    primary_paths: str | list[str] | None = None,
    *,
    output_dir: str | Path = "./output",
    descriptors_dir: str | Path = "./mapping_schemes",
    file_format: str = "npz",
    overwrite: bool = False,
) -> list[dict[str, Any]]:
    """Download primary files, convert them, and clean up.

    Parameters
    ----------
    primary_paths
        One path or a list, with or without ``primary/`` in front; all primary files if None.
    descriptors_dir
        Folder of mapping schemes; the built-in ones if it does not exist.
    file_format
        ``"npz"``, ``"zarr"``, ``"zarr.zip"`` or ``"mat"``. Images become OME-Zarr always.

    Returns
    -------
    One dict a file: ``rel_path, local_path, std_path, descriptor_id, mapping_score, status, error``, with
    status ``"ok"``, ``"failed"`` or ``"unsupported"``. ``local_path`` is None: downloads are temporary.

    Raises
    ------
    ValueError
        If there is nothing to process. A file's own failure is its dict.
    """
    settings = Settings.from_environment()
    options = ConvertOptions(file_format=file_format)
    folder = Path(descriptors_dir)
    schemes = load_schemes(folder if any(folder.glob("*.toml")) else None, with_built_in=True)
    source = open_source(dataset_id, settings=settings)
    asked = [primary_paths] if isinstance(primary_paths, str) else primary_paths
    paths = [
        f"primary/{p.strip('/').removeprefix('files/').removeprefix('primary/')}"
        for p in asked or ()
    ]
    try:
        plan = plan_dataset(
            source, schemes, settings, paths=paths or ["primary"], options=options, here=True
        )
    except (SourceError, FileNotFoundError) as err:
        if isinstance(err, FileNotFoundError | EmptyDatasetError):
            message = f"nothing to process: {err}"
            raise RequestError(message) from err
        raise
    if not plan.items and not plan.skipped:
        message = f"nothing to process: dataset {dataset_id} has no primary file"
        raise RequestError(message)
    destination = open_destination(output_dir, settings, folder=plan.folder)
    rows = [_row(entry.path, None, "", None, entry.status, entry.reason) for entry in plan.skipped]
    with destination.lock():
        destination.sweep()
        context = make_context(plan, source, settings)
        find_done = done_already(plan, destination)
        for item in plan.items:
            receipt = None if overwrite else find_done(item)
            if receipt is None:
                receipt = convert_in_child(item, context, destination.uri)
                write_receipt(destination, context.folder, receipt)
            result = f"{destination.uri}/{context.folder}/{item.output}"
            rows.append(_row_of(receipt, item, result))
    return sorted(rows, key=lambda row: row["rel_path"])


def _row_of(receipt: Receipt, item: Item, result: str) -> dict[str, Any]:
    converted = receipt.is_done
    return _row(
        item.path,
        result if converted else None,
        receipt.scheme or receipt.format,
        receipt.score,
        "ok" if converted else receipt.status,
        receipt.message or None,
    )


def _row(
    path: str,
    std_path: str | None,
    descriptor: str,
    score: float | None,
    status: str,
    error: str | None,
) -> dict[str, Any]:
    return {
        "rel_path": path.removeprefix("files/"),
        "local_path": None,
        "std_path": std_path,
        "descriptor_id": descriptor or None,
        "mapping_score": score,
        "status": status,
        "error": error,
    }
