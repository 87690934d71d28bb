"""TIFF, BigTIFF, ImageJ, OME-TIFF, LSM and their relatives: every series, page by page.

tifffile finds series, axes and pyramid levels. Full resolution only: levels, thumbnails, labels and
overviews of slides are left out. Pixels stay as stored: unsigned ImageJ values, MINISWHITE; what they mean
is in the metadata. Indices of a palette with colours become those colours.
"""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tifffile

from sparc_fuse_core.errors import CorruptFileError, EmptyFileError, SchemeError, SparcFuseError
from sparc_fuse_core.formats.file_patterns import places_of
from sparc_fuse_core.model import Contents, Evidence
from sparc_fuse_core.readers.shared.planes import unique_names
from sparc_fuse_core.readers.tiff.chain import check_chain
from sparc_fuse_core.readers.tiff.facts import (
    ImageFacts,
    imagej_facts,
    lsm_facts,
    ome_facts,
    ome_sizes,
    sis_facts,
    stk_facts,
)
from sparc_fuse_core.readers.tiff.images import series_images
from sparc_fuse_core.readers.tiff.merged import merged
from sparc_fuse_core.readers.tiff.ndtiff import channels_of, check_index
from sparc_fuse_core.readers.tiff.page_facts import page_evidence
from sparc_fuse_core.readers.tiff.pages import DECODE_ERRORS, PageReader, check_page
from sparc_fuse_core.readers.tiff.scanimage import by_volume, scanimage_facts
from sparc_fuse_core.readers.tiff.scanimage_old import old_facts, old_header, old_series
from sparc_fuse_core.readers.tiff.sets import Ome, read_ome
from sparc_fuse_core.readers.tiff.stacked import Placed, Stated, stacked
from sparc_fuse_core.readers.tiff.vendors import vendor_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MAX_OME_TEXT = 262_144
#: Series of slide scanners that show the slide's label, an overview of it, or the specimen in small.
_NOT_PUBLISHED = ("label", "macro", "thumbnail", "overview", "barcode", "reference", "map")
_SLIDE_KINDS = ("svs", "scn", "bif", "ndpi", "philips", "qpi", "avs", "indica")


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open a TIFF file; see `sparc_fuse_core.readers.Reader`."""
    pattern = options.get("series_pattern")
    if pattern is not None:
        with ExitStack() as stack:
            yield _numbered(path, str(pattern), stack)
        return
    with ExitStack() as stack:
        document = _open(path, stack)
        ome = _ome(path, document)
        if ome is not None and ome.described_by != path:
            # the set's own file must be the one that its description was made for
            document = _open(path, stack, ome)
        reader = stack.enter_context(closing(PageReader(path.name)))
        yield _contents(path, document, reader, ome)


def _numbered(path: Path, pattern: str, stack: ExitStack) -> Contents:
    """Return the image of all files beside ``path`` that a scheme's pattern fits."""
    names = [other.name for other in path.parent.iterdir() if other.is_file()]
    places = places_of(pattern, names)
    if path.name not in places:
        message = f"{path.name}: the mapping scheme does not fit: series_pattern {pattern!r} does not match it"
        raise SchemeError(message)
    texts = {
        axis: sorted({place[axis] for place in places.values() if axis in place}, key=_natural)
        for axis in "tcz"
    }
    index = {axis: {text: i for i, text in enumerate(found)} for axis, found in texts.items()}
    placed = [
        Placed(path.with_name(name), **{axis: index[axis][text] for axis, text in place.items()})
        for name, place in sorted(places.items())
    ]
    named = tuple(texts["c"]) if any(not text.isdigit() for text in texts["c"]) else ()
    image, evidence = stacked(
        path, placed, Stated(channel_names=named), lambda one: read(one, {}), stack
    )
    sentence = f"{len(placed)} files in the order that series_pattern states"
    return Contents(images=(image,), evidence=(*evidence, Evidence("axes", "scheme", sentence)))


