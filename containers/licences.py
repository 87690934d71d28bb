"""The licences in the two images, as Markdown: ``python -m containers.licences > docs/licences.md``.

What a package states of itself: its licence expression, else its classifiers, else the first line of its
licence field. Run it where all extras are installed.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

#: The Fargate image has the packages of both lists.
_LISTS = {"both": "lambda.txt", "Fargate": "fargate.txt"}

#: Of packages whose metadata state none, or that are in the image only; from the licence file of each.
_KNOWN = {
    "awslambdaric": "Apache-2.0",
    "bioread": "MIT",
    "hdf5plugin": "MIT, and the licence of each filter in it",
    "quantities": "BSD-3-Clause",
    "pysimdjson": "MIT; simdjson in it Apache-2.0",
    "simplejson": "MIT OR AFL-2.1",
    "snapshot-restore-py": "Apache-2.0",
}
_HEAD = """# Licences of what is in the images

Made by `python -m containers.licences` from what the packages state. Besides these, the images hold
Debian's own packages (`/usr/share/doc/*/copyright` in each) and Python (PSF-2.0); that for Fargate
also Java (GPL-2.0 with classpath exception) and, in a process of its own, Bio-Formats (GPL-2.0;
`containers/NOTICE-bioformats.txt`).

| package | version | licence | images |
| --- | --- | --- | --- |
"""


def packages_of(name: str) -> dict[str, str]:
    """Return versions by package of a list of locked requirements."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, flags=re.MULTILINE))


def licence_of(package: str) -> str:
    """Return what an installed package states, ``"not stated"`` if it does not."""
    if package.lower() in _KNOWN:
        return _KNOWN[package.lower()]
    try:
        facts = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return "not installed here"
    expression = _fact(facts, "License-Expression")
    if expression:
        return expression
    classifiers = [
        entry.rpartition(" :: ")[2]
        for entry in facts.get_all("Classifier") or ()
        if entry.startswith("License :: ") and not entry.endswith("OSI Approved")
    ]
    if classifiers:
        return ", ".join(classifiers)
    lines = _fact(facts, "License").strip().splitlines()
    return lines[0][:80] if lines else "not stated"


def _fact(facts: metadata.PackageMetadata, name: str) -> str:
    found = facts.get_all(name) or [""]
    return str(found[0])


def table() -> str:
    """Return the page."""
    lists = {image: packages_of(name) for image, name in _LISTS.items()}
    names = sorted(set().union(*lists.values()), key=str.lower)
    rows = []
    for name in names:
        images = [image for image, found in lists.items() if name in found]
        version = lists[images[0]][name]
        rows.append(f"| {name} | {version} | {licence_of(name)} | {', '.join(images)} |")
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
