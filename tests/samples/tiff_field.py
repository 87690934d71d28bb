"""TIFF as instruments write it: vendors' tags with pixel sizes, torn stacks, palettes, subsampled chroma."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from tests.samples import ImageTruth, Sample, Truth
from tests.samples.tiff import by_hand

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(31)
_UM = dict.fromkeys("yx", "micrometer")


def _tagged(
    folder: Path,
    name: str,
    scale: dict[str, float],
    units: dict[str, str] | None = None,
    names: tuple[str, ...] = (),
    **how: Any,
) -> Truth:
    pixels = _RNG.integers(0, 4000, (6, 8), dtype=np.uint16)
    path = folder / name
    tifffile.imwrite(path, pixels, metadata=None, **how)
    units = units or dict.fromkeys(scale, "micrometer")
    return Truth(path, (), (ImageTruth(pixels, "yx", scale, units, names),))


def _fei(folder: Path) -> Truth:
    text = "[Beam]\r\nHV=5000\r\nBeam=IBeam\r\nScan=IScan\r\n[EScan]\r\nPixelWidth=9e-06\r\n"
    text += "PixelHeight=9e-06\r\n[IBeam]\r\nHV=5000\r\n[IScan]\r\nPixelWidth=3.3724e-06\r\n"
    text += "PixelHeight=3.5e-06\r\n[User]\r\nUser=supervisor\r\n"
    return _tagged(
        folder, "fei.tif", {"x": 3.3724, "y": 3.5}, extratags=[(34682, "s", 0, text, True)]
    )


def _sem(
    folder: Path, *, width_um: float, step: float, height_um: float = 0.0, y: float = 0.0
) -> Truth:
    text = "0\r\n0\r\n0\r\n5.8e-09\r\nAP_PIXEL_SIZE\r\nPixel Size = 5.825 nm\r\n"
    text += f"AP_WIDTH\r\nWidth = {width_um} \xb5m\r\nSV_USER_NAME\r\nUser Name = someone\r\n"
    text += f"AP_HEIGHT\r\nHeight = {height_um} \xb5m\r\n" if height_um else ""
    return _tagged(
        folder,
        "sem.tif",
        {"x": step, "y": y} if y else {"x": step},
        extratags=[(34118, "s", 0, text.encode("cp1252"), True)],
    )


def _fibics(folder: Path) -> Truth:
    text = (
        '<?xml version="1.0"?><Fibics version="1.0"><Image><Width>8</Width><Height>6</Height></Image>'
        '<Scan><Dwell units="ns">900</Dwell><FOV_X units="um">2.0</FOV_X><FOV_Y units="um">3.0</FOV_Y>'
        "</Scan></Fibics>"
    )
    return _tagged(
        folder, "fibics.tif", {"x": 0.25, "y": 0.5}, extratags=[(51023, "s", 0, text, True)]
    )


def _gatan(folder: Path) -> Truth:
    tags = [
        *((65003 + i, "s", 0, "nm", True) for i in range(2)),
        (65009, "d", 1, 0.25, True),
        (65010, "d", 1, 0.5, True),
    ]
    units = dict.fromkeys("yx", "nanometer")
    return _tagged(folder, "dm.tif", {"x": 0.25, "y": 0.5}, units, extratags=tags)


def _gatan_film(folder: Path) -> Truth:
    """Pages whose step is in seconds are time points."""
    pixels = _RNG.integers(0, 4000, (3, 6, 8), dtype=np.uint16)
    tags = [
        *((65003 + i, "s", 0, unit, True) for i, unit in enumerate(("nm", "nm", "s"))),
        *((65009 + i, "d", 1, step, True) for i, step in enumerate((0.25, 0.5, 2.5))),
    ]
    path = folder / "film.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata=None, extratags=tags)
    units = dict.fromkeys("yx", "nanometer") | {"t": "second"}
    truth = ImageTruth(pixels, "tyx", {"t": 2.5, "y": 0.5, "x": 0.25}, units)
    return Truth(path, (), (truth,))


def _fei_camera(folder: Path) -> Truth:
    """The navigation camera states its field, not its pixels."""
    text = "[User]\r\nUser=supervisor\r\n[IRBeam]\r\nHFW=8e-5\r\nVFW=3e-5\r\n"
    text += "[Image]\r\nResolutionX=8\r\nResolutionY=6\r\n"
    tag = (34682, "s", 0, text, True)
    return _tagged(folder, "navcam.tif", {"x": 10.0, "y": 5.0}, extratags=[tag])


def _reciprocal(folder: Path) -> Truth:
    """A diffraction pattern: 1/nm is no length."""
    tags = [(65003, "s", 0, "1/nm", True), (65009, "d", 1, 0.25, True)]
    return _tagged(folder, "diffraction.tif", {}, {}, extratags=tags)


def _metaseries(folder: Path) -> Truth:
    prop = '<prop id="{}" type="{}" value="{}"/>'.format
    text = "\n".join(
        [
            "<MetaData>",
            "<PlaneInfo>",
            prop("spatial-calibration-state", "bool", "on"),
            prop("spatial-calibration-x", "float", "0.645"),
            prop("spatial-calibration-y", "float", "0.65"),
            prop("spatial-calibration-units", "string", "um"),
            prop("_IllumSetting_", "string", "DAPI"),
            "</PlaneInfo>",
            "</MetaData>",
            "",
        ]
    )
    return _tagged(
        folder, "A01_s1_w1.tif", {"x": 0.645, "y": 0.65}, names=("DAPI",), description=text
    )


def _micromanager(folder: Path) -> Truth:
    facts = {"PixelSizeUm": 0.16, "Binning": "1", "Summary": {"ChNames": ["GFP"], "BitDepth": 12}}
    tag = (51123, "s", 0, json.dumps(facts), True)
    return _tagged(folder, "mm.tif", {"x": 0.16, "y": 0.16}, names=("GFP",), extratags=[tag])


def _svs(folder: Path) -> Truth:
    text = "Aperio Image Library v11\r\n8x6 |AppMag = 40|MPP = 0.2498"
    return _tagged(folder, "slide.tif", {"x": 0.2498, "y": 0.2498}, description=text)


def _jeol(folder: Path) -> Truth:
    text = (
        "<TemReporter><Eos><EosMode>eosTEM</EosMode></Eos><ImageFormingSystem><ModeString>MAG"
        "</ModeString><SelectorValue>20000</SelectorValue></ImageFormingSystem></TemReporter>"
    )
    units = dict.fromkeys("yx", "nanometer")
    return _tagged(
        folder,
        "jeol.tif",
        {"x": 5.0, "y": 2.5},
        units,
        description=text,
        software="JEM SightX Viewer",
        resolution=(100, 200),
        resolutionunit="CENTIMETER",
    )


def _geotiff(folder: Path, *, projected: bool) -> Truth:
    keys = (1, 1, 0, 2, 1024, 0, 1, 1 if projected else 2, 3076, 0, 1, 9001)
    tags = [
        (33550, "d", 3, (30.0, 20.0, 0.0), True),
        (33922, "d", 6, (0.0, 0.0, 0.0, 1.0, 2.0, 0.0), True),
        (34735, "H", len(keys), keys, True),
    ]
    if not projected:
        tags[2] = (34735, "H", 8, (1, 1, 0, 1, 1024, 0, 1, 2), True)
        return _tagged(folder, "degrees.tif", {}, {}, extratags=tags)
    return _tagged(
        folder, "geo.tif", {"x": 30.0, "y": 20.0}, dict.fromkeys("yx", "meter"), extratags=tags
    )


def _bands(folder: Path) -> Truth:
    """Two bands as GDAL writes them: names, a calibration each, a mark of no data, kilometres of its own."""
    pixels = _RNG.integers(-99, 99, (2, 6, 8), dtype=np.int16)
    path = folder / "bands.tif"
    items = (
        '<Item name="DESCRIPTION" sample="0" role="description">red edge</Item>'
        '<Item name="DESCRIPTION" sample="1" role="description">heat</Item>'
        '<Item name="SCALE" sample="1" role="scale">0.2</Item>'
        '<Item name="UNITTYPE" sample="1" role="unittype">K</Item>'
    )
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 3076, 0, 1, 32767, 3077, 34736, 1, 0)
    tifffile.imwrite(
        path,
        pixels,
        photometric="minisblack",
        planarconfig="separate",
        metadata=None,
        extratags=[
            (33550, "d", 3, (2.0, 3.0, 0.0), True),
            (34735, "H", len(keys), keys, True),
            (34736, "d", 1, (1000.0,), True),
            (42112, "s", 0, f"<GDALMetadata>{items}</GDALMetadata>", True),
            (42113, "s", 0, "-9999", True),
        ],
    )
    truth = ImageTruth(
        pixels, "cyx", {"x": 2.0, "y": 3.0}, dict.fromkeys("yx", "kilometer"), ("red edge", "heat")
    )
    return Truth(path, (), (truth,))


def _torn(folder: Path) -> Truth:
    """Pages of one size in three compressions: one stack, in the order of the file."""
    pixels = _RNG.integers(0, 255, (4, 7, 9), dtype=np.uint8)
    path = folder / "torn.tif"
    with tifffile.TiffWriter(path) as out:
        for page, compression in zip(pixels, ("zlib", None, "lzw", None), strict=True):
            out.write(page, compression=compression, metadata=None)
    return Truth(path, (), (ImageTruth(pixels, "zyx"),))


def _delta_t(folder: Path, times: tuple[float, ...], scale: dict[str, float]) -> Truth:
    pixels = _RNG.integers(0, 255, (3, 5, 6), dtype=np.uint8)
    path = folder / "a.ome.tif"
    tifffile.imwrite(
        path,
        pixels,
        metadata={
            "axes": "TYX",
            "Plane": {"DeltaT": list(times), "DeltaTUnit": ["ms"] * 3},
        },
    )
    truth = ImageTruth(pixels, "tyx", scale, dict.fromkeys(scale, "second"))
    return Truth(path, (), (truth,))


def _positions(folder: Path) -> Truth:
    """Slices 0.4 µm apart, downwards, by their stated positions only."""
    pixels = _RNG.integers(0, 255, (3, 5, 6), dtype=np.uint8)
    path = folder / "z.ome.tif"
    tifffile.imwrite(
        path,
        pixels,
        metadata={
            "axes": "ZYX",
            "Plane": {"PositionZ": [2.0, 1.6, 1.2], "PositionZUnit": ["µm"] * 3},
        },
    )
    truth = ImageTruth(pixels, "zyx", {"z": 0.4}, {"z": "micrometer"})
    return Truth(path, (), (truth,))


def _scanimage_file(path: Path, pages: np.ndarray[Any, Any], **stated: str) -> Path:
    """Write pages as ScanImage does: BigTIFF with a header of its own after byte 16."""
    header = "\n".join(
        f"{key} = {value}"
        for key, value in {
            "SI.VERSION_MAJOR": "2022",
            "SI.hChannels.channelSave": "[2;4]",
            "SI.hChannels.channelName": "{'Blue' 'Green' 'Red' 'Far red'}",
            "SI.hRoiManager.scanFrameRate": "30",
            "SI.hRoiManager.scanVolumeRate": "8",
            "SI.hRoiManager.imagingFovUm": "[-150 -100;150 -100;150 100;-150 100]",
            "SI.hRoiManager.linesPerFrame": "20",
            "SI.hRoiManager.pixelsPerLine": "30",
            **{f"SI.{name.replace('__', '.')}": value for name, value in stated.items()},
        }.items()
    ).encode()
    plain = path.with_name("plain.tif")
    tifffile.imwrite(
        plain,
        pages,
        bigtiff=True,
        metadata=None,
        software="SI.VERSION_MAJOR = 2022\nSI.hChannels.channelSave = [2;4]",
        description="frameNumbers = 1",
    )
    # the header goes between the file header and the first directory: all offsets move by its length
    moved = len(header) + 1 + 16
    moved += -moved % 8
    block = struct.pack("<IIII", 117637889, 4, len(header) + 1, 0) + header + b"\0"
    block = block.ljust(moved, b"\0")
    content = bytearray(plain.read_bytes())
    plain.unlink()
    path.write_bytes(_shifted(content, block))
    return path


def _scanimage_pages(folder: Path, axes: str, n_pages: int, **stated: str) -> Truth:
    """Pages of two channels that lie along time, slices or both, whatever was requested."""
    n_t, n_z = {"t": (n_pages, 1), "z": (1, n_pages), "tz": (n_pages // 3, 3)}[axes]
    pixels = _RNG.integers(-100, 2000, (n_t, n_z, 2, 20, 30), dtype=np.int16)
    path = folder / "pages_00001.tif"
    _scanimage_file(
        path,
        pixels.reshape(-1, 20, 30),
        **{"hStackManager__stackZStepSize": "5", "hScan2D__logAverageFactor": "1", **stated},
    )
    scale = {"y": 10.0, "x": 10.0} | ({"z": 5.0} if n_z > 1 else {})
    units = dict.fromkeys(scale, "micrometer")
    if n_t > 1:
        averaged = int(stated.get("hScan2D__logAverageFactor", "1"))
        scale["t"], units["t"] = (0.125 if n_z > 1 else averaged / 30), "second"
    own = pixels.transpose(0, 2, 1, 3, 4)
    own = own[:, :, 0] if n_z == 1 else own[0] if n_t == 1 else own
    kept = {"t": "tcyx", "z": "czyx", "tz": "tczyx"}[axes]
    return Truth(path, (), (ImageTruth(own, kept, scale, units, ("Green", "Far red")),))


def _scanimage(folder: Path) -> Truth:
    """A stack of three slices in two of four channels."""
    pixels = _RNG.integers(-100, 2000, (3, 2, 20, 30), dtype=np.int16)
    path = _scanimage_file(
        folder / "z_00001.tif",
        pixels.reshape(6, 20, 30),
        hFastZ__enable="false",
        hStackManager__enable="true",
        hStackManager__numSlices="3",
        hStackManager__stackZStepSize="-5",
        hStackManager__actualNumSlices="3",
        hStackManager__framesPerSlice="1",
        hScan2D__logAverageFactor="1",
    )
    names = ("Green", "Far red")
    scale = {"z": 5.0, "y": 10.0, "x": 10.0}
    truth = ImageTruth(
        pixels.transpose(1, 0, 2, 3), "czyx", scale, dict.fromkeys(scale, "micrometer"), names
    )
    return Truth(path, (), (truth,))


def _shifted(content: bytearray, block: bytes) -> bytes:
    """Put ``block`` behind the header of a BigTIFF: every offset in it moves."""
    n_more = len(block)
    sizes = {2: 1, 3: 2, 4: 4, 5: 8, 12: 8, 16: 8}
    (at,) = struct.unpack_from("<Q", content, 8)
    struct.pack_into("<Q", content, 8, at + n_more)
    while at:
        (n_tags,) = struct.unpack_from("<Q", content, at)
        for i in range(n_tags):
            entry = at + 8 + 20 * i
            tag, kind, count, where = struct.unpack_from("<HHQQ", content, entry)
            values_at = entry + 12
            if count * sizes[kind] > 8:
                struct.pack_into("<Q", content, entry + 12, where + n_more)
                values_at = where
            if tag == 273:
                for j in range(count):
                    code = {4: "<I", 16: "<Q"}[kind]
                    place = values_at + sizes[kind] * j
                    (offset,) = struct.unpack_from(code, content, place)
                    struct.pack_into(code, content, place, offset + n_more)
        link = at + 8 + 20 * n_tags
        (at,) = struct.unpack_from("<Q", content, link)
        if at:
            struct.pack_into("<Q", content, link, at + n_more)
    return bytes(content[:16]) + block + bytes(content[16:])


def _subsampled(folder: Path) -> Truth:
    """Uncompressed YCbCr, one chroma pair for four pixels, all of it gray: R = G = B = Y."""
    gray = _RNG.integers(0, 255, (4, 6), dtype=np.uint8)
    data = b"".join(
        gray[y : y + 2, x : x + 2].tobytes() + b"\x80\x80" for y in (0, 2) for x in (0, 2, 4)
    )
    tags = [
        (256, 4, 6),
        (257, 4, 4),
        (258, 3, [8, 8, 8]),
        (259, 3, 1),
        (262, 3, 6),
        (277, 3, 3),
        (278, 4, 4),
        (530, 3, [2, 2]),
    ]
    path = folder / "ycbcr.tif"
    path.write_bytes(by_hand([(tags, [data])]))
    truth = ImageTruth(np.stack([gray] * 3), "cyx", {}, {}, ("R", "G", "B"), "rgb", tolerance=1)
    return Truth(path, (), (truth,))


def _coloured(folder: Path, *, wide: bool) -> Truth:
    """Palette indices: colours that repeat 8 bits become 8 bits, others keep their 16."""
    indices = _RNG.integers(0, 255, (5, 7), dtype=np.uint8)
    table = _RNG.integers(0, 256, (3, 256)).astype(np.uint16)
    stored = table * 256 + (17 if wide else 0)
    path = folder / "palette.tif"
    tifffile.imwrite(path, indices, photometric="palette", colormap=stored, metadata=None)
    shown = stored[:, indices] if wide else table[:, indices].astype(np.uint8)
    return Truth(path, (), (ImageTruth(shown, "cyx", {}, {}, ("R", "G", "B"), "rgb"),))


def _gray_palette(folder: Path) -> Truth:
    indices = _RNG.integers(0, 255, (5, 7), dtype=np.uint8)
    table = np.stack([np.arange(256, dtype=np.uint16) * 257] * 3)
    path = folder / "gray.tif"
    tifffile.imwrite(path, indices, photometric="palette", colormap=table, metadata=None)
    return Truth(path, (), (ImageTruth(indices, "yx", kind="label"),))


def _unknown_compression(folder: Path) -> Truth:
    tags = [(256, 4, 4), (257, 4, 4), (258, 3, 8), (259, 3, 34676), (262, 3, 1), (278, 4, 4)]
    path = folder / "sgilog.tif"
    path.write_bytes(by_hand([(tags, [bytes(40)])]))
    return Truth(path, error="UnsupportedFeatureError", error_says="no decoder")


SAMPLES = [
    Sample("tiff-fei", "tiff", _fei),
    Sample("tiff-sem", "tiff", lambda f: _sem(f, width_um=0.0466, step=0.005825, y=0.005825)),
    Sample("tiff-sem-screen", "tiff", lambda f: _sem(f, width_um=0.0932, step=0.01165)),
    Sample(
        "tiff-sem-fewer-pixels",
        "tiff",
        lambda f: _sem(f, width_um=0.0932, step=0.01165, height_um=0.0699, y=0.01165),
    ),
    Sample("tiff-fibics", "tiff", _fibics),
    Sample("tiff-gatan", "tiff", _gatan),
    Sample("tiff-gatan-film", "tiff", _gatan_film),
    Sample("tiff-fei-camera", "tiff", _fei_camera),
    Sample("tiff-diffraction", "tiff", _reciprocal),
    Sample("tiff-metaseries", "tiff", _metaseries),
    Sample("tiff-micromanager", "tiff", _micromanager),
    Sample("tiff-aperio", "tiff", _svs),
    Sample("tiff-jeol", "tiff", _jeol),
    Sample("tiff-geo", "tiff", lambda f: _geotiff(f, projected=True)),
    Sample("tiff-geo-bands", "tiff", _bands),
    Sample("tiff-geo-degrees", "tiff", lambda f: _geotiff(f, projected=False)),
    Sample("tiff-torn", "tiff", _torn),
    Sample("tiff-delta-t", "tiff", lambda f: _delta_t(f, (0.0, 1500.0, 3000.0), {"t": 1.5})),
    Sample("tiff-uneven-t", "tiff", lambda f: _delta_t(f, (0.0, 1500.0, 9000.0), {})),
    Sample("tiff-positions", "tiff", _positions),
    Sample("tiff-scanimage", "tiff", _scanimage),
    Sample(
        "tiff-scanimage-stopped",
        "tiff",
        lambda f: _scanimage_pages(f, "t", 5, hStackManager__framesPerSlice="100"),
    ),
    Sample(
        "tiff-scanimage-averaged-frames",
        "tiff",
        lambda f: _scanimage_pages(
            f, "t", 4, hStackManager__framesPerSlice="40", hScan2D__logAverageFactor="10"
        ),
    ),
    Sample(
        "tiff-scanimage-averaged-slices",
        "tiff",
        lambda f: _scanimage_pages(
            f,
            "z",
            4,
            hStackManager__numSlices="4",
            hStackManager__framesPerSlice="2",
            hScan2D__logAverageFactor="2",
        ),
    ),
    Sample(
        "tiff-scanimage-volumes",
        "tiff",
        lambda f: _scanimage_pages(
            f,
            "tz",
            12,
            hStackManager__numSlices="3",
            hStackManager__numVolumes="4",
            hStackManager__framesPerSlice="1",
            hFastZ__enable="true",
        ),
    ),
    Sample("tiff-subsampled", "tiff", _subsampled),
    Sample("tiff-coloured", "tiff", lambda f: _coloured(f, wide=False)),
    Sample("tiff-coloured-wide", "tiff", lambda f: _coloured(f, wide=True)),
    Sample("tiff-gray-palette", "tiff", _gray_palette),
    Sample("tiff-unknown-compression", "tiff", _unknown_compression),
]
