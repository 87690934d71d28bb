"""Arrays that one stated rate cannot all be meant for, and vectors that only count samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.readers.shared.vocabulary import normal, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.readers.exports.candidates import Candidate
    from sparc_fuse_core.readers.exports.claims import Claim, Mapped

#: An array this much shorter than another that shares its stated rate is no rival for it.
_RIVAL = 4
_LEAST_RAMP = 16


def without_rivals(
    shared: Sequence[tuple[Candidate, Claim, str]], unclear: int, done: Mapped
) -> list[Claim]:
    """Return the claims that one stated rate can be meant for.

    Arrays of one length share a clock. Of arrays of several lengths the longest has it, if the others are
    so short that they are marks; else arrays of one name and several numbers (``trial1``, ``trial2``).

    Parameters
    ----------
    shared
        Candidates of one place, the claims on them, and what states their rate.
    unclear
        Values of the largest array of the place whose axes are not clear.
    done
        Takes what is said.
    """
    by_rate: dict[str, list[tuple[Candidate, Claim]]] = {}
    for candidate, claim, rate_path in shared:
        by_rate.setdefault(rate_path, []).append((candidate, claim))
    kept: list[Claim] = []
    for rate_path, members in by_rate.items():
        if unclear > max(math.prod(claim.rows.shape) for _, claim in members):
            done.doubt(f"`{rate_path}` may be the rate of the array whose axes are not stated")
            continue
        lengths = sorted({claim.rows.shape[-1] for _, claim in members}, reverse=True)
        if len(lengths) == 1 or _is_one_stem([candidate.name for candidate, _ in members]):
            kept += [claim for _, claim in members]
            continue
        longest = [claim for _, claim in members if claim.rows.shape[-1] == lengths[0]]
        if lengths[1] * _RIVAL <= lengths[0]:
            kept += longest
            others = [claim.path for _, claim in members if claim not in longest]
            shown = ", ".join(f"`{path}`" for path in others[:5])
            done.say("content", "inferred", f"`{rate_path}` is not taken for {shown}: far shorter")
        else:
            shown = ", ".join(f"`{claim.path}`" for _, claim in members[:5])
            done.doubt(f"`{rate_path}` may be the rate of one of {shown}, which differ in length")
    return kept


def is_ramp(claim: Claim) -> bool:
    """Whether one channel counts samples, or their time in s or ms at the stated rate."""
    rows, rate_hz = claim.rows, claim.axis.rate_hz
    if rate_hz is None or len(rows.shape) != 2 or rows.shape[0] != 1 or rows.shape[1] < _LEAST_RAMP:
        return False
    head = np.asarray(rows[(slice(0, 1), slice(0, _LEAST_RAMP))], dtype=np.float64)[0]
    step = head[1] - head[0]
    steps = (1.0, 1.0 / rate_hz, 1000.0 / rate_hz)
    if not any(math.isclose(step, one, rel_tol=1e-4) for one in steps):
        return False
    if not np.allclose(np.diff(head), step, rtol=1e-4, atol=0):
        return False
    last = float(np.asarray(rows[(slice(0, 1), slice(rows.shape[1] - 1, None))])[0, 0])
    return math.isclose(last - head[0], step * (rows.shape[1] - 1), rel_tol=1e-4)


def _is_one_stem(names: Sequence[str]) -> bool:
    """Whether names differ in numbers or last words only: ``trial1``, ``trial2``; ``ecg_on``, ``ecg_off``."""
    stems = {"".join(letter for letter in normal(name) if not letter.isdigit()) for name in names}
    if len(stems) == 1:
        return True
    firsts = {words_of(name)[0] if len(words_of(name)) > 1 else "" for name in names}
    return len(firsts) == 1 and "" not in firsts
