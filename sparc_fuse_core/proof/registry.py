"""The one table of second readers: which library reads which format once more, on its own.

A library that the first reader uses too is no second reader, unless it is used in another way: then the row
says what both share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparc_fuse_core.proof import images, signals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sparc_fuse_core.proof.seen import Seen


@dataclass(frozen=True, slots=True)
class SecondReader:
    """One library for one format.

    Attributes
    ----------
    library
        Name on PyPI.
    shares
        What the first reader uses of it too, or ``""``.
    arrays_only
        Compared only where the result is a tree of arrays or a table.
    """

    library: str
    read: Callable[[Sequence[Path]], Seen]
    shares: str = ""
    arrays_only: bool = False


def _neo(name: str, *, folder: bool = False) -> SecondReader:
    return SecondReader("neo", signals.neo_reader(name, folder=folder))


# neo is none for Intan: it scales the DC amplifier of .rhs with the wrong sign and shows names that users gave;
# none for Plexon: it fills pauses and loses what follows them
SECOND_READERS: dict[str, SecondReader] = {
    "edf": SecondReader("pyedflib", signals.edf),
    "abf": SecondReader("pyabf", signals.abf),
    "acq": SecondReader("bioread", signals.acq, shares="the classes of the headers"),
    "wav": SecondReader("scipy", signals.wav),
    "nwb": SecondReader("pynwb", signals.nwb),
    "text": SecondReader("pandas", signals.text),
    "numpy": SecondReader("numpy", signals.numpy_file, shares="numpy", arrays_only=True),
    "smr": _neo("Spike2RawIO"),
    "blackrock": SecondReader("neo", signals.blackrock),
    "brainvision": SecondReader("neo", signals.brainvision),
    "neuralynx": _neo("NeuralynxRawIO"),
    "openephys": _neo("OpenEphysBinaryRawIO", folder=True),
    "tdt": _neo("TdtRawIO", folder=True),
    "tiff": SecondReader("Pillow", images.pillow),
    "raster": SecondReader("Pillow", images.pillow),
    "dicom": SecondReader("pydicom", images.pydicom_plain, shares="the data set"),
    "nifti": SecondReader("SimpleITK", images.simple_itk),
    "nrrd": SecondReader("SimpleITK", images.simple_itk),
    "czi": SecondReader("czifile", images.czi),
    "nd2": SecondReader("nd2reader", images.nd2, shares="nothing but old files"),
}
