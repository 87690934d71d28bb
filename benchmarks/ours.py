"""This project's side: ``python -m benchmarks.ours <what> <input> <output>``, one workload a process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sparc_fuse_core.model import Contents

#: Shape of the image that no file holds: 20 GB of 16 bit.
VIRTUAL_SHAPE = (2400, 2048, 2048)


def _write(contents: Contents, out: Path, name: str, *, verify: bool, **options: Any) -> None:
    """Write and, if asked, compare as `convert_item` does."""
    from sparc_fuse_core.settings import Settings

    settings = Settings()
    budget, whole = settings.memory_budget_bytes, settings.verify_whole_bytes
    if contents.recordings:
        from sparc_fuse_core.writers import zarr_signals

        zarr_signals.write(contents, out, {}, budget_bytes=budget, **options)
        if verify:
            from sparc_fuse_core.verify.recordings import compare_signals

            assert not compare_signals(contents, out, whole_bytes=whole)
        return
    from sparc_fuse_core.writers.ome_zarr import write_images

    write_images(contents.images, out, name, memory_budget_bytes=budget, attributes={})
    if verify:
        from sparc_fuse_core.verify.images import compare_images, validate

        validate(out)
        assert not compare_images(contents.images, out, whole_bytes=whole)


def convert(source: Path, out: Path, *, verify: bool = False, **options: Any) -> None:
    """Read a file and write its store."""
    from sparc_fuse_core.formats.registry import find_format, load_reader

    row = find_format(source.name)
    assert row
    with load_reader(row)(source, {}) as contents:
        _write(contents, out, source.name, verify=verify, **options)


def convert_verified(source: Path, out: Path) -> None:
    """Write and compare with the source."""
    convert(source, out, verify=True)


def convert_dense(source: Path, out: Path) -> None:
    """Write with the dense profile."""
    convert(source, out, profile="dense")


def convert_virtual(_source: Path, out: Path) -> None:
    """Write an image of 20 GB whose pixels are made when they are read."""
    import numpy as np

    from sparc_fuse_core.blocks import FunctionBlocks
    from sparc_fuse_core.model import Contents, Image

    # squares of one value compress to little: it is memory that is measured
    y, x = np.mgrid[0 : VIRTUAL_SHAPE[1], 0 : VIRTUAL_SHAPE[2]]
    plane = ((x // 32 ^ y // 32) * 16).astype(np.uint16)

    def read(bounds: tuple[tuple[int, int], ...]) -> Any:
        (first, last), rows, columns = bounds
        part = plane[slice(*rows), slice(*columns)]
        return np.stack([part + np.uint16(z % 100) for z in range(first, last)])

    pixels = FunctionBlocks(VIRTUAL_SHAPE, np.dtype(np.uint16), read)
    _write(Contents(images=(Image("", pixels, "zyx"),)), out, "virtual.tif", verify=False)


def convert_to_bucket(source: Path, out: Path) -> None:
    """Write aside and commit to ``s3://bench/<name>``."""
    from sparc_fuse_core.settings import Settings
    from sparc_fuse_core.storage.destination import open_destination

    destination = open_destination("s3://bench/results", Settings.from_environment())
    with destination.scratch() as scratch:
        convert(source, scratch / "out")
        destination.put_result(scratch / "out", f"{out.name}.zarr")


WORK: dict[str, Callable[[Path, Path], None]] = {
    "convert": convert,
    "verified": convert_verified,
    "dense": convert_dense,
    "virtual": convert_virtual,
    "bucket": convert_to_bucket,
}


if __name__ == "__main__":
    WORK[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
    print(json.dumps({}))
