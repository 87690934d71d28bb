"""``schema.org.jsonld``: the dataset as search engines read it (https://schema.org/Dataset)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparc_fuse_core.describe.names import ITEMS

if TYPE_CHECKING:
    from sparc_fuse_core.describe.statements import Person, Statements


def schema_org(stated: Statements) -> dict[str, Any] | None:
    """Return the dataset as JSON-LD, its forms beside it; None where no name is stated."""
    if not stated.name:
        return None
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        **dataset_properties(stated),
        "distribution": [
            {
                "@type": "DataDownload",
                "name": "Results of the conversion, with what became of each file",
                "encodingFormat": "application/json",
                "contentUrl": "manifest.json",
            },
            {
                "@type": "DataDownload",
                "name": "A row for each result",
                "encodingFormat": "application/vnd.apache.parquet",
                "contentUrl": ITEMS,
            },
        ],
    }


def dataset_properties(stated: Statements) -> dict[str, Any]:
    """Return the properties that are stated."""
    licence = stated.licence
    found: dict[str, Any] = {
        "@id": stated.doi_url,
        "name": stated.name,
        "description": stated.description,
        "url": stated.doi_url,
        "identifier": stated.doi_url,
        "version": stated.version,
        "license": licence.url or licence.phrase,
        "keywords": list(stated.keywords),
        "datePublished": stated.published,
        "dateModified": stated.modified,
        "creator": [person(who) for who in stated.people],
        "publisher": {"@type": "Organization", "name": stated.publisher}
        if stated.publisher
        else None,
        "citation": [f"https://doi.org/{doi}" for doi, _ in stated.related],
        "creditText": stated.citation,
    }
    return {name: value for name, value in found.items() if value}


def person(who: Person) -> dict[str, Any]:
    """Return a contributor."""
    found: dict[str, Any] = {
        "@type": "Person",
        "@id": who.orcid,
        "name": who.name,
        "givenName": who.given,
        "familyName": who.family,
        "affiliation": {"@type": "Organization", "name": who.affiliation}
        if who.affiliation
        else None,
    }
    return {name: value for name, value in found.items() if value}
