"""GeoTIFF and GDAL: the step of a map where it is a length, names and calibration of its bands.

Places are left out. Sources: OGC GeoTIFF 1.1; GDAL's GTiff driver (``GDAL_METADATA``, ``GDAL_NODATA``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sparc_fuse_core.model import Evidence
from sparc_fuse_core.readers.shared.units import length_unit
from sparc_fuse_core.readers.tiff.facts import ImageFacts, Scale, number
from sparc_fuse_core.readers.tiff.statements import facts_of, finite, xml_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    #: A page of tifffile, whose properties are optional in its types.
    Page = Any

_PIXEL_SCALE, _TRANSFORMATION = 33550, 34264
_GDAL_METADATA, _GDAL_NODATA = 42112, 42113
_GEOGRAPHIC = 2
_USER_DEFINED = 32767
#: EPSG's codes of units of length; the foot of the United States' survey is not OME-NGFF's.
_EPSG_LENGTHS = {
    1025: "millimeter",
    1033: "centimeter",
    9001: "meter",
    9002: "foot",
    9036: "kilometer",
    9093: "mile",
    9096: "yard",
}
#: Units of one's own, by their length in metre.
_OWN_LENGTHS = {1000.0: "kilometer", 1.0: "meter", 0.01: "centimeter", 0.001: "millimeter"}
_MAX_BANDS = 4096
_MAX_NAME = 200


def is_map(page: Page) -> bool:
    """Whether a page has tags of GeoTIFF or GDAL."""
    tags = (_PIXEL_SCALE, _TRANSFORMATION, _GDAL_METADATA)
    return bool(page.is_geotiff or any(tag in page.tags for tag in tags))


def map_facts(page: Page, series: Any) -> ImageFacts:
    """Return the step where its unit is a length, else why there is none; bands; the mark of no data."""
    stated = page.geotiff_tags or {}
    steps = _steps(page)
    scale = Scale()
    unit = _unit(stated)
    is_geographic = stated.get("GTModelTypeGeoKey") == _GEOGRAPHIC
    if len(steps) > 1:
        shown = f"the map states a step of {steps[0]:g} × {steps[1]:g}"
        if is_geographic:
            sentence = f"{shown} in degrees, which are no length: no pixel size"
            scale.evidence.append(Evidence("scale", "missing", sentence))
        elif unit:
            for axis, step in zip("xy", steps, strict=False):
                scale.add(axis, step, unit, length_unit(unit))
        else:
            sentence = f"{shown} in a unit that it does not state in itself: no pixel size"
            scale.evidence.append(Evidence("scale", "missing", sentence))
    bands = _bands(page)
    facts = {
        "model_pixel_scale": [float(step) for step in steps],
        "linear_unit": "degree" if is_geographic else unit or None,
        "no_data": finite(page.tags.valueof(_GDAL_NODATA)),
    }
    found = facts_of(scale, "geotiff", facts)
    return ImageFacts(
        found.scale,
        found.units,
        _names(bands),
        metadata=found.metadata,
        evidence=(*found.evidence, *_calibration(bands)),
    )


def _unit(stated: Mapping[str, Any]) -> str:
    """Return the name of a map's unit of length, OME-NGFF's where it has one; ``""`` if none is stated."""
    code = stated.get("ProjLinearUnitsGeoKey")
    if not isinstance(code, int):
        return ""
    if code == _USER_DEFINED:
        return _OWN_LENGTHS.get(number(stated.get("ProjLinearUnitSizeGeoKey")), "")
    return _EPSG_LENGTHS.get(code) or str(getattr(code, "name", f"EPSG {int(code)}"))


def _steps(page: Page) -> Sequence[float]:
    steps = page.tags.valueof(_PIXEL_SCALE)
    if isinstance(steps, tuple) and len(steps) > 1:
        return steps
    turned = np.asarray(page.tags.valueof(_TRANSFORMATION, ()))
    if turned.size != 16 or turned.dtype.kind not in "iuf":
        return ()
    turned = turned.reshape(4, 4)
    # columns are what a step along x and along y is in the model, however it is turned
    return tuple(float(np.hypot(turned[0][i], turned[1][i])) for i in (0, 1))


def _bands(page: Page) -> list[dict[str, str]]:
    """Return what GDAL's metadata say of each band: description, scale, offset, unit."""
    root = xml_of(str(page.tags.valueof(_GDAL_METADATA) or ""))
    if root is None:
        return []
    bands: dict[int, dict[str, str]] = {}
    for item in root.iter("Item"):
        role, sample = str(item.get("role") or "").lower(), str(item.get("sample") or "0")
        if role and sample.isdecimal() and int(sample) < _MAX_BANDS:
            bands.setdefault(int(sample), {})[role] = (item.text or "").strip()
    return [bands.get(i, {}) for i in range(1 + max(bands))] if bands else []


def _names(bands: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    names = tuple(band.get("description", "")[:_MAX_NAME] for band in bands)
    return names if any(names) else ()


def _calibration(bands: Sequence[Mapping[str, str]]) -> Iterator[Evidence]:
    """Say how stored values become physical ones; the stored ones are kept."""
    rules = {
        i: f"stored × {band.get('scale', '1')} + {band.get('offset', '0')}, in "
        f"{band.get('unittype') or 'no unit'}"
        for i, band in enumerate(bands)
        if {"scale", "offset"} & band.keys()
    }
    if not rules:
        return
    same = len(rules) == len(bands) and len(set(rules.values())) == 1
    told = rules[0] if same else "; ".join(f"band {i}: {rule}" for i, rule in rules.items())
    yield Evidence("calibration", "file", f"physical value = {told}; the stored values are kept")
