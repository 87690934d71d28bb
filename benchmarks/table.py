"""The table of results and the verdict on each target, as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.targets import TARGETS

_COLUMNS = (
    ("way", "way", ""),
    ("cpu_s", "CPU s", ".2f"),
    ("to_floor", "× floor", ".2f"),
    ("to_peer", "ours ÷ it", ".2f"),
    ("wall_s", "wall s", ".3f"),
    ("peak_rss_mb", "peak MB", ".0f"),
    ("mb_out", "MB out", ".1f"),
    ("objects", "objects", ".0f"),
    ("requests", "requests", ".0f"),
    ("mb_moved", "MB moved", ".3f"),
    ("n_runs", "runs", ".0f"),
)


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return one table of all ways and one of all targets that apply."""
    lines = ["| workload | " + " | ".join(title for _, title, _ in _COLUMNS) + " |"]
    lines.append("| --- " * (len(_COLUMNS) + 1) + "|")
    shown = ""
    for row in rows:
        name = row["title"] if row["workload"] != shown else ""
        shown = row["workload"]
        full = {**row, **_ratios(row, rows)}
        cells = [format(full[key], form) if key in full else "" for key, _, form in _COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "| target | limit | measured | |", "| --- | --- | --- | --- |"]
    for verdict in verdicts(rows):
        lines.append(
            f"| {verdict['what']} | {verdict['limit']:.4g} | {verdict['value']:.4g} "
            f"| {verdict['verdict']} |"
        )
    return "\n".join(lines)


def _ratios(row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, float]:
    """CPU against the floor's, and ours against this row's (wall time where requests wait)."""
    field = "wall_s" if row["workload"] in ("slice", "overview") else "cpu_s"
    ratios = {}
    floor = _find(rows, row["workload"], "floor")
    if floor and row["way"] != "floor":
        ratios["to_floor"] = row[field] / floor[field]
    ours = _find(rows, row["workload"], "ours")
    if ours and row["way"] != "ours" and row[field]:
        ratios["to_peer"] = ours[field] / row[field]
    return ratios


def verdicts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Judge every target whose workload was run.

    Seconds are also judged at this machine's speed: a floor that takes longer here raises the limit as much.
    """
    found = []
    for target in TARGETS:
        row = _find(rows, target.workload, target.way)
        other = _find(rows, target.workload, target.of) if target.of else None
        if row is None or target.field not in row or (target.of and other is None):
            continue
        limit = target.limit * (other[target.field] if other else 1)
        value, verdict = row[target.field], "not met"
        floor = _find(rows, target.workload, "floor")
        if value <= limit:
            verdict = "met"
        elif target.floor and floor:
            scaled = limit * floor[target.field] / target.floor
            verdict = f"{'met' if value <= scaled else 'not met'} at this machine's {scaled:.3g}"
        what = f"{target.workload}, {target.way}: {target.field}"
        if target.of:
            what += f" ({target.limit:.2g} × {target.of})"
        found.append({"what": what, "limit": limit, "value": value, "verdict": verdict})
    return found


def _find(rows: list[dict[str, Any]], workload: str, way: str) -> dict[str, Any] | None:
    return next((r for r in rows if r["workload"] == workload and r["way"] == way), None)
