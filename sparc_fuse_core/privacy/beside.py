"""What was left out, in files of the user's own machine: beside the results, for the user's eyes alone."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.privacy.sieve import Aside

KEPT_BESIDE = "left-out"
_WORK_FOLDER = ".sparc-fuse"


def folder_beside(target: str | Path) -> Path:
    """Return the folder beside a results folder: ``results-left-out`` for ``results``.

    Raises
    ------
    RequestError
        If the results go to a bucket: what identifies stays on the machine that reads it.
    """
    if "://" in str(target):
        message = (
            f"{target}: what identifies is kept on this machine only, beside a folder of results; "
            "give a folder, or leave --identity away"
        )
        raise RequestError(message)
    results = Path(target).resolve()
    return results.with_name(f"{results.name}-{KEPT_BESIDE}")


def file_beside(folder: Path, output: str) -> Path:
    """Return the file that holds what was left out of ``output``."""
    return folder / PurePosixPath(f"{output}.json")


def keep_beside(folder: Path, output: str, path: str, aside: Sequence[Aside]) -> None:
    """Write what was left out of a file; an empty list says that nothing was.

    Parameters
    ----------
    output
        Key of the file's result: ``"224/2/primary/a.edf.zarr"``.
    path
        Of the file in its dataset.
    """
    target = file_beside(folder, output)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    # as in results: a folder with this in it is never read as a dataset
    (folder / _WORK_FOLDER).mkdir(exist_ok=True)
    text = json.dumps({"path": path, "left_out": [one.to_json() for one in aside]}, indent=1)
    draft = target.with_name(f".{target.name}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(target)
