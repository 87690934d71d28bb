"""``datacite.json``: the dataset as DataCite's metadata schema 4.5 has it (https://schema.datacite.org/meta/kernel-4.5/)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparc_fuse_core.describe.statements import Person, Statements


def datacite(stated: Statements) -> dict[str, Any] | None:
    """Return the record; None where DOI, creators, title, publisher or year is not stated."""
    if not (stated.doi and stated.people and stated.name and stated.publisher and stated.published):
        return None
    licence = stated.licence
    rights = {"rights": licence.phrase, "rightsUri": licence.url}
    if licence.spdx:
        rights |= {
            "rightsIdentifier": licence.spdx,
            "rightsIdentifierScheme": "SPDX",
            "schemeUri": "https://spdx.org/licenses/",
        }
    found: dict[str, Any] = {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "doi": stated.doi,
        "types": {"resourceType": "Dataset", "resourceTypeGeneral": "Dataset"},
        "titles": [{"title": stated.name}],
        "creators": [_creator(who) for who in stated.people],
        "publisher": {"name": stated.publisher},
        "publicationYear": stated.year,
        "dates": [{"date": stated.published, "dateType": "Issued"}],
        "subjects": [{"subject": keyword} for keyword in stated.keywords],
        "version": stated.version,
        "rightsList": [{k: v for k, v in rights.items() if v}] if licence.phrase else [],
        "descriptions": [{"description": stated.description, "descriptionType": "Abstract"}]
        if stated.description
        else [],
        "relatedIdentifiers": [
            {"relatedIdentifier": doi, "relatedIdentifierType": "DOI", "relationType": relation}
            for doi, relation in stated.related
        ],
    }
    if stated.modified:
        found["dates"].append({"date": stated.modified, "dateType": "Updated"})
    return {name: value for name, value in found.items() if value}


def _creator(who: Person) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": f"{who.family}, {who.given}" if who.family else who.name,
        "givenName": who.given,
        "familyName": who.family,
    }
    if who.family:
        found["nameType"] = "Personal"
    if who.affiliation:
        found["affiliation"] = [{"name": who.affiliation}]
    if who.orcid:
        found["nameIdentifiers"] = [
            {
                "nameIdentifier": who.orcid,
                "nameIdentifierScheme": "ORCID",
                "schemeUri": "https://orcid.org",
            }
        ]
    return {name: value for name, value in found.items() if value}
