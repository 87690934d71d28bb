"""WFDB, TDMS, XDF, FCS: sets, clocks, defaults that are no statements, a second reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flowio
import numpy as np
import pytest

from sparc_fuse_core.errors import UnsupportedFeatureError
from sparc_fuse_core.formats.registry import format_named, load_reader
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import open_source
from tests.samples import interchange

if TYPE_CHECKING:
    from pathlib import Path


def test_a_wfdb_record_is_one_item_with_its_samples_and_annotations(tmp_path: Path) -> None:
    folder = tmp_path / "primary" / "sub-1"
    folder.mkdir(parents=True)
    interchange.wfdb_record(folder)
    plan = plan_dataset(open_source(str(tmp_path), settings=Settings()), Schemes(), Settings())
    (item,) = plan.items
    assert item.format == "wfdb"
    assert [file.path.rpartition("/")[2] for file in item.files] == [
        *("100.hea", "100.atr", "100.dat", "100_s.dat")
    ]
    assert not plan.skipped


def test_defaults_of_wfdb_are_not_statements(tmp_path: Path) -> None:
    path = interchange.wfdb_record(tmp_path).path
    with load_reader(format_named("wfdb"))(path, {}) as contents:
        assert contents.start_time == "2021-06-05T12:34:56"
        assert any(one.fact == "scale" and "Resp" in one.sentence for one in contents.evidence)
    path.write_text(path.read_text().replace(" 360/1000(0) 20 12:34:56 05/06/2021", ""))
    with (
        pytest.raises(UnsupportedFeatureError, match="number of samples"),
        load_reader(format_named("wfdb"))(path, {}),
    ):
        pass


def test_times_of_streams_are_their_own_clocks(tmp_path: Path) -> None:
    path = interchange.xdf(tmp_path).path
    with load_reader(format_named("xdf"))(path, {}) as contents:
        assert contents.recordings[1].metadata["clock_offsets_s"] == [[1000.0, -12.5]]
        assert any("not applied" in one.sentence for one in contents.evidence)


def test_tdms_states_when_it_began(tmp_path: Path) -> None:
    path = interchange.tdms(tmp_path).path
    with load_reader(format_named("tdms"))(path, {}) as contents:
        assert contents.start_time == "2022-03-04T05:06:07.250000+00:00"


def test_events_of_cytometry_are_those_of_flowio(tmp_path: Path) -> None:
    for number, write in enumerate((interchange.fcs, interchange._fcs_written)):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = write(folder).path
        theirs = flowio.FlowData(path).as_array(preprocess=False)
        with load_reader(format_named("fcs"))(path, {}) as contents:
            (table,) = contents.tables
            for i, column in enumerate(table.columns):
                np.testing.assert_array_equal(np.asarray(column.values[:]), theirs[:, i])
    with load_reader(format_named("fcs"))(tmp_path / "0" / "cells.fcs", {}) as contents:
        assert contents.start_time == "2021-05-05T14:05:06"
        assert contents.metadata["cytometer"] == "FACSCalibur"
        assert contents.tables[0].columns[1].attributes["marker"] == "CD3"
