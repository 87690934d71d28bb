"""One workload in a process of its own: ``python -m benchmarks.work <what> <input> <output>``."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path


def ours(source: Path, out: Path, *, verify: bool) -> None:
    """Read and write through the project's reader and writer."""
    from sparc_fuse_core.formats import find_format, load_reader
    from sparc_fuse_core.settings import Settings

    budget = Settings().memory_budget_bytes
    with load_reader(find_format(source.name))(source, {}) as contents:
        if contents.recordings:
            from sparc_fuse_core.writers import zarr_signals

            zarr_signals.write(contents, out, {}, budget_bytes=budget)
            if verify:
                from sparc_fuse_core.verify import compare_signals

                assert not compare_signals(contents, out, whole_bytes=Settings().verify_whole_bytes)
            return
        from sparc_fuse_core.writers.ome_zarr import write_images

        write_images(contents.images, out, source.name, memory_budget_bytes=budget, attributes={})
        if verify:
            from sparc_fuse_core.writers.ome_zarr_check import compare_images, validate

            validate(out)
            whole = Settings().verify_whole_bytes
            assert not compare_images(contents.images, out, source.name, whole_bytes=whole)


def floor(source: Path, out: Path) -> None:
    """Read, reduce, compress, write with nothing else."""
    import numpy as np
    from numcodecs import Blosc

    out.mkdir()
    if source.suffix == ".wav":
        codec = Blosc("zstd", clevel=3, shuffle=Blosc.BITSHUFFLE)
        samples = np.memmap(source, "<i2", "r", 44).reshape(-1, 32)
        for n, start in enumerate(range(0, len(samples), 65_536)):
            block = np.ascontiguousarray(samples[start : start + 65_536].T)
            whole = block[:, : block.shape[1] // 64 * 64].reshape(32, -1, 64)
            whole.min(axis=2)
            whole.max(axis=2)
            for channel, row in enumerate(block):
                (out / f"{n}.{channel}").write_bytes(codec.encode(row))
        return
    import tifffile

    codec = Blosc("zstd", clevel=1, shuffle=Blosc.SHUFFLE)
    with tifffile.TiffFile(source) as file:
        for n, page in enumerate(file.series[0].pages):
            plane, level = page.asarray(), 0
            while True:
                for i in range(0, plane.shape[0], 1024):
                    for j in range(0, plane.shape[1], 1024):
                        tile = np.ascontiguousarray(plane[i : i + 1024, j : j + 1024])
                        (out / f"{n}.{level}.{i}.{j}").write_bytes(codec.encode(tile))
                if max(plane.shape) <= 256:
                    break
                total = plane[0::2, 0::2].astype(np.uint32)
                total += plane[0::2, 1::2]
                total += plane[1::2, 0::2]
                total += plane[1::2, 1::2]
                plane, level = ((total + 2) >> 2).astype(np.uint16), level + 1


def main() -> None:
    what, source, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if what == "floor":
        floor(source, out)
    else:
        ours(source, out, verify=what == "verified")
    used = resource.getrusage(resource.RUSAGE_SELF)
    files = [file.stat().st_size for file in out.rglob("*") if file.is_file()]
    print(
        json.dumps(
            {
                "cpu_s": round(used.ru_utime + used.ru_stime, 2),
                "peak_rss_mb": round(used.ru_maxrss * 1024 / 1e6),
                "objects": len(files),
                "mb_out": round(sum(files) / 1e6, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
