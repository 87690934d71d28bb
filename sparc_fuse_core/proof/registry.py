"""The one table of second readers: which libraries read which format once more, on their own.

A library that the first reader uses too is no second reader, unless it is used in another way: then the row
says what both share. Of several the first one that takes the file is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparc_fuse_core.proof import images, meshes, numbers, signals
from sparc_fuse_core.proof.faults import PYTHON

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
    """

    library: str
    read: Callable[[Sequence[Path]], Seen]
    shares: str = ""


def _neo(name: str, *, names: bool = True) -> SecondReader:
    return SecondReader("neo", signals.neo_reader(name, names=names))


_PYFIVE = SecondReader("pyfive", numbers.hdf5)

# neo is none for Plexon: it fills pauses and loses what follows them
SECOND_READERS: dict[str, tuple[SecondReader, ...]] = {
    "edf": (SecondReader("pyedflib", signals.edf), SecondReader("edfio", signals.edfio)),
    "abf": (SecondReader("pyabf", signals.abf), _neo("AxonRawIO", names=False)),
    "acq": (SecondReader("bioread", signals.acq, shares="the classes of the headers"),),
    "wav": (SecondReader("scipy", signals.wav),),
    "nwb": (SecondReader("pynwb", signals.nwb), _PYFIVE),
    "hdf5": (_PYFIVE,),
    "mat": (SecondReader("pyfive", numbers.matlab),),
    "text": (SecondReader("pandas", numbers.text),),
    "json": (SecondReader(PYTHON, numbers.json_file),),
    "spreadsheet": (SecondReader("openpyxl", numbers.spreadsheet),),
    "numpy": (SecondReader("numpy", numbers.numpy_file, shares="numpy"),),
    "eeglab": (SecondReader("mne", signals.eeglab),),
    "intan": (SecondReader("neo", signals.intan),),
    "smr": (_neo("Spike2RawIO"),),
    "blackrock": (SecondReader("neo", signals.blackrock),),
    "brainvision": (
        SecondReader("neo", signals.brainvision),
        SecondReader("mne", signals.brainvision_by_mne),
    ),
    "neuralynx": (_neo("NeuralynxRawIO"),),
    "openephys": (_neo("OpenEphysBinaryRawIO"),),
    "tdt": (SecondReader("tdt", signals.tdt),),
    "tiff": (SecondReader("Pillow", images.pillow),),
    "lsm": (SecondReader("Pillow", images.pillow),),
    "raster": (
        SecondReader("SimpleITK", images.png_by_itk),
        SecondReader("Pillow", images.pillow, shares="Pillow"),
    ),
    "jpeg2000": (SecondReader("Pillow", images.jpeg2000, shares="OpenJPEG"),),
    "dicom": (
        SecondReader("SimpleITK", images.dicom_by_itk),
        SecondReader("pydicom", images.pydicom_plain, shares="the data set"),
    ),
    "nifti": (SecondReader("SimpleITK", images.nifti),),
    "nrrd": (SecondReader("SimpleITK", images.nrrd),),
    "metaimage": (SecondReader("SimpleITK", meshes.volume_by_itk),),
    "mrc": (SecondReader("SimpleITK", meshes.volume_by_itk),),
    "mgh": (SecondReader("nibabel", meshes.mgh, shares="the header"),),
    "pnm": (SecondReader("Pillow", meshes.pnm),),
    "animated": (SecondReader("imagecodecs", meshes.frames),),
    "netcdf": (_PYFIVE, SecondReader("scipy", meshes.netcdf)),
    "swc": (SecondReader("numpy", meshes.swc, shares="numpy"),),
    **dict.fromkeys(("stl", "ply", "off"), (SecondReader("trimesh", meshes.trimesh_mesh),)),
    "czi": (SecondReader("czifile", images.czi),),
    "lif": (SecondReader("readlif", images.lif),),
    "dm": (SecondReader("ncempy", images.dm),),
    "olympus": (SecondReader("Pillow", images.olympus),),
    "ims": (SecondReader("pyfive", images.ims),),
    "nd2": (SecondReader("nd2reader", images.nd2, shares="nothing but old files"),),
}
