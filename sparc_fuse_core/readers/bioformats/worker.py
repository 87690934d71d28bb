"""The other process: Bio-Formats (GPL) in a Java machine, answering requests over pipes.

Started by `bioformats_process` as a module with two arguments, the jar and Java's memory. A request is a
length (4 bytes, big-endian) and JSON; an answer is a length and JSON, then as many bytes of pixels as its
``n_bytes`` says. Whatever Java prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import IO, Any

import jpype

from sparc_fuse_core.child import end_with_parent

LENGTH = struct.Struct(">I")

_DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64", "bit")


class _Images:
    """One open file."""

    def __init__(self) -> None:
        self.reader: Any = None

    def open(self, path: str, reader: str, limit: int, *, group: bool = False) -> dict[str, Any]:
        """Open ``path`` with a reader class (or any, where it is empty) and describe its series."""
        formats = jpype.JPackage("loci").formats
        self.reader = jpype.JClass(reader)() if reader else formats.ImageReader()
        metadata = formats.MetadataTools.createOMEXMLMetadata()
        self.reader.setMetadataStore(metadata)
        # neighbours are never drawn in: only what was put into the folder is there anyway
        self.reader.setGroupFiles(group)
        self.reader.setFlattenedResolutions(False)
        self.reader.setId(path)
        n_series = int(self.reader.getSeriesCount())
        if n_series > limit:
            message = f"{n_series} series"
            raise ValueError(message)
        series = []
        for i in range(n_series):
            self.reader.setSeries(i)
            series.append(self._series(i, metadata))
        used = [os.path.basename(str(name)) for name in self.reader.getUsedFiles()]  # noqa: PTH119
        return {"format": str(self.reader.getFormat()), "used": used, "series": series}

    def _series(self, i: int, metadata: Any) -> dict[str, Any]:
        reader = self.reader
        return {
            "name": str(metadata.getImageName(i) or ""),
            "t": int(reader.getSizeT()),
            "c": int(reader.getSizeC()),
            "z": int(reader.getSizeZ()),
            "y": int(reader.getSizeY()),
            "x": int(reader.getSizeX()),
            "dtype": _DTYPES[int(reader.getPixelType())],
            "little_endian": bool(reader.isLittleEndian()),
            "rgb": int(reader.getRGBChannelCount()),
            "interleaved": bool(reader.isInterleaved()),
            "palette": bool(reader.isIndexed() and not reader.isFalseColor()),
            "thumbnail": bool(reader.isThumbnailSeries()),
            "bits": int(reader.getBitsPerPixel()),
            "modulo": {
                axis: str(modulo.type)
                for axis, modulo in (
                    ("z", reader.getModuloZ()),
                    ("c", reader.getModuloC()),
                    ("t", reader.getModuloT()),
                )
                if modulo is not None and int(modulo.length()) > 1
            },
            "steps": self._steps(i, metadata),
            "channels": [
                str(metadata.getChannelName(i, c) or "")
                for c in range(int(metadata.getChannelCount(i)))
            ],
        }

    @staticmethod
    def _steps(i: int, metadata: Any) -> dict[str, float]:
        """Return micrometre for x, y, z and seconds for t, where the unit can be converted."""
        units = jpype.JPackage("ome").units.UNITS
        found = {}
        for axis, quantity, unit in (
            ("x", metadata.getPixelsPhysicalSizeX(i), units.MICROMETER),
            ("y", metadata.getPixelsPhysicalSizeY(i), units.MICROMETER),
            ("z", metadata.getPixelsPhysicalSizeZ(i), units.MICROMETER),
            ("t", metadata.getPixelsTimeIncrement(i), units.SECOND),
        ):
            value = None if quantity is None else quantity.value(unit)
            if value is not None:
                found[axis] = float(value.doubleValue())
        return found

    def read(self, series: int, zct: list[int], x: int, y: int, width: int, height: int) -> bytes:
        """Return one region of a plane, as the reader stores it."""
        self.reader.setSeries(series)
        plane = self.reader.getIndex(*zct)
        return bytes(self.reader.openBytes(plane, x, y, width, height))

    def close(self) -> None:
        if self.reader is not None:
            self.reader.close()
            self.reader = None


def _take(source: IO[bytes], size: int) -> bytes | None:
    data = source.read(size)
    return data if len(data) == size else None


def _give(out: IO[bytes], answer: dict[str, Any], pixels: bytes = b"") -> None:
    text = json.dumps(answer | {"n_bytes": len(pixels)}).encode()
    out.write(LENGTH.pack(len(text)) + text)
    out.write(pixels)
    out.flush()


def serve(source: IO[bytes], out: IO[bytes]) -> None:
    """Answer requests until the pipe closes."""
    images = _Images()
    try:
        while (head := _take(source, LENGTH.size)) is not None:
            text = _take(source, LENGTH.unpack(head)[0])
            if text is None:
                return
            request = json.loads(text)
            what = request.pop("what")
            try:
                if what == "open":
                    _give(out, {"result": images.open(**request)})
                else:
                    _give(out, {}, images.read(**request))
            except (jpype.JException, ValueError, TypeError, IndexError) as err:
                kind = type(err).__name__.rsplit(".", 1)[-1]
                _give(out, {"error": kind, "message": str(err)})
    finally:
        images.close()


def main(jar: str, memory: str) -> None:
    """Start Java and serve on what standard output was; prints go to standard error from now on."""
    end_with_parent()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    jpype.startJVM(
        f"-Xmx{memory}",
        "-Djava.awt.headless=true",
        classpath=[jar],
        convertStrings=False,
    )
    jpype.JClass("loci.common.DebugTools").setRootLevel("ERROR")
    serve(sys.stdin.buffer, out)


if __name__ == "__main__":
    main(*sys.argv[1:3])
