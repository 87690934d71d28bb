"""One image of many TIFF files whose place along t, c and z is stated elsewhere: in a header, pattern or list.

A few files are open at a time. The first one tells shape and type; a file of another shape is refused when it
is read, and nothing is cut, padded or cast.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import CorruptFileError, MissingCompanionError
from sparc_fuse_core.model import Evidence, Image
from sparc_fuse_core.readers.shared.planes import by_plane

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy as np

    from sparc_fuse_core.model import Contents

    Bounds = tuple[int, int]
    Open = Callable[[Path], AbstractContextManager[Contents]]

_OPEN_FILES = 4


@dataclass(frozen=True, slots=True)
class Placed:
    """A file, and where its picture belongs; each counts from 0."""

    path: Path
    t: int = 0
    c: int = 0
    z: int = 0


@dataclass(frozen=True, slots=True)
class Stated:
    """What the header, list or pattern says of the whole image; scales win over those of the files."""

    name: str = ""
    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    channel_colors: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


class _Files:
    """Opens files as they are needed and closes those not asked for lately."""

    def __init__(self, open_file: Open) -> None:
        self._open = open_file
        self._kept: OrderedDict[Path, tuple[ExitStack, Image]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, path: Path) -> Image:
        with self._lock:
            if path not in self._kept:
                with ExitStack() as stack:
                    contents = stack.enter_context(self._open(path))
                    if len(contents.images) != 1:
                        message = f"{path.name}: {len(contents.images)} images where one plane is expected"
                        raise CorruptFileError(message)
                    self._kept[path] = (stack.pop_all(), contents.images[0])
            self._kept.move_to_end(path)
            while len(self._kept) > _OPEN_FILES:
                self._kept.popitem(last=False)[1][0].close()
            return self._kept[path][1]

    def close(self) -> None:
        with self._lock:
            for stack, _ in self._kept.values():
                stack.close()
            self._kept.clear()


def stacked(
    leading: Path, placed: Sequence[Placed], stated: Stated, open_file: Open, stack: ExitStack
) -> tuple[Image, list[Evidence]]:
    """Return the image that ``placed`` files make.

    Parameters
    ----------
    leading
        File that messages name.
    open_file
        Reader of one file.
    stack
        Closes what is open.

    Raises
    ------
    MissingCompanionError
        If a place has no file, or one is absent; its ``absent`` names it.
    CorruptFileError
        If two files have one place, or the first one is no plane or stack of gray values.
    """
    at = {(one.t, one.c, one.z): one.path for one in placed}
    lengths = {axis: max(getattr(one, axis) for one in placed) + 1 for axis in "tcz"}
    if len(at) != len(placed):
        message = f"{leading.name}: two files have one place in the image"
        raise CorruptFileError(message)
    absent = [path.name for path in at.values() if not path.is_file()]
    n_places = lengths["t"] * lengths["c"] * lengths["z"]
    if absent or len(at) != n_places:
        missing = absent or [f"{n_places - len(at)} planes"]
        message = f"{leading.name}: of its {n_places} planes are absent: {', '.join(missing[:5])}"
        raise MissingCompanionError(message, absent)
    files = _Files(open_file)
    stack.callback(files.close)
    first = files(at[0, 0, 0])
    if first.axes not in ("yx", "zyx") or (first.axes == "zyx" and lengths["z"] > 1):
        message = f"{at[0, 0, 0].name}: axes {first.axes} where a plane is expected"
        raise CorruptFileError(message)
    return _image(leading, at, lengths, first, stated, files), []


def _image(
    leading: Path,
    at: Mapping[tuple[int, int, int], Path],
    lengths: Mapping[str, int],
    first: Image,
    stated: Stated,
    files: _Files,
) -> Image:
    has_z = "z" in first.axes
    length = dict(lengths) | dict(zip(first.axes, first.pixels.shape, strict=True))
    with_c = length["c"] > 1 or any(stated.channel_names)
    axes = "".join(
        axis for axis in "tczyx" if axis in "yx" or length[axis] > 1 or (axis == "c" and with_c)
    )

    def read_plane(index: tuple[int, ...], of_y: Bounds, of_x: Bounds) -> np.ndarray[Any, Any]:
        place = dict.fromkeys("tcz", 0) | dict(zip(axes, index, strict=False))
        inside = place["z"] if has_z else 0
        path = at[place["t"], place["c"], 0 if has_z else place["z"]]
        image = files(path)
        if (image.pixels.shape, image.pixels.dtype) != (first.pixels.shape, first.pixels.dtype):
            message = (
                f"{path.name}: {image.pixels.shape} of {image.pixels.dtype}, the first file of {leading.name} "
                f"is {first.pixels.shape} of {first.pixels.dtype}"
            )
            raise CorruptFileError(message)
        key = (slice(inside, inside + 1),) if has_z else ()
        block: np.ndarray[Any, Any] = image.pixels[(*key, slice(*of_y), slice(*of_x))]
        return block.reshape(of_y[1] - of_y[0], of_x[1] - of_x[0])

    scale = {**first.scale, **stated.scale}
    units = {**first.axis_units, **stated.units}
    scale = {axis: step for axis, step in scale.items() if axis in axes}
    names = stated.channel_names if len(stated.channel_names) == length["c"] else ()
    colors = stated.channel_colors if len(stated.channel_colors) == length["c"] else ()
    shape = tuple(length[axis] for axis in axes)
    return Image(
        stated.name,
        by_plane(axes, shape, first.pixels.dtype, read_plane),
        axes,
        scale,
        {axis: unit for axis, unit in units.items() if axis in scale},
        first.kind,
        names if with_c else (),
        colors if with_c else (),
        first.significant_bits,
        {**first.metadata, **stated.metadata},
    )
