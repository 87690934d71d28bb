"""This project against a bucket: ``python -m benchmarks.remote <what> <folder>`` prints wall and CPU as JSON.

Imports are done before the clock starts, as in a session that is open already.
"""

from __future__ import annotations

import http.client
import json
import os
import struct
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "recording.zarr"
BUCKET = "bench"


def _slice() -> Callable[[], Any]:
    from sparc_fuse_core import open_zarr_from_s3

    def read() -> Any:
        opened = open_zarr_from_s3(BUCKET, KEY)
        return opened["signals"].sel(channel=1).isel(time=slice(0, 100_000)).load()

    return read


def _overview() -> Callable[[], Any]:
    from sparc_fuse_core import overview

    return lambda: overview(f"s3://{BUCKET}/{KEY}")


def _upload() -> Callable[[], Any]:
    from sparc_fuse_core import upload_to_s3

    folder = Path(sys.argv[2])
    return lambda: upload_to_s3(folder, BUCKET, "ours")


def _floor_slice() -> Callable[[], Any]:
    """Bare HTTP: the root, the index of the shard, the chunks in one range, decompressed."""
    import numpy as np
    from numcodecs import Blosc

    url = urlsplit(os.environ["AWS_ENDPOINT_URL"])

    def read() -> Any:
        connection = http.client.HTTPConnection(str(url.hostname), url.port)

        def get(name: str, byte_range: str = "") -> bytes:
            headers = {"Range": f"bytes={byte_range}"} if byte_range else {}
            connection.request("GET", f"/{BUCKET}/{KEY}/{name}", headers=headers)
            return connection.getresponse().read()

        root = json.loads(get("zarr.json"))["consolidated_metadata"]["metadata"]["signals"]
        shard = root["chunk_grid"]["configuration"]["chunk_shape"]
        chunk = root["codecs"][0]["configuration"]["chunk_shape"]
        per_shard = [a // b for a, b in zip(shard, chunk, strict=True)]
        n_chunks = per_shard[0] * per_shard[1]
        index = get("signals/c/0/0", f"-{16 * n_chunks + 4}")
        n_read = -(-100_000 // chunk[1])
        extents = [struct.unpack_from("<QQ", index, 16 * (per_shard[1] + n)) for n in range(n_read)]
        start, stop = extents[0][0], sum(extents[-1])
        data = get("signals/c/0/0", f"{start}-{stop - 1}")
        parts = [Blosc().decode(data[a - start : a - start + n]) for a, n in extents]
        return np.frombuffer(b"".join(parts), root["data_type"])[:100_000]

    return read


WORK: dict[str, Callable[[], Callable[[], Any]]] = {
    "slice": _slice,
    "overview": _overview,
    "upload": _upload,
    "floor_slice": _floor_slice,
}


if __name__ == "__main__":
    work = WORK[sys.argv[1]]()
    started, cpu = time.perf_counter(), time.process_time()
    work()
    print(json.dumps({"wall_s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}))
