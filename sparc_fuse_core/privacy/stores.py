"""Which parts of somebody's own OME-Zarr are published: its images and labels, with listed attributes only."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.privacy.facts import OME_ZARR_ATTRIBUTES
from sparc_fuse_core.privacy.sieve import Aside, Sieve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: What Zarr itself states of a node; what else stands beside it is nobody's convention.
_NODE = frozenset(
    (
        *("zarr_format", "node_type", "attributes", "consolidated_metadata", "shape", "data_type"),
        *("chunk_grid", "chunk_key_encoding", "fill_value", "codecs", "dimension_names"),
        "storage_transformers",
    )
)
_METADATA = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")


class PublicStore:
    """The files of a store that may be published, and the content of its metadata.

    Parameters
    ----------
    store
        Folder of an OME-Zarr that was validated.
    free_text
        Whether descriptions may be published.
    """

    def __init__(self, store: Path, *, free_text: bool) -> None:
        self._store = store
        self._free_text = free_text
        self._levels = set(_levels(store))
        # each group on the way to a level
        self._groups = {parent for level in self._levels for parent in level.parents}
        self._groups |= {PurePosixPath("OME"), PurePosixPath()}
        self._groups |= {parent / "labels" for parent in set(self._groups)}
        self.aside: list[Aside] = []

    def files(self) -> Iterator[tuple[Path, bytes | None]]:
        """Yield each file to publish, relative to the store; with its content where that is not as it was."""
        other = 0
        for file in sorted(self._store.rglob("*")):
            if not file.is_file():
                continue
            inner = PurePosixPath(file.relative_to(self._store).as_posix())
            if inner.name in _METADATA:
                if inner.parent in self._groups or inner.parent in self._levels:
                    yield file.relative_to(self._store), self._metadata(file, inner)
                else:
                    other += 1
            elif any(
                parent in self._levels and _is_chunk(inner, parent) for parent in inner.parents
            ):
                yield file.relative_to(self._store), None
            else:
                other += 1
        if other:
            self.aside.append(Aside("file", "files beside images and labels", other, "unlisted"))

    def _metadata(self, file: Path, inner: PurePosixPath) -> bytes | None:
        """Return a metadata file as it may be published, None if that is as it is."""
        if inner.name in (".zgroup", ".zarray"):
            return None
        document = json.loads(file.read_bytes())
        where = inner.parent
        if inner.name == ".zattrs":
            public = self._attributes(document, str(where))
        elif inner.name == ".zmetadata":
            public = {**document, "metadata": self._consolidated_2(document["metadata"])}
        else:
            public = self._node(document, where)
        return None if public == document else json.dumps(public, indent=2).encode()

    def _node(self, document: Mapping[str, Any], where: PurePosixPath) -> dict[str, Any]:
        public = {key: value for key, value in document.items() if key in _NODE}
        if "attributes" in public:
            public["attributes"] = self._attributes(public["attributes"], str(where))
        consolidated = public.get("consolidated_metadata")
        if isinstance(consolidated, dict):
            nodes = {
                name: self._node(node, where / name)
                for name, node in (consolidated.get("metadata") or {}).items()
                if where / name in self._levels or where / name in self._groups
            }
            public["consolidated_metadata"] = {**consolidated, "metadata": nodes}
        return public

    def _consolidated_2(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        kept = {}
        for name, value in metadata.items():
            where = PurePosixPath(name).parent
            if where in self._levels or where in self._groups:
                is_attributes = PurePosixPath(name).name == ".zattrs"
                kept[name] = self._attributes(value, str(where)) if is_attributes else value
        return kept

    def _attributes(self, attributes: Mapping[str, Any], where: str) -> dict[str, Any]:
        sieve = Sieve(OME_ZARR_ATTRIBUTES, free_text=self._free_text)
        inner = attributes.get("ome")
        outer = {key: value for key, value in attributes.items() if key != "ome" or inner is None}
        kept = sieve.tree(where, outer)
        if isinstance(inner, dict):
            kept = {"ome": sieve.tree(where, inner), **kept}
        known = set(map(str, self.aside))
        self.aside += [one for one in sieve.aside if str(one) not in known]
        return kept


def _levels(store: Path) -> Iterator[PurePosixPath]:
    """Yield where the levels of all images and labels lie."""
    for file in store.rglob("*"):
        if file.name not in ("zarr.json", ".zattrs") or not file.is_file():
            continue
        document = json.loads(file.read_bytes())
        attributes = document.get("attributes") or {} if file.name == "zarr.json" else document
        inner = attributes.get("ome")
        ome = inner if isinstance(inner, dict) else attributes
        group = PurePosixPath(file.parent.relative_to(store).as_posix())
        for multiscale in ome.get("multiscales") or ():
            for level in multiscale.get("datasets") or ():
                yield group / str(level["path"])


def _is_chunk(inner: PurePosixPath, array: PurePosixPath) -> bool:
    """Tell whether a file below an array is named as chunks are: ``c/0/1``, ``0.1``, ``0/1``."""
    parts = inner.relative_to(array).parts
    return all(part == "c" or part.replace(".", "").isdigit() for part in parts)
