"""What a dataset may send to a terminal: letters. Names with control characters are shown, not sent."""

from __future__ import annotations

import contextlib
import re
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Control characters of both sets, what turns the direction of writing, and halves of characters.
_UNSHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_IN_A_NAME = re.compile(f"{_UNSHOWN.pattern}|[\t\n]")


def shown(text: str) -> str:
    """Return a name or message on one line, each character that a terminal obeys written as its escape."""
    return _IN_A_NAME.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


class ShownStream:
    """A text stream that escapes what a terminal obeys, lines and tabs excepted.

    Attributes
    ----------
    plain
        The stream itself, for what makes its own escapes (coloured tables) of texts already `shown`.
    """

    def __init__(self, plain: TextIO) -> None:
        self.plain = plain

    def write(self, text: str) -> int:
        """Write a text."""
        self.plain.write(_UNSHOWN.sub(_escape, text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Return what the stream itself has."""
        return getattr(self.plain, name)


def plain_stream(stream: Any) -> TextIO:
    """Return the stream below a `ShownStream`."""
    found: TextIO = getattr(stream, "plain", stream)
    return found


@contextlib.contextmanager
def shown_streams() -> Iterator[None]:
    """Let both standard streams escape what they are given."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = ShownStream(out), ShownStream(err)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err
