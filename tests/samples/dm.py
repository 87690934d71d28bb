"""DigitalMicrograph files, written tag by tag from the public description of versions 3 and 4."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(15)
_CODES = {"i2": 2, "i4": 3, "u2": 4, "u4": 5, "f4": 6, "f8": 7, "i1": 9, "u1": 10}
_KINDS = {"i2": 1, "f4": 2, "u1": 6, "i4": 7, "i1": 9, "u2": 10, "u4": 11, "f8": 12}


class _Writer:
    def __init__(self, version: int, order: str) -> None:
        self.version = version
        self.order = order

    def whole(self, *numbers: int) -> bytes:
        return struct.pack(f">{len(numbers)}{'q' if self.version == 4 else 'i'}", *numbers)

    def value(self, value: Any) -> bytes:
        if isinstance(value, str):
            data = value.encode("utf-16-le" if self.order == "<" else "utf-16-be")
            return self._typed((20, 4, len(data) // 2), data)
        if isinstance(value, np.ndarray):
            code = f"{value.dtype.kind}{value.dtype.itemsize}"
            data = value.astype(value.dtype.newbyteorder(self.order)).tobytes()
            return self._typed((20, _CODES[code], value.size), data)
        if isinstance(value, tuple):  # a struct of 32-bit numbers
            info = (15, 0, len(value), *(x for _ in value for x in (0, 3)))
            return self._typed(info, struct.pack(f"{self.order}{len(value)}i", *value))
        if isinstance(value, float):
            return self._typed((6,), struct.pack(f"{self.order}f", value))
        return self._typed((5,), struct.pack(f"{self.order}I", value))

    def _typed(self, info: tuple[int, ...], data: bytes) -> bytes:
        return b"%%%%" + self.whole(len(info), *info) + data

    def group(self, tree: dict[str, Any]) -> bytes:
        parts = [b"\x01\x00", self.whole(len(tree))]
        for key, value in tree.items():
            name = b"" if key.isdigit() else key.encode("latin-1")
            body = self.group(value) if isinstance(value, dict) else self.value(value)
            kind = 20 if isinstance(value, dict) else 21
            parts.append(struct.pack(">BH", kind, len(name)) + name)
            if self.version == 4:
                parts.append(self.whole(len(body)))
            parts.append(body)
        return b"".join(parts)

    def write(self, path: Path, tree: dict[str, Any]) -> None:
        root = self.group(tree)
        head = struct.pack(">i", self.version) + self.whole(len(root))
        path.write_bytes(head + struct.pack(">i", int(self.order == "<")) + root + bytes(8))


def entry(
    pixels: np.ndarray,
    axes: list[tuple[float, float, str]],
    *,
    name: str = "",
    kind: int | None = None,
    form: str = "Image",
) -> dict[str, Any]:
    """Return an image's tags; ``axes`` hold origin, scale and unit, from x on."""
    code = f"{pixels.dtype.kind}{pixels.dtype.itemsize}"
    shape = pixels.shape
    data = pixels
    if kind == 23:
        shape = pixels.shape[:2]
        data = np.concatenate([pixels[..., ::-1], np.zeros((*shape, 1), np.uint8)], -1)
        data = np.ascontiguousarray(data).view("<u4")
    return {
        "ImageData": {
            "Calibrations": {
                "Brightness": {"Origin": 0.0, "Scale": 1.0, "Units": ""},
                "Dimension": {
                    str(i): {"Origin": origin, "Scale": scale, "Units": unit}
                    for i, (origin, scale, unit) in enumerate(axes)
                },
            },
            "Data": data.ravel(),
            "DataType": _KINDS[code] if kind is None else kind,
            "Dimensions": {str(i): n for i, n in enumerate(shape[::-1])},
        },
        "ImageTags": {"Meta Data": {"Format": form}, "Session Info": {"Operator": "Jane Doe"}},
        "Name": name,
    }


def tag_file(path: Path, version: int, order: str, *entries: dict[str, Any]) -> None:
    thumbnail = entry(np.zeros((4, 4), np.uint8), [(0.0, 1.0, "")] * 2, name="thumbnail")
    images = {str(i): entry for i, entry in enumerate((thumbnail, *entries))}
    tree = {
        "ApplicationBounds": (0, 0, 960, 1280),
        "ImageList": images,
        "Thumbnails": {"0": {"ImageIndex": 0}},
    }
    _Writer(version, order).write(path, tree)


def _several(folder: Path, version: int, order: str) -> Truth:
    """An image, a stack, a spectrum image, a movie, colours, a diffraction pattern and a curve."""
    image = _RNG.integers(-999, 999, (5, 7), dtype=np.int16)
    stack = _RNG.normal(size=(3, 4, 5)).astype(np.float32)
    spectra = _RNG.normal(size=(6, 2, 3))
    movie = _RNG.integers(0, 65535, (2, 3, 4), dtype=np.uint16)
    colour = _RNG.integers(0, 255, (4, 6, 3), dtype=np.uint8)
    pattern = _RNG.integers(0, 2**31, (3, 3), dtype=np.uint32)
    nm = [(-2.0, 0.5, "nm"), (0.0, 0.25, "nm")]
    path = folder / f"several.dm{version}"
    tag_file(
        path,
        version,
        order,
        entry(image, nm, name="Bild µ"),
        entry(stack, [*nm, (0.0, 1.0, "")]),
        entry(spectra, [*nm, (-10.0, 2.0, "eV")], form="Spectrum image"),
        entry(movie, [*nm, (0.0, 0.125, "s")]),
        entry(colour, [(0.0, 1.0, "")] * 2, kind=23),
        entry(pattern, [(0.0, 0.125, "1/nm")] * 2),
        entry(np.zeros(9, np.float32), [(0.0, 1.0, "eV")], name="curve"),
    )
    yx, units = {"x": 0.5, "y": 0.25}, {"x": "nanometer", "y": "nanometer"}
    energies = tuple(f"{20 + 2 * i} eV" for i in range(6))
    return Truth(
        path,
        images=(
            ImageTruth(image, "yx", yx, units),
            ImageTruth(stack, "zyx", yx, units),
            ImageTruth(spectra, "cyx", yx, units, energies),
            ImageTruth(movie, "tyx", yx | {"t": 0.125}, units | {"t": "second"}),
            ImageTruth(np.moveaxis(colour, -1, 0), "cyx", {}, {}, ("R", "G", "B"), "rgb"),
            ImageTruth(pattern, "yx"),
        ),
    )


def _refused(folder: Path, what: str) -> Truth:
    path = folder / f"{what}.dm3"
    axes = [(0.0, 1.0, "")] * 2
    tag_file(path, 3, "<")
    if what == "only a thumbnail":
        return Truth(path, error="EmptyFileError")
    last = entry(np.zeros((30, 60), np.float32), axes)
    if what == "short":
        last["ImageData"]["Dimensions"] = {"0": 600, "1": 600}
    tag_file(path, 3, "<", last)
    content = path.read_bytes()
    if what == "cut":
        path.write_bytes(content[:1200])
    elif what == "version":
        path.write_bytes(struct.pack(">i", 9) + content[4:])
    return Truth(path, error="CorruptFileError")


SAMPLES = [
    *(
        Sample(
            f"dm{version}-{label}",
            "dm",
            lambda folder, version=version, order=order: _several(folder, version, order),
        )
        for version in (3, 4)
        for label, order in (("little", "<"), ("big", ">"))
    ),
    *(
        Sample(f"dm-{what}", "dm", lambda folder, what=what: _refused(folder, what))
        for what in ("only a thumbnail", "short", "cut", "version")
    ),
]
