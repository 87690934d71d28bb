"""What microscopes' own TIFF tags state about a page: its pixel size, channel names, calibration.

tifffile parses the tags; here is what they mean. Only facts of an allow-list are kept as metadata: the tags
also hold names of users, paths and serial numbers. Sources: tifffile's notes on each format; for Gatan, TVIPS,
Zeiss SEM and JEOL the files of the HyperSpy project; MetaMorph MetaSeries XML; Micro-Manager file format;
GeoTIFF 1.1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import tifffile

from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.units import length_unit
from sparc_fuse_core.readers.tiff.electrons import (
    fei,
    fibics,
    gatan,
    is_fibics,
    is_gatan,
    is_jeol,
    jeol,
    sem,
    tvips,
)
from sparc_fuse_core.readers.tiff.facts import ImageFacts, Scale, inverse, number
from sparc_fuse_core.readers.tiff.maps import is_map, map_facts
from sparc_fuse_core.readers.tiff.statements import (
    CENTIMETRE,
    INCH,
    facts_of,
    finite,
    first_of,
    xml_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    #: A page of tifffile, whose properties are optional in its types.
    Page = Any

_MAX_PAGES = 64
_MICROMANAGER_TAG = 51123


def vendor_facts(series: tifffile.TiffPageSeries) -> ImageFacts:
    """Return what the first recognised set of tags of a series states; nothing if there is none."""
    page: Page = series.keyframe
    for is_it, facts in _VENDORS:
        if is_it(page):
            found = facts(page, series)
            if found is not None:
                return found
    return ImageFacts()


def _metaseries(page: Page, series: Any) -> ImageFacts | None:
    """MetaMorph MetaSeries: calibration and wavelength in the XML of a plane."""
    try:
        stated = tifffile.tifffile.metaseries_description_metadata(page.description.strip())
    except (ValueError, ET.ParseError, TypeError, KeyError):
        return None
    plane = stated.get("PlaneInfo") or {}
    scale = Scale()
    text = str(plane.get("spatial-calibration-units", ""))
    if plane.get("spatial-calibration-state", True):
        for axis in "xy":
            step = plane.get(f"spatial-calibration-{axis}")
            if length_unit(text):
                scale.add(axis, step, text, length_unit(text))
    name = str(plane.get("_IllumSetting_") or plane.get("image-name") or "").strip()
    facts = {
        "wavelength": plane.get("wavelength"),
        "position_z": plane.get("z-position"),
        "stage_position": [plane.get("stage-position-x"), plane.get("stage-position-y")],
        "objective": plane.get("_MagSetting_"),
        "numerical_aperture": plane.get("_MagNA_"),
    }
    found = facts_of(scale, "metaseries", facts)
    return ImageFacts(
        found.scale,
        found.units,
        (name,) if name else (),
        metadata=found.metadata,
        evidence=found.evidence,
    )


def _micromanager(page: Page, series: Any) -> ImageFacts | None:
    """Micro-Manager: one tag a plane, and a summary of the whole."""
    stated = page.tags.valueof(_MICROMANAGER_TAG)
    plane = stated if isinstance(stated, dict) else {}
    summary = plane.get("Summary") or {}
    if page.is_micromanager:
        summary = (page.parent.micromanager_metadata or {}).get("Summary") or summary
    return micromanager_facts(summary, plane)


def micromanager_facts(summary: Mapping[str, Any], plane: Mapping[str, Any]) -> ImageFacts | None:
    """Return what Micro-Manager's summary and one plane's metadata state."""
    if not summary and not plane:
        return None
    scale = Scale()
    pixel = first_of(plane, "PixelSizeUm", "PixelSize_um") or first_of(
        summary, "PixelSize_um", "PixelSizeUm"
    )
    aspect = first_of(summary, "PixelAspect") or 1.0
    if pixel:
        scale.add("x", pixel, "µm", "micrometer")
        scale.add("y", pixel * aspect, "µm", "micrometer")
    scale.add("z", abs(number(summary.get("z-step_um"))), "µm", "micrometer")
    scale.add("t", number(summary.get("Interval_ms")) / 1000, "s", "second")
    names = summary.get("ChNames") or ()
    colors = summary.get("ChColors") or ()
    bits = number(summary.get("BitDepth") or plane.get("BitDepth"))
    facts = {
        "binning": plane.get("Binning"),
        "exposure_ms": first_of(plane, "Exposure-ms"),
        "position_z_um": first_of(plane, "ZPositionUm"),
        "position_name": plane.get("PositionName"),
    }
    found = facts_of(scale, "micromanager", facts)
    return ImageFacts(
        found.scale,
        found.units,
        tuple(str(name) for name in names) if isinstance(names, list) else (),
        tuple(f"{int(color) & 0xFFFFFF:06X}" for color in colors)
        if isinstance(colors, list) and all(isinstance(color, int) for color in colors)
        else (),
        int(bits) if math.isfinite(bits) and bits > 0 else None,
        found.metadata,
        found.evidence,
    )


def _sis(page: Page, series: Any) -> ImageFacts | None:
    """Olympus SIS on a page that is not the first: metres per pixel."""
    stated = page.tags.valueof(33560)
    if not isinstance(stated, dict):
        return None
    scale = Scale()
    for axis in "xy":
        scale.add(axis, number(stated.get(f"pixelsize{axis}")) * 1e6, "µm", "micrometer")
    return facts_of(scale, "sis", {"magnification": finite(stated.get("magnification"))})


def _svs(page: Page, series: Any) -> ImageFacts | None:
    """Aperio: micrometres per pixel in the description."""
    try:
        stated = tifffile.tifffile.svs_description_metadata(page.description)
    except ValueError:
        return None
    scale = Scale()
    for axis in "xy":
        scale.add(axis, stated.get("MPP"), "µm", "micrometer")
    return facts_of(scale, "aperio", {"objective_magnification": stated.get("AppMag")})


def _qpi(page: Page, series: Any) -> ImageFacts | None:
    """PerkinElmer QPI: true resolution tags; each page's XML names its channel and colour."""
    scale = _resolution(page)
    names, colors = [], []
    for part in list(series.pages)[:_MAX_PAGES]:
        root = xml_of(str(getattr(part, "description", "") or ""))
        names.append((root.findtext("Name") or "").strip() if root is not None else "")
        rgb = ((root.findtext("Color") or "") if root is not None else "").split(",")
        fine = len(rgb) == 3 and all(text.strip().isdigit() for text in rgb)
        colors.append("".join(f"{min(int(text), 255):02X}" for text in rgb) if fine else "")
    return ImageFacts(
        scale.steps,
        scale.units,
        tuple(names) if any(names) else (),
        tuple(colors) if all(colors) else (),
        evidence=tuple(scale.evidence),
    )


