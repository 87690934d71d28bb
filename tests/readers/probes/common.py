"""What every probe shares: it runs where only its reader is installed, and prints one JSON line a finding."""

import json
import sys
import traceback
import warnings

FOLDER = sys.argv[1] if len(sys.argv) > 1 else "."
URL = sys.argv[2] if len(sys.argv) > 2 else ""


def truth():
    """Return what the stores hold."""
    with open(f"{FOLDER}/truth.json", encoding="utf-8") as file:
        return json.load(file)


def probe(what, check):
    """Run one check; it returns a remark or None, and raises where something is wrong."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            remark, ok = check() or "", True
        except Exception as err:
            remark, ok = f"{type(err).__name__}: {' '.join(str(err).split())[:200]}", False
            if "-v" in sys.argv:
                traceback.print_exc()
    said = sorted({" ".join(str(w.message).split())[:120] for w in caught})
    print(json.dumps({"what": what, "ok": ok, "remark": remark, "warnings": said}), flush=True)


def equal(found, expected, tolerance=1e-6):
    """Raise unless two lists of numbers agree."""
    import numpy as np

    np.testing.assert_allclose(
        np.asarray(found, float), np.asarray(expected, float), rtol=tolerance
    )


def same(found, expected):
    """Raise unless two things are the same."""
    if found != expected:
        raise AssertionError(f"{found!r} instead of {expected!r}")


def versions(*names):
    """Tell which versions were tried."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["python"] = ".".join(map(str, sys.version_info[:3]))
    print(json.dumps({"versions": found}), flush=True)
