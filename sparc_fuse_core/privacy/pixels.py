"""Pictures that say of themselves that somebody's name may be in their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.errors import BurnedInTextError

if TYPE_CHECKING:
    from sparc_fuse_core.model import Contents


def refuse_burned_in(contents: Contents, name: str) -> None:
    """Refuse a file whose header says that text or overlays are in the pixels.

    Raises
    ------
    BurnedInTextError
        If DICOM's BurnedInAnnotation is YES, or an overlay lies in unused bits of the pixels.
    """
    for image in contents.images:
        if str(image.metadata.get("BurnedInAnnotation", "")).upper() == "YES":
            what = "text is burned into its pixels"
        elif image.metadata.get("overlay_in_pixels"):
            what = "an overlay lies in unused bits of its pixels"
        else:
            continue
        message = (
            f"{name}: the header says that {what}: it may name the patient; look at it, then convert it "
            "with --burned-in publish"
        )
        raise BurnedInTextError(message)
