"""A second opinion of one file, in a child with a bound of memory and time: libraries may crash."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import platform
import re
import warnings
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.child import Child
from sparc_fuse_core.errors import CrashedError, RequestError, SparcFuseError, TimeLimitError
from sparc_fuse_core.proof.faults import PYTHON, KnownFaultError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.proof.registry import SecondReader
    from sparc_fuse_core.proof.seen import Seen

_TIMEOUT_S = 600.0
#: Libraries load files whole.
_MEMORY_BYTES = 4 << 30
_MOST_FILE_BYTES = 512 << 20
#: Opinions that one child gives.
_MOST_TOGETHER = 100

ROUNDTRIP, INDEPENDENT = "roundtrip", "independent"


class _Kept:
    """The child of a process that gives many opinions: libraries are imported once."""

    child: Child | None = None
    n_asked: int = 0


_kept = _Kept()


def keep_child() -> None:
    """Keep the child of the first opinion for the next ones, until this process ends."""
    if _kept.child is None:
        _kept.child = Child()
        atexit.register(_kept.child.close)


def share_of(verify: str) -> float:
    """Return which part of the files gets a second opinion: 0 to 1.

    Raises
    ------
    RequestError
        If ``verify`` is neither ``"roundtrip"``, ``"independent"`` nor ``"sample:5%"``.
    """
    if verify in (ROUNDTRIP, INDEPENDENT):
        return float(verify == INDEPENDENT)
    stated = re.fullmatch(r"sample:(\d{1,3}(?:\.\d{1,6})?)%", verify)
    if stated is None or not 0 < float(stated[1]) <= 100:
        message = f"verify {verify!r}: choose roundtrip, independent or a share such as sample:5%"
        raise RequestError(message)
    return float(stated[1]) / 100


def is_chosen(path: str, share: float) -> bool:
    """Tell whether a file is in the sample: by its path, so that each run chooses the same."""
    number = int.from_bytes(
        hashlib.sha256(path.encode(errors="surrogateescape")).digest()[:8], "big"
    )
    return number < share * 2**64


def is_asked(verify: str, path: str) -> bool:
    """Tell whether a file gets a second opinion; see `share_of`."""
    return is_chosen(path, share_of(verify))


def second_opinion(
    files: Sequence[Path], store: Path, format_name: str, *, without: str = ""
) -> dict[str, Any]:
    """Return what another library says of ``files``, the leading one first, compared with the store.

    ``without`` is the library that made the store, which is no other.

    Returns
    -------
    dict
        ``result``: ``"agrees"``, ``"differs"`` (``differences`` are sentences with both values), ``"refused"``
        (the library does not read the file; ``message`` says why), ``"no second reader"``. Beside it
        ``library``, ``version``, ``compared`` (over how much) and ``left_aside``.
    """
    from sparc_fuse_core.proof.registry import SECOND_READERS

    if format_name not in SECOND_READERS:
        return {"result": "no second reader"}
    child = _kept.child or Child()
    _kept.n_asked += 1
    try:
        opinion: dict[str, Any] = child.call(
            "proof.opinion:opinion",
            [str(file) for file in files],
            str(store),
            format_name,
            without,
            timeout_s=_TIMEOUT_S,
        )
    except (CrashedError, TimeLimitError, SparcFuseError) as err:
        return {"result": "refused", "message": f"{type(err).__name__}: {err}"}
    finally:
        # memory that libraries lost is had again
        if child is not _kept.child or _kept.n_asked % _MOST_TOGETHER == 0:
            child.close()
    if "MemoryError" in opinion.get("message", ""):
        child.close()
    return opinion


def opinion(files: list[str], store: str, format_name: str, without: str = "") -> dict[str, Any]:
    """Read and compare with the first library that takes the file; called in the child."""
    from sparc_fuse_core.proof.registry import SECOND_READERS

    # one that says what both share is used in another way than the first reader uses it
    rows = [
        row for row in SECOND_READERS.get(format_name, ()) if row.library != without or row.shares
    ]
    if not rows:
        return {"result": "no second reader"}
    there = [(row, version) for row in rows if (version := version_of(row.library))]
    if not there:
        names = " or ".join(dict.fromkeys(row.library for row in rows))
        return {"result": "no second reader", "message": f"pip install {names}"}
    if sum(Path(file).stat().st_size for file in files) > _MOST_FILE_BYTES:
        message = "too large for a library that loads it whole"
        return {"library": there[0][0].library, "result": "refused", "message": message}
    _bound_memory()
    from sparc_fuse_core.proof.published import look

    stored = look(Path(store))
    refusals = []
    for row, version in there:
        found: dict[str, Any] = {"library": row.library, "version": version}
        if row.shares:
            found["shares"] = row.shares
        said = _one_opinion(row, [Path(file) for file in files], stored)
        found |= said
        if said["result"] != "refused":
            return found
        refusals.append(found)
    if len(refusals) > 1:
        refusals[0]["message"] = "; ".join(f"{r['library']}: {r['message']}" for r in refusals)
    return refusals[0]


def version_of(library: str) -> str:
    """Return the version of a library, or ``""`` if it is not installed."""
    if library == PYTHON:
        return platform.python_version()
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""


def _one_opinion(row: SecondReader, files: Sequence[Path], stored: Seen) -> dict[str, Any]:
    from sparc_fuse_core.proof.compare import compare
    from sparc_fuse_core.proof.roles import fitted

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            seen = row.read(files)
        except KnownFaultError as err:
            return {"result": "refused", "message": str(err)}
        except BaseException as err:  # noqa: BLE001 - whatever a library raises, it does not read the file
            return {"result": "refused", "message": type(err).__name__}
        seen, known = fitted(seen, stored)
        if not (seen.channels or seen.images or seen.arrays or seen.events):
            return {"result": "refused", "message": "it shows nothing that can be compared"}
        differences, compared = compare(seen, known)
    found: dict[str, Any] = {"result": "differs" if differences else "agrees", "compared": compared}
    if seen.left_aside:
        found["left_aside"] = list(seen.left_aside)
    if differences:
        found["differences"] = differences
    return found


def _bound_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