def _scn(page: Page, series: Any) -> ImageFacts | None:
    """Leica SCN: the size of a scan on the slide, in nanometre, and its pixels."""
    root = xml_of(str(page.parent.pages.first.description or ""))
    scale = Scale()
    for image in root.iter() if root is not None else ():
        if not image.tag.endswith("}image") or image.get("name") != series.name:
            continue
        view, pixels = (
            next((part for part in image if part.tag.endswith(f"}}{tag}")), None)
            for tag in ("view", "pixels")
        )
        if view is None or pixels is None or number(pixels.get("sizeX")) != page.imagewidth:
            continue
        for axis, key in (("x", "sizeX"), ("y", "sizeY")):
            n_pixels = number(pixels.get(key))
            if n_pixels > 0:
                scale.add(axis, number(view.get(key)) / 1000 / n_pixels, "µm", "micrometer")
        return facts_of(scale, "leica", {})
    return None


def _ndpi(page: Page, series: Any) -> ImageFacts | None:
    """Hamamatsu NDPI: true resolution tags; the objective in a tag of its own."""
    return facts_of(
        _resolution(page), "hamamatsu", {"objective_magnification": page.tags.valueof(65421)}
    )


def _resolution(page: Page) -> Scale:
    """Return steps from the resolution tags, for formats that define them as the specimen's."""
    scale = Scale()
    um_per_unit = {CENTIMETRE: 1e4, INCH: 25.4e3}.get(int(page.tags.valueof(296, 2)), math.nan)
    for axis, tag in (("x", 282), ("y", 283)):
        scale.add(axis, inverse(page.tags.valueof(tag)) * um_per_unit, "µm", "micrometer")
    return scale


def _fluoview(page: Page, series: Any) -> ImageFacts | None:
    """Olympus FluoView: name, length, origin, step and unit of each dimension."""
    stated = page.tags.valueof(34361)
    if not isinstance(stated, dict):
        return None
    scale = Scale()
    for dimension in stated.get("Dimensions") or ():
        name, _, _, step, unit = (*dimension, "", "", "", "", "")[:5]
        axis = {"X": "x", "Y": "y", "Z": "z"}.get(str(name).upper())
        text = str(unit).strip().strip("\0")
        if axis and length_unit(text):
            scale.add(axis, step, text, length_unit(text))
    return ImageFacts(scale.steps, scale.units, evidence=tuple(scale.evidence))


def _mdgel(page: Page, series: Any) -> ImageFacts | None:
    """Molecular Dynamics GEL: the square root of the signal, or the signal by a factor; stored as it is."""
    stated = page.parent.mdgel_metadata or {}
    kind, ratio = stated.get("FileTag"), stated.get("ScalePixel") or (1, 1)
    if kind not in (2, 128):
        return None
    power = "²" if kind == 2 else ""
    sentence = f"signal = stored{power} × {ratio[0]}/{ratio[1]}; the stored values are kept"
    return ImageFacts(
        metadata={"mdgel": {"square_root": kind == 2, "scale": [int(part) for part in ratio]}},
        evidence=(Evidence("calibration", "file", sentence),),
    )


def _is_metaseries(page: Page) -> bool:
    text = str(page.description).strip()
    return text.startswith("<MetaData>") and text.endswith("</MetaData>")


def _has_micromanager(page: Page) -> bool:
    return bool(_MICROMANAGER_TAG in page.tags or page.is_micromanager)


_VENDORS: tuple[tuple[Callable[[Page], Any], Callable[[Page, Any], ImageFacts | None]], ...] = (
    (lambda page: page.is_fei, fei),
    (lambda page: page.is_sem, sem),
    (is_fibics, fibics),
    (lambda page: page.is_tvips, tvips),
    (_is_metaseries, _metaseries),
    (_has_micromanager, _micromanager),
    (lambda page: page.is_sis, _sis),
    (lambda page: page.is_svs, _svs),
    (lambda page: page.is_qpi, _qpi),
    (lambda page: page.is_ndpi, _ndpi),
    (lambda page: page.parent.is_scn, _scn),
    (lambda page: page.is_fluoview, _fluoview),
    (lambda page: page.is_mdgel, _mdgel),
    (is_jeol, jeol),
    (is_gatan, gatan),
    (is_map, map_facts),
)
