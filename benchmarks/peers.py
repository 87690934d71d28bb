"""Other projects on the same inputs, each in an environment of its own below ``build/bench/venvs``.

Run as a script by that environment's Python: ``python benchmarks/peers.py <what> <input> <output>``. Only the
standard library and the peer are imported. Chunks and codecs are each peer's usual ones, except tables and
matrices, where the peer only parses: their columns go into the project's own chunks through zarr-python.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BUCKET = "bench"
SLICE = slice(0, 100_000)


def spikeinterface(source: Path, out: Path) -> None:
    """Recording to SpikeInterface's Zarr with its default codec, one process."""
    import spikeinterface.extractors as extractors

    recording = extractors.read_intan(source, stream_id="0")
    recording.save(format="zarr", folder=out, n_jobs=1, chunk_duration="1s", progress_bar=False)


def _ome_zarr(pixels: Any, out: Path, axes: str) -> None:
    import zarr
    from ome_zarr.scale import Methods
    from ome_zarr.writer import write_image

    group = zarr.open_group(out, mode="w", zarr_format=3)
    write_image(pixels, group, scale_factors=[2, 4, 8], method=Methods.LOCAL_MEAN, axes=axes)


def ome_zarr_stack(source: Path, out: Path) -> None:
    """Stack through ome-zarr-py with its cheapest mean, plane by plane."""
    import dask.array as da
    import tifffile

    pixels = tifffile.memmap(source, mode="r")
    _ome_zarr(da.from_array(pixels, chunks=(1, *pixels.shape[1:])), out, "zyx")


def ome_zarr_picture(source: Path, out: Path) -> None:
    """Picture through ome-zarr-py, channels first."""
    import dask.array as da
    import imagecodecs

    pixels = imagecodecs.jpeg8_decode(source.read_bytes()).transpose(2, 0, 1)
    _ome_zarr(da.from_array(pixels, chunks=(1, 2048, 2048)), out, "cyx")


def ngff_zarr_stack(source: Path, out: Path) -> None:
    """Stack through the command of ngff-zarr with its cheapest mean."""
    command = str(Path(sys.executable).with_name("ngff-zarr"))
    arguments = ["-i", str(source), "-o", str(out), "--method", "dask_bin_shrink", "--quiet"]
    os.execv(command, [command, *arguments])


def _columns(columns: Iterable[Any], shape: tuple[int, int], out: Path) -> None:
    import zarr
    from zarr.codecs import BloscCodec

    array = zarr.open_group(out, mode="w", zarr_format=3).create_array(
        "signals",
        shape=shape,
        dtype="float64",
        chunks=(1, 65_536),
        compressors=[BloscCodec(cname="zstd", clevel=1, shuffle="shuffle", typesize=8)],
    )
    for number, column in enumerate(columns):
        array[number] = column


def polars_table(source: Path, out: Path) -> None:
    """CSV parsed by polars."""
    import polars as pl

    table = pl.read_csv(source)
    shape = (table.width, table.height)
    _columns((table[name].to_numpy() for name in table.columns), shape, out)


def pandas_table(source: Path, out: Path) -> None:
    """CSV parsed by pandas."""
    import pandas as pd

    table = pd.read_csv(source)
    _columns((table[name].to_numpy() for name in table), table.shape[::-1], out)


def scipy_matrix(source: Path, out: Path) -> None:
    """MATLAB v5 through scipy."""
    from scipy.io import loadmat

    values = loadmat(source)["data"]
    _columns(values.T, values.shape[::-1], out)


def h5py_matrix(source: Path, out: Path) -> None:
    """MATLAB v7.3 through h5py, column by column."""
    import h5py

    with h5py.File(source) as file:
        data = file["data"]
        _columns((data[n] for n in range(data.shape[0])), data.shape, out)


# ------------------------------------------------------------------------------- buckets
def _timed(work: Callable[[], Any]) -> None:
    """Print what ``work`` took, imports done before."""
    started, cpu = time.perf_counter(), time.process_time()
    work()
    facts = {"wall_s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}
    print(json.dumps(facts))


def _url() -> str:
    return os.environ["AWS_ENDPOINT_URL"]


def boto3_upload(source: Path, _out: Path) -> None:
    """A folder through boto3 in 32 threads."""
    import boto3
    from botocore.config import Config

    def upload() -> None:
        client = boto3.client("s3", config=Config(max_pool_connections=32))
        files = [file for file in source.rglob("*") if file.is_file()]
        with ThreadPoolExecutor(32) as pool:
            keys = [file.relative_to(source).as_posix() for file in files]
            list(pool.map(lambda f, k: client.upload_file(str(f), BUCKET, k), files, keys))

    _timed(upload)


def s3fs_upload(source: Path, _out: Path) -> None:
    """A folder through s3fs."""
    import s3fs

    _timed(lambda: s3fs.S3FileSystem().put(f"{source}/", f"{BUCKET}/s3fs", recursive=True))


def xarray_slice(_source: Path, _out: Path) -> None:
    """100,000 samples of one channel by plain xarray through s3fs, nothing set."""
    import s3fs
    import xarray as xr
    import zarr

    assert s3fs
    assert zarr
    url = f"s3://{BUCKET}/recording.zarr"
    _timed(lambda: xr.open_zarr(url)["signals"][1, SLICE].values)


def _repository() -> Any:
    import icechunk

    return icechunk.s3_storage(
        bucket=BUCKET,
        prefix="icechunk",
        region="eu-north-1",
        endpoint_url=_url(),
        allow_http=True,
        force_path_style=True,
        from_env=True,
    )


def icechunk_write(source: Path, _out: Path) -> None:
    """Put the signals of a store into an icechunk repository with chunks of one channel."""
    import icechunk
    import xarray as xr

    session = icechunk.Repository.create(_repository()).writable_session("main")
    with xr.open_zarr(source, chunks=None, decode_cf=False) as opened:
        signals = opened[["signals"]].drop_vars(list(opened.coords), errors="ignore")
        signals["signals"].encoding = {"chunks": (1, 65_536)}
        signals.attrs = {}
        signals.to_zarr(session.store, zarr_format=3, consolidated=False)
    session.commit("signals")


def icechunk_slice(_source: Path, _out: Path) -> None:
    """The same slice from icechunk."""
    import icechunk
    import xarray as xr

    def read() -> None:
        store = icechunk.Repository.open(_repository()).readonly_session("main").store
        opened = xr.open_zarr(store, consolidated=False, zarr_format=3, chunks=None)
        opened["signals"][1, SLICE].to_numpy()

    _timed(read)


WORK: dict[str, Callable[[Path, Path], None]] = {
    call.__name__: call
    for call in (
        spikeinterface,
        ome_zarr_stack,
        ome_zarr_picture,
        ngff_zarr_stack,
        polars_table,
        pandas_table,
        scipy_matrix,
        h5py_matrix,
        boto3_upload,
        s3fs_upload,
        xarray_slice,
        icechunk_write,
        icechunk_slice,
    )
}


if __name__ == "__main__":
    WORK[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
