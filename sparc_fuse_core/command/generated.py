"""Documents that are made from the code: printed, written, or compared with what lies there.

``make format`` writes them, ``make check`` tells which are stale.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sparc_fuse_core.api.reference import reference
from sparc_fuse_core.command.schemas import receipt_schema, scheme_schema
from sparc_fuse_core.formats.coverage import as_page
from sparc_fuse_core.formats.table import written_into

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Each document, and what it should be, given what it is.
DOCUMENTS: dict[str, Callable[[str], str]] = {
    "README.md": written_into,
    "docs/api.md": lambda _before: reference(),
    "docs/coverage.md": lambda _before: as_page(),
    "sparc_fuse_core/schemas/receipt.schema.json": lambda _before: receipt_schema(),
    "sparc_fuse_core/schemas/scheme.schema.json": lambda _before: scheme_schema(),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what is stale, or with ``--check`` only name it; return the exit code."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if one is stale")
    parser.add_argument("--root", type=Path, default=Path(), help="folder of the project")
    options = parser.parse_args(arguments)
    stale = []
    for name, make in DOCUMENTS.items():
        page = options.root / name
        before = page.read_text(encoding="utf-8") if page.exists() else ""
        after = make(before)
        if after == before:
            continue
        stale.append(name)
        if not options.check:
            page.write_text(after, encoding="utf-8")
    if stale and options.check:
        sys.stderr.write(f"stale: {', '.join(stale)}; run `make format`\n")
    return int(bool(stale and options.check))


if __name__ == "__main__":
    sys.exit(main())
