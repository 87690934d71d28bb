"""Pages of one size and type that differ in how they are stored: one stack, as their writer meant it.

tifffile makes a series of the pages that one decoder reads; compressions, strips or predictors that change from
page to page would tear a stack apart. Pages are put back together in the order of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tifffile

from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence


def merged(
    every: Sequence[tifffile.TiffPageSeries], evidence: list[Evidence]
) -> list[tifffile.TiffPageSeries]:
    """Return the series with those put together whose pages have one shape, type and meaning."""
    groups: dict[Any, list[tifffile.TiffPageSeries]] = {}
    for number, series in enumerate(every):
        key: Any = series.keyframe
        alike: Any = number
        if series.kind == "generic" and not key.is_reduced and key.subifds is None:
            alike = (
                key.shape,
                key.axes,
                str(key.dtype),
                key.bitspersample,
                int(key.photometric or 0),
                tuple(int(code) for code in key.extrasamples or ()),
            )
        groups.setdefault(alike, []).append(series)
    found = []
    for group in groups.values():
        if len(group) == 1 or not all(_has_pages(series) for series in group):
            found += group
            continue
        pages: list[Any] = [page for series in group for page in series.pages]
        pages.sort(key=lambda page: page.index)
        first = pages[0].keyframe
        found.append(
            tifffile.TiffPageSeries(
                pages, (len(pages), *first.shape), first.dtype, f"I{first.axes}", kind="generic"
            )
        )
        sentence = f"{len(pages)} pages of one size and type that are stored differently: one stack"
        evidence.append(Evidence("axes", "file", sentence))
    return found


def _has_pages(series: tifffile.TiffPageSeries) -> bool:
    """Whether all pages are there and lie in the file's own chain, not below another page."""
    pages: list[Any] = list(series.pages)
    return all(page is not None and isinstance(page.index, int) for page in pages)
