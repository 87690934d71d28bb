"""Run the documents of a folder of results through their formats' own validators, without a network.

    python tests/fair/validate.py FOLDER ro-crate-metadata.json croissant.json ... [--all]

Runs in environments of its own (``make fair``): the validators want older libraries than the project does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest import mock

import requests

#: Also what is recommended.
VERBOSE = "--all" in sys.argv


def ro_crate(folder: Path) -> list[str]:
    """Return what roc-validator finds missing of what the specification requires."""
    import rocrate
    from rocrate.rocrate import ROCrate
    from rocrate_validator import services
    from rocrate_validator.models import Severity

    # the format's context, as ro-crate-py brings it: of a later version, which has the terms of 1.2
    context = (Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_bytes()
    answer = requests.Response()
    answer.status_code, answer._content = 200, context
    answer.headers["Content-Type"] = "application/ld+json"
    settings = services.ValidationSettings(
        rocrate_uri=str(folder),
        profile_identifier="ro-crate-1.2",
        requirement_severity=Severity.RECOMMENDED if VERBOSE else Severity.REQUIRED,
        offline=True,
    )
    with mock.patch(
        "rocrate_validator.utils.http.HttpRequester.get", create=True, return_value=answer
    ):
        result = services.validate(settings)
    ROCrate(str(folder))  # ro-crate-py reads it
    return [f"{issue.severity.name}: {issue.message}" for issue in result.get_issues()]


def croissant(folder: Path) -> list[str]:
    """Return what mlcroissant finds wrong; it also reads the records that the document describes."""
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    first = next(iter(dataset.records("items")), None)
    found = [f"ERROR: {error}" for error in dataset.metadata.ctx.issues.errors]
    return found if first else [*found, "no record could be read"]


def datacite(folder: Path) -> list[str]:
    """Return what DataCite's schema 4.5 finds wrong."""
    from datacite import schema45

    record = json.loads((folder / "datacite.json").read_text(encoding="utf-8"))
    return [error.message for error in schema45.validator.iter_errors(record)]


def citation(folder: Path) -> list[str]:
    """Return what cffconvert finds wrong."""
    from cffconvert import Citation

    Citation((folder / "CITATION.cff").read_text(encoding="utf-8")).validate()
    return []


VALIDATORS = {
    "ro-crate-metadata.json": ro_crate,
    "croissant.json": croissant,
    "datacite.json": datacite,
    "CITATION.cff": citation,
}


def main(folder: Path, names: list[str]) -> int:
    """Write what is wrong with each document; return how many are wrong."""
    n_wrong = 0
    for name in names:
        try:
            found = VALIDATORS[name](folder)
        except Exception as err:  # noqa: BLE001 - a validator's own word on what is wrong
            found = [f"{type(err).__name__}: {err}"]
        n_wrong += bool(found)
        sys.stdout.write(f"{name}: {'wrong' if found else 'valid'}\n")
        sys.stdout.writelines(f"    {said}\n" for said in found)
    return n_wrong


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [name for name in sys.argv[2:] if name != "--all"]))
