"""Places that hold no recording whatever rate is stated there: models, features, subjects, doses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from sparc_fuse_core.readers.exports.headers import numbers_of
from sparc_fuse_core.readers.shared.tree import Numeric, Text
from sparc_fuse_core.readers.shared.vocabulary import (
    hertz_in,
    meaning_of,
    normal,
    words_of,
)
from sparc_fuse_core.readers.shared.words import (
    DOSES,
    OF_BODY,
    OF_LEARNING,
    OF_SUBJECTS,
    OF_SUBJECTS_ALONE,
    OTHER_RATES,
)

if TYPE_CHECKING:
    from sparc_fuse_core.readers.exports.scope import Scope
    from sparc_fuse_core.readers.exports.statements import Statement

#: Arrays that a model has, and what else of it no recording has; one bias may be that of an amplifier.
_ARRAYS_OF_MODELS = frozenset(
    ["bias", "biases", "intercept", "intercepts", "supportvectors", "iw", "lw"]
)
_OF_MODELS = frozenset(["learningrate", "optimizer", "dropout", "trainparam", "trainfcn"])
#: What stands for weights beside a bias that is called ``b``.
_WEIGHTS = re.compile(r"(?:w|weights?|kernels?|theta)\d*")
_BIASES = re.compile(r"b\d+|bias\d+")
#: One bias beside weights is a model's, too.
_BIAS_ALONE = frozenset(["b", "bias", "intercept"])
#: Features, and the class of each of them in numbers; names of channels are words.
_FEATURES = (
    ("x", "y"),
    ("xtrain", "ytrain"),
    ("xtest", "ytest"),
    *(
        (one, other)
        for one in ("features", "data", "x")
        for other in ("labels", "label", "classes", "targets", "target")
    ),
)
#: What Nlx2MatCSC returns: records of 512 samples, a time, a rate and a count of valid samples for each.
_OF_RECORDS = frozenset(["timestamps", "samplefrequencies", "numberofvalidsamples", "samples"])
#: Names that state a rate, and not of what.
_BARE_RATES = frozenset(("rate", "rates", "hz"))
#: Hearts beat and lungs breathe at less.
_LEAST_SAMPLING_HZ = 20.0
_MOST_ROWS = 1_000_000
_MOST_CLASSES = 20
_REDUCED = re.compile(r"(?:decimation|(?:down|sub)sampl(?:e|ing)|decim)(?:factor|rate|ratio|by)?")


def holds_no_recording(scope: Scope) -> str:
    """Return what the arrays of a place are instead of samples, or ``""``."""
    names = {normal(name): name for name in (*scope.members, *scope.attributes)}
    for name, said in names.items():
        node = scope.members.get(said)
        is_array = isinstance(node, Numeric) and node.n_values > 1
        if name in _OF_MODELS or (name in _ARRAYS_OF_MODELS and is_array):
            return f"`{scope.child(said)}` is part of a model"
    if names.keys() >= _OF_RECORDS:
        said = scope.child(names["samples"])
        return f"`{said}` holds records of Neuralynx, one a column; the .ncs itself is read"
    weights = [name for name in names if _WEIGHTS.fullmatch(name)]
    if weights and any(name in _BIAS_ALONE or _BIASES.fullmatch(name) for name in names):
        return f"`{scope.child(names[weights[0]])}` is part of a model"
    return _features(scope, names) or _subjects(scope)


def _features(scope: Scope, names: dict[str, str]) -> str:
    for one, other in _FEATURES:
        x, y = scope.members.get(names.get(one, "")), scope.members.get(names.get(other, ""))
        if not isinstance(x, Numeric) or not isinstance(y, Numeric) or not y.is_vector:
            continue
        is_coded = (one, other) != ("x", "y") or _is_coded(y)
        if is_coded and sum(n > 1 for n in x.shape) == 2 and y.n_values == x.shape[0] > 1:
            return f"`{scope.child(names[other])}` classes the rows of `{scope.child(names[one])}`"
    return ""


def _is_coded(node: Numeric) -> bool:
    """Whether a vector holds classes: whole numbers, in MATLAB as doubles, few of them different."""
    if np.dtype(node.rows.dtype).kind in "biu":
        return True
    if not node.is_real or node.n_values > _MOST_ROWS:
        return False
    values = np.asarray(node.whole(), dtype=float).reshape(-1)
    return bool((values == np.round(values)).all()) and len(np.unique(values)) <= _MOST_CLASSES


def _subjects(scope: Scope) -> str:
    """Return what tells subjects or doses apart, where no rate is stated and no times in s or less."""
    if any(one.meaning.kind in ("rate", "interval") for one in scope.statements):
        return ""
    vectors = [
        name
        for name, node in scope.members.items()
        if isinstance(node, Numeric) and node.is_vector and node.n_values > 2
    ]
    is_close = any(
        (meaning := meaning_of(name)) is not None
        and meaning.kind == "time"
        and meaning.unit in ("s", "sec", "ms", "us")
        for name in vectors
    )
    known = OF_SUBJECTS_ALONE if is_close else OF_SUBJECTS
    for name in vectors:
        words = words_of(name)
        if normal(name) in known or (words and words[0] in DOSES and not is_close):
            return f"`{scope.child(name)}` tells subjects or doses apart"
    return ""


def reduction_of(scope: Scope) -> str:
    """Return what states that samples were left out, so that a rate beside it has two readings, or ``""``."""
    place: Scope | None = scope
    while place is not None:
        for name, node in (*place.attributes.items(), *place.members.items()):
            if _REDUCED.fullmatch(normal(name)) is None or not isinstance(node, Numeric):
                continue
            if node.n_values == 1 and node.is_real and float(node.whole().reshape(-1)[0]) > 1:
                return place.child(name)
        place = place.above
    return ""


def rate_of_another(scope: Scope, source: Statement, values_hz: tuple[float, ...]) -> str:
    """Return why a bare ``rate`` or ``Hz`` may be that of a stimulus, a pump or of learning, or ``""``.

    Parameters
    ----------
    scope
        Where the array lies.
    source
        What states the rate, there or above.
    values_hz
        The rate, or one a channel.
    """
    if _is_of_body(source, values_hz):
        return f"`{source.path}` = {max(values_hz):g} may be the rate of what is recorded, as of breaths"
    if normal(source.name) not in _BARE_RATES or source.meaning.subject:
        return ""
    is_stated = bool(source.meaning.unit or numbers_of(source.node)[1])
    if not is_stated and not scope.unit_of_statement(source) and max(values_hz) < 1:
        return (
            f"`{source.path}` = {max(values_hz):g} may be a rate of learning as well as of samples"
        )
    place: Scope | None = scope
    while place is not None:
        members = {**place.attributes, **place.members}
        beside = members if members.get(source.name) is source.node else {}
        for name, node in beside.items():
            words = set(words_of(name)) - {source.name}
            is_fact = isinstance(node, Text) or (isinstance(node, Numeric) and node.n_values == 1)
            if words & OF_LEARNING or (is_fact and words & OTHER_RATES):
                return f"`{source.path}` may be the rate of `{place.child(name)}` as well as of samples"
        place = place.above
    return ""


def _is_of_body(source: Statement, values_hz: tuple[float, ...]) -> bool:
    """Whether a rate is called that of a signal which has a rate itself (``resp_rate``, ``ecg_rate``)."""
    words = words_of(source.name)
    if "rate" not in words or not {*words, source.meaning.subject} & OF_BODY:
        return False
    if {"sampling", "sample", "samp", "acq", "acquisition"} & set(words):
        return False
    return hertz_in(source.meaning.unit) is None or max(values_hz) < _LEAST_SAMPLING_HZ
