"""Times as dates, where a recording states when it began."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.opening.time_index import TimeIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray


def dated(dataset: xr.Dataset) -> xr.Dataset:
    """Return the recording with ``time`` as dates, and ``event_time`` beside ``event_time_s``.

    Raises
    ------
    RequestError
        If it states no start, or a day without a time.
    """
    epoch = _epoch(str(dataset.attrs.get("start_time", "")))
    for name, index in dataset.xindexes.items():
        if isinstance(index, TimeIndex):
            times = xr.Coordinates.from_xindex(index.dated(epoch))
            dataset = dataset.drop_vars(name).assign_coords(times)
    if "time" in dataset.variables and dataset["time"].dtype.kind == "f":
        # uneven times are stored, not counted
        dates = xr.Variable(dataset["time"].dims, _dates(dataset["time"].values, epoch))
        dataset = dataset.drop_vars("time").assign_coords(
            xr.Coordinates({"time": dates}, indexes={})
        )
    if "event_time_s" in dataset.variables:
        times_s = dataset["event_time_s"]
        dataset = dataset.assign_coords(event_time=(times_s.dims, _dates(times_s.values, epoch)))
    return dataset


def _dates(seconds: NDArray[np.float64], epoch: np.datetime64) -> NDArray[np.datetime64]:
    nanoseconds = np.rint(np.nan_to_num(seconds) * 1e9).astype("timedelta64[ns]")
    dates: NDArray[np.datetime64] = epoch.astype("datetime64[ns]") + nanoseconds
    dates[np.isnan(seconds)] = np.datetime64("NaT", "ns")
    return dates


def _epoch(start: str) -> np.datetime64:
    if not start:
        message = "the recording does not state when it began; open it without datetimes"
        raise RequestError(message)
    if "T" not in start and ":" not in start:
        message = f"the recording states the day it began ({start}) and no time; open it without datetimes"
        raise RequestError(message)
    began = datetime.fromisoformat(start)
    if began.tzinfo is not None:
        began = began.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(began, "ns")
