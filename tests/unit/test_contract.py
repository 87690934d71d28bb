"""docs/contract.md names every error as it is."""

from __future__ import annotations

import inspect
from pathlib import Path

from sparc_fuse_core import errors

CONTRACT = Path(__file__).parents[2] / "docs" / "contract.md"


def test_every_error_stands_in_the_contract() -> None:
    rows = {line for line in CONTRACT.read_text().splitlines() if line.startswith("| `")}
    wanted = {
        f"| `{name}` | `{kind.__bases__[0].__name__}` | {(kind.__doc__ or '').splitlines()[0]} |"
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.SparcFuseError)
    }
    assert len(wanted) > 40
    assert wanted <= rows
    assert {row for row in rows if row.count("Error`") >= 1} == wanted, "an error that is no more"
