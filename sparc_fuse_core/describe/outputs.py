"""The results that documents about a dataset list: as many as one reads whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.receipt import DONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: A document of so many is about 4 MB; the table holds all.
MOST_LISTED = 10_000


@dataclass(frozen=True, slots=True)
class Output:
    """A result: where it lies below the dataset's version, and what it was made from."""

    path: str
    source: str
    kind: str
    n_bytes: int


@dataclass(slots=True)
class Outputs:
    """Notes the results among items that pass by.

    Attributes
    ----------
    listed
        The first `MOST_LISTED`.
    n
        How many passed.
    """

    listed: list[Output] = field(default_factory=list)
    n: int = 0

    def of(self, items: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Yield the items of a manifest as they are."""
        for item in items:
            if item["status"] in DONE:
                self.n += 1
                if len(self.listed) < MOST_LISTED:
                    self.listed.append(
                        Output(item["output"], item["path"], item["kind"], item["bytes_out"])
                    )
            yield item
