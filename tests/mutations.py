"""Damaged files of every format: ``python -m tests.mutations 20000`` counts what becomes of them.

Each mutant of a sample is opened by its reader and read, in a process that is watched: what may happen is a
result or an error of this package, within bounded time and memory. Everything else is printed with the number
that makes it again (``python -m tests.mutations --again SAMPLE:NUMBER``).
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.errors import SparcFuseError
from sparc_fuse_core.formats.registry import format_named, load_reader
from tests.samples import Sample, all_samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

LIMIT_S = 20.0
LIMIT_BYTES = 1_500_000_000
_MAX_READ_BYTES = 60_000_000
_MAX_SAMPLE_BYTES = 3_000_000
_MOST_SAMPLES = 3
_EXTREMES = (0, 1, -1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, -(2**63), 10**9)


def mutated(data: bytes, number: int) -> bytes:
    """Return the mutant of a number: cut, flipped, spliced, or with extreme fields."""
    chance = random.Random(number)
    if len(data) < 4:
        return data + bytes([number % 256])
    found = bytearray(data)
    # headers are where sizes and offsets stand
    near = min(len(found), chance.choice((64, 512, 4096, len(found))))
    chance.choice(_KINDS)(found, near, chance)
    return bytes(found)


def _cut(found: bytearray, near: int, chance: random.Random) -> None:
    del near
    del found[chance.randrange(len(found)) :]


def _flip(found: bytearray, near: int, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 2, 8, 64))):
        found[chance.randrange(near)] ^= 1 << chance.randrange(8)


def _replace(found: bytearray, near: int, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 4, 32))):
        found[chance.randrange(near)] = chance.randrange(256)


def _remove(found: bytearray, near: int, chance: random.Random) -> None:
    start = chance.randrange(near)
    del found[start : start + chance.choice((1, 4, 64, 1024))]


def _splice(found: bytearray, near: int, chance: random.Random) -> None:
    start, at = chance.randrange(len(found)), chance.randrange(near)
    found[at:at] = found[start : start + chance.choice((4, 64, 1024))]


def _blank(found: bytearray, near: int, chance: random.Random) -> None:
    start = chance.randrange(near)
    stop = min(len(found), start + chance.choice((2, 8, 256)))
    found[start:stop] = bytes([chance.choice((0, 255))]) * (stop - start)


def _extreme(found: bytearray, near: int, chance: random.Random) -> None:
    width = chance.choice((2, 4, 8))
    at = chance.randrange(max(1, near - width)) // width * width
    value = chance.choice(_EXTREMES) % (1 << (8 * width))
    found[at : at + width] = value.to_bytes(width, chance.choice(("little", "big")))


def _number(found: bytearray, near: int, chance: random.Random) -> None:
    """Replace a number that is written as text."""
    numbers = list(re.finditer(rb"\d+(\.\d+)?", bytes(found[:near])))
    if numbers:
        found[slice(*chance.choice(numbers).span())] = chance.choice(_NUMBERS)


_KINDS = (_cut, _flip, _replace, _remove, _splice, _blank, _extreme, _number)
_NUMBERS = (b"0", b"-1", b"1e308", b"nan", b"inf", b"99999999999", b"1e-320", b"")


def read_all(path: Path, sample: Sample, options: Any) -> None:
    """Open a file and read what it holds, at least the beginning of each array."""
    with load_reader(format_named(sample.format))(path, options) as contents:
        arrays = [image.pixels for image in contents.images]
        arrays += [recording.signals for recording in contents.recordings]
        arrays += [
            recording.times for recording in contents.recordings if recording.times is not None
        ]
        for array in arrays:
            n_bytes = math.prod(array.shape) * array.dtype.itemsize
            last = None if n_bytes <= _MAX_READ_BYTES else 2
            array[tuple(slice(0, last) for _ in array.shape)]


def outcome(path: Path, sample: Sample, options: Any) -> str:
    """Return what became of a mutant: ``"read"``, the error's name, or ``"FAULT …"``."""
    try:
        read_all(path, sample, options)
    except SparcFuseError as err:
        guard = " (guard)" if ": cannot be read (" in str(err) else ""
        if "fault of the converter" in str(err):
            return f"FAULT {type(err).__name__}: {err}"[:300]
        return type(err).__name__ + guard
    except Exception as err:  # noqa: BLE001 - this is what is looked for
        return f"FAULT {type(err).__name__}: {err}"[:300]
    return "read"


