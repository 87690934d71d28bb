"""NumPy, JSON and spreadsheet files by their own libraries: numpy, json, openpyxl; .ods by hand."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import numpy as np
from openpyxl import Workbook

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_RNG = np.random.default_rng(99)
_ECG = np.round(_RNG.normal(size=600), 4)
_BP = np.round(_RNG.normal(95, 10, size=600), 2)
_TIME = np.arange(600) / 100


def _stream(values: np.ndarray, name: str, unit: str = "", rate_hz: float = 100.0) -> StreamTruth:
    return StreamTruth(np.atleast_2d(values), rate_hz, (name,), (unit,), str(values.dtype))


def _npz(folder: Path, *, compressed: bool) -> Truth:
    """Names with units; a table of columns first; an object that is never unpickled."""
    path = folder / "recording.npz"
    save = np.savez_compressed if compressed else np.savez
    level = np.asfortranarray(_RNG.integers(-9, 9, (600, 2)).astype(np.int16))
    unsafe = np.array([{"a": 1}], dtype=object)
    save(
        path, time_s=_TIME, ecg_mV=_ECG, level=level, unsafe=unsafe, subject="R7", allow_pickle=True
    )
    counts = StreamTruth(level.T.astype(float), 100.0, ("level", "level"), ("", ""), "int16")
    return Truth(path, (_stream(_ECG, "ecg", "mV"), counts))


def _npy(folder: Path, *, structured: bool) -> Truth:
    path = folder / "array.npy"
    if structured:
        table = np.zeros(600, [("time_s", "f8"), ("bp_mmHg", "f4")])
        table["time_s"], table["bp_mmHg"] = _TIME, _BP
        np.save(path, table)
        return Truth(path, (_stream(_BP.astype(np.float32), "bp", "mmHg"),))
    values = np.asfortranarray(_RNG.normal(size=(30, 20, 3)))
    np.save(path, values)
    return Truth(path, arrays={"array": values})


def _npy_cut(folder: Path) -> Truth:
    path = folder / "cut.npy"
    np.save(path, _ECG)
    path.write_bytes(path.read_bytes()[:-100])
    return Truth(path, error="CorruptFileError")


def _json_channels(folder: Path) -> Truth:
    path = folder / "channels.json"
    ecg, bp = _ECG.tolist(), _BP.tolist()
    bp[3] = None
    channels = {"ECG": {"unit": "mV", "values": ecg}, "BP": {"unit": "mmHg", "values": bp}}
    path.write_text(json.dumps({"sampling_rate": 100, "channels": channels}))
    missing = _BP.copy()
    missing[3] = np.nan
    return Truth(path, (_stream(_ECG, "ECG", "mV"), _stream(missing, "BP", "mmHg")))


def _json_records(folder: Path) -> Truth:
    path = folder / "records.json"
    rows = [{"time_ms": i * 10, "ecg_mV": value} for i, value in enumerate(_ECG.tolist())]
    path.write_text(json.dumps(rows))
    return Truth(path, (_stream(_ECG, "ecg", "mV"),))


def _json_dates(folder: Path) -> Truth:
    path = folder / "dates.json"
    stamps = [f"2021-03-04T10:15:{30 + i * 0.01:09.6f}" for i in range(600)]  # to 35.99 s
    path.write_text(json.dumps({"timestamp": stamps, "ecg": _ECG.tolist(), "units": {"ecg": "mV"}}))
    return Truth(path, (_stream(_ECG, "ecg", "mV"),))


def _json_settings(folder: Path) -> Truth:
    path = folder / "settings.json"
    path.write_text(json.dumps({"gain": 3, "filters": [1, 2], "note": "x"}))
    return Truth(path, error="NothingToConvertError", error_says="settings")


def _json_damaged(folder: Path) -> Truth:
    path = folder / "damaged.json"
    path.write_text("[" * 100_000)
    return Truth(path, error="CorruptFileError", error_says="JSON")


def _rows() -> list[list[float]]:
    return [list(row) for row in zip(_TIME.tolist(), _ECG.tolist(), _BP.tolist(), strict=True)]


def _xlsx(folder: Path, sheets: dict[str, Sequence[Sequence[object]]]) -> Path:
    path = folder / "book.xlsx"
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def _sheet_of_signals(folder: Path) -> Truth:
    path = _xlsx(folder, {"Data": [["Time", "ECG", "BP"], ["s", "mV", "mmHg"], *_rows()]})
    both = StreamTruth(np.stack([_ECG, _BP]), 100.0, ("ECG", "BP"), ("mV", "mmHg"), "float64")
    return Truth(path, (both,))


def _sheet_of_facts(folder: Path) -> Truth:
    """The rate stands in a sheet of its own."""
    facts = [["Subject", "R7"], ["Sampling rate (Hz)", 100]]
    table = [["ECG (mV)", "BP (mmHg)"], *[row[1:] for row in _rows()]]
    path = _xlsx(folder, {"Info": facts, "Data": table})
    both = StreamTruth(np.stack([_ECG, _BP]), 100.0, ("ECG", "BP"), ("mV", "mmHg"), "float64")
    kept = {"Info/Subject": np.array(["Sampling rate (Hz)"]), "Info/R7": np.array([100.0])}
    return Truth(path, (both,), arrays=kept)


def _sheet_of_subjects(folder: Path) -> Truth:
    rows = [
        ["subject", "weight_g", "male"],
        ["s1", 312.5, True],
        ["s2", None, False],
        ["s3", 305, True],
    ]
    path = _xlsx(folder, {"subjects": rows})
    return Truth(
        path,
        arrays={
            "subject": np.array(["s1", "s2", "s3"]),
            "weight_g": np.array([312.5, np.nan, 305]),
            "male": np.array([True, False, True]),
        },
    )


def _ods(folder: Path) -> Truth:
    """A sheet in OpenDocument, written by hand."""

    def cell(value: object) -> str:
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'

    rows = [["Time (s)", "ECG (mV)"], *[row[:2] for row in _rows()]]
    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    spaces = " ".join(
        f'xmlns:{key}="urn:oasis:names:tc:opendocument:xmlns:{key}:1.0"'
        for key in ("office", "table", "text")
    )
    sheet = f'<table:table table:name="S">{lines}</table:table>'
    body = f"<office:body><office:spreadsheet>{sheet}</office:spreadsheet></office:body>"
    path = folder / "sheet.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", _MANIFEST)
        text = f'<?xml version="1.0"?><office:document-content {spaces}>{body}</office:document-content>'
        archive.writestr("content.xml", text)
    return Truth(path, (_stream(_ECG, "ECG", "mV"),))


_MANIFEST = (
    '<?xml version="1.0"?>'
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<manifest:file-entry manifest:full-path="/" '
    'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
)


def _book_damaged(folder: Path) -> Truth:
    path = folder / "damaged.xlsx"
    path.write_bytes(_xlsx(folder, {"a": [["x"], [1]]}).read_bytes()[:700])
    return Truth(path, error="CorruptFileError")


SAMPLES = [
    Sample("npz", "numpy", lambda folder: _npz(folder, compressed=False)),
    Sample("npz-compressed", "numpy", lambda folder: _npz(folder, compressed=True)),
    Sample("npy-structured", "numpy", lambda folder: _npy(folder, structured=True)),
    Sample("npy-nothing-stated", "numpy", lambda folder: _npy(folder, structured=False)),
    Sample("npy-cut", "numpy", _npy_cut),
    Sample("json-channels", "json", _json_channels),
    Sample("json-records", "json", _json_records),
    Sample("json-dates", "json", _json_dates),
    Sample("json-settings", "json", _json_settings),
    Sample("json-damaged", "json", _json_damaged),
    Sample("xlsx-signals", "spreadsheet", _sheet_of_signals),
    Sample("xlsx-facts-beside", "spreadsheet", _sheet_of_facts),
    Sample("xlsx-subjects", "spreadsheet", _sheet_of_subjects),
    Sample("ods-signals", "spreadsheet", _ods),
    Sample("xlsx-damaged", "spreadsheet", _book_damaged),
]
