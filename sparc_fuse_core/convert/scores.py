"""How sure the mapping of a file is: 1.0 if the file states everything, less for each inference and gap.

Readers tell what they concluded (`Evidence`); units, names, rates and scales that are absent are found in
the contents. Each kind of fact costs once, by its worst case: `COSTS`. A fact that the file or a scheme
states costs nothing. The costs are chosen so that a self-describing recording or image keeps 0.9 or more,
a WAV (rate, but neither units nor names) 0.8, a table with a header but without time 0.6, and one bare
column of numbers 0.4, which is below the default threshold of 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import EmptyFileError
from sparc_fuse_core.model import Contents, Evidence, Image, Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparc_fuse_core.schemes.schemes import Scheme

#: What is taken off, once for each kind of fact, by how it is known.
COSTS = {
    "signals": {"inferred": 0.3, "missing": 0.5},
    "content": {"inferred": 0.1, "missing": 0.1},
    "time": {"inferred": 0.05, "missing": 0.3},
    "units": {"inferred": 0.05, "missing": 0.1},
    "names": {"inferred": 0.05, "missing": 0.1},
    "axes": {"inferred": 0.1, "missing": 0.2},
    "scale": {"inferred": 0.05, "missing": 0.1},
    "calibration": {"inferred": 0.1, "missing": 0.2},
    "completeness": {"missing": 0.1},
}
_OTHER = {"inferred": 0.05, "missing": 0.05}


@dataclass(frozen=True, slots=True)
class Score:
    """A value from 0 to 1, and one sentence for each thing that is not stated by the file.

    The value is None for arrays and tables that are kept as they are: nothing is claimed of them.
    """

    value: float | None
    sentences: tuple[str, ...]


def score(contents: Contents, scheme: Scheme | None) -> Score:
    """Return how sure it is that ``contents`` mean what they say.

    Raises
    ------
    EmptyFileError
        If there is nothing whose meaning could be judged.
    """
    meant = contents.recordings or contents.images or contents.shapes or len(contents.events)
    if not meant and contents.arrays is None and not contents.tables:
        message = "nothing was found in the file: no recording, image, shape, event or array"
        raise EmptyFileError(message)
    evidence = [*contents.evidence, *_gaps(contents)]
    worst: dict[str, float] = {}
    sentences: list[str] = []
    if scheme is not None:
        sentences.append(f"Mapped by the scheme {scheme.name}.")
    for entry in evidence:
        cost = COSTS.get(entry.fact, _OTHER).get(entry.basis, 0.0)
        worst[entry.fact] = max(worst.get(entry.fact, 0.0), cost)
        if entry.sentence not in sentences:
            sentences.append(entry.sentence)
    value = max(0.0, round(1.0 - sum(worst.values()), 6)) if meant else None
    return Score(value, tuple(sentences))


def _gaps(contents: Contents) -> Iterator[Evidence]:
    """Yield what is missing, as the contents themselves show."""
    for recording in contents.recordings:
        yield from _recording_gaps(recording)
    for image in contents.images:
        yield from _image_gaps(image)


def _recording_gaps(recording: Recording) -> Iterator[Evidence]:
    if recording.sampling_rate_hz is None and recording.times is None:
        sentence = f"No rate or time is stated for {recording.name}: its axis is the sample number."
        yield Evidence("time", "missing", sentence)
    elif recording.times is not None and not recording.time_units:
        yield Evidence("time", "inferred", f"The time axis of {recording.name} has no stated unit.")
    if not all(recording.channel_units):
        yield Evidence("units", "missing", f"Channels of {recording.name} have no stated unit.")
    if not all(recording.channel_names):
        yield Evidence("names", "missing", f"Channels of {recording.name} have no stated name.")


def _image_gaps(image: Image) -> Iterator[Evidence]:
    if not {"y", "x"} <= image.scale.keys():
        yield Evidence("scale", "missing", "No pixel size was found by this reader.")
    elif any(axis not in image.axis_units for axis in "yx"):
        yield Evidence("scale", "inferred", "The unit of the pixel size is not stated.")
    for axis, what in (("z", "The distance of planes"), ("t", "The time between frames")):
        if axis in image.axes and image.pixels.shape[image.axes.index(axis)] > 1:
            if axis not in image.scale:
                yield Evidence("scale", "missing", f"{what} was not found by this reader.")
            elif axis not in image.axis_units:
                yield Evidence("scale", "inferred", f"The unit of {what.lower()} is not stated.")
    if "c" in image.axes and image.kind == "intensity" and not any(image.channel_names):
        of_image = f" of image {image.name!r}" if image.name else ""
        yield Evidence("names", "missing", f"Channels{of_image} have no stated name.")
