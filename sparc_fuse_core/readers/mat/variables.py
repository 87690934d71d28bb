"""Variables that a scheme or LabChart's layout names: found by path, turned into channels, read as labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.blocks import transposed
from sparc_fuse_core.readers.hdf5.arrays import StoredBlocks, turned
from sparc_fuse_core.readers.shared.tree import Node, Numeric, find, scopes, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.model import Blocks


def channels_of(node: Numeric, n_samples: int | None, orientation: str) -> Blocks | None:
    """Return (n_channels, n_samples), or None if it cannot be told which axis is time.

    Parameters
    ----------
    node
        A real array of at most 2 axes longer than 1.
    n_samples
        Length of the time axis, if known.
    orientation
        ``"samples_first"``, ``"channels_first"`` (as MATLAB shows it), or ``""``.
    """
    if not node.is_real or len(node.rows.shape) != 2 or not node.n_values:
        return None
    n_rows, n_columns = node.shape
    if orientation:
        as_stored = orientation == "samples_first"
    elif n_samples is None:
        if n_rows == n_columns and n_rows > 1:
            return None
        as_stored = n_rows > n_columns
    elif n_rows == n_columns == n_samples and n_rows > 1:
        return None
    elif n_samples in (n_rows, n_columns):
        as_stored = n_rows == n_samples
    else:
        return None
    # the axes of `rows` are MATLAB's reversed: samples first there is channels first here
    rows: Blocks = node.rows if as_stored else _turned(node.rows)
    return rows if n_samples is None or rows.shape[1] == n_samples else None


def _turned(rows: Blocks) -> Blocks:
    """Exchange the axes: a table in a file is read once for each block, one in memory piecewise."""
    return turned(rows) if isinstance(rows, StoredBlocks) else transposed(rows)


def label_texts(node: Node | None, n_channels: int) -> tuple[str, ...] | None:
    """Return one text for each channel, from texts or channel numbers, else None."""
    lines = texts(node)
    if lines is None and isinstance(node, Numeric) and node.is_real and node.is_vector:
        lines = tuple(f"{value:.15g}" for value in node.whole().reshape(-1))
    return lines if lines is not None and len(lines) == n_channels else None


def find_any(variables: Mapping[str, Node], path: str) -> tuple[str, Node] | None:
    """Return a variable by its path; ``*`` as the first part is any struct that has the rest."""
    head, _, rest = path.partition(".")
    if head != "*":
        node = find(variables, path)
        return None if node is None else (path, node)
    for prefix, scope in scopes(variables):
        node = find(scope, rest) if prefix else None
        if node is not None:
            return f"{prefix}.{rest}", node
    return None
