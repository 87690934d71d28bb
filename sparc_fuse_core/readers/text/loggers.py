"""Tables of data loggers and of calcium imaging whose names, units and marks stand in rows of their own.

Sources: Campbell Scientific, "TOA5 file format" (LoggerNet manual, appendix B); Inscopix, "Data Processing
Software: export traces as CSV".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.text.cells import cells_of
from sparc_fuse_core.readers.text.headers import Stated
from sparc_fuse_core.readers.text.told import Told, fitted

if TYPE_CHECKING:
    from pathlib import Path

    from sparc_fuse_core.readers.text.head import Head

_TIME_AND_STATUS = re.compile(r"(?i)(time\s*\(\w+\))\s*/\s*cell status")


def campbell(path: Path, head: Head) -> Told | None:
    """Read the second row as names, the third as units; the fourth says what was stored (``Avg``)."""
    del path
    if len(head.lines) < 5 or head.lines[0].strip().strip('"').split('"')[0] not in (
        "TOA5",
        "TOACI1",
    ):
        return None
    names, units, stored = (cells_of(line, ",") for line in head.lines[1:4])
    is_short = "TOACI1" in head.lines[0][:10]
    if is_short:
        units, stored = [], []  # names only, the rows follow
    units = ["" if unit in ("TS", "RN") else unit for unit in units]
    first = head.lines[0].strip()
    processed = {name: how for name, how in zip(names, stored, strict=False) if how}
    return Told(
        head.lines,
        {"skip_rows": 2 if is_short else 4, "header": False, "separator": ","},
        lambda n: Stated(
            fitted(names, n),
            fitted(units, n),
            metadata={"header": [first[:300]], "processed": processed},
        ),
    )


def inscopix(path: Path, head: Head) -> Told | None:
    """Read the first row as names of cells, the second as ``Time(s)/Cell Status`` and what was made of each."""
    del path
    rows = [cells_of(line, ",") for line in head.lines[:3]]
    if len(rows) < 3 or len(rows[1]) < 2 or len(rows[0]) != len(rows[1]) or rows[0][0]:
        return None
    time = _TIME_AND_STATUS.fullmatch(rows[1][0])
    if time is None:
        return None
    names = [time[1], *rows[0][1:]]
    status = dict(zip(rows[0][1:], rows[1][1:], strict=True))
    return Told(
        head.lines,
        {"skip_rows": 2, "header": False, "separator": ","},
        lambda n: Stated(fitted(names, n), metadata={"cell_status": status}),
    )
