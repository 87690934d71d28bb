"""EEGLAB datasets: the struct written by scipy or h5py, the .fdt by numpy, as EEGLAB lays them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.io import savemat

from tests.samples import Sample, StreamTruth, Truth
from tests.samples.mat import write_v73

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(29)
_NAMES = ("Cz", "Cz", "µ-EOG")


def _header(samples: np.ndarray, **fields: Any) -> dict[str, Any]:
    """Return the fields of ``EEG`` for samples of shape (n_channels, n_samples[, n_epochs])."""
    shape = (*samples.shape, 1)[:3]
    places = np.array(
        [(name, 1.0, 0.5) for name in _NAMES], dtype=[("labels", "O"), ("X", "O"), ("Y", "O")]
    )
    return {
        "setname": "test",
        "nbchan": float(shape[0]),
        "pnts": float(shape[1]),
        "trials": float(shape[2]),
        "srate": 250.0,
        "xmin": 0.0,
        "chanlocs": places[None, :],
        "icaweights": np.empty((0, 0)),
        **fields,
    }


def _events(*rows: tuple[Any, float, float]) -> np.ndarray:
    kind = [("type", "O"), ("latency", "O"), ("duration", "O")]
    return np.array(list(rows), dtype=kind)[None, :]


def _stream(samples: np.ndarray, **facts: Any) -> StreamTruth:
    physical = samples.astype(float)
    if physical.ndim == 3:
        physical = physical.transpose(0, 2, 1)
    return StreamTruth(physical, 250.0, _NAMES, ("",) * 3, "float32", **facts)


def _continuous(folder: Path, stated: str = "rec.fdt", written: str = "rec.fdt") -> Truth:
    """Samples in a .fdt; a boundary; a numeric type; a name with a folder in front."""
    samples = _RNG.normal(size=(3, 1000)).astype("<f4")
    samples.T.tofile(folder / written)  # channels of one sample after each other
    events = _events(("square", 101.0, 0.0), ("boundary", 400.5, 25.0), (1234567.0, 501.0, np.nan))
    path = folder / "rec.set"
    savemat(path, {"EEG": _header(samples, data=stated, datfile=stated, event=events)})
    truth_events = ((0.4, "square", ""), (1.598, "boundary", ""), (2.0, "1234567", ""))
    stream = _stream(samples, segments=((0, 400, 0.0), (400, 600, 1.6)))
    return Truth(path, (stream,), events=truth_events)


def _epoched(folder: Path, outside: bool) -> Truth:
    samples = _RNG.normal(size=(3, 200, 4)).astype("<f4")
    fields: dict[str, Any] = {"xmin": -0.2, "event": _events(("a", 51.0, 0.0), ("b", 251.0, 0.0))}
    path = folder / "epochs.set"
    if outside:
        samples.transpose(2, 1, 0).tofile(folder / "epochs.fdt")
        savemat(path, {"EEG": _header(samples, data="epochs.fdt", **fields)})
    else:
        savemat(path, {"EEG": _header(samples, data=samples, **fields)})
    events = ((0.0, "a", ""), (0.0, "b", ""))
    return Truth(path, (_stream(samples, start_s=-0.2),), events=events)


def _fields_at_the_top(folder: Path) -> Truth:
    """Since EEGLAB 2021 the fields may be variables of their own; one event is no array."""
    samples = _RNG.normal(size=(3, 300)).astype(np.float32)
    path = folder / "top.set"
    savemat(path, _header(samples, data=samples, event=_events(("go", 26.0, 0.0))))
    return Truth(path, (_stream(samples),), events=((0.1, "go", ""),))


def _v73(folder: Path) -> Truth:
    samples = _RNG.normal(size=(3, 700)).astype(np.float32)
    header = _header(samples, data=samples)
    header.pop("chanlocs")
    header["event"] = {"type": "x", "latency": 126.0}
    path = folder / "hdf5.set"
    write_v73(path, {"EEG": header})
    stream = StreamTruth(samples.astype(float), 250.0, ("",) * 3, ("",) * 3, "float32")
    return Truth(path, (stream,), events=((0.5, "x", ""),))


def _renamed(folder: Path) -> Truth:
    """The .set states the name that the .fdt had before both were renamed."""
    return _continuous(folder, stated=r"C:\data\before.fdt")


def _missing(folder: Path) -> Truth:
    truth = _continuous(folder)
    (folder / "rec.fdt").unlink()
    return Truth(truth.path, error="MissingCompanionError", error_says="'rec.fdt'")


def _short(folder: Path) -> Truth:
    truth = _continuous(folder)
    raw = (folder / "rec.fdt").read_bytes()
    (folder / "rec.fdt").write_bytes(raw[:-4])
    return Truth(truth.path, error="TruncatedFileError", error_says="999 of 1000 samples")


def _none(folder: Path) -> Truth:
    path = folder / "none.set"
    savemat(path, {"EEG": _header(np.empty((3, 0)), data="")})
    return Truth(path, error="EmptyFileError", error_says="3 channels of 0 samples")


def _other_struct(folder: Path) -> Truth:
    path = folder / "other.set"
    savemat(path, {"x": 1.0})
    return Truth(path, error="CorruptFileError", error_says="no EEGLAB dataset")


SAMPLES = [
    Sample("eeglab-fdt", "eeglab", _continuous),
    Sample("eeglab-fdt-renamed", "eeglab", _renamed),
    Sample("eeglab-epochs-fdt", "eeglab", lambda folder: _epoched(folder, outside=True)),
    Sample("eeglab-epochs-inside", "eeglab", lambda folder: _epoched(folder, outside=False)),
    Sample("eeglab-fields-at-the-top", "eeglab", _fields_at_the_top),
    Sample("eeglab-v7.3", "eeglab", _v73),
    Sample("eeglab-missing-fdt", "eeglab", _missing),
    Sample("eeglab-short-fdt", "eeglab", _short),
    Sample("eeglab-no-samples", "eeglab", _none),
    Sample("eeglab-other-struct", "eeglab", _other_struct),
]
