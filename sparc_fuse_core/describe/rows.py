"""One row of facts for each item: what it is, of whom, where it lies. What is not stated is empty."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.convert.attributes import entity_ids
from sparc_fuse_core.convert.receipt import DONE
from sparc_fuse_core.convert.sds_tables import SdsTables, row_of
from sparc_fuse_core.describe.terms import species, term

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Of names and units of channels; a probe of thousands is found by its first ones.
_MOST_NAMES = 64
_MOST_TEXT = 300


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """What all rows of a dataset share.

    Attributes
    ----------
    description
        Facts of the source: ``name``, ``doi``, ``licence`` and others, as stated.
    record
        The Discover record without ways to reach people; empty of a folder.
    tables
        The SDS tables as they may be published.
    """

    dataset_id: str
    version: str
    description: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    tables: SdsTables = field(default_factory=SdsTables)

    def stated(self, *elements: str) -> list[str]:
        """Return the values of the first of these elements of ``dataset_description`` that has any."""
        for element in elements:
            values = [str(value) for value in self.tables.description.get(element, ()) if value]
            if values:
                return values
        return []

    @property
    def name(self) -> str:
        """Title, as the record or else ``dataset_description`` states it."""
        title = self.stated("title", "name")
        return str(self.description.get("name") or (title[0] if title else ""))

    @property
    def licence(self) -> str:
        """Licence, as the record or else ``dataset_description`` states it."""
        licence = self.stated("license", "licence")
        return str(self.description.get("licence") or (licence[0] if licence else ""))

    @property
    def doi(self) -> str:
        """DOI without a resolver in front, or ``""``."""
        doi = str(self.description.get("doi") or "")
        return doi.partition("doi.org/")[2] or doi


def row_of_item(item: Mapping[str, Any], dataset: DatasetFacts) -> dict[str, Any]:
    """Return the row of an item of the manifest; keys are the columns of `sparc_fuse_core.describe.columns`."""
    is_done = item["status"] in DONE
    things = item.get("things") or ()
    row: dict[str, Any] = {
        **_shared(dataset),
        **_subject(item["path"], dataset.tables),
        "path": item["path"],
        # a result that stands is one, whether this run made it or found it
        "status": "converted" if is_done else item["status"],
        "format": item.get("format") or None,
        "source_bytes": item.get("bytes_in"),
        "error": item.get("error") or None,
        "message": item.get("message") or None,
    }
    if is_done:
        row |= {
            "output": item["output"],
            "kind": item["kind"],
            "bytes": item["bytes_out"],
            "n_objects": item["n_objects"],
            "score": item["score"],
            "verified": item["verification"] == "verified",
            "incomplete": bool(item.get("incomplete")),
            "thumbnail": bool(item.get("thumbnail")),
            "digest": item["digest"] or None,
            "n_events": item["n_events"],
            **(_signals(things) if item["kind"] == "signal" else _others(things, item["kind"])),
        }
    return row


def row_of_skipped(skipped: Mapping[str, Any], dataset: DatasetFacts) -> dict[str, Any]:
    """Return the row of a file that was not converted because of its name or size."""
    return {
        **_shared(dataset),
        **_subject(skipped["path"], dataset.tables),
        "path": skipped["path"],
        "status": skipped["status"],
        "source_bytes": skipped["size_bytes"],
        "error": skipped["error"] or None,
        "message": skipped["message"] or None,
    }


def _shared(dataset: DatasetFacts) -> dict[str, Any]:
    return {
        "dataset_id": dataset.dataset_id,
        "version": dataset.version,
        "dataset_name": dataset.name or None,
        "doi": dataset.doi or None,
        "licence": dataset.licence or None,
        "organs": dataset.stated("study organ system"),
        "modality": dataset.stated("study technique", "study approach"),
    }


def _subject(path: str, tables: SdsTables) -> dict[str, Any]:
    """Return what the tables say of the subject, sample and site that a path names."""
    ids = entity_ids(path)
    rows = {kind: row_of(tables, kind, number) for kind, number in ids.items()}
    sample, site = rows.get("sample", {}), rows.get("site", {})
    # a path may name the sample alone: its row names the subject
    stated = sample.get("subject id") or (site.get("specimen id", ""))
    if "subject" not in ids and row_of(tables, "subject", stated):
        ids["subject"], rows["subject"] = stated, row_of(tables, "subject", stated)
    subject = rows.get("subject", {})
    facts: dict[str, Any] = {f"{kind}_id": number for kind, number in ids.items()}
    for column, (name, identifier) in {
        "species": species(subject.get("species", "")),
        "sex": term(subject.get("sex", "")),
        "strain": term(subject.get("strain", "")),
        "anatomy": term(sample.get("sample anatomical location") or site.get("site type", "")),
    }.items():
        facts |= {column: name or None, f"{column}_id": identifier or None}
    facts["strain_id"] = facts["strain_id"] or _rrid(subject)
    facts |= {
        "age": subject.get("age") or None,
        "age_category": term(subject.get("age category", ""))[0] or None,
        "sample_type": term(sample.get("sample type", ""))[0] or None,
    }
    return facts


def _rrid(subject: Mapping[str, str]) -> str | None:
    text = subject.get("rrid for strain") or subject.get("organism rrid") or ""
    return (term(text)[1] or text) or None


def _signals(things: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the facts of streams, the main one first."""
    rates = [float(thing["sampling_rate_hz"]) for thing in things if thing.get("sampling_rate_hz")]
    main: Mapping[str, Any] = things[0] if things else {}
    shape = [int(length) for length in main.get("shape") or ()]
    rate = main.get("sampling_rate_hz")
    names = [name for thing in things for name in thing.get("channel_names") or ()]
    units = [unit for thing in things for unit in thing.get("units") or ()]
    return {
        "n_things": len(things),
        "rate_hz": float(rate) if rate else None,
        "rates_hz": list(dict.fromkeys(rates)),
        "duration_s": shape[-1] / float(rate) if rate and shape else None,
        "n_channels": sum(int(thing["shape"][0]) for thing in things if thing.get("shape")),
        "channels": _names(names),
        "units": _names(units),
        "shape": shape,
        "dtype": main.get("dtype"),
    }


def _others(things: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Any]:
    """Return the facts of images, arrays, tables or shapes by the first of them."""
    first: Mapping[str, Any] = things[0] if things else {}
    shape = [int(length) for length in first.get("shape") or ()]
    facts: dict[str, Any] = {"n_things": len(things), "shape": shape, "dtype": first.get("dtype")}
    if kind != "image":
        return facts
    axes = str(first.get("axes") or "")
    named = first.get("axis_units") or {}
    facts["axes"] = axes or None
    if "c" in axes and len(axes) == len(shape):
        facts["n_channels"] = shape[axes.index("c")]
    else:
        facts["n_channels"] = 1 if shape else None
    facts["channels"] = _names(first.get("channel_names") or ())
    facts["units"] = _names(named[axis] for axis in sorted(named, reverse=True))
    for axis in "xyz":
        step = (first.get("scale") or {}).get(axis)
        # a step without a unit says nothing of size
        facts[f"pixel_size_{axis}"] = float(step) if step and named.get(axis) else None
    facts["pixel_unit"] = named.get("x")
    return facts


def _names(names: Any) -> list[str]:
    """Return different texts in their order, as many as one searches by."""
    known = dict.fromkeys(str(name)[:_MOST_TEXT] for name in names if str(name).strip())
    return list(known)[:_MOST_NAMES]
