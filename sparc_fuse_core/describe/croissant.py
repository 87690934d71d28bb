"""``croissant.json``: the table of results as Croissant 1.1 has it (http://mlcommons.org/croissant/1.1).

Tools for machine learning read the table by it: a row for each result, where it lies and what it holds. Stores
themselves have no words in Croissant.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.describe.columns import described_columns
from sparc_fuse_core.describe.names import ITEMS
from sparc_fuse_core.describe.schema_org import dataset_properties

if TYPE_CHECKING:
    from sparc_fuse_core.describe.statements import Statements

#: The format's context, of the version that is named below.
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

_TYPES = {
    "string": "sc:Text",
    "bool": "sc:Boolean",
    "int32": "cr:Int32",
    "int64": "cr:Int64",
    "float": "cr:Float32",
    "double": "cr:Float64",
}


def croissant(stated: Statements, items: bytes) -> dict[str, Any] | None:
    """Return the document; None where no name is stated.

    Parameters
    ----------
    items
        ``items.parquet``.
    """
    if not stated.name:
        return None
    properties = dataset_properties(stated)
    properties.pop("@id", None)
    cite = stated.citation or stated.doi_url
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        **properties,
        **({"citeAs": cite} if cite else {}),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": ITEMS,
                "name": ITEMS,
                "description": "A row for each result of the conversion.",
                "contentUrl": ITEMS,
                "contentSize": f"{len(items)} B",
                "encodingFormat": "application/x-parquet",  # the name that readers of Croissant know
                "sha256": hashlib.sha256(items).hexdigest(),
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "items",
                "name": "items",
                "description": "Results: what each is, of whom, where it lies.",
                "field": [_field(*column) for column in described_columns()],
            }
        ],
    }


def _field(name: str, kind: str, said: str) -> dict[str, Any]:
    element = re.sub(r"^list<\w+: (\w+)>$", r"\1", kind)
    found: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"items/{name}",
        "name": f"items/{name}",
        "description": said,
        "dataType": _TYPES[element],
        "source": {"fileObject": {"@id": ITEMS}, "extract": {"column": name}},
    }
    if element != kind:
        found |= {"isArray": True, "arrayShape": "-1"}
    return found
