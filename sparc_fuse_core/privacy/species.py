"""Whether the dataset's tables say that a subject is not human: what decides over free text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HUMAN = re.compile(
    r"\b(?:homo|human|humans|h\.?\s*sapiens|sapiens|man|men|woman|women|person|people|patients?|participants?"
    r"|volunteers?|child|children|infants?|adults?|neonates?)\b|NCBITaxon[:_]\s*(?:9606|9605|63221|741158)\b"
    r"|^\s*(?:9606|9605)\s*$",
    re.IGNORECASE,
)
_TAXON = re.compile(r"(?:NCBITaxon|txid|taxonomy)[:_/]?\s*(?:id[:=])?\d{2,9}\b", re.IGNORECASE)
#: A species in Latin: a genus, and an epithet that ends as those do.
_BINOMIAL = re.compile(
    r"\b[A-Z][a-z]{2,}\s+[a-z]{2,}(?:us|a|um|is|ae|ii|ens|o|er|ops|ns|as|ix|es)\b"
)
_KNOWN = re.compile(
    r"\b(?:rats?|rattus|mouse|mice|mus|pigs?|swine|porcine|minipigs?|sus\s+scrofa|cats?|felis|feline|dogs?|canis"
    r"|canine|ferrets?|mustela|monkeys?|macaques?|macaca|rhesus|marmosets?|callithrix|baboons?|papio"
    r"|rabbits?|oryctolagus|guinea\s*pigs?|cavia|hamsters?|sheep|ovis|ovine|goats?|capra|cows?|bovine|bos"
    r"|cattle|horses?|equus|chickens?|chicks?|gallus|quails?|zebrafish|danio|fish|frogs?|xenopus|drosophila"
    r"|fruit\s*fl(?:y|ies)|c\.?\s*elegans|nematodes?|shrews?|suncus|gerbils?|meriones|voles?|opossums?|aplysia"
    r"|squid|leech|crab|cancer\s+borealis|axolotl|turtles?|snakes?|musk\s+shrew|non-?human\s+primates?|nhp)\b",
    re.IGNORECASE,
)
_NONHUMAN = re.compile(r"\bnon-?\s?human\b", re.IGNORECASE)


def is_not_human(species: str) -> bool:
    """Tell whether a text names a species other than man; False where that is not certain."""
    text = species.strip()
    said = _NONHUMAN.search(text) is not None
    if _HUMAN.search(_NONHUMAN.sub("", text)):
        return False
    return bool(said or _KNOWN.search(text) or _BINOMIAL.search(text) or _TAXON.search(text))


def keeps_free_text(
    rows: Mapping[str, Mapping[str, Mapping[str, str]]], ids: Mapping[str, str]
) -> bool:
    """Tell whether free text of a file may be published.

    Parameters
    ----------
    rows
        The dataset's tables: ``rows["subject"]["sub-1"]`` is a mapping of column to text.
    ids
        The subject, sample … that the file's path names.

    Returns
    -------
    bool
        True only if the file's own subject is stated as not human; where the path names none, only
        if every subject of the table is.
    """
    subjects = rows.get("subject", {})
    own = _own_row(subjects, ids.get("subject", ""))
    if own is None and ids.get("subject"):
        return False
    if own is None:
        sample = _own_row(rows.get("sample", {}), ids.get("sample", "")) or {}
        own = _own_row(subjects, sample.get("subject id", "") or sample.get("was derived from", ""))
    return _all_not_human([own] if own is not None else subjects.values())


def _own_row(rows: Mapping[str, Mapping[str, str]], number: str) -> Mapping[str, str] | None:
    """Return the row of an id; tables may leave the prefix (``sub-``) away."""
    if not number:
        return None
    return rows.get(number) or rows.get(number.partition("-")[2])


def _all_not_human(rows: Iterable[Mapping[str, str]]) -> bool:
    stated = [row.get("species", "") for row in rows]
    return bool(stated) and all(is_not_human(species) for species in stated)
