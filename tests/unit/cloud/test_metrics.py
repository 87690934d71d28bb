"""Metrics of a run: one line that CloudWatch reads, and nothing outside of the cloud."""

from __future__ import annotations

import dataclasses
import json
import time

import pytest

from sparc_fuse_core.cloud.metrics import METRICS, RunMetrics, log_metrics
from sparc_fuse_core.convert.receipt import Receipt, Status


def _receipt(status: Status, seconds: float, bytes_in: int) -> Receipt:
    return Receipt(
        path=f"files/{status}.wav",
        files=(),
        key="k",
        output=f"{status}.zarr",
        status=status,
        seconds=seconds,
        bytes_in=bytes_in,
    )


def run_metrics(receipts: list[Receipt]) -> dict[str, float]:
    metrics = RunMetrics()
    assert list(metrics.counting(receipts)) == receipts, "they are handed on"
    return metrics.values()


def test_only_what_was_converted_in_this_run_counts_as_work() -> None:
    receipts = [
        _receipt("converted", 2.0, 1_500_000_000),
        _receipt("converted", 1.0, 500_000_000),
        _receipt("unchanged", 100.0, 9_000_000_000),
        _receipt("failed", 50.0, 9_000_000_000),
        _receipt("unsupported", 50.0, 9_000_000_000),
    ]
    assert run_metrics(receipts) == {
        "ItemsConverted": 2,
        "ItemsUnchanged": 1,
        "ItemsUnsupported": 1,
        "ItemsFailed": 1,
        "ItemsFailedForNow": 0,
        # one of the four that can be converted
        "FailedPercent": 25.0,
        "Seconds": 3.0,
        "Gigabytes": 2.0,
    }


def test_failures_are_told_by_class() -> None:
    failed = [
        dataclasses.replace(_receipt("failed", 1.0, 1), error=error)
        for error in ("CorruptFileError", "WorkerLostError", "WorkerLostError")
    ]
    metrics = RunMetrics()
    list(metrics.counting([*failed, _receipt("unsupported", 1.0, 1)]))
    assert list(metrics.errors.items()) == [("WorkerLostError", 2), ("CorruptFileError", 1)]
    assert metrics.failed_percent == 100.0
    assert metrics.n_for_now == 2


def test_no_receipts_are_zeros() -> None:
    assert set(run_metrics([]).values()) == {0}


def test_one_line_in_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    values = run_metrics([_receipt("converted", 2.0, 1_000_000_000)]) | {"CostUsd": 0.25}
    assert set(values) == set(METRICS)
    before = time.time() * 1000 - 1
    log_metrics(values, {"dataset_id": "224"}, {"METRICS_NAMESPACE": "SparcFuse"})
    (line,) = capsys.readouterr().out.splitlines()
    logged = json.loads(line)
    assert before <= logged["_aws"]["Timestamp"] <= time.time() * 1000 + 1
    (definition,) = logged["_aws"]["CloudWatchMetrics"]
    assert definition["Namespace"] == "SparcFuse"
    assert definition["Dimensions"] == [[]]
    assert {m["Name"]: m["Unit"] for m in definition["Metrics"]} == METRICS
    assert {name: logged[name] for name in METRICS} == values
    assert logged["dataset_id"] == "224"


def test_nothing_is_logged_outside_of_the_cloud(capsys: pytest.CaptureFixture[str]) -> None:
    log_metrics({"CostUsd": 1.0}, {}, {})
    assert capsys.readouterr().out == ""


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(KeyError, match="Cost"):
        log_metrics({"Cost": 1.0}, {}, {"METRICS_NAMESPACE": "SparcFuse"})
