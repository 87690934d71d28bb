"""``CITATION.cff``: how to cite the dataset, in Citation File Format 1.2.0 (https://citation-file-format.github.io)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparc_fuse_core.describe.statements import Person, Statements

#: What JSON leaves as it is within quotes and YAML does not.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def citation(stated: Statements) -> bytes | None:
    """Return the file; None where no author or title is stated."""
    if not (stated.people and stated.name):
        return None
    found: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "Please cite the dataset as follows.",
        "type": "dataset",
        "title": stated.name,
        "authors": [_author(who) for who in stated.people],
        "abstract": stated.description,
        "doi": stated.doi,
        "version": stated.version,
        "date-released": stated.published,
        # of other licences the format takes no phrase
        "license": stated.licence.spdx,
        "keywords": list(stated.keywords),
    }
    lines: list[str] = []
    for name, value in found.items():
        if isinstance(value, list):
            lines += [f"{name}:", *(f"  - {_yaml(entry)}" for entry in value)] if value else []
        elif value:
            lines.append(f"{name}: {_yaml(value)}")
    return ("\n".join(lines) + "\n").encode()


def _author(who: Person) -> dict[str, str]:
    found = (
        {"family-names": who.family, "given-names": who.given} if who.family else {"name": who.name}
    )
    if who.affiliation:
        found["affiliation"] = who.affiliation
    if who.orcid:
        found["orcid"] = who.orcid
    return found


def _yaml(value: Any) -> str:
    """Return a value as YAML 1.2, of which JSON is a part."""
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
