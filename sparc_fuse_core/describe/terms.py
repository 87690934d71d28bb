"""Names and the identifiers that a table states with them; and of species named in Latin, the taxon."""

from __future__ import annotations

import re

#: ``NCBITaxon:10116``, ``UBERON_0001759``, ``RRID:RGD_70508``, alone, in brackets or at the end of a URL.
_CURIE = re.compile(
    r"(?:https?://\S*?/)?\b(NCBITaxon|UBERON|ILX|FMA|PATO|MONDO|DOID|CL|EMAPA|ILXTR|RRID)[:_]\s?([A-Za-z0-9_.:-]+)",
    re.IGNORECASE,
)
_PREFIXES = {
    prefix.lower(): prefix
    for prefix in (
        "NCBITaxon",
        "UBERON",
        "ILX",
        "FMA",
        "PATO",
        "MONDO",
        "DOID",
        "CL",
        "EMAPA",
        "RRID",
    )
}

#: Species by their full scientific name, which names one taxon (NCBI Taxonomy); common names do not.
_TAXA = {
    "bos taurus": "9913",
    "caenorhabditis elegans": "6239",
    "callithrix jacchus": "9483",
    "canis lupus familiaris": "9615",
    "capra hircus": "9925",
    "cavia porcellus": "10141",
    "danio rerio": "7955",
    "drosophila melanogaster": "7227",
    "felis catus": "9685",
    "gallus gallus": "9031",
    "homo sapiens": "9606",
    "macaca fascicularis": "9541",
    "macaca mulatta": "9544",
    "meriones unguiculatus": "10047",
    "mesocricetus auratus": "10036",
    "mus musculus": "10090",
    "mustela putorius furo": "9669",
    "oryctolagus cuniculus": "9986",
    "ovis aries": "9940",
    "rattus norvegicus": "10116",
    "suncus murinus": "9378",
    "sus scrofa": "9823",
    "sus scrofa domesticus": "9825",
    "xenopus laevis": "8355",
}


def term(text: str) -> tuple[str, str]:
    """Return (name, identifier) of what a cell states; either is ``""`` where it states none."""
    found = _CURIE.search(text)
    if found is None:
        return text.strip(), ""
    prefix = _PREFIXES.get(found[1].lower(), found[1])
    name = f"{text[: found.start()]} {text[found.end() :]}"
    return re.sub(r"[\s(){}\[\],;|]+", " ", name).strip(), f"{prefix}:{found[2].rstrip('.:')}"


def species(text: str) -> tuple[str, str]:
    """Return (name, taxon) of a species: as stated, else by its full scientific name."""
    name, identifier = term(text)
    taxon = _TAXA.get(" ".join(name.lower().split()))
    return name, identifier or (f"NCBITaxon:{taxon}" if taxon else "")
