"""What is written and compared goes by blocks: nothing grows with the length of a recording."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sparc_fuse_core.verify.recordings import _blocks

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
import resource, sys
from pathlib import Path
import numpy as np
from sparc_fuse_core.model import Contents, Recording
from sparc_fuse_core.blocks import FunctionBlocks
from sparc_fuse_core.writers import zarr_signals

n_channels, n_samples = 8, int(sys.argv[2])
noise = np.random.default_rng(1).integers(-90, 90, (n_channels, 1 << 17), dtype=np.int16)

def read(bounds):
    (first, last), (start, stop) = bounds
    return np.take(noise[first:last], np.arange(start, stop) & (noise.shape[1] - 1), axis=1)

signals = FunctionBlocks((n_channels, n_samples), np.dtype(np.int16), read)
one = Recording("main", signals, ("c",) * n_channels, ("mV",) * n_channels, 30000.0)
zarr_signals.write(Contents(recordings=(one,)), Path(sys.argv[1]), {}, budget_bytes=16_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def peak_bytes(out: Path, n_samples: int) -> int:
    command = [sys.executable, "-c", CODE, str(out), str(n_samples)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_peak_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    # 16 MB and 160 MB of samples, and 8 MB and 80 MB of times
    short, long = (peak_bytes(tmp_path / str(n), n) for n in (1_000_000, 10_000_000))
    assert long - short < 50_000_000


@given(
    shape=st.one_of(
        st.tuples(st.integers(1, 700), st.integers(1, 9000)),
        st.tuples(st.integers(1, 40), st.integers(1, 60), st.integers(1, 500)),
    ),
    chunk=st.integers(1, 9000),
    itemsize=st.sampled_from([1, 2, 8]),
)
def test_compared_blocks_cover_every_value_once(
    shape: tuple[int, ...], chunk: int, itemsize: int
) -> None:
    seen = np.zeros(shape, np.uint8)
    for key in _blocks(shape, min(chunk, shape[-1]), itemsize):
        seen[key] += 1
        assert seen[key].nbytes * itemsize <= max(2 << 20, chunk * itemsize)
    assert (seen == 1).all()
