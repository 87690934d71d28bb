"""What a second reader saw against what the store shows: differences with both values."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparc_fuse_core.proof.seen import Array, Channel, Seen

#: Of the largest value: libraries compute in float32, a wrong scale is further off.
_TOLERANCE = 1e-6
_RATE_TOLERANCE = 1e-6
_TIME_TOLERANCE_S = 1e-4
_STEP_TOLERANCE = 1e-4
_MOST = 5

#: Spellings of one unit, and what it is in the first one's.
_SCALES = {"v": 1.0, "mv": 1e-3, "uv": 1e-6, "nv": 1e-9, "a": 1.0, "ma": 1e-3, "ua": 1e-6}
_SCALES |= {"na": 1e-9, "pa": 1e-12}


def compare(seen: Seen, stored: Seen) -> tuple[list[str], dict[str, Any]]:
    """Return a sentence for each difference, and over how much was compared.

    Parameters
    ----------
    seen, stored
        By the library, and in the store.
    """
    over: dict[str, Any] = {"channels": 0, "images": 0, "arrays": 0, "values": 0, "events": 0}
    facts: set[str] = set()
    differences = []
    if seen.channels:
        differences += _compare_channels(seen, stored, over, facts)
    if seen.events is not None and not differences:
        differences += _compare_events(seen.events, stored.events or (), over)
    if seen.images:
        differences += _compare_images(seen, stored, over)
        differences += _compare_image_facts(seen, stored, facts)
    for name, array in seen.arrays.items():
        if name not in stored.arrays:
            differences.append(f"array {name} is not in the store")
            continue
        over["arrays"] += 1
        over["values"] += array.size
        differences += _compare_values(f"array {name}", array, stored.arrays[name])
    counted: dict[str, Any] = {name: number for name, number in over.items() if number}
    if facts:
        counted["facts"] = sorted(facts)
    return differences[:_MOST], counted


def _compare_channels(seen: Seen, stored: Seen, over: dict[str, Any], facts: set[str]) -> list[str]:
    n_seen, n_stored = len(seen.channels), len(stored.channels)
    if n_seen > n_stored or (n_seen < n_stored and not seen.partial):
        return [f"the store has {n_stored} channels, the file {n_seen}"]
    differences = []
    for one, other in _pairs(seen, stored):
        where = f"channel {one.name or other.name or 'without a name'}"
        if not _fits(seen, one, other):
            differences.append(
                f"{where}: the store has {other.values.size} samples, the file {one.values.size}"
            )
            continue
        differences += _compare_facts(where, one, other, facts, ascii_names=seen.ascii_names)
        scale = _scale(one.unit, other.unit)
        values = one.values if scale == 1.0 else one.values.astype(float) * scale
        differences += _compare_values(where, values, other.values[: values.size])
        over["channels"] += 1
        over["values"] += one.values.size
    return differences


def _pairs(seen: Seen, stored: Seen) -> list[tuple[Channel, Channel]]:
    """Pair channels by name where one name stands for one channel, else by name and length, else in order."""
    left = list(stored.channels)
    pairs: dict[int, Channel] = {}
    for rule in ("name", "length", "order"):
        for n, channel in enumerate(seen.channels):
            if n in pairs:
                continue
            for k, other in enumerate(left):
                if (rule == "order" or _fits(seen, channel, other)) and (
                    rule != "name" or channel.name == other.name
                ):
                    pairs[n] = left.pop(k)
                    break
    return [(channel, pairs[n]) for n, channel in enumerate(seen.channels)]


def _fits(seen: Seen, one: Channel, other: Channel) -> bool:
    return other.values.size - one.values.size in ((0, 1) if seen.misses_last else (0,))


def _compare_facts(
    where: str, one: Channel, other: Channel, facts: set[str], *, ascii_names: bool
) -> list[str]:
    differences = []
    if one.name is not None:
        facts.add("names")
        name = (other.name or "").encode("ascii", "ignore").decode() if ascii_names else other.name
        if _visible(one.name) != _visible(name or ""):
            differences.append(f"{where}: its name in the store is {other.name!r}")
    if one.unit:
        facts.add("units")
        if _scale(one.unit, other.unit) == 1.0 and _plain(one.unit) != _plain(other.unit or ""):
            differences.append(
                f"{where}: unit {other.unit!r} in the store, {one.unit!r} in the file"
            )
    # a store that states no rate says so: what is not claimed cannot be wrong
    if one.rate_hz is not None and other.rate_hz is not None:
        facts.add("rates")
        if not abs(other.rate_hz - one.rate_hz) <= _RATE_TOLERANCE * one.rate_hz:
            differences.append(
                f"{where}: {other.rate_hz} Hz in the store, {one.rate_hz} in the file"
            )
    if one.start_s is not None:
        facts.add("starts")
        if not math.isclose(one.start_s, other.start_s or 0.0, abs_tol=_TIME_TOLERANCE_S):
            differences.append(
                f"{where}: starts at {other.start_s} s in the store, {one.start_s} s in the file"
            )
    return differences


def _visible(name: str) -> str:
    """Return a name without what cannot be seen: libraries leave filling bytes in."""
    return "".join(letter for letter in name if letter.isprintable()).strip()


def _plain(unit: str) -> str:
    return unit.strip().replace("µ", "u").replace("μ", "u").lower()


def _scale(unit: str | None, stored: str | None) -> float:
    """Return what to multiply values in ``unit`` by for the store's unit: of volts and amperes only."""
    one, other = _plain(unit or ""), _plain(stored or "")
    if one not in _SCALES or other not in _SCALES or one[-1] != other[-1]:
        return 1.0
    return _SCALES[one] / _SCALES[other]


