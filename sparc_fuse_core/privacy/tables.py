"""The dataset's own tables and record: what identifies a subject is left out, its publisher's words stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparc_fuse_core.privacy.sieve import Aside
from sparc_fuse_core.privacy.species import is_not_human
from sparc_fuse_core.privacy.texts import is_fact_text, redacted, repeats, tokens_of
from sparc_fuse_core.privacy.words import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.privacy.sieve import Why

#: Columns of the SPARC Dataset Structure (1.2 to 3.0) that are facts or ids of the dataset itself.
_COLUMNS = frozenset(
    (
        *("subject id", "sample id", "performance id", "site id", "pool id", "member of"),
        *(
            "was derived from",
            "also in dataset",
            "subject experimental group",
            "experimental group",
        ),
        *(
            "sample experimental group",
            "group",
            "treatment",
            "age",
            "age category",
            "sex",
            "species",
        ),
        *("age range (min)", "age range (max)", "strain", "rrid for strain", "organism rrid"),
        *("body mass", "body weight", "weight", "height", "genotype", "phenotype", "handedness"),
        *("disease or disorder", "disease model", "intervention", "reference atlas", "sample type"),
        *("sample anatomical location", "laterality", "cell type", "plane of section"),
        *("protocol title", "protocol url or doi", "metadata only", "number of directories"),
        *("experiment date", "specimen id", "site type"),
    )
)
#: Of a row about somebody.
_NAMES = frozenset(("name", "names", "full name", "given name", "middle name", "nick name"))

#: Of the dataset's description and record: whom to write to is not needed to cite it.
_CONTACT = ("email", "mail", "phone", "telephone", "fax", "address")


def is_column_left_out(name: str, *, free_text: bool) -> bool:
    """Tell whether a column of a subject's, sample's or performance's row is not published.

    Parameters
    ----------
    name
        Of the column, in lower case, as the tables normalise it.
    free_text
        Whether the row's subject is not human.
    """
    if name in _COLUMNS:
        return False
    kind = "identity" if name in _NAMES else kind_of(name)
    return kind == "identity" or (kind != "fact" and not free_text)


def public_rows(
    rows: Mapping[str, Mapping[str, Mapping[str, str]]],
) -> tuple[dict[str, dict[str, dict[str, str]]], list[Aside]]:
    """Return the rows of all tables as they may be published, and what was left out.

    Free text of a row is kept where its own species is not human; rows that state no species take the
    word of the subject that they name, and then of all subjects.
    """
    subjects = rows.get("subject", {})
    all_not_human = bool(subjects) and all(
        is_not_human(row.get("species", "")) for row in subjects.values()
    )
    kept: dict[str, dict[str, dict[str, str]]] = {}
    aside: list[Aside] = []
    for kind, table in rows.items():
        kept[kind] = {}
        for number, row in table.items():
            subject = row if kind == "subject" else subjects.get(row.get("subject id", ""))
            free_text = is_not_human(subject.get("species", "")) if subject else all_not_human
            kept[kind][number] = _public_row(row, f"{kind} {number}", aside, free_text=free_text)
    return kept, aside


def _public_row(
    row: Mapping[str, str], where: str, aside: list[Aside], *, free_text: bool
) -> dict[str, str]:
    left = {name for name in row if is_column_left_out(name, free_text=free_text)}
    identity = {name for name in left if name in _NAMES or kind_of(name) == "identity"}
    tokens = tokens_of(("patient", row[name]) for name in identity)
    kept = {}
    for name, value in row.items():
        # an id stands in the dataset's folders too: there it is public
        is_id = name.endswith(" id") and name in _COLUMNS
        prose = free_text and value == redacted(value)
        fits = is_id or ((prose or is_fact_text(value)) and not repeats(value, tokens))
        if name not in left and fits:
            kept[name] = value
        else:
            why: Why = "free text" if name in left - identity else "identity"
            aside.append(Aside(where, name, value, why))
    return kept


def public_description(elements: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return what the publisher states of the dataset: contributors kept, ways to reach them left out."""
    return {
        name: [redacted(value) for value in values]
        for name, values in elements.items()
        if not any(word in name for word in _CONTACT)
    }


def public_record(value: Any, name: str = "") -> Any:
    """Return the dataset's record (Discover) without addresses of people; contributors stay."""
    if isinstance(value, dict):
        return {
            key: public_record(part, key)
            for key, part in value.items()
            if not any(word in key.lower() for word in _CONTACT)
        }
    if isinstance(value, list):
        return [public_record(part, name) for part in value]
    return value