def _natural(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdigit() else (0, text)


def _open(path: Path, stack: ExitStack, ome: Ome | None = None) -> tifffile.TiffFile:
    """Open ``path``, or the set that it leads as its description says."""
    if ome is None:
        opened, text = path, None
    elif _is_tiff(ome.described_by):
        opened, text = ome.described_by, None
    else:
        opened, text = path, ome.text
    try:
        document = stack.enter_context(tifffile.TiffFile(opened, omexml=text))
        if document.is_scanimage and not document.is_bigtiff:
            # its pages are counted, not estimated
            document = stack.enter_context(tifffile.TiffFile(opened, is_scanimage=False))
        check_chain(opened.name, document)
        if document.is_ndtiff:
            check_index(opened)
    except (FileNotFoundError, SparcFuseError):
        raise
    except DECODE_ERRORS as err:
        message = f"{opened.name}: not a readable TIFF file ({err}); upload the original again"
        raise CorruptFileError(message) from err
    return document


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _ome(path: Path, document: tifffile.TiffFile) -> Ome | None:
    try:
        return read_ome(path, document.ome_metadata or "") if document.is_ome else None
    except SparcFuseError:
        raise
    except DECODE_ERRORS as err:
        message = f"{path.name}: its description cannot be read ({err}); upload it again"
        raise CorruptFileError(message) from err


def _contents(
    path: Path, document: tifffile.TiffFile, reader: PageReader, ome: Ome | None
) -> Contents:
    evidence: list[Evidence] = []
    try:
        every: Sequence[tifffile.TiffPageSeries] = document.series
        if not every or not any(len(series.pages) for series in every):
            message = f"{path.name}: no pages"
            raise EmptyFileError(message)
        old = old_header(document)
        if old and len(every) == 1:
            every = [old_series(every[0], document, old)]
        every = merged([by_volume(series, document) for series in every], evidence)
        published = _published(every, evidence)
        for series in published:
            _check(path, series)
        _check_completeness(path, document, every)
        facts = [
            _facts(document, published, series, ome, number)
            for number, series in enumerate(published)
        ]
        images = []
        for series, stated in zip(published, facts, strict=True):
            images += series_images(reader, path.name, series, stated, evidence)
            evidence += stated.evidence
            evidence += page_evidence(series.keyframe, series.name or "")
            evidence += _gaps(series)
    except SparcFuseError:
        raise
    except DECODE_ERRORS as err:
        message = f"{path.name}: its directories cannot be read ({err}); upload the original again"
        raise CorruptFileError(message) from err
    names = unique_names(image.name for image in images)
    metadata: dict[str, Any] = {"byte_order": document.byteorder, "bigtiff": document.is_bigtiff}
    if ome is not None:
        metadata |= ome.instruments
    if ome is not None and len(ome.text) <= _MAX_OME_TEXT:
        metadata["ome_xml"] = ome.text
    return Contents(
        images=tuple(
            image if image.name == name else replace(image, name=name)
            for image, name in zip(images, names, strict=True)
        ),
        metadata=metadata,
        evidence=tuple(evidence),
    )


def _published(
    every: Sequence[tifffile.TiffPageSeries], evidence: list[Evidence]
) -> list[tifffile.TiffPageSeries]:
    """Return the series that are images of their own."""
    kept = []
    left_out = []
    largest = max(series.size for series in every)
    for series in every:
        key = series.keyframe
        reduced = bool(key.is_reduced) and series.size < largest
        aside = series.kind in _SLIDE_KINDS and any(
            word in (series.name or "").lower() for word in _NOT_PUBLISHED
        )
        small = series.kind == "lsm" and key.is_reduced
        if reduced or aside or small:
            left_out.append(series.name or f"{series.shape}")
        else:
            kept.append(series)
    if left_out:
        evidence.append(
            Evidence(
                "content",
                "file",
                f"levels, thumbnails or labels are left out: {', '.join(left_out)}",
            )
        )
    return kept


def _check(path: Path, series: tifffile.TiffPageSeries) -> None:
    """Check first and last page of a series; every page is checked again when it is read."""
    n_bytes = path.stat().st_size
    check_page(
        path.name, series.keyframe, n_bytes if _is_own(path, series.keyframe) else _size(series)
    )
    if series.dataoffset is not None:
        if series.dataoffset + series.nbytes > n_bytes and _is_own(path, series.keyframe):
            message = (
                f"{path.name}: truncated: {series.nbytes} bytes of pixels from byte "
                f"{series.dataoffset} on, in a file of {n_bytes} bytes; upload it again"
            )
            raise CorruptFileError(message)
        return
    last = series.pages[len(series.pages) - 1]
    if last is not None and _is_own(path, last):
        check_page(path.name, last, n_bytes)


def _is_own(path: Path, page: Any) -> bool:
    return bool(page.parent.filehandle.name == path.name)


def _size(series: tifffile.TiffPageSeries) -> int:
    return int(series.keyframe.parent.filehandle.size)


def _check_completeness(
    path: Path, document: tifffile.TiffFile, every: Sequence[tifffile.TiffPageSeries]
) -> None:
    """Refuse a file that states more planes than it has: tifffile would give what is left."""
    if not document.is_imagej or every[0].kind == "ome":
        return
    stated = int((document.imagej_metadata or {}).get("images", 1))
    found = sum(
        series.size // max(series.keyframe.size, 1) for series in every if series.keyframe.size
    )
    if stated > found:
        message = (
            f"{path.name}: ImageJ states {stated} planes, the file holds {found}: truncated; upload "
            "the original again"
        )
        raise CorruptFileError(message)


def _facts(
    document: tifffile.TiffFile,
    published: Sequence[tifffile.TiffPageSeries],
    series: tifffile.TiffPageSeries,
    ome: Ome | None,
    number: int,
) -> ImageFacts:
    if ome is not None:
        return _facts_of_ome(published, series, ome, number)
    if series.kind == "imagej":
        return imagej_facts(document)
    if series.kind == "sis" or (document.is_sis and number == 0):
        return sis_facts(document)
    if series.kind == "lsm":
        return lsm_facts(document)
    if series.kind == "stk":
        return stk_facts(document)
    if document.is_scanimage:
        return scanimage_facts(document)
    if series.kind == "scanimage":
        return old_facts(old_header(document))
    facts = vendor_facts(series)
    if series.kind == "ndtiff" and (names := channels_of(Path(document.filehandle.path))):
        # the summary lists them in an order of its own
        facts = replace(facts, channel_names=names, channel_colors=())
    return facts


def _facts_of_ome(
    published: Sequence[tifffile.TiffPageSeries],
    series: tifffile.TiffPageSeries,
    ome: Ome,
    number: int,
) -> ImageFacts:
    """Return the facts of the ``Image`` element that a series was made of."""
    if series.kind not in ("ome", "mmstack"):
        sentence = "the OME-XML does not fit the pages; they are read without it"
        return ImageFacts(evidence=(Evidence("axes", "missing", sentence),))
    if len(published) == len(ome.images):
        return ome_facts(ome.images[number])
    size = dict(zip(series.axes, series.shape, strict=True))
    fitting = [
        image
        for image in ome.images
        if (image.get("Name") or "") == (series.name or "")
        and all(ome_sizes(image).get(axis) == size.get(axis, 1) for axis in "XYZT")
    ]
    if len(fitting) == 1:
        return ome_facts(fitting[0])
    sentence = f"{series.name or number}: which OME-XML image this is cannot be told"
    return ImageFacts(evidence=(Evidence("scale", "missing", sentence),))


def _gaps(series: tifffile.TiffPageSeries) -> list[Evidence]:
    """Say which planes were never written."""
    label = f"{series.name}: " if series.name else ""
    if series.dataoffset is not None:
        return []
    if series.kind in ("ome", "mmstack"):
        n_absent = sum(page is None for page in series.pages)
        if n_absent:
            sentence = f"{label}{n_absent} of {len(series.pages)} planes are not in the file; they read as 0"
            return [Evidence("content", "missing", sentence)]
    key = series.keyframe
    n_empty = sum(not length for length in key.databytecounts)
    if n_empty:
        sentence = (
            f"{label}{n_empty} of {len(key.databytecounts)} strips or tiles of the first page were "
            f"never written; they read as {key.nodata}"
        )
        return [Evidence("content", "missing", sentence)]
    return []
