"""Raw samples, written by numpy; the options state their layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(14)


def _raw(folder: Path, dtype: str = "<i2", order: str = "interleaved", **options: object) -> Truth:
    values = _RNG.integers(-100, 100, (3, 50)).astype(dtype)
    path = folder / "samples.dat"
    header = bytes(options.get("header_bytes", 0))
    path.write_bytes(header + (values.T if order == "interleaved" else values).tobytes())
    options = {"dtype": dtype, "n_channels": 3, "order": order, **options}
    gain = np.broadcast_to(np.array(options.get("gain", 1.0)), 3)[:, None]
    stream = StreamTruth(
        values.astype(float) * gain + options.get("offset", 0.0),
        options.get("sampling_rate_hz"),
        tuple(options.get("names", ("", "", ""))),
        (options.get("units", ""),) * 3,
        np.dtype(dtype).newbyteorder("=").name,
        1e-9,
    )
    return Truth(path, (stream,), options=options)


def _refused(folder: Path, error: str, says: str, **changes: object) -> Truth:
    truth = _raw(folder)
    options = {k: v for k, v in {**truth.options, **changes}.items() if v is not None}
    return Truth(truth.path, options=options, error=error, error_says=says)


SAMPLES = [
    Sample(
        "raw-all-options",
        "raw",
        lambda f: _raw(
            f,
            gain=[0.5, 1.0, -2.0],
            offset=3.0,
            units="mV",
            names=["a", "b", "a"],
            header_bytes=16,
            sampling_rate_hz=1000.0,
        ),
    ),
    Sample("raw-no-rate", "raw", lambda f: _raw(f)),
    Sample("raw-planar-big-endian", "raw", lambda f: _raw(f, ">f4", "planar", header_bytes=4)),
    Sample("raw-no-options", "raw", lambda f: _refused(f, "SchemeError", "dtype", dtype=None)),
    Sample("raw-object", "raw", lambda f: _refused(f, "SchemeError", "'O'", dtype="O")),
    Sample("raw-misfit", "raw", lambda f: _refused(f, "CorruptFileError", "whole", n_channels=7)),
    Sample(
        "raw-all-header", "raw", lambda f: _refused(f, "EmptyFileError", "300", header_bytes=300)
    ),
    Sample("raw-bad-gain", "raw", lambda f: _refused(f, "SchemeError", "gain", gain=[1.0])),
    Sample("raw-bad-rate", "raw", lambda f: _refused(f, "SchemeError", "rate", sampling_rate_hz=0)),
]
