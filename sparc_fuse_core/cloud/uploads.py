"""Send a dataset of one's own to the app's bucket; what is complete there is converted by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparc_fuse_core.cloud.request import UPLOADS, parse_request
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.sources.bucket import COMPLETE
from sparc_fuse_core.sources.local import LocalSource, path_of
from sparc_fuse_core.storage.bucket import open_bucket

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sparc_fuse_core.settings import Settings


def upload(
    folder: Path,
    name: str,
    bucket: str,
    settings: Settings,
    on_file: Callable[[str, str], None] | None = None,
) -> dict[str, int]:
    """Upload a folder to ``uploads/<name>/`` and say, last, that it is complete.

    What is there already is not sent again; files that the folder no longer has are removed.

    Parameters
    ----------
    on_file
        Told (``"sent"``, ``"unchanged"`` or ``"removed"``, path).

    Returns
    -------
    dict
        How many files of each kind there were.

    Raises
    ------
    RequestError
        If the name cannot be used, or the folder holds no file.
    PublishError
        If the bucket refuses.
    """
    parse_request({"dataset_id": UPLOADS + name})
    files = {file.path: path_of(file) for file in LocalSource(folder).list_files()}
    if not files:
        message = f"{folder}: no files in it"
        raise RequestError(message)
    tell = on_file or (lambda _what, _path: None)
    target = open_bucket(bucket, f"{UPLOADS}{name}", settings)
    there = target.sizes_and_tags("")
    # while files change the upload is not complete
    target.delete(COMPLETE)
    same = target.unchanged(files, there)
    for path in files:
        if path in same:
            tell("unchanged", path)
    to_send = {path: file for path, file in files.items() if path not in same}
    target.upload_all(to_send, lambda path: tell("sent", path))
    gone = sorted(path for path in there if path not in files and path != COMPLETE)
    target.delete_all(gone)
    for path in gone:
        tell("removed", path)
    target.write(COMPLETE, b"")
    return {"sent": len(to_send), "unchanged": len(same), "removed": len(gone)}
