"""Texts that tell where a file lay, whose a machine is or how to reach somebody; and messages without them."""

from __future__ import annotations

import functools
import re
import traceback
from typing import TYPE_CHECKING

from sparc_fuse_core.privacy.words import kind_of, words_of

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
_CELLS = re.compile(r"[,;]")
_MARKUP = re.compile(r"</?[A-Za-z][^<]*>|<[?!]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_SHORT_NUMBER = re.compile(
    r"[-+]?(?:\d{1,5}(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\s*(?:[A-Za-zµ°%/]{1,4})?"
)

#: Sentences of libraries that repeat what stood in the file.
_REPEATED = re.compile(
    r"(could not convert string to \w+(?: [\w.]+)?: |invalid literal for \w+\(\)(?: with base \d+)?: "
    r"|time data |Invalid isoformat string: |Invalid format string: |does not match format "
    r"|[Uu]nconverted data remains: |Unknown string format: |malformed node or string: "
    r"|Invalid NRRD magic line: |cannot convert |Invalid value for VR \w+: |Expecting value: )"
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
    if len(text) > _MOST_LETTERS or is_telling(text) or _CONTROL.search(text):
        return False
    stated = _STATED.match(text)
    return stated is None or kind_of(stated[1]) != "identity"


def line_kind(line: str) -> str:
    """Return ``"identity"``, ``"fact"`` or ``"free text"`` of a line, by the word in front of its value."""
    if is_telling(line):
        return "identity"
    if _MARKUP.search(line):
        return "free text"
    stated = _STATED.match(line)
    if stated is None:
        return _cells_kind(line)
    kind = kind_of(stated[1])
    if kind == "fact" and not is_fact_text(stated[2]):
        return "free text"
    if not kind and _SHORT_NUMBER.fullmatch(stated[2].strip()):
        return "fact"
    return kind or "free text"


def _cells_kind(line: str) -> str:
    """Return the same of cells in a row, ``Sampling rate (Hz),100``: a fact only if it states a number."""
    name, mark, value = (
        re.split(r"([,;])", line.strip(" #\"'"), maxsplit=1)
        if _CELLS.search(line)
        else ("", "", "")
    )
    kind = kind_of(name) if mark else ""
    if kind == "identity":
        return "identity"
    return (
        "fact" if kind == "fact" and _SHORT_NUMBER.fullmatch(value.strip(" \"',;")) else "free text"
    )


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
_ENTITY = re.compile(r"(?:sub|sam|perf|site|pool)-")
#: Parts of names of statements about files, not people.
_FILES = _words(
    """
    dir directory file filename filenames filepath files folder path pathname paths
    """
)
#: Statements of formats that name people without saying so.
_ABOUT_PEOPLE = ("recording",)
_LONGEST_IDENTITY = 120
_FEW_WORDS = 3


def tokens_of(statements: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return what identifies in statements that are identities: the words of names and numbers.

    Parameters
    ----------
    statements
        Name and value of each. Of the name of a file only a user's folder tells who somebody is.
    """
    found: set[str] = set()
    for name, value in statements:
        for user in _USER.findall(value):
            found |= {user.lower()} - _COMMON
        stated = _STATED.match(value)
        if stated is not None and kind_of(stated[1]) == "identity":
            name, value = stated[1], stated[2]
        parts = name.split(".")
        people = parts[-1] in _ABOUT_PEOPLE or any(kind_of(part) == "identity" for part in parts)
        if not people or _FILES & {*words_of(parts[-1])}:
            continue
        whole = _PATH.sub(" ", value).strip()
        if len(whole) > _LONGEST_IDENTITY:
            continue  # prose: its words are not names
        found |= _telling_words(whole)
        if len(found) > _MANY:
            break
    return frozenset(found)


def _telling_words(whole: str) -> set[str]:
    """Return a name or number in lower case, and each of its words that tells somebody."""
    words = [word for word in _CUT.split(whole) if word]
    found = set()
    for word in (whole, *words):
        # in a sentence only what is written as names and numbers are; ids of the dataset's folders are public
        is_plain = len(words) > _FEW_WORDS and word == word.lower() and word.isalpha()
        word = word.strip(".:-").lower()
        long = len(word) >= 3 and not word.isdigit()
        known = word in _COMMON or _ENTITY.match(word) or kind_of(word) == "fact"
        if not is_plain and not known and (long or len(word) >= 5):
            found.add(word)
    return found


def repeats(text: str, tokens: Collection[str]) -> bool:
    """Tell whether a text has one of ``tokens`` as a word."""
    return bool(tokens) and _pattern(frozenset(tokens)).search(text) is not None


@functools.lru_cache(maxsize=64)
def _pattern(tokens: frozenset[str]) -> re.Pattern[str]:
    longest_first = sorted(tokens, key=lambda token: (-len(token), token))
    words = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])", re.IGNORECASE)


def without(text: str, tokens: Collection[str]) -> str:
    """Return a sentence without paths, addresses and ``tokens``."""
    text = redacted(text)
    return _pattern(frozenset(tokens)).sub(LEFT_OUT, text) if tokens else text


def named_without(name: str, tokens: Collection[str]) -> str:
    """Return a name without them; what was told apart by a token stays apart, by its number."""
    name = redacted(name)
    if not tokens:
        return name
    numbers = {token: number for number, token in enumerate(sorted(tokens), start=1)}

    def number_of(found: re.Match[str]) -> str:
        return f"(left out {numbers[found[0].lower()]})"

    return _pattern(frozenset(tokens)).sub(number_of, name)


# ------------------------------------------------------------------------------- messages


def public_message(text: str) -> str:
    """Return what may be said of an error: names of files without their folders, no text of the file.

    Absolute paths become the file's name; what a library repeats from the file is cut.
    """
    text = _REPEATED.sub(lambda found: f"{found[1]}{LEFT_OUT}", text)
    text = _PATH.sub(lambda found: re.split(r"[\\/]", found[0].rstrip("\\/"))[-1], text)
    return redacted(text)


_LETTERS = re.compile(r"[^\W\d_]")
_MOST_SHOWN, _MOST_LETTERS_SHOWN, _MOST_DIGITS_SHOWN = 12, 3, 5


def shown(cell: str) -> str:
    """Return what a message may show of a cell or line of a file: a code in quotes, of a text its length."""
    digits = sum(letter.isdigit() for letter in cell)
    is_code = len(cell) <= _MOST_SHOWN and len(_LETTERS.findall(cell)) <= _MOST_LETTERS_SHOWN
    if is_code and digits <= _MOST_DIGITS_SHOWN:
        return repr(cell)
    return f"a text of {len(cell)} letters"


_QUOTED = re.compile(r"b?'[^'\n]*'|b?\"[^\"\n]*\"")


def beginning(head: bytes) -> str:
    """Return the first bytes of a misnamed file for a message; ``text`` where they could be words."""
    letters = sum(bytes((byte,)).isalnum() for byte in head)
    return "text" if letters > 2 else repr(head)


def told_by(error: BaseException) -> str:
    """Return what an error that nobody foresaw says, without what it quotes: that may stand in the file."""
    return _QUOTED.sub(LEFT_OUT, public_message(str(error)))


def frames_of(error: BaseException) -> str:
    """Return where an error was raised, a line each: code, never values."""
    return "".join(traceback.format_tb(error.__traceback__))
