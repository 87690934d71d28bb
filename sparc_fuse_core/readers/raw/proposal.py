"""What a file without a stated layout leaves to its scheme: everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.readers.shared.findings import Findings

if TYPE_CHECKING:
    from pathlib import Path


def inspect(path: Path) -> Findings:
    """Say how long the file is; its layout is for its owner to state."""
    with path.open("rb") as file:
        head = file.read(16)
    findings = Findings([f"{path.stat().st_size} bytes, beginning with {head.hex(' ')}"])
    findings.offer("dtype", "<i2", "an example: the file states nothing")
    findings.offer("n_channels", 1, "an example: say how many")
    findings.offer("sampling_rate_hz", 1000, "if you know it")
    return findings
