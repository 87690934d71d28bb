"""Open all results of a dataset by one call: a mapping from source paths to what each became."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import xarray as xr

from sparc_fuse_core.errors import RequestError, ResultNotFoundError
from sparc_fuse_core.opening.images import open_image
from sparc_fuse_core.opening.places import below, open_group, read_file, store_of
from sparc_fuse_core.opening.recordings import open_zarr

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from sparc_fuse_core.settings import Settings

_MANIFEST = "manifest.json"
_LATEST = "latest.json"
_DONE = ("converted", "unchanged")


class Results(Mapping[str, Any]):
    """Results of one version of a dataset by the paths of their sources; each is opened when it is asked for.

    A recording is what `open_zarr` returns, an image what `open_image` does, arrays, tables and shapes are a
    `xarray.DataTree`.

    Attributes
    ----------
    manifest
        What happened to each file of the dataset.
    uri
        Where the results lie.
    """

    def __init__(
        self, uri: str, manifest: Mapping[str, Any], settings: Settings | None = None
    ) -> None:
        self.uri = uri
        self.manifest = manifest
        self._settings = settings
        self._items: dict[str, Any] = {
            item["path"].removeprefix("files/"): item
            for item in manifest["items"]
            if item["status"] in _DONE
        }

    def __getitem__(self, path: str) -> Any:
        """Open the result of a source path; its bare name is enough where no other file has it."""
        item = self._items[self._path_of(path)]
        target = below(self.uri, item["output"])
        kind = item.get("kind")
        if kind == "signal":
            return open_zarr(target, settings=self._settings)
        if kind == "image":
            return open_image(target, settings=self._settings)
        store: Any = open_group(store_of(target, self._settings)).store
        return xr.open_datatree(store, engine="zarr", chunks=None)

    def __iter__(self) -> Iterator[str]:
        """Yield the source paths."""
        return iter(self._items)

    def __len__(self) -> int:
        """Count the results."""
        return len(self._items)

    def table(self) -> pd.DataFrame:
        """Return a row for each result: kind, shape, rate, units, score, size."""
        import pandas as pd

        columns = ("kind", "format", "score", "n_events", "bytes_out", "output")
        rows = [
            {name: item.get(name) for name in columns} | _leading(item)
            for item in self._items.values()
        ]
        return pd.DataFrame(rows, index=pd.Index(self._items, name="path"))

    def _path_of(self, path: str) -> str:
        wanted = path.strip("/").removeprefix("files/")
        if wanted in self._items:
            return wanted
        found = [
            name
            for name, item in self._items.items()
            if wanted in (item["output"], name.rpartition("/")[2], name.removeprefix("primary/"))
        ]
        if len(found) != 1:
            many = f"several: {', '.join(sorted(found)[:5])}" if found else f"none of {len(self)}"
            message = f"{path}: {many} results have this name"
            raise KeyError(message)
        return found[0]

    def __repr__(self) -> str:
        """Show where they are and the first of them."""
        names = "".join(f"\n  {name}" for name in list(self)[:10])
        more = f"\n  … {len(self) - 10} more" if len(self) > 10 else ""
        return (
            f"Results of {self.manifest.get('dataset_id')} ({len(self)}) at {self.uri}{names}{more}"
        )


def open_results(target: str | Path, *, settings: Settings | None = None) -> Results:
    """Open the results of a dataset; nothing but the manifest is read.

    Parameters
    ----------
    target
        The folder with ``manifest.json`` (``output/224/2``), the dataset's (``output/224``, the latest
        version), or the output folder itself where it holds one dataset; or the same as an ``s3://`` or
        ``http(s)://`` URL.

    Raises
    ------
    FileNotFoundError
        If no manifest is there.
    RequestError
        If the output folder holds several datasets.
    """
    uri = str(target).rstrip("/")
    data = read_file(uri, _MANIFEST, settings)
    if data is None:
        uri = _version_folder(uri, settings)
        data = read_file(uri, _MANIFEST, settings)
    if data is None:
        message = f"{target}: no results: neither {_MANIFEST} nor {_LATEST} is in it"
        raise ResultNotFoundError(message)
    try:
        manifest = json.loads(data)
        return Results(uri, manifest, settings)
    except (ValueError, KeyError, TypeError) as err:
        message = f"{uri}/{_MANIFEST}: not a manifest of this converter; convert again"
        raise ResultNotFoundError(message) from err


def _version_folder(uri: str, settings: Settings | None) -> str:
    """Return the folder of the latest version below a dataset's folder or an output folder."""
    found = _latest(uri, settings)
    if found or "://" in uri:
        return found or uri
    from sparc_fuse_core.paths import expanded

    place = expanded(uri)
    folders = sorted(place.glob(f"*/{_LATEST}")) if place.is_dir() else []
    if len(folders) > 1:
        names = ", ".join(folder.parent.name for folder in folders[:10])
        message = f"{uri}: holds the results of {len(folders)} datasets: {names}; open one of them"
        raise RequestError(message)
    return _latest(str(folders[0].parent), settings) if folders else uri


def _latest(uri: str, settings: Settings | None) -> str:
    data = read_file(uri, _LATEST, settings)
    try:
        version = str(json.loads(data)["version"]) if data else ""
    except (ValueError, KeyError, TypeError):
        version = ""
    return below(uri, version) if version and "/" not in version else ""


def _leading(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return shape, rate and units of the first of the things that a file became."""
    things = item.get("things") or [{}]
    first = things[0]
    return {
        "shape": tuple(first.get("shape") or ()),
        "sampling_rate_hz": first.get("sampling_rate_hz"),
        "units": tuple(first.get("channel_units") or first.get("units") or ()),
    }
