"""Where published results lie: a folder, a bucket or a web server; of one version, or all below an output.

A result of a bucket or a web server is copied to this machine to be looked at, one at a time. A web server
lists nothing: the files of a store are told by its consolidated metadata, as the writer leaves none out.
"""

from __future__ import annotations

import itertools
import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError, NotFoundError

from sparc_fuse_core.addresses import is_s3
from sparc_fuse_core.errors import RequestError, ResultNotFoundError, UnknownLayoutError
from sparc_fuse_core.opening.places import objects_at
from sparc_fuse_core.opening.remote_store import named
from sparc_fuse_core.paths import expanded, safe_relative
from sparc_fuse_core.run.manifest import LATEST, MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sparc_fuse_core.settings import Settings

_AT_ONCE = 16
#: A store whose metadata announces more is not asked for file by file.
_MOST_FILES = 1_000_000
_MOST_SMALL_BYTES = 512 << 20
_STORES = (".zarr", ".zarr.zip")


@dataclass(frozen=True, slots=True)
class FolderResults:
    """Results in a folder of this machine.

    Attributes
    ----------
    uri
        As users call it.
    """

    folder: Path

    @property
    def uri(self) -> str:
        """The folder."""
        return str(self.folder)

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file, or None if there is none."""
        path = self.folder / name
        if not path.is_file():
            return None
        _refuse_large(path.stat().st_size, f"{self.folder}/{name}")
        return path.read_bytes()

    def here(self, output: str, scratch: Path) -> Path | None:
        """Return where a result lies on this machine, or None if it is gone."""
        del scratch
        path = self.folder / output
        return path if path.exists() else None

    def leads_out(self, output: str) -> bool:
        """Whether a link takes a result out of the folder."""
        return not (self.folder / output).resolve().is_relative_to(self.folder.resolve())

    def names(self) -> Iterator[str]:
        """Yield the name of each store and packed file."""
        for end in _STORES:
            for path in self.folder.rglob(f"*{end}"):
                yield path.relative_to(self.folder).as_posix()


@dataclass(frozen=True, slots=True)
class RemoteResults:
    """Results in a bucket or on a web server.

    Attributes
    ----------
    uri
        As users call it.
    """

    uri: str
    settings: Settings

    def read(self, name: str) -> bytes | None:
        """Return the bytes of an object, or None if there is none."""
        try:
            answer = obstore.get(objects_at(self.uri, self.settings), name)
        except (NotFoundError, FileNotFoundError):
            return None
        except BaseError as err:
            raise named(err, f"{self.uri}/{name}") from err
        _refuse_large(answer.meta["size"], f"{self.uri}/{name}")
        return bytes(answer.bytes())

    def here(self, output: str, scratch: Path) -> Path | None:
        """Copy a result to below ``scratch``; None if it is gone.

        Raises
        ------
        UnknownLayoutError
            If a web server has it, and it does not tell which files it is made of.
        """
        place = scratch / "published" / output
        names = list(self._names_of(output))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            there = list(pool.map(lambda name: self._copy(output, name, place), names))
        return place if any(there) else None

    def leads_out(self, output: str) -> bool:
        """Return False: there are no links."""
        del output
        return False

    def names(self) -> Iterator[str]:
        """Yield the name of each store and packed file; none of a web server, which lists nothing."""
        if not is_s3(self.uri):
            return
        seen = set()
        for key in self._list(""):
            parts = key.split("/")
            n_parts = next((n for n, part in enumerate(parts, 1) if part.endswith(_STORES)), 0)
            name = "/".join(parts[:n_parts])
            if name and name not in seen:
                seen.add(name)
                yield name

    def folders(self, below: str = "") -> list[str]:
        """Return the folders of a bucket right below a prefix."""
        objects = objects_at(self.uri, self.settings)
        try:
            found = obstore.list_with_delimiter(objects, prefix=below or None)
        except (BaseError, FileNotFoundError) as err:
            raise named(
                err if isinstance(err, BaseError) else BaseError(str(err)), self.uri
            ) from err
        return [str(name).rstrip("/") for name in found["common_prefixes"]]

    def _list(self, prefix: str) -> Iterator[str]:
        try:
            for batch in obstore.list(objects_at(self.uri, self.settings), prefix=prefix or None):
                yield from (str(entry["path"]) for entry in batch)
        except BaseError as err:
            raise named(err, f"{self.uri}/{prefix}") from err

    def _names_of(self, output: str) -> Iterable[str]:
        """Return the names of a result's files below it; ``""`` is the result itself."""
        if not output.endswith(".zarr"):
            return [""]
        if is_s3(self.uri):
            below = f"{output}/"
            inner = (key.removeprefix(below) for key in self._list(output) if key.startswith(below))
            return [str(safe_relative(name)) for name in inner]
        root = self.read(f"{output}/zarr.json")
        return [] if root is None else files_told_by(root, output)

    def _copy(self, output: str, name: str, place: Path) -> bool:
        key, path = (f"{output}/{name}", place / name) if name else (output, place)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            answer = obstore.get(objects_at(self.uri, self.settings), key)
            with path.open("wb") as file:
                for part in answer.stream():
                    file.write(part)
        except (NotFoundError, FileNotFoundError):
            return False
        except BaseError as err:
            raise named(err, f"{self.uri}/{key}") from err
        return True


