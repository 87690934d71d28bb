"""What the publisher states of a dataset to have it found and cited. What is not stated is empty."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.describe.licences import Licence, licence_of
from sparc_fuse_core.json_values import json_safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sparc_fuse_core.convert.sds_tables import SdsTables
    from sparc_fuse_core.describe.rows import DatasetFacts

#: Characters that DOIs of data are made of; others are taken for a slip.
_DOI = re.compile(r"10\.\d{4,9}(?:\.\d+)?/[A-Za-z0-9:/_;\-.()\[\]]+")
_ORCID = re.compile(r"(?<!\d)(\d{4}-\d{4}-\d{4}-\d{3}[\dXx])(?!\d)")
_DATE = re.compile(r"(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))(?:T.*)?")


@dataclass(frozen=True, slots=True)
class Person:
    """A contributor.

    Attributes
    ----------
    given, family
        Where they are stated apart; else the name stands in ``name`` alone.
    orcid
        Address, ``https://orcid.org/…``.
    """

    name: str
    given: str = ""
    family: str = ""
    orcid: str = ""
    affiliation: str = ""


@dataclass(frozen=True, slots=True)
class Statements:
    """Of a dataset.

    Attributes
    ----------
    doi
        Without a resolver in front.
    version
        That the publisher gave it; a folder has none.
    published, modified
        Dates, ``YYYY-MM-DD``: of this version, and of its last change.
    related
        DOIs of publications and what they are to the dataset, in DataCite's word.
    """

    name: str
    description: str
    doi: str
    version: str
    licence: Licence
    people: tuple[Person, ...]
    keywords: tuple[str, ...]
    published: str
    modified: str
    publisher: str
    citation: str
    related: tuple[tuple[str, str], ...]

    @property
    def year(self) -> str:
        """Of the publication."""
        return self.published[:4]

    @property
    def doi_url(self) -> str:
        """Address of the dataset at its publisher, or ``""``."""
        return f"https://doi.org/{self.doi}" if self.doi else ""


def statements_of(dataset: DatasetFacts) -> Statements:
    """Return what the Discover record, or else ``dataset_description``, states."""
    record = dataset.record
    described = dataset.stated("description", "subtitle")
    keywords = _texts(record.get("tags")) or dataset.stated("keywords", "keyword")
    return Statements(
        name=_text(dataset.name),
        description=_text(record.get("description")) or _text(described[0] if described else ""),
        doi=_doi(dataset.doi),
        version=_text(record.get("version")),
        licence=licence_of(_text(dataset.licence)),
        people=_people(record, dataset.tables),
        keywords=tuple(dict.fromkeys(_text(keyword) for keyword in keywords)),
        published=_date(record.get("versionPublishedAt")),
        modified=_date(record.get("revisedAt")),
        publisher=_text(record.get("organizationName")),
        citation=_text(dataset.description.get("citation")),
        related=tuple(_related(record)),
    )


def _text(value: Any) -> str:
    """Return a text or number in one line's spaces; anything else is no statement."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return " ".join(str(json_safe(str(value))).split())


def _texts(values: Any) -> list[str]:
    entries = values if isinstance(values, list | tuple) else ()
    return [text for value in entries if (text := _text(value))]


def _date(value: Any) -> str:
    found = _DATE.fullmatch(_text(value))
    return found[1] if found else ""


def _doi(value: Any) -> str:
    text = re.sub(
        r"^(?:https?://(?:dx\.)?doi\.org/|doi:\s*)", "", _text(value), flags=re.IGNORECASE
    )
    return text if _DOI.fullmatch(text) else ""


def _orcid(value: Any) -> str:
    """Return the address of an ORCID whose check digit (ISO 7064, 11-2) is right."""
    found = _ORCID.search(_text(value))
    if not found:
        return ""
    number = found[1].upper()
    total = 0
    for digit in number.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return f"https://orcid.org/{number}" if number[-1] == "0123456789X"[check] else ""


def _people(record: Mapping[str, Any], tables: SdsTables) -> tuple[Person, ...]:
    """Return contributors of the record with the affiliations of the tables, else those of the tables."""
    described = tuple(_of_tables(tables))
    recorded = tuple(_of_record(record))
    if not recorded:
        return described
    places = {person.orcid: person.affiliation for person in described if person.orcid}
    return tuple(replace(person, affiliation=places.get(person.orcid, "")) for person in recorded)


def _entries(record: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
    values = record.get(name)
    entries = values if isinstance(values, list | tuple) else ()
    return (entry for entry in entries if isinstance(entry, dict))


def _of_record(record: Mapping[str, Any]) -> Iterable[Person]:
    for who in _entries(record, "contributors"):
        given = " ".join(_texts([who.get("firstName"), who.get("middleInitial")]))
        family = _text(who.get("lastName"))
        if name := " ".join(_texts([given, family])):
            # one part alone is a name, whichever it is
            parts = (given, family) if given and family else ("", "")
            yield Person(name, *parts, _orcid(who.get("orcid")))


def _of_tables(tables: SdsTables) -> Iterable[Person]:
    """Yield contributors; what stands in the column of a name belongs to it."""

    def beside(*elements: str) -> list[str]:
        for element in elements:
            values = [_text(value) for value in tables.description.get(element, ())]
            if values:
                return (values + [""] * len(names))[: len(names)]
        return [""] * len(names)

    names = [_text(name) for name in tables.description.get("contributor name", ())]
    orcids = beside("contributor orcid", "contributor orcid id")
    for stated, orcid, place in zip(names, orcids, beside("contributor affiliation"), strict=True):
        family, comma, given = (part.strip() for part in stated.partition(","))
        if comma and given and family and "," not in given:
            yield Person(f"{given} {family}", given, family, _orcid(orcid), place)
        elif stated:
            yield Person(stated, "", "", _orcid(orcid), place)


def _related(record: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    known = {
        *("IsDescribedBy", "IsReferencedBy", "IsCitedBy", "IsSupplementTo", "References", "Cites"),
        *("IsDerivedFrom", "IsSourceOf", "IsSupplementedBy", "Describes", "Requires"),
    }
    for publication in _entries(record, "externalPublications"):
        doi, relation = _doi(publication.get("doi")), _text(publication.get("relationshipType"))
        if doi and relation in known:
            yield doi, relation
