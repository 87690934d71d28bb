"""Draw the thumbnail of a store that was just written, whatever its kind."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

import zarr

from sparc_fuse_core.opening.ome import ome_of
from sparc_fuse_core.writers.dense_arrays import dense_codec

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)


@dense_codec()
def thumbnail_of(store: Path, kind: str) -> bytes | None:
    """Return a PNG of at most 30 kB, or None where there is nothing to draw.

    Only the overview, the coarsest level or the beginning is read. A picture that cannot be drawn is no reason
    to lose a result that was verified: that is noted in the log.

    Parameters
    ----------
    store
        Folder of the store.
    kind
        ``"signal"``, ``"image"``, ``"shapes"``, ``"arrays"`` or ``"table"``.
    """
    try:
        zarr_format: Literal[2, 3] = 3 if (store / "zarr.json").is_file() else 2
        root = zarr.open_group(store, mode="r", zarr_format=zarr_format)
        if kind == "signal":
            from sparc_fuse_core.opening.thumbnails.traces import recording_thumbnail

            return recording_thumbnail(root)
        if kind == "image" or "multiscales" in ome_of(root):
            from sparc_fuse_core.opening.thumbnails.planes import image_thumbnail

            return image_thumbnail(root)
        from sparc_fuse_core.opening.thumbnails.kept import arrays_thumbnail, shapes_thumbnail

        return shapes_thumbnail(root) if kind == "shapes" else arrays_thumbnail(root)
    except Exception as err:  # noqa: BLE001 - of copied stores anything may be wrong that nobody validates
        _LOG.warning("no thumbnail of %s: %s", kind, type(err).__name__)
        return None
