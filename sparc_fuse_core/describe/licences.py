"""Licences by the phrases that state one exactly; a phrase that could mean two has no identifier."""

from __future__ import annotations

import re
from typing import NamedTuple

_SPDX = "https://spdx.org/licenses/"
_CC = "https://creativecommons.org/licenses/"
_GNU = "https://www.gnu.org/licenses/"


class Licence(NamedTuple):
    """A licence as stated, with its SPDX identifier and address, or ``""``."""

    phrase: str
    spdx: str = ""
    url: str = ""


#: SPDX identifier: address of the licence, and the names that mean it alone.
_KNOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "CC-BY-4.0": (f"{_CC}by/4.0/", ("Creative Commons Attribution 4.0 International", "CC BY 4.0")),
    "CC-BY-SA-4.0": (
        f"{_CC}by-sa/4.0/",
        ("Creative Commons Attribution-ShareAlike 4.0 International", "CC BY-SA 4.0"),
    ),
    "CC-BY-NC-4.0": (
        f"{_CC}by-nc/4.0/",
        ("Creative Commons Attribution-NonCommercial 4.0 International", "CC BY-NC 4.0"),
    ),
    "CC-BY-NC-SA-4.0": (
        f"{_CC}by-nc-sa/4.0/",
        (
            "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International",
            "CC BY-NC-SA 4.0",
        ),
    ),
    "CC0-1.0": (
        "https://creativecommons.org/publicdomain/zero/1.0/",
        ("Creative Commons Zero 1.0 Universal", "Creative Commons Zero v1.0 Universal", "CC0 1.0"),
    ),
    "Apache-2.0": (f"{_SPDX}Apache-2.0", ("Apache License 2.0", "Apache 2.0")),
    "BSD-2-Clause": (f"{_SPDX}BSD-2-Clause", ('BSD 2-Clause "Simplified" License',)),
    "BSD-3-Clause": (f"{_SPDX}BSD-3-Clause", ('BSD 3-Clause "New" or "Revised" License',)),
    "BSL-1.0": (f"{_SPDX}BSL-1.0", ("Boost Software License 1.0",)),
    "EPL-2.0": (f"{_SPDX}EPL-2.0", ("Eclipse Public License 2.0",)),
    "MIT": (f"{_SPDX}MIT", ("MIT License",)),
    "MPL-2.0": (f"{_SPDX}MPL-2.0", ("Mozilla Public License 2.0",)),
    "Unlicense": (f"{_SPDX}Unlicense", ("The Unlicense",)),
}

#: These name a text; whether later versions hold too (``-only``, ``-or-later``) they do not say.
_TEXTS = {
    "GNU Affero General Public License v3.0": f"{_GNU}agpl-3.0.html",
    "GNU General Public License v2.0": f"{_GNU}old-licenses/gpl-2.0.html",
    "GNU General Public License v3.0": f"{_GNU}gpl-3.0.html",
    "GNU Lesser General Public License v2.1": f"{_GNU}old-licenses/lgpl-2.1.html",
    "GNU Lesser General Public License v3.0": f"{_GNU}lgpl-3.0.html",
}


def _normal(phrase: str) -> str:
    words = re.sub(r"\s*([-\u2013])\s*", "-", " ".join(phrase.split())).casefold().rstrip("/.")
    return re.sub(r"^http:", "https:", words)


_BY_PHRASE = {
    _normal(name): (spdx, url)
    for spdx, (url, names) in _KNOWN.items()
    for name in (spdx, url, f"{_SPDX}{spdx}", *names)
} | {_normal(name): ("", url) for name, url in _TEXTS.items()}


def licence_of(phrase: str) -> Licence:
    """Return what a phrase states: "Creative Commons Attribution", of no version, is no licence exactly."""
    spdx, url = _BY_PHRASE.get(_normal(phrase), ("", ""))
    if not url and re.fullmatch(r"https?://[^\s\"<>\\^`{|}]+", phrase):
        url = phrase
    return Licence(phrase, spdx, url)