def _compare_values(where: str, one: Array, other: Array) -> list[str]:
    if one.shape != other.shape:
        if one.size != other.size:
            return [f"{where}: shape {other.shape} in the store, {one.shape} in the file"]
        one, other = one.ravel(), other.ravel()
    if one.dtype.kind not in "biufc":
        same = np.array([str(a) == str(b) for a, b in zip(one.flat, other.flat, strict=True)])
        wrong = ~same.reshape(one.shape) if same.size else np.zeros(one.shape, bool)
    elif one.dtype.kind in "biu" and other.dtype.kind in "biu":
        wrong = one != other
    else:
        finite = np.abs(one[np.isfinite(one)]) if one.size else one
        largest = float(finite.max()) if finite.size else 0.0
        wrong = ~np.isclose(other, one, rtol=_TOLERANCE, atol=_TOLERANCE * largest, equal_nan=True)
    if not wrong.any():
        return []
    at = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    place = ", ".join(str(int(i)) for i in at)
    return [
        f"{where}: at [{place}] the store has {other[at]}, the file {one[at]} "
        f"({int(wrong.sum())} of {wrong.size} values differ)"
    ]


def _compare_events(
    seen: Sequence[tuple[float, str]], stored: Sequence[tuple[float, str]], over: dict[str, Any]
) -> list[str]:
    if len(seen) != len(stored):
        return [f"the store has {len(stored)} events, the file {len(seen)}"]
    over["events"] += len(seen)
    for one, other in zip(sorted(seen), sorted(stored), strict=True):
        if not math.isclose(one[0], other[0], abs_tol=_TIME_TOLERANCE_S, rel_tol=_TOLERANCE):
            return [f"an event at {other[0]} s in the store is at {one[0]} s in the file"]
    # a label that is not published is empty
    told = [(t, text.strip()) for t, text in sorted(stored) if text]
    expected = {text.strip() for _, text in seen}
    for time_s, text in told:
        if text not in expected:
            return [
                f"the event at {time_s} s is {text!r} in the store, which the file does not have"
            ]
    return []


def _compare_images(seen: Seen, stored: Seen, over: dict[str, Any]) -> list[str]:
    """Compare planes: every one that the library shows is in the store, and none is there beside them."""
    kept = [plane for image in stored.images for plane in _planes(image, image.shape[-2:])]
    shapes = {plane.shape for plane in kept}
    shown = [plane for image in seen.images for plane in _planes(image, *shapes)]
    if len(shown) != len(kept) and not (seen.partial and len(shown) < len(kept)):
        return [f"the store has {len(kept)} planes, the file {len(shown)}"]
    over["images"] += len(stored.images)
    over["values"] += sum(plane.size for plane in shown)
    if not seen.pooled:
        return [
            text
            for n, (one, other) in enumerate(zip(shown, kept, strict=False))
            for text in _compare_values(f"plane {n}", one, other)
        ]
    left: dict[tuple[Any, ...], int] = {}
    for plane in kept:
        left[_mark(plane)] = left.get(_mark(plane), 0) + 1
    for n, plane in enumerate(shown):
        if left.get(_mark(plane), 0):
            left[_mark(plane)] -= 1
        else:
            nearest = kept[min(n, len(kept) - 1)]
            return _compare_values(f"plane {n}", plane, nearest) or [
                f"plane {n} of the file is in the store less often"
            ]
    return []


def _compare_image_facts(seen: Seen, stored: Seen, facts: set[str]) -> list[str]:
    """Compare pixel sizes and names of channels, as far as both tell them."""
    differences = []
    for n, (told, kept) in enumerate(zip(seen.steps_um, stored.steps_um, strict=False)):
        for axis in told.keys() & kept.keys():
            facts.add("pixel sizes")
            if not math.isclose(told[axis], kept[axis], rel_tol=_STEP_TOLERANCE):
                differences.append(
                    f"image {n}: {axis} step of {kept[axis]} µm in the store, {told[axis]} µm in the file"
                )
    if seen.channel_names and stored.channel_names:
        facts.add("channel names")
        if [_visible(name) for name in seen.channel_names] != list(stored.channel_names):
            differences.append(
                f"channels {stored.channel_names} in the store, {seen.channel_names} in the file"
            )
    return differences


def _planes(pixels: Array, *shapes: tuple[int, ...]) -> list[Array]:
    """Return the planes (y, x) of an image; its colours may stand last."""
    if pixels.ndim > 2 and pixels.shape[-2:] not in shapes and pixels.shape[-3:-1] in shapes:
        pixels = np.moveaxis(pixels, -1, 0)
    while pixels.ndim > 2 and pixels.shape[-1] == 1 and pixels.shape[-2:] not in shapes:
        pixels = pixels[..., 0]
    if pixels.ndim < 2:
        return [pixels]
    return list(pixels.reshape(-1, *pixels.shape[-2:]))


def _mark(plane: Array) -> tuple[Any, ...]:
    """Return what tells a plane: its shape and values, of whatever type."""
    whole = plane.astype(np.float64) if plane.dtype.kind in "biuf" else plane
    text = np.ascontiguousarray(np.round(whole, 3) + 0.0 if whole.dtype.kind == "f" else whole)
    return plane.shape, hashlib.sha256(text.tobytes()).hexdigest()
