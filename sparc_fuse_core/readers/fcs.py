"""Flow cytometry (.fcs 2.0 to 3.1): a table, a row an event and a column a parameter, as stored.

flowio reads the keywords; values are read by position when a column is sliced. Gains, logarithmic amplification
and compensation are noted, not applied. Source: ISAC, *Data File Standard for Flow Cytometry, FCS 3.1*.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import flowio
import numpy as np

from sparc_fuse_core.blocks import FunctionBlocks, MappedFile
from sparc_fuse_core.errors import (
    CorruptFileError,
    EmptyFileError,
    TruncatedFileError,
    UnsupportedFeatureError,
)
from sparc_fuse_core.model import Contents
from sparc_fuse_core.model.arrays import StoredArray, Table
from sparc_fuse_core.privacy.texts import told_by
from sparc_fuse_core.readers.shared.start_time import stated_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MOST_PARAMETERS = 10_000
_ORDERS = {"1,2,3,4": "<", "1,2": "<", "4,3,2,1": ">", "2,1": ">"}
_FLOATS = {"F": "f4", "D": "f8"}


@contextmanager
def read(path: Path, options: Mapping[str, Any], /) -> Iterator[Contents]:
    """Open an .fcs file; see `sparc_fuse_core.readers.Reader`."""
    del options
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote the file
        try:
            head = flowio.FlowData(file, only_text=True)
        except flowio.exceptions.MultipleDataSetsError as err:
            message = f"{path.name}: holds several data sets; export each to a file of its own"
            raise UnsupportedFeatureError(message) from err
        except flowio.exceptions.FCSParsingError as err:
            message = f"{path.name}: {told_by(err)[:200]}; upload it again"
            kind = TruncatedFileError if "file size" in str(err) else CorruptFileError
            raise kind(message) from err
    text = {key.upper(): value for key, value in head.text.items()}
    dtype, masks = _layout(path, text)
    n_events = int(text["TOT"])
    start = int(text.get("BEGINDATA") or 0) or int(head.header["data_start"])
    if n_events < 1:
        message = f"{path.name}: holds no event; upload the original again"
        raise EmptyFileError(message)
    if start < 58 or start + n_events * dtype.itemsize > path.stat().st_size:
        message = (
            f"{path.name}: announces {n_events} events of {dtype.itemsize} bytes from byte {start}, and is "
            f"{path.stat().st_size} bytes long; upload it again"
        )
        raise TruncatedFileError(message)
    rows = MappedFile(path, dtype, (n_events,), start)
    try:
        columns = tuple(_column(rows, i, masks[i], text) for i in range(len(masks)))
        yield Contents(
            tables=(Table("", columns),),
            start_time=_start(text),
            metadata=_facts(head.version, text),
        )
    finally:
        rows.close()


def _layout(path: Path, text: Mapping[str, str]) -> tuple[np.dtype[Any], list[int]]:
    """Return the dtype of one event, and for each parameter the bits of it that count (0: all)."""
    if text.get("MODE", "L").upper() != "L":
        message = f"{path.name}: holds histograms (mode {text['MODE']}), not events; export a list of events"
        raise UnsupportedFeatureError(message)
    order = _ORDERS.get(text["BYTEORD"].replace(" ", ""))
    kind = text["DATATYPE"].upper()
    n = int(text["PAR"])
    if order is None or kind not in ("I", "F", "D"):
        message = (
            f"{path.name}: values of type {kind} in byte order {text['BYTEORD'][:20]!r}; export it as "
            "FCS 3.1 with numbers of type F"
        )
        raise UnsupportedFeatureError(message)
    if not 0 < n <= _MOST_PARAMETERS:
        message = f"{path.name}: announces {n} parameters; it is damaged"
        raise CorruptFileError(message)
    types, masks = [], []
    for i in range(1, n + 1):
        bits = int(text[f"P{i}B"])
        if kind != "I":
            types.append(_FLOATS[kind])
            masks.append(0)
            continue
        if bits not in (8, 16, 32, 64):
            message = (
                f"{path.name}: values of {bits} bits; export it as FCS 3.1 with numbers of type F"
            )
            raise UnsupportedFeatureError(message)
        types.append(f"u{bits // 8}")
        # bits above the range are not part of the value (3.2.20, $PnR)
        masks.append((1 << max(int(text[f"P{i}R"]) - 1, 0).bit_length()) - 1)
    return np.dtype([(f"p{i}", f"{order}{one}") for i, one in enumerate(types)]), masks


def _column(rows: MappedFile, i: int, mask: int, text: Mapping[str, str]) -> StoredArray:
    dtype = rows.dtype[i].newbyteorder("=")

    def values(bounds: tuple[tuple[int, int], ...]) -> np.ndarray[Any, Any]:
        ((start, stop),) = bounds
        block = rows[start:stop][f"p{i}"].astype(dtype)
        return block & dtype.type(mask) if 0 < mask < np.iinfo(dtype).max else block

    facts = {
        key: text[f"P{i + 1}{letter}"].strip()
        for key, letter in (("marker", "S"), ("range", "R"), ("gain", "G"), ("amplification", "E"))
        if text.get(f"P{i + 1}{letter}", "").strip()
    }
    name = text.get(f"P{i + 1}N", "").strip()
    return StoredArray(name, FunctionBlocks((rows.shape[0],), dtype, values), attributes=facts)


def _facts(version: str, text: Mapping[str, str]) -> dict[str, str]:
    cytometer = text.get("CYT", "").strip()
    return {"fcs_version": version, **({"cytometer": cytometer} if cytometer else {})}


def _start(text: Mapping[str, str]) -> str:
    """Return the date and time of acquisition: ``$DATE`` (``05-MAY-2021``) and ``$BTIM`` (``14:05:06``)."""
    try:
        date = datetime.strptime(text.get("DATE", "").strip(), "%d-%b-%Y").date()  # noqa: DTZ007
    except ValueError:
        return ""
    try:
        time = datetime.strptime(text.get("BTIM", "").strip()[:8], "%H:%M:%S").time()  # noqa: DTZ007
    except ValueError:
        return stated_start(date.isoformat())
    return stated_start(datetime.combine(date, time).isoformat())
