"""From a tree to recordings, by what the tree states; what it does not state is left for arrays and tables.

At each place the programs' own layouts come first (`programs`). Then every array of numbers is asked for: its
times or its rate, its axes, names, units, scale and missing values, each by the words of the vocabulary. An
array that has no clock, or two that contradict each other, is not claimed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sparc_fuse_core.readers.exports.axes import Axes, axes_of
from sparc_fuse_core.readers.exports.candidates import Candidate, candidates_of
from sparc_fuse_core.readers.exports.claims import Claim, Mapped
from sparc_fuse_core.readers.exports.clocks import reconciled, start_stated, times_for
from sparc_fuse_core.readers.exports.events import map_events
from sparc_fuse_core.readers.exports.headers import is_header
from sparc_fuse_core.readers.exports.labels import calibration_of, names_and_units
from sparc_fuse_core.readers.exports.no_recordings import holds_no_recording
from sparc_fuse_core.readers.exports.programs import map_program
from sparc_fuse_core.readers.exports.programs.pandas import frame_members
from sparc_fuse_core.readers.exports.rivals import is_ramp, without_rivals
from sparc_fuse_core.readers.exports.scope import Scope
from sparc_fuse_core.readers.exports.statements import Rate
from sparc_fuse_core.readers.exports.tables import labelled_columns, table_members
from sparc_fuse_core.readers.exports.views import channel_rows, one_row
from sparc_fuse_core.readers.shared.time_axis import TimeAxis, as_vector
from sparc_fuse_core.readers.shared.tree import Cells, Node, Numeric, Struct, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sparc_fuse_core.model import Blocks
    from sparc_fuse_core.readers.exports.clocks import Times

_MAX_DEPTH = 12
#: Recordings of one file.
_MOST_RECORDINGS = 1000
#: Fewer values at a stated rate are places, colours or a few numbers.
_LEAST_SAMPLES = 5
#: Structs of one array that are looked into.
_MAX_ITEMS = 4096


def map_tree(
    members: Mapping[str, Node],
    attributes: Mapping[str, Node] | None = None,
    *,
    rate_hz: float | None = None,
    orientation: str = "",
    separator: str = ".",
    is_ordered: bool = True,
) -> Mapped:
    """Map a tree without a scheme.

    Parameters
    ----------
    members, attributes
        Of its root.
    rate_hz
        Samples per second that a scheme or the caller states for arrays whose file states none.
    orientation
        ``"samples_first"`` or ``"channels_first"``, as a scheme states it for matrices.
    separator
        Between the parts of a path.
    is_ordered
        Whether members are in the order in which they were made (HDF5 sorts them by name).
    """
    mapper = _Mapper(rate_hz, orientation, separator)
    mapper.is_ordered = is_ordered
    mapper.visit("", members, attributes or {}, None, 0)
    mapper.done.finish()
    if len(mapper.done.recordings) > _MOST_RECORDINGS:
        # each would be a group with a dozen objects: kept as arrays they are one each
        kept = Mapped()
        kept.doubt(
            f"it would be {len(mapper.done.recordings)} recordings, each with a clock of its own"
        )
        return kept
    return mapper.done


class _Mapper:
    def __init__(self, rate_hz: float | None, orientation: str, separator: str) -> None:
        self.done = Mapped()
        self.rate_hz = rate_hz
        self.orientation = orientation
        self.is_ordered = True
        #: Values of the largest array of the place at hand whose axes are not clear.
        self.unclear = 0
        self.separator = separator

    def visit(
        self,
        path: str,
        members: Mapping[str, Node],
        attributes: Mapping[str, Node],
        above: Scope | None,
        depth: int,
    ) -> None:
        """Map one place, then those below it."""
        scope = Scope(path, members, attributes, above, self.separator, self.is_ordered)
        frame = frame_members(scope)
        if frame is not None:
            found = len(self.done.claims)
            self.visit(path, frame, {}, above, depth + 1)
            if len(self.done.claims) > found and path:
                self.done.used.add(path)
            return
        if map_program(scope, self.done):
            return
        self._map_scope(scope)
        map_events(scope, self.done)
        if depth >= _MAX_DEPTH:
            return
        for name, node in members.items():
            where = scope.child(name)
            if where in self.done.used:
                continue
            if isinstance(node, Struct):
                self.visit(where, node.fields, node.attributes, scope, depth + 1)
            elif isinstance(node, Table):
                self._visit_table(where, node, scope, depth)
            elif isinstance(node, Cells):
                self._visit_cells(where, name, node, scope, depth)

    def _visit_table(self, where: str, node: Table, scope: Scope, depth: int) -> None:
        found = len(self.done.claims)
        self.visit(where, table_members(node), {}, scope, depth + 1)
        if len(self.done.claims) > found:
            self.done.used.add(where)

    def _visit_cells(self, where: str, name: str, node: Cells, scope: Scope, depth: int) -> None:
        """Map the structs of a struct array, or the arrays of a cell array."""
        if is_header(node):
            return
        if not any(isinstance(item, Struct) for item in node.items):
            self._map_cells(where, name, node, scope)
            return
        found = len(self.done.claims)
        for i, item in enumerate(node.items[:_MAX_ITEMS], start=1):
            if isinstance(item, Struct):
                self.visit(f"{where}({i})", item.fields, item.attributes, scope, depth + 1)
        self._join_channels(where, found)

    def _join_channels(self, where: str, first: int) -> None:
        """Let channels of a struct array that have names of their own share a recording."""
        claims = self.done.claims[first:]
        names = [name for claim in claims for name in claim.names]
        if len(claims) > 1 and all(names) and len(set(names)) == len(names):
            self.done.claims[first:] = [replace(claim, group=where) for claim in claims]

    # ------------------------------------------------------------------------- arrays of a place

    def _map_scope(self, scope: Scope) -> None:
        self.unclear = 0
        if why := holds_no_recording(scope):
            self.done.doubt(why)
            return
        found = candidates_of(scope)
        shared: list[tuple[Candidate, Claim, str]] = []
        for candidate in found:
            path = scope.child(candidate.name)
            if path in self.done.used:
                continue
            columns = labelled_columns(scope, candidate.name, candidate.node)
            if columns is not None:
                self._map_columns(scope, path, columns)
                continue
            claim, rate_path, is_shared = self._claim(scope, candidate)
            if claim is None:
                continue
            if is_shared and is_ramp(claim):
                self.done.say(
                    "time",
                    "inferred",
                    f"`{claim.path}` counts the samples or their time: no signal",
                )
                self.done.used.add(claim.path)
            elif is_shared:
                shared.append((candidate, claim, rate_path))
            else:
                self._take(claim)
        for claim in without_rivals(shared, self.unclear, self.done):
            self._take(claim)
        self._take_marks(scope, found)

    def _take_marks(self, scope: Scope, found: Sequence[Candidate]) -> None:
        """Take vectors of marks (a trigger line) that are as long as signals of this place."""
        own = [
            claim for claim in self.done.claims if claim.group == scope.path and claim.axis.rate_hz
        ]
        clocks = {claim.rows.shape[-1]: claim.axis for claim in own if len(claim.rows.shape) == 2}
        for candidate in found:
            path = scope.child(candidate.name)
            axis = clocks.get(candidate.node.n_values)
            if not candidate.goes_along or axis is None or path in self.done.used:
                continue
            rows = one_row(as_vector(candidate.node.rows))
            claim = self._described(
                scope, candidate, rows, TimeAxis(axis.rate_hz, axis.start_s, None, "s")
            )
            if claim is not None:
                self._take(claim)

    def _map_columns(self, scope: Scope, path: str, columns: Mapping[str, Node]) -> None:
        """Map a matrix whose labels name its columns as a table of them."""
        table = Scope(path, columns, {}, scope, self.separator)
        found = len(self.done.claims)
        self._map_scope(table)
        if len(self.done.claims) > found:
            self.done.used.add(path)
            self.done.say("names", "file", f"labels name the columns of `{path}`")

    def _take(self, claim: Claim) -> None:
        self.done.claims.append(claim)
        self.done.used.add(claim.path)

    def _claim(self, scope: Scope, candidate: Candidate) -> tuple[Claim | None, str, bool]:
        """Return the claim on one array; what states its rate; whether that rate is stated for others too."""
        name, node = candidate.name, candidate.node
        path = scope.child(name)
        clock, is_clear = self._clock(scope, name, node.shape)
        if not is_clear or (clock is None and not candidate.may_have_rate):
            return None, "", False
        axes = self._axes(scope, name, node, clock)
        if axes is None:
            return None, "", False
        n_channels = 1 if axes.channel is None else node.shape[axes.channel]
        rate = scope.rate_of(name, node.attributes, n_channels)
        if self.rate_hz is not None and clock is None and rate.leaves_open(self.rate_hz):
            rate = Rate((self.rate_hz,), "", is_shared=False)
            self.done.say(
                "time",
                "scheme",
                f"the rate of {self.rate_hz:g} Hz is the scheme's or the caller's word",
            )
        if clock is None and (why := self._not_meant(scope, candidate, rate)):
            self.done.doubt(why)
            return None, "", False
        axis, why = self._axis(path, clock, rate)
        if axis is None:
            self.done.doubt(why)
            self.done.open_intervals += [rate.interval] if rate.interval is not None else []
            return None, "", False
        if clock is None and len(rate.values_hz) > 1:
            self.done.doubt(f"`{rate.path}` states several rates for the channels of one array")
            return None, "", False
        rows = channel_rows(node, axes.sample, axes.channel, axes.sweep)
        claim = self._described(scope, candidate, rows, axis)
        if claim is None:
            return None, "", False
        if axes.is_inferred:
            self.done.say("axes", "inferred", f"the longer axis of `{path}` is taken as time")
        if clock is not None:
            self.done.used.add(clock.path)
            claim = replace(claim, start=clock.start)
        is_shared = clock is None and rate.is_shared and bool(rate.path)
        return claim, rate.path, is_shared

    def _not_meant(self, scope: Scope, candidate: Candidate, rate: Rate) -> str:
        """Return why a rate that is stated may not be meant for an array, or ``""``."""
        path = scope.child(candidate.name)
        if rate.is_of_processing and not candidate.is_data:
            return f"whether `{rate.path}`, a setting, is the rate of `{path}` is not stated"
        is_inside = rate.path.startswith(f"{scope.path}{self.separator}")
        if rate.path and not is_inside and scope.is_of_moments:
            return f"`{path}` is among events: `{rate.path}` is not taken for it"
        return ""

    def _axes(self, scope: Scope, name: str, node: Numeric, clock: Times | None) -> Axes | None:
        """Return the axes of an array, or None, saying why it has none or too few samples."""
        n_samples = clock.vector.shape[0] if clock is not None else None
        axes, why = axes_of(
            scope, name, node, n_samples, self._counts(scope, name, node), self.orientation
        )
        if axes is None:
            self.done.doubt(why)
            self.unclear = max(self.unclear, node.n_values)
            return None
        n_found = node.shape[axes.sample]
        if clock is None and n_found < _LEAST_SAMPLES and axes.channel is not None:
            self.done.doubt(f"`{scope.child(name)}` has {n_found} values a channel: no samples")
            return None
        return axes

    def _clock(self, scope: Scope, name: str, shape: tuple[int, ...]) -> tuple[Times | None, bool]:
        """Return the vector of times of an array, if there is one; and whether there are not several."""
        times, problems = times_for(scope, name, shape)
        for problem in problems:
            self.done.say("time", "missing", problem)
        clock = self._one_clock(scope.child(name), times)
        return clock, clock is not None or len(times) < 2

    def _counts(self, scope: Scope, name: str, node: Numeric) -> tuple[int, ...]:
        """Return how many rates or scales are stated, where more than one is."""
        found = scope.numbers_about(("rate", "interval", "scale", "offset"), name, node.attributes)
        return tuple(len(values) for values, _ in found if len(values) > 1)

    def _one_clock(self, path: str, times: Sequence[Times]) -> Times | None:
        """Return the one vector of times, or the one whose unit is stated, or one of several that agree."""
        if len(times) <= 1:
            return times[0] if times else None
        stated = [one for one in times if one.axis.units == "s"]
        if len(stated) == 1:
            return stated[0]
        rates = {
            None if one.axis.rate_hz is None else float(f"{one.axis.rate_hz:.5g}") for one in stated
        }
        if len(stated) > 1 and len(rates) == 1 and None not in rates:
            return stated[0]
        shown = " and ".join(f"`{one.path}`" for one in times[:3])
        self.done.doubt(f"{shown} could be the time of `{path}`: none was taken")
        return None

    def _axis(self, path: str, clock: Times | None, rate: Rate) -> tuple[TimeAxis | None, str]:
        """Return the clock of an array, or None and why it has none."""
        rate_hz = rate.values_hz[0] if rate.values_hz else None
        if clock is None:
            if rate_hz is None:
                return None, rate.problem or f"no rate and no time is stated for `{path}`"
            if rate.path:
                self.done.used.add(rate.path)
                self.done.say("time", "file", f"`{rate.path}` states the rate: {rate_hz:g} Hz")
            return TimeAxis(rate_hz, 0.0, None, "s"), ""
        if rate.problem and rate_hz is None and "different" in rate.problem:
            return None, rate.problem
        if rate_hz is None:
            self.done.say("time", "file", f"`{clock.path}` is time by its name")
            return clock.axis, ""
        axis, why = reconciled(clock, rate_hz, rate.path)
        if axis is not None and rate.path:
            self.done.used.add(rate.path)
            self.done.say("time", "file", f"`{clock.path}` and `{rate.path}` agree: {rate_hz:g} Hz")
        return axis, why

    def _described(
        self, scope: Scope, candidate: Candidate, rows: Blocks, axis: TimeAxis
    ) -> Claim | None:
        """Return the claim with all that is stated of it, or None if that leaves a doubt."""
        name, node = candidate.name, candidate.node
        path = scope.child(name)
        n_channels = rows.shape[0]
        labels = names_and_units(scope, name, node, n_channels, candidate.siblings)
        scale = calibration_of(scope, name, node, n_channels)
        if scale.problem:
            self.done.doubt(scale.problem)
            return None
        self.done.used.update((*labels.used, *scale.used))
        for sentence in labels.remarks:
            self.done.say("names", "inferred", sentence)
        units = scale.units or labels.units
        date, seconds, start_path, remark = start_stated(scope, name, node.attributes)
        if date:
            self.done.metadata.setdefault("start_time", date)
        if (
            seconds is not None
            and axis.times is None
            and axis.start_s == 0.0
            and axis.rate_hz is not None
        ):
            axis = TimeAxis(axis.rate_hz, seconds, None, "s")
            self.done.used.add(start_path)
            if remark:
                self.done.say("time", "inferred", remark)
        return Claim(
            path,
            rows,
            labels.names,
            units,
            axis,
            node.matlab_class,
            scale.gain,
            scale.offset,
            scale.missing,
            scope.path,
        )

    # ------------------------------------------------------------------------- cell arrays

    def _map_cells(self, where: str, name: str, node: Cells, scope: Scope) -> None:
        """Map a cell array of vectors (channels with rates of their own) or of trials."""
        items = [item for item in node.items if isinstance(item, Numeric)]
        if not items or len(items) != len(node.items) or len(items) > _MAX_ITEMS:
            return
        n_items = len(items)
        if not all(item.is_real and item.n_values > 1 for item in items):
            return
        labels, _, is_each = scope.texts_of("label", name, {}, n_items)
        units, _, _ = scope.texts_of("unit", name, {}, n_items)
        rate = scope.rate_of(name, {}, n_items)
        times = scope.members.get("time", scope.members.get("times"))
        clocks = times.items if isinstance(times, Cells) and len(times.items) == n_items else ()
        if not rate.values_hz and not clocks:
            self.done.doubt(rate.problem or f"no rate and no time is stated for `{where}`")
            return
        names = labels if is_each else tuple(f"{name}({i})" for i in range(1, n_items + 1))
        claims: list[Claim] = []
        for i, item in enumerate(items):
            members: dict[str, Node] = {names[i]: item}
            if clocks:
                members["time"] = clocks[i]
            inner = Scope(where, members, {}, scope, self.separator)
            rates = rate.values_hz if len(rate.values_hz) == 1 else rate.values_hz[i : i + 1]
            claim = self._cell_claim(inner, names[i], item, rates, rate.path)
            if claim is None:
                return
            if is_each and claim.rows.shape[0] == 1:
                unit = units[i] if units else claim.units[0]
                claim = replace(claim, path=f"{where}({i + 1})", names=(names[i],), units=(unit,))
            claims.append(claim)
        for claim in claims:
            self._take(claim)
        self.done.used.add(where)
        if rate.path:
            self.done.used.add(rate.path)

    def _cell_claim(
        self, scope: Scope, name: str, item: Numeric, rates: tuple[float, ...], rate_path: str
    ) -> Claim | None:
        times, _ = times_for(scope, name, item.shape)
        clock = self._one_clock(name, times)
        n_samples = clock.vector.shape[0] if clock else None
        axes, why = axes_of(scope, name, item, n_samples)
        if axes is None or axes.sweep is not None:
            self.done.doubt(why)
            return None
        axis, why = self._axis(scope.path, clock, Rate(rates, rate_path))
        if axis is None:
            self.done.doubt(why)
            return None
        rows = channel_rows(item, axes.sample, axes.channel)
        claim = self._described(scope, Candidate(name, item, True, ()), rows, axis)
        if claim is None:
            return None
        return replace(claim, path=scope.child(name))
