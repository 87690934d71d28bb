"""Texts that tell where a file lay, whose a machine is or how to reach somebody; and messages without them."""

from __future__ import annotations

import re
import traceback
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
    r"\b(?:s/n|serial\s*(?:no|number|nr)?|mrn|ssn|d\.?o\.?b|e-?mail|phone|tel)\b\s*[.:=#]",
    re.IGNORECASE,
)
_SECRETS = (_PATH, _EMAIL, _MAC)

#: ``Patient's name: …``, ``Operator = …``; the word in front decides.
_STATED = re.compile(r"^[\s#%;/*\"'-]*([^:=\t]{1,80}?)\s*(?::=|[:=\t])\s*(.*)$", re.DOTALL)
_SHORT_NUMBER = re.compile(
    r"[-+]?(?:\d{1,5}(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\s*(?:[A-Za-zµ°%/]{1,4})?"
)

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
    if not kind and _SHORT_NUMBER.fullmatch(stated[2].strip()):
        return "fact"
    return kind or "free text"


# ------------------------------------------------------------------------------- what a file told


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMMON = _words(
    """
    adult animal anonymous axon birth bruker camera canon computer control data dataset default demo
    device dummy electrode experiment female field file files folder generic hospital human image images
    imaging intan label laboratory left local male matlab monitor mouse name nikon none null number
    olympus operator other patient phantom python raw recording right sample session signal startdate
    study subject system technician test testing trial undefined unknown unnamed untitled user users
    windows zeiss
    """
)
_CUT = re.compile(r"[\s^_,;|=\"'()<>\[\]{}]+|[\\/]+")
_USER = re.compile(r"[\\/](?:home|Users|Documents and Settings)[\\/]+([^\\/\s]{3,40})(?=[\\/])")
_MANY = 200
_LONGEST_IDENTITY = 120


def tokens_of(values: Iterable[str]) -> frozenset[str]:
    """Return what identifies in texts that are identities: each whole, and its longer words."""
    found: set[str] = set()
    for value in values:
        for user in _USER.findall(value):
            found |= {user.lower()} - _COMMON
        # of a path only the user tells who somebody is; of a line what stands behind its name
        stated = _STATED.match(value)
        value = _PATH.sub(" ", stated[2] if stated else value)
        whole = value.strip()
        if len(whole) > _LONGEST_IDENTITY:
            continue  # prose: its words are not names
        if len(whole) >= 4 and whole.lower() not in _COMMON and not whole.isdigit():
            found.add(whole.lower())
        for word in _CUT.split(whole):
            word = word.strip(".:-")
            # names are written with a capital, numbers with digits
            marked = word != word.lower() or any(letter.isdigit() for letter in word)
            if len(word) >= 5 and marked and word.lower() not in _COMMON and not _is_plain(word):
                found.add(word.lower())
        if len(found) > _MANY:
            break
    return frozenset(found)


def _is_plain(word: str) -> bool:
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


_QUOTED = re.compile(r"b?'[^'\n]*'|b?\"[^\"\n]*\"")


def told_by(error: BaseException) -> str:
    """Return what an error that nobody foresaw says, without what it quotes: that may stand in the file."""
    return _QUOTED.sub(LEFT_OUT, public_message(str(error)))


def frames_of(error: BaseException) -> str:
    """Return where an error was raised, a line each: code, never values."""
    return "".join(traceback.format_tb(error.__traceback__))
