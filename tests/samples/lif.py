"""LIF files, written byte by byte from the layout: XML header in UTF-16, then named memory blocks."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import ImageTruth, Sample, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(12)


def _text(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def _element(
    name: str, block: str, channels: str, dimensions: str, size: int, settings: str = ""
) -> str:
    return (
        f'<Element Name="{name}" UniqueID="{block}"><Data><Image><ImageDescription>'
        f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"
        f'</ImageDescription><Attachment Name="x">{settings}</Attachment></Image></Data>'
        f'<Memory Size="{size}" MemoryBlockID="{block}"/><Children/></Element>'
    )


def _channel(bits: int, offset: int, *, tag: int = 0, lut: str = "Gray", dye: str = "") -> str:
    prop = f"<ChannelProperty><Key>DyeName</Key><Value>{dye}</Value></ChannelProperty>"
    return (
        f'<ChannelDescription DataType="0" ChannelTag="{tag}" Resolution="{bits}" '
        f'NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" LUTName="{lut}" IsLUTInverted="0" '
        f'BytesInc="{offset}" BitInc="0">{prop if dye else ""}</ChannelDescription>'
    )


def _dimension(number: int, n: int, step: int, length: float, unit: str = "m") -> str:
    return (
        f'<DimensionDescription DimID="{number}" NumberOfElements="{n}" Origin="5e-7" '
        f'Length="{length}" Unit="{unit}" BitInc="0" BytesInc="{step}"/>'
    )


def _write(path: Path, elements: list[str], blocks: dict[str, bytes]) -> None:
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="file" UniqueID="f"><Data/><Memory '
        f'Size="0" MemoryBlockID="none"/><Children>{"".join(elements)}</Children></Element>'
        "</LMSDataContainerHeader>"
    )
    header = b"\x2a" + _text(xml)
    with path.open("wb") as file:
        file.write(struct.pack("<II", 0x70, len(header)) + header)
        for name, data in blocks.items():
            about = b"\x2a" + struct.pack("<Q", len(data)) + b"\x2a" + _text(name)
            file.write(struct.pack("<II", 0x70, len(about)) + about + data)


def _several(folder: Path) -> Truth:
    """A 12-bit two-channel stack, a zx line scan, padded BGR rows, two mosaic tiles, an empty one."""
    stack = _RNG.integers(0, 4095, (2, 3, 5, 7), dtype=np.uint16)  # c z y x
    scan = _RNG.integers(0, 255, (6, 9), dtype=np.uint8)  # z x
    colour = _RNG.integers(0, 255, (3, 4, 5), dtype=np.uint8)  # c y x
    rows = np.zeros((4, 16), np.uint8)  # 5 pixels of 3 bytes, padded to 16
    rows[:, :15] = np.moveaxis(colour[::-1], 0, -1).reshape(4, 15)
    tiles = _RNG.integers(0, 255, (2, 4, 3), dtype=np.uint8)
    elements = [
        _element(
            "Ünïque",
            "B1",
            # Leica interleaves channels by plane: z, then c
            _channel(12, 0, lut="Green", dye="Alexa 488") + _channel(12, 70, lut="Red"),
            _dimension(1, 7, 2, 6e-6) + _dimension(2, 5, 14, 8e-6) + _dimension(3, 3, 140, -1e-6),
            420,
        ),
        _element(
            "xz", "B2", _channel(8, 0), _dimension(1, 9, 1, 8e-6) + _dimension(3, 6, 9, 0), 54
        ),
        _element(
            "xz",
            "B3",
            _channel(8, 0, tag=3) + _channel(8, 1, tag=2) + _channel(8, 2, tag=1),
            _dimension(1, 5, 3, 4e-6) + _dimension(2, 4, 16, 3e-6),
            64,
        ),
        _element("never", "B4", _channel(8, 0), _dimension(1, 5, 1, 1), 0),
        _element(
            "tiles",
            "B5",
            _channel(8, 0),
            _dimension(1, 3, 1, 2, "") + _dimension(2, 4, 3, 3, "") + _dimension(10, 2, 12, 1, ""),
            24,
            '<WideFieldChannelInfo FluoCubeName="N3" UserDefName="TL"/>'
            '<Tile FieldX="0" FieldY="0" PosX="0.001" PosY="0.002"/>'
            '<Tile FieldX="1" FieldY="0" PosX="0.0015" PosY="0.002"/>',
        ),
    ]
    path = folder / "several.lif"
    blocks = {
        "B1": np.ascontiguousarray(np.moveaxis(stack, 1, 0)).tobytes(),
        "B2": scan.tobytes(),
        "B3": rows.tobytes(),
        "B4": b"",
        "B5": tiles.tobytes(),
    }
    _write(path, elements, blocks)
    um = dict.fromkeys("zyx", "micrometer")
    return Truth(
        path,
        images=(
            ImageTruth(stack, "czyx", {"z": 0.5, "y": 2.0, "x": 1.0}, um, ("Alexa 488", "")),
            ImageTruth(scan[:, None], "zyx", {"x": 1.0}, {"x": "micrometer"}),
            ImageTruth(
                colour,
                "cyx",
                {"y": 1.0, "x": 1.0},
                dict.fromkeys("yx", "micrometer"),
                ("R", "G", "B"),
                "rgb",
            ),
            *(ImageTruth(tile[None], "cyx", channel_names=("TL",)) for tile in tiles),
        ),
    )


def _two_types(folder: Path) -> Truth:
    """One channel of 8 and one of 16 bit: two images."""
    small = _RNG.integers(0, 255, (4, 5), dtype=np.uint8)
    large = _RNG.integers(0, 65535, (4, 5), dtype=np.uint16)
    path = folder / "types.lif"
    # 8-bit rows first: the steps of one image are shared, so both use rows of 16 bytes
    block = np.zeros((4, 16), np.uint8)
    block[:, 0:10:2] = small
    wide = large.view(np.uint8).reshape(4, 10)
    both = np.zeros((4, 32), np.uint8)
    both[:, :16], both[:, 16:26] = block, wide
    elements = [
        _element(
            "mixed",
            "B1",
            _channel(8, 0) + _channel(16, 16),
            _dimension(1, 5, 2, 4e-6) + _dimension(2, 4, 32, 3e-6),
            128,
        )
    ]
    _write(path, elements, {"B1": both.tobytes()})
    scale, um = {"y": 1.0, "x": 1.0}, dict.fromkeys("yx", "micrometer")
    return Truth(
        path, images=(ImageTruth(small, "yx", scale, um), ImageTruth(large, "yx", scale, um))
    )


def _cut(folder: Path, keep: int) -> Truth:
    path = _several(folder).path
    path.write_bytes(path.read_bytes()[:keep])
    return Truth(path, error="CorruptFileError")


def _beyond(folder: Path) -> Truth:
    """A header whose dimensions need more bytes than the memory block has."""
    path = folder / "beyond.lif"
    dimensions = _dimension(1, 7, 1, 1) + _dimension(2, 100, 7, 1)
    _write(path, [_element("a", "B1", _channel(8, 0), dimensions, 70)], {"B1": bytes(70)})
    return Truth(path, error="CorruptFileError", error_says="700 bytes")


def _nothing(folder: Path) -> Truth:
    path = folder / "nothing.lif"
    _write(path, [], {})
    return Truth(path, error="EmptyFileError")


SAMPLES = [
    Sample("lif-several", "lif", _several),
    Sample("lif-two-types", "lif", _two_types),
    *(
        Sample(f"lif-cut-{keep}", "lif", lambda folder, keep=keep: _cut(folder, keep))
        for keep in (8, 900, -10)
    ),
    Sample("lif-beyond-its-block", "lif", _beyond),
    Sample("lif-nothing", "lif", _nothing),
]
