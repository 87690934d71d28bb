"""Nikon ND2 through nd2reader, for files that nd2 refuses: plane by plane, one position after another.

nd2reader knows only 16-bit integers, which it gives as float64; they come back exactly. It knows no z
step, so none is given.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from nd2reader import ND2Reader
from nd2reader.exceptions import EmptyFileError as NoFramesError
from nd2reader.exceptions import InvalidFileType, InvalidVersionError

from sparc_fuse_core.errors import CorruptFileError, UnsupportedFormatError
from sparc_fuse_core.model import Contents, Evidence, Image
from sparc_fuse_core.readers.shared.damage import DAMAGE
from sparc_fuse_core.readers.shared.planes import by_plane, unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Bounds = tuple[int, int]

_ERRORS = (*DAMAGE, InvalidFileType, InvalidVersionError, NoFramesError, AssertionError)


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an ND2 file with nd2reader; see `sparc_fuse_core.readers.Reader`."""
    del options
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            document = ND2Reader(str(path))
    except FileNotFoundError:
        raise
    except _ERRORS as err:
        message = f"{path.name}: nd2reader cannot read it ({err}); upload the original again"
        raise CorruptFileError(message) from err
    try:
        yield _contents(path, document)
    finally:
        document.close()


def _contents(path: Path, document: Any) -> Contents:
    bits = _stored_bits(document)
    if bits != 16:
        message = f"{path.name}: nd2reader reads 16-bit samples only, not {bits or 'unknown'} bits"
        raise UnsupportedFormatError(message)
    sizes = {axis: int(document.sizes.get(axis, 1)) for axis in "vtczyx"}
    axes = "".join(axis for axis in "tczyx" if axis in "yx" or sizes[axis] > 1)
    shape = tuple(sizes[axis] for axis in axes)
    dtype = np.dtype(np.uint16)
    step = document.metadata.get("pixel_microns")
    scale = {"x": float(step), "y": float(step)} if step else {}
    names = tuple(str(name) for name in document.metadata.get("channels") or ())
    images = []
    for position, name in enumerate(unique_names([""] * sizes["v"])):

        def read_plane(
            index: tuple[int, ...], of_y: Bounds, of_x: Bounds, position: int = position
        ) -> np.ndarray[Any, Any]:
            at = dict(zip(axes[:-2], index, strict=True))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    frame = document.get_frame_2D(
                        v=position, t=at.get("t", 0), c=at.get("c", 0), z=at.get("z", 0)
                    )
            except _ERRORS as err:
                message = f"{path.name}: frame {at} cannot be decoded ({err}); upload it again"
                raise CorruptFileError(message) from err
            plane = np.asarray(frame)[of_y[0] : of_y[1], of_x[0] : of_x[1]]
            if (plane != np.floor(plane)).any():
                message = f"{path.name}: frame {at}: nd2reader gives no whole numbers"
                raise CorruptFileError(message)
            return plane.astype(dtype)

        images.append(
            Image(
                name,
                by_plane(axes, shape, dtype, read_plane),
                axes,
                scale,
                dict.fromkeys(scale, "micrometer"),
                channel_names=names if len(names) == sizes["c"] else (),
            )
        )
    sentence = "read through nd2reader, which gives no z step and no time step"
    return Contents(images=tuple(images), evidence=(Evidence("scale", "missing", sentence),))


def _stored_bits(document: Any) -> int:
    """Return bits of a stored sample; 0 if they are not stated."""
    try:
        attributes = document.parser._raw_metadata.image_attributes
        return int(attributes[b"SLxImageAttributes"][b"uiBpcInMemory"])
    except _ERRORS:
        return 0