Results = FolderResults | RemoteResults


def find_results(target: str, settings: Settings) -> list[Results]:
    """Return the results of each version of each dataset that lies at or below ``target``.

    Parameters
    ----------
    target
        Folder of a ``manifest.json``, of a dataset or of all output; or the same as an ``s3://`` or ``http(s)://``
        address. A web server lists nothing: there the dataset's folder stands for its latest version.

    Raises
    ------
    ResultNotFoundError
        If no manifest is there.
    """
    where = target if target.endswith("://") else target.rstrip("/")
    if "://" not in where:
        found: list[Results] = list(_below_folder(expanded(where)))
    elif is_s3(where) or where.startswith(("http://", "https://")):
        found = list(_below_address(where, settings))
    else:
        message = f"{target}: neither a folder, s3://bucket/prefix nor http(s)://"
        raise RequestError(message)
    if not found:
        message = (
            f"{target}: no {MANIFEST}; give the folder of a dataset's version, of a dataset or of all output. "
            "A run that is under way, or was cut short, has none: convert again to complete it"
        )
        raise ResultNotFoundError(message)
    return found


def _below_folder(folder: Path) -> Iterator[Results]:
    for pattern in (MANIFEST, f"*/{MANIFEST}", f"*/*/{MANIFEST}"):
        found = sorted(
            path.parent
            for path in folder.glob(pattern)
            if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        )
        if found:
            yield from map(FolderResults, found)
            return


def _below_address(address: str, settings: Settings) -> Iterator[Results]:
    here = RemoteResults(address, settings)
    if here.read(MANIFEST) is not None:
        yield here
        return
    if not is_s3(address):
        latest = here.read(LATEST)
        try:
            version = str(safe_relative(json.loads(latest)["version"])) if latest else ""
        except (ValueError, KeyError, TypeError):
            version = ""
        inner = RemoteResults(f"{address}/{version}", settings)
        if version and inner.read(MANIFEST) is not None:
            yield inner
        return
    folders = [name for name in here.folders() if not name.startswith(".")]
    for level in (folders, itertools.chain.from_iterable(map(here.folders, folders))):
        inner_ones = [RemoteResults(f"{address}/{name}", settings) for name in level]
        found = [one for one in inner_ones if one.read(MANIFEST) is not None]
        if found:
            yield from found
            return


def files_told_by(root: bytes, output: str) -> list[str]:
    """Return the names of all files of a store, told by the ``zarr.json`` of its root.

    Raises
    ------
    UnknownLayoutError
        If it does not tell: no consolidated metadata, or keys of another kind.
    """
    names = ["zarr.json"]
    try:
        nodes: dict[str, Any] = json.loads(root)["consolidated_metadata"]["metadata"]
        for path, node in nodes.items():
            names.append(f"{safe_relative(path)}/zarr.json")
            if node["node_type"] == "array":
                names += _chunks_of(path, node, _MOST_FILES - len(names))
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as err:
        message = f"{output}: a web server lists no files, and this store does not tell them; name the bucket"
        raise UnknownLayoutError(message) from err
    return names


def _chunks_of(path: str, array: dict[str, Any], most: int) -> list[str]:
    chunks = array["chunk_grid"]["configuration"]["chunk_shape"]
    counts = [math.ceil(n / chunk) for n, chunk in zip(array["shape"], chunks, strict=True)]
    encoding = array["chunk_key_encoding"]
    separator = encoding.get("configuration", {}).get("separator", "/")
    if encoding["name"] != "default" or math.prod(counts) > most:
        message = f"{path}: too many chunks, or keys of another kind"
        raise ValueError(message)
    return [
        separator.join([f"{path}/c", *map(str, place)])
        for place in itertools.product(*map(range, counts))
    ]


def _refuse_large(n_bytes: int, where: str) -> None:
    if n_bytes > _MOST_SMALL_BYTES:
        message = f"{where}: larger than {_MOST_SMALL_BYTES >> 20} MB; it is none of this package"
        raise ResultNotFoundError(message)
