"""What an inspection of a file offers for a mapping scheme: remarks, and options with their reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a proposed scheme.

    Attributes
    ----------
    key, value
        As in ``[options]``.
    why
        Sentence for the person who decides.
    is_stated
        Whether the file states it; if not, it is proposed as a comment, to be confirmed.
    """

    key: str
    value: Any
    why: str
    is_stated: bool = False


@dataclass
class Findings:
    """What was seen in a file.

    Attributes
    ----------
    remarks
        Lines that describe the file.
    choices
        Options, in the order of a scheme.
    """

    remarks: list[str] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)

    def offer(self, key: str, value: Any, why: str, *, is_stated: bool = False) -> None:
        """Add an option."""
        self.choices.append(Choice(key, value, why, is_stated))
