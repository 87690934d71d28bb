"""Everything that a folder of results says, decoded: names, bytes, texts and numbers of every array."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

if TYPE_CHECKING:
    from collections.abc import Iterator


def places_of(root: Path, stem: str, number: int) -> list[str]:
    """Return where below ``root`` a text (any case, any UTF) or a number stands, whatever packs it."""
    return [where for where, content in _parts(root) if _holds(content, stem, number)]


def _holds(content: Any, stem: str, number: int) -> bool:
    if isinstance(content, bytes):
        low = content.lower()
        spelled = str(number).encode()
        return any(
            text in low
            for word in (stem, spelled.decode())
            for text in (word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be"))
        )
    if content.dtype.kind in "iuf":
        return bool((content == number).any()) or _holds(content.tobytes(), stem, number)
    if content.dtype.names:
        return any(_holds(content[name], stem, number) for name in content.dtype.names)
    texts = "\n".join(map(str, content.ravel().tolist()))
    return _holds(texts.encode("utf-8", "replace"), stem, number)


def _parts(root: Path) -> Iterator[tuple[str, Any]]:
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        name = str(file.relative_to(root))
        data = file.read_bytes()
        yield name, name.encode()
        yield name, data
        if zipfile.is_zipfile(file):
            yield from _packed(name, data)
        elif file.suffix == ".mat" and not data.startswith(b"MATLAB 7.3"):
            from scipy.io import loadmat

            for key, value in loadmat(io.BytesIO(data)).items():
                yield (
                    f"{name}/{key}",
                    value if isinstance(value, np.ndarray) else str(value).encode(),
                )
        elif file.name in ("zarr.json", ".zarray"):
            stated = json.loads(data)
            if stated.get("node_type", "array") == "array":
                yield (
                    str(file.parent.relative_to(root)),
                    np.asarray(zarr.open_array(file.parent)[...]),
                )


def _packed(name: str, data: bytes) -> Iterator[tuple[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive, tempfile.TemporaryDirectory() as folder:
        archive.extractall(folder)
        for where, content in _parts(Path(folder)):
            yield f"{name}/{where}", content
        for file in Path(folder).rglob("*.npy"):
            yield f"{name}/{file.name}", np.load(file)
