"""Texts that tell where a file lay, whose a machine is or how to reach somebody; and messages without them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sparc_fuse_core.privacy.words import kind_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

LEFT_OUT = "(left out)"

#: A fact is short; what is longer is prose.
_MOST_LETTERS = 300

_PATH = re.compile(
    r"""(?:\bfile:/{1,3}[^\s"'<>|]*
    |(?<![A-Za-z])[A-Za-z]:[\\/](?!/)[^"'<>|\r\n\t,;]*
    |\\\\[\w.$-]+\\[^"'<>|\r\n\t,;]*
    |(?<![\w./:])/(?:home|Users|root|mnt|media|Volumes|var|tmp|private|usr|opt|export|scratch|nfs|srv|etc
        |work|gpfs|lustre)/[^\s"'<>|,;()]*
    |(?<![\w./])~[\w.-]*/[^\s"'<>|,;()]*)""",
    re.VERBOSE,
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_MAC = re.compile(r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b")
_MARKED = re.compile(
    r"\b(?:s/n|serial\s*(?:no|number|nr)?|mrn|ssn|d\.?o\.?b|e-?mail|phone|tel)\b\s*[.:=#]", re.IGNORECASE
)
_SECRETS = (_PATH, _EMAIL, _MAC)

#: ``Patient's name: …``, ``Operator = …``; the word in front decides.
_STATED = re.compile(r"^[\s#%;/*\"'-]*([^:=\t]{1,80}?)\s*(?::=|[:=\t])\s*(.*)$", re.DOTALL)

#: Sentences of libraries that repeat what stood in the file.
_REPEATED = re.compile(
    r"(could not convert string to \w+(?: [\w.]+)?: |invalid literal for \w+\(\)(?: with base \d+)?: "
    r"|time data |Invalid isoformat string: |Invalid format string: |does not match format "
    r"|[Uu]nconverted data remains: |Unknown string format: |malformed node or string: "
    r"|cannot convert |Invalid value for VR \w+: |Expecting value: )"
    r"(?:b?'[^'\n]*'|b?\"[^\"\n]*\"|.*)",
)


def is_telling(text: str) -> bool:
    """Tell whether a text holds a path, an e-mail address, a hardware address or a marked number."""
    return any(pattern.search(text) for pattern in _SECRETS) or bool(_MARKED.search(text))


def redacted(text: str) -> str:
    """Return a name, label or sentence without paths and addresses."""
    for pattern in _SECRETS:
        text = pattern.sub(LEFT_OUT, text)
    return text


def is_fact_text(text: str) -> bool:
    """Tell whether the text of a listed fact can be one: short, one line, nothing telling."""
    if len(text) > _MOST_LETTERS or is_telling(text):
        return False
    stated = _STATED.match(text)
    return stated is None or kind_of(stated[1]) != "identity"


def line_kind(line: str) -> str:
    """Return ``"identity"``, ``"fact"`` or ``"free text"`` of a line, by the word in front of its value."""
    if is_telling(line):
        return "identity"
    stated = _STATED.match(line)
    if stated is None:
        return "free text"
    kind = kind_of(stated[1])
    if kind == "fact" and not is_fact_text(stated[2]):
        return "free text"
    return kind or "free text"


# ------------------------------------------------------------------------------- what a file told

_COMMON = frozenset(
    """
    adult anonymous animal axon birth bruker camera canon computer control data default dataset demo device
    dummy electrode experiment female field file files folder generic hospital human image images imaging
    intan laboratory label left local male matlab monitor mouse name nikon none null number olympus operator
    other patient phantom python raw recording right sample session signal startdate study subject system
    technician test testing trial undefined unknown unnamed untitled user users windows zeiss
    """.split()
)
_CUT = re.compile(r"[\s^_,;|=\"'()<>\[\]{}]+|[\\/]+")
_MANY = 200


def tokens_of(values: Iterable[str]) -> frozenset[str]:
    """Return what identifies in texts that are identities: each whole, and its longer words."""
    found: set[str] = set()
    for value in values:
        whole = value.strip().lower()
        if 4 <= len(whole) <= 200 and whole not in _COMMON and not whole.isdigit():
            found.add(whole)
        for word in _CUT.split(whole[:2000]):
            word = word.strip(".:-")
            if len(word) >= 5 and word not in _COMMON and not _is_plain_number(word):
                found.add(word)
        if len(found) > _MANY:
            break
    return frozenset(found)


def _is_plain_number(word: str) -> bool:
    return word.replace(".", "").replace("-", "").replace(":", "").isdigit() and len(word) < 6


def repeats(text: str, tokens: Collection[str]) -> bool:
    """Tell whether a text repeats one of ``tokens``."""
    if not tokens:
        return False
    low = text.lower()
    return any(token in low for token in tokens)


def without(text: str, tokens: Collection[str]) -> str:
    """Return a sentence without paths, addresses and ``tokens``."""
    text = redacted(text)
    for token in sorted(tokens, key=len, reverse=True):
        if token in text.lower():
            text = re.sub(re.escape(token), LEFT_OUT, text, flags=re.IGNORECASE)
    return text


# ------------------------------------------------------------------------------- messages


def public_message(text: str) -> str:
    """Return what may be said of an error: names of files without their folders, no text of the file.

    Absolute paths become the file's name; what a library repeats from the file is cut.
    """
    text = _REPEATED.sub(lambda found: f"{found[1]}{LEFT_OUT}", text)
    text = _PATH.sub(lambda found: re.split(r"[\\/]", found[0].rstrip("\\/"))[-1], text)
    return redacted(text)
