"""What the tags of electron microscopes state: FEI, Zeiss SEM, TVIPS, Gatan, JEOL."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.units import length_unit, time_unit
from sparc_fuse_core.readers.tiff.facts import ImageFacts, Scale, inverse, number
from sparc_fuse_core.readers.tiff.statements import CENTIMETRE, INCH, facts_of, finite, xml_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    #: A page of tifffile, whose properties are optional in its types.
    Page = Any

_FIBICS = 51023
#: Pixel size and picture width of Zeiss SEM that differ by more than this contradict each other.
_SEM_TOLERANCE = 0.02


def fei(page: Page, series: Any) -> ImageFacts | None:
    """FEI and Thermo: metres per pixel in the section of the scan."""
    stated: dict[str, Any] = {}
    for tag in (34680, 34682):
        found = page.tags.valueof(tag)
        stated |= found if isinstance(found, dict) else {}
    scale = Scale()
    # a file of two beams may describe both: the one that took the picture is named
    own = str(_section(stated, "Beam").get("Scan", ""))
    for section in (own, "Scan", "EScan", "IScan", "CcdScan"):
        values = stated.get(section)
        if isinstance(values, dict) and number(values.get("PixelWidth")) > 0:
            for axis, key in (("x", "PixelWidth"), ("y", "PixelHeight")):
                scale.add(axis, number(values.get(key)) * 1e6, "µm", "micrometer")
            break
    if not scale.steps:
        _infrared(stated, scale)
    beam = stated.get(str(_section(stated, "Beam").get("Beam", "")), {})
    scan = stated.get("Scan") or {}
    return facts_of(
        scale,
        "fei",
        {
            "acceleration_voltage_v": (beam or {}).get("HV"),
            "working_distance_m": (beam or {}).get("WD"),
            "dwell_time_s": (scan if isinstance(scan, dict) else {}).get("Dwelltime"),
        },
    )


def _section(stated: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = stated.get(name)
    return found if isinstance(found, dict) else {}


def _infrared(stated: Mapping[str, Any], scale: Scale) -> None:
    """Navigation camera: the size of the field, in metre, and the pixels of the picture."""
    field, picture = stated.get("IRBeam"), stated.get("Image")
    if not isinstance(field, dict) or not isinstance(picture, dict):
        return
    for axis, side in (("x", "HFW"), ("y", "VFW")):
        n_pixels = number(picture.get(f"Resolution{axis.upper()}"))
        if n_pixels > 0:
            scale.add(axis, number(field.get(side)) * 1e6 / n_pixels, "µm", "micrometer")


def is_fibics(page: Page) -> bool:
    """Whether a page has the tag of Fibics (Zeiss Atlas, NPVE)."""
    return _FIBICS in page.tags


def fibics(page: Page, series: Any) -> ImageFacts | None:
    """Fibics: the field of view with its unit, of a picture of as many pixels as it states."""
    root = xml_of(str(page.tags.valueof(_FIBICS) or ""))
    if root is None:
        return None
    scale = Scale()
    sides = (("x", "Width", page.imagewidth), ("y", "Height", page.imagelength))
    for axis, side, n_pixels in sides:
        field = root.find(f"Scan/FOV_{axis.upper()}")
        text = str(field.get("units") or "") if field is not None else ""
        if (
            field is None
            or not length_unit(text)
            or number(root.findtext(f"Image/{side}")) != n_pixels
        ):
            continue
        scale.add(axis, number(field.text) / n_pixels, text, length_unit(text))
    return facts_of(scale, "fibics", {"dwell_time_ns": finite(root.findtext("Scan/Dwell"))})


def sem(page: Page, series: Any) -> ImageFacts | None:
    """Zeiss SEM: the pixel size of the screen, which is not that of a picture saved with fewer pixels."""
    stated = page.tags.valueof(34118)
    if not isinstance(stated, dict):
        return None
    sizes = {
        axis: _quantity(stated.get(f"ap_{side}"))
        for axis, side in (("x", "width"), ("y", "height"))
    }
    pixel = _quantity(stated.get("ap_image_pixel_size")) or _quantity(stated.get("ap_pixel_size"))
    scale = Scale()
    is_screens = False
    for axis, n_pixels in (("x", page.imagewidth), ("y", page.imagelength)):
        side = sizes[axis]
        from_side = side / n_pixels if side else None
        # what is not the picture's along x says nothing of y
        step = from_side if is_screens else pixel or from_side
        if pixel and from_side and abs(from_side / pixel - 1) > _SEM_TOLERANCE:
            step, is_screens = from_side, True
            if axis == "x":
                sentence = (
                    f"the file states pixels of {pixel:g} µm, and a picture {side:g} µm wide of {n_pixels} "
                    "pixels: the width is taken, the pixel size is that of the screen"
                )
                scale.evidence.append(Evidence("scale", "inferred", sentence))
        if step:
            scale.add(axis, step, "µm", "micrometer")
    return facts_of(
        scale,
        "zeiss_sem",
        {
            "pixel_size_um": pixel,
            "width_um": sizes["x"],
            "working_distance_um": _quantity(stated.get("ap_wd")),
            "acceleration_voltage": _text(stated.get("ap_actualkv")),
            "magnification": _text(stated.get("ap_mag")),
            "detector": _text(stated.get("dp_detector_channel")),
        },
    )


def _quantity(entry: Any) -> float | None:
    """Return micrometres of a labelled value of Zeiss: (label, number, unit)."""
    if not isinstance(entry, tuple) or len(entry) != 3:
        return None
    factor = {"nanometer": 1e-3, "micrometer": 1.0, "millimeter": 1e3, "meter": 1e6}
    unit = length_unit(str(entry[2]))
    value = number(entry[1])
    return value * factor[unit] if unit in factor and math.isfinite(value) and value > 0 else None


def _text(entry: Any) -> str | None:
    return " ".join(str(part) for part in entry[1:]) if isinstance(entry, tuple) else None


def tvips(page: Page, series: Any) -> ImageFacts | None:
    """TVIPS EM-MENU: nanometres per pixel in the specimen."""
    stated = page.tags.valueof(37706)
    if not isinstance(stated, dict):
        return None
    scale = Scale()
    for axis in "xy":
        scale.add(axis, stated.get(f"PixelSize{axis.upper()}"), "nm", "nanometer")
    names = ("Magnification", "AccelerationVoltage", "TemHighTension", "TemMagnification")
    return facts_of(scale, "tvips", {key: stated.get(key) for key in names})


def gatan(page: Page, series: Any) -> ImageFacts | None:
    """Gatan DigitalMicrograph: units in tags 65003 to 65005, steps in 65009 to 65011, of x, y and the pages."""
    scale = Scale()
    pages = ""
    for i, axis in enumerate("xyz"):
        text = page.tags.valueof(65003 + i)
        text = text.decode("latin-1") if isinstance(text, bytes) else str(text or "")
        text = text.strip().strip("\0")
        step = page.tags.valueof(65009 + i)
        # reciprocal lengths and energies are no steps in space
        if length_unit(text):
            scale.add(axis, step, text, length_unit(text))
            pages = "z" if axis == "z" else pages
        elif axis == "z" and time_unit(text):
            scale.add("t", step, text, time_unit(text))
            pages = "t"
    found = facts_of(scale, "gatan", {"intensity_scale": finite(page.tags.valueof(65025))})
    return replace(found, pages=pages)


def jeol(page: Page, series: Any) -> ImageFacts | None:
    """JEOL SightX: the resolution is that of the detector, the magnification in XML beside it."""
    root = xml_of(str(page.description).strip(" \r\n\t\x01\0"))
    if root is None:
        return None
    mode = root.findtext(".//Eos/EosMode") or ""
    imaging = root.find(".//ImageFormingSystem")
    magnification = number(imaging.findtext("SelectorValue")) if imaging is not None else math.nan
    scale = Scale()
    is_magnified = imaging is not None and imaging.findtext("ModeString") == "MAG"
    if mode == "eosTEM" and is_magnified and magnification > 0:
        nm_per_unit = {INCH: 25.4e6, CENTIMETRE: 1e7}.get(int(page.tags.valueof(296, 2)), math.nan)
        for axis, tag in (("x", 282), ("y", 283)):
            step = inverse(page.tags.valueof(tag)) * nm_per_unit / magnification
            scale.add(axis, step, "nm", "nanometer")
    voltage = number(root.findtext(".//ElectronGun/AccelerationVoltage"))
    facts = {"magnification": finite(magnification), "acceleration_voltage": finite(voltage)}
    return facts_of(scale, "jeol", facts)


def is_gatan(page: Page) -> bool:
    """Whether DigitalMicrograph wrote a page."""
    return 65009 in page.tags and 65003 in page.tags


def is_jeol(page: Page) -> bool:
    """Whether a JEOL SightX wrote a page."""
    return "SightX" in str(page.software)