def _peak_bytes() -> int:
    """Return the most memory that this process has had; ``ru_maxrss`` would count its parent's, before exec."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def _work(tasks: list[tuple[str, int]], answers: Connection) -> None:
    """Read mutants one after the other; the parent watches the clock."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    known = {sample.name: sample for sample in all_samples()}
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    current, data, truth = "", b"", None
    try:
        for name, number in tasks:
            if name != current:
                (folder / name).mkdir(exist_ok=True)
                truth = known[name].write(folder / name)
                current, data = name, truth.path.read_bytes()
            truth.path.write_bytes(mutated(data, number))
            answers.send((None, 0))
            found = outcome(truth.path, known[name], truth.options)
            peak = _peak_bytes()
            answers.send((found, peak))
            if peak > LIMIT_BYTES:
                return
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def campaign(tasks: list[tuple[str, int]]) -> Iterator[tuple[str, int, str]]:
    """Yield (sample, number, outcome) of each mutant; a process that ends or hangs is replaced."""
    spawn = get_context("spawn")
    left = list(tasks)
    while left:
        answers, theirs = spawn.Pipe(duplex=False)
        worker = spawn.Process(target=_work, args=(left, theirs))
        worker.start()
        theirs.close()
        done, why = 0, "FAULT did not begin"
        with contextlib.suppress(EOFError):
            while done < len(left):
                if not answers.poll(LIMIT_S + (120 if why.endswith("begin") else 0)):
                    why = f"FAULT more than {LIMIT_S:.0f} s"
                    worker.kill()
                    break
                found, peak = answers.recv()
                why = "FAULT crashed"
                if found is not None:
                    if peak > LIMIT_BYTES:
                        found = f"FAULT {peak / 1e6:.0f} MB ({found})"
                    yield (*left[done], found)
                    done += 1
                    why = ""
        worker.join()
        if why and done < len(left):
            yield (*left[done], why)
            done += 1
        left = left[done:]
        answers.close()


def samples_to_mutate(formats: set[str]) -> dict[str, list[str]]:
    """Return for each format some samples that are files of moderate size and can be read."""
    found: dict[str, list[str]] = {}
    for sample in all_samples():
        names = found.setdefault(sample.format, [])
        if (formats and sample.format not in formats) or len(names) >= _MOST_SAMPLES:
            continue
        folder = Path(tempfile.mkdtemp(prefix="mutants-"))
        with contextlib.suppress(Exception):
            truth = sample.write(folder)
            if (
                not truth.error
                and truth.path.is_file()
                and truth.path.stat().st_size < _MAX_SAMPLE_BYTES
            ):
                names.append(sample.name)
        shutil.rmtree(folder, ignore_errors=True)
    return {name: names for name, names in sorted(found.items()) if names}


def main() -> int:
    """Run a campaign and print the counts; exit code 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mutants", type=int, nargs="?", default=20_000)
    parser.add_argument("--only", default="", help="formats, with commas between them")
    parser.add_argument("--again", default="", help="SAMPLE:NUMBER")
    parser.add_argument("--seed", type=int, default=0, help="number of the first mutant")
    options = parser.parse_args()
    if options.again:
        name, number = options.again.split(":")
        sample = next(s for s in all_samples() if s.name == name)
        truth = sample.write(Path(tempfile.mkdtemp(prefix="mutants-")))
        truth.path.write_bytes(mutated(truth.path.read_bytes(), int(number)))
        _say(f"{truth.path}: {outcome(truth.path, sample, truth.options)}")
        read_all(truth.path, sample, truth.options)
        return 0
    samples = samples_to_mutate(set(filter(None, options.only.split(","))))
    each = math.ceil(options.mutants / len(samples))
    total: Counter[str] = Counter()
    for name, mine in samples.items():
        # each of these is read in a child of its own, which takes a second: fewer of them
        share = each if not format_named(name).may_crash else max(40, each // 8)
        n_each = math.ceil(share / len(mine))
        tasks = [(one, options.seed + i) for one in mine for i in range(n_each)]
        counts: Counter[str] = Counter()
        started = time.monotonic()
        for sample_name, number, found in campaign(tasks):
            counts["FAULT" if found.startswith("FAULT") else found] += 1
            if found.startswith("FAULT"):
                _say(f"  {sample_name}:{number} {found}")
        total += counts
        seconds = time.monotonic() - started
        _say(f"{name}: {sum(counts.values())} in {seconds:.0f} s: {dict(counts)}")
    _say(f"all: {sum(total.values())}: {dict(total)}")
    return 1 if total["FAULT"] else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(main())
