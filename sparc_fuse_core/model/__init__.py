"""What a file holds, whatever its format: recordings, images, shapes, events.

A reader turns a file into one `Contents`; a writer turns one `Contents` into a store. Large arrays
stay where they are: a `Blocks` has a shape now and reads values when sliced. This module imports
only the standard library at run time, so that planning stays light.
"""

from __future__ import annotations

from sparc_fuse_core.model.arrays import ArrayGroup, StoredArray, Table
from sparc_fuse_core.model.contents import Basis, Contents, Evidence
from sparc_fuse_core.model.events import EVENT_COLUMNS, NO_SWEEP, Event, EventTable
from sparc_fuse_core.model.image import Image, ImageKind, Shapes
from sparc_fuse_core.model.recording import Recording, Segment, rate_name
from sparc_fuse_core.model.values import Blocks

__all__ = [
    "EVENT_COLUMNS",
    "NO_SWEEP",
    "ArrayGroup",
    "Basis",
    "Blocks",
    "Contents",
    "Event",
    "EventTable",
    "Evidence",
    "Image",
    "ImageKind",
    "Recording",
    "Segment",
    "Shapes",
    "StoredArray",
    "Table",
    "rate_name",
]
