"""JSON as programs write it: one value a line, columns as objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sparc_fuse_core.errors import CorruptFileError
from sparc_fuse_core.readers.json_data import read

if TYPE_CHECKING:
    from pathlib import Path

T = [round(i / 250, 4) for i in range(200)]
X = np.round(np.random.default_rng(2).normal(size=200), 4).tolist()
ROWS = [{"time_s": t, "ecg_mV": x} for t, x in zip(T, X, strict=True)]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        "\n".join(map(json.dumps, ROWS)),
        "\r\n".join(map(json.dumps, ROWS)) + "\r\n\r\n",
        json.dumps({name: {str(i): row[name] for i, row in enumerate(ROWS)} for name in ROWS[0]}),
    ],
    ids=["records", "lines", "lines of Windows", "columns"],
)
def test_rows_and_columns(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, newline="")
    with read(tmp_path / "a.json", {}) as contents:
        (one,) = contents.recordings
        assert (one.channel_names, one.channel_units) == (("ecg",), ("mV",))
        assert one.sampling_rate_hz == 250
        np.testing.assert_array_equal(one.signals[(slice(None), slice(None))][0], X)


@pytest.mark.parametrize("text", ['{"a": 1', '{"a": 1}\n{"b": ', '{"a": 1} {"b": 2}', "{}x"])
def test_what_is_neither(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(CorruptFileError, match=r"a\.json"), read(tmp_path / "a.json", {}):
        pass


def test_an_object_of_other_keys_is_no_column(tmp_path: Path) -> None:
    values: dict[str, Any] = {str(i): X[i] for i in range(1, 100)}  # not from 0
    (tmp_path / "a.json").write_text(json.dumps({"fs": 250, "ecg": values, "data": X}))
    with read(tmp_path / "a.json", {}) as contents:
        assert [one.channel_names for one in contents.recordings] != [("ecg", "data")]
