"""``ro-crate-metadata.json``: the results as a research object (RO-Crate 1.2, https://w3id.org/ro/crate/1.2).

The crate is the folder of results: what it is made from is another dataset, that of the publisher.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sparc_fuse_core.describe.names import CITATION, CROISSANT, DATACITE, ITEMS, PAGE, SCHEMA_ORG
from sparc_fuse_core.describe.schema_org import dataset_properties
from sparc_fuse_core.version import CONVERTER_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sparc_fuse_core.describe.outputs import Output, Outputs
    from sparc_fuse_core.describe.statements import Person, Statements

_SPECIFICATION = "https://w3id.org/ro/crate/1.2"

#: What lies beside the results: name, media type, description.
_BESIDE = (
    ("manifest.json", "application/json", "What became of each file, with digests"),
    (ITEMS, "application/vnd.apache.parquet", "A row of facts for each result"),
    (PAGE, "text/html", "Page that shows the results"),
    (SCHEMA_ORG, "application/ld+json", "The dataset as search engines read it"),
    (CROISSANT, "application/ld+json", "The table of results in Croissant"),
    (DATACITE, "application/json", "The dataset as DataCite has it"),
    (CITATION, "text/yaml", "How to cite the dataset"),
)

#: Media types of results by the end of their name, where one is registered or its format states one.
_MEDIA_TYPES = {".zarr": "application/vnd.zarr", ".zip": "application/zip"}


def ro_crate(
    stated: Statements,
    dataset_id: str,
    outputs: Outputs,
    beside: Mapping[str, int],
    day: str,
) -> dict[str, Any]:
    """Return the crate.

    Parameters
    ----------
    beside
        Names of the other documents and their lengths; the manifest is written later.
    day
        Of the conversion, ``YYYY-MM-DD``: it made what the crate holds.
    """
    title = stated.name or dataset_id
    source = stated.doi_url or "#source"
    files = [
        _file(name, media_type, said, beside.get(name))
        for name, media_type, said in _BESIDE
        if name in beside or name == "manifest.json"
    ]
    results = [_result(output) for output in outputs.listed]
    said = f"Results of the conversion of {title} by SPARC FUSE: recordings as Zarr, images as OME-Zarr."
    if len(results) < outputs.n:
        said += f" The first {len(results)} of {outputs.n} results are listed here, all in {ITEMS}."
    context: dict[str, dict[str, Any]] = {}  # by @id: people, organisations and licences once each
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{title} (converted)",
        "description": said,
        "datePublished": day,
        "license": _licence(stated, context),
        **(
            {"publisher": _ref(_organization(stated.publisher, context))}
            if stated.publisher
            else {}
        ),
        "isBasedOn": _ref(source),
        "mentions": _ref("#conversion"),
        "hasPart": [_ref(entity["@id"]) for entity in (*files, *results)],
    }
    return {
        "@context": f"{_SPECIFICATION}/context",
        "@graph": [
            {
                "@id": "ro-crate-metadata.json",
                "@type": "CreativeWork",
                "about": _ref("./"),
                "conformsTo": _ref(_SPECIFICATION),
            },
            root,
            *files,
            *results,
            {**_source(stated, title, context), "@id": source},
            _conversion(source, day),
            *context.values(),
        ],
    }


def _ref(identifier: str) -> dict[str, str]:
    return {"@id": identifier}


def _address(path: str) -> str:
    """Return a relative address; letters of any language stand as they are."""
    return re.sub(r"[\x00-\x7f]+", lambda ascii: quote(ascii[0]), path)


def _file(name: str, media_type: str, said: str, n_bytes: int | None) -> dict[str, Any]:
    found = {
        "@id": name,
        "@type": "File",
        "name": name,
        "description": said,
        "encodingFormat": media_type,
    }
    return found if n_bytes is None else {**found, "contentSize": str(n_bytes)}


def _result(output: Output) -> dict[str, Any]:
    """Return a store, which is a folder, or a file."""
    is_folder = output.path.endswith(".zarr")
    ending = output.path[output.path.rindex(".") :] if "." in output.path else ""
    found = {
        "@id": _address(output.path) + ("/" if is_folder else ""),
        "@type": "Dataset" if is_folder else "File",
        "name": output.path.rpartition("/")[2],
        "description": f"{output.kind} converted from {output.source}",
        "encodingFormat": _MEDIA_TYPES.get(ending, ""),
        "contentSize": str(output.n_bytes),
    }
    return {name: value for name, value in found.items() if value}


def _licence(stated: Statements, context: dict[str, dict[str, Any]]) -> Any:
    """Return a reference, or that there is none: the format wants a word."""
    licence = stated.licence
    if not licence.phrase:
        return "The source states no licence."
    identifier = licence.url or "#licence"
    context[identifier] = {
        "@id": identifier,
        "@type": "CreativeWork",
        "name": licence.spdx or licence.phrase,
        "description": f"The source states: {licence.phrase}",
    }
    return _ref(identifier)


def _source(stated: Statements, title: str, context: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the publisher's dataset; what it names are entities of their own."""
    # no part of the crate: a Dataset would have to be one
    found = {**dataset_properties(stated), "@type": "CreativeWork"}
    found.setdefault("name", title)
    # the licence is the crate's too, where it stands
    found.pop("license", None)
    if stated.people:
        found["creator"] = [_ref(_person(who, context)) for who in stated.people]
    if stated.publisher:
        found["publisher"] = _ref(_organization(stated.publisher, context))
    if "citation" in found:
        for doi in found["citation"]:
            context[doi] = {"@id": doi, "@type": "ScholarlyArticle", "name": doi}
        found["citation"] = [_ref(doi) for doi in found["citation"]]
    return found


def _slug(text: str) -> str:
    return quote(re.sub(r"\s+", "-", text.strip()), safe="")


def _person(who: Person, context: dict[str, dict[str, Any]]) -> str:
    identifier = who.orcid or f"#person-{_slug(who.name)}"
    found: dict[str, Any] = {
        "@id": identifier,
        "@type": "Person",
        "name": who.name,
        "givenName": who.given,
        "familyName": who.family,
    }
    if who.affiliation:
        found["affiliation"] = _ref(_organization(who.affiliation, context))
    context.setdefault(identifier, {name: value for name, value in found.items() if value})
    return identifier


def _organization(name: str, context: dict[str, dict[str, Any]]) -> str:
    identifier = f"#organization-{_slug(name)}"
    context[identifier] = {"@id": identifier, "@type": "Organization", "name": name}
    return identifier


def _conversion(source: str, day: str) -> dict[str, Any]:
    """Return what was done. A program would have to have an address, which this one has not."""
    return {
        "@id": "#conversion",
        "@type": "CreateAction",
        "name": "Conversion",
        "description": f"SPARC FUSE {CONVERTER_VERSION} converted each file that it can read.",
        "object": _ref(source),
        "result": _ref("./"),
        "endTime": day,
    }
