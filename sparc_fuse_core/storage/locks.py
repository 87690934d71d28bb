"""One run at a time for one folder of results, on one host, in two containers, or from two hosts.

A run holds a lock file. Where the file system has locks (every local disk, most network drives) the kernel
tells whether the holder lives, across containers too. From another host that may not be known, so the
holder also writes a new beat into the file every few seconds; a file of another host whose beat stands
still is taken over. In a bucket only the beat tells.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import socket
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sparc_fuse_core.errors import DatasetBusyError, RunSupersededError

try:
    import fcntl
except ImportError:  # no such locks on Windows: the beat alone tells
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sparc_fuse_core.storage.bucket import Bucket

#: Seconds between beats, and how long a holder of which nothing else is known may be silent.
BEAT_S = 4.0
SILENT_S = 15.0

#: Room for a holder's words, so that shorter ones leave nothing of longer ones behind.
_WORDS_BYTES = 512

#: Time that another writer has to show itself where a store does not decide between two.
_SETTLE_S = 0.3

_HELD = (errno.EAGAIN, errno.EACCES)


class Held(Protocol):
    """A lock that is held."""

    @property
    def token(self) -> str:
        """What tells this holder from all others."""

    def check(self) -> None:
        """Raise `RunSupersededError` if another run has taken over."""


class _Place(Protocol):
    """Where the words of a holder stand."""

    def read(self) -> dict[str, Any]:
        """Return what the last holder wrote; empty if nobody did."""

    def write(self, stated: dict[str, Any]) -> None:
        """Replace it."""


class _Holder:
    """A holder of a place: it beats until it is stopped."""

    def __init__(self, place: _Place, what: str) -> None:
        self._place = place
        self._what = what
        self.token = uuid.uuid4().hex
        self._stop = threading.Event()
        self._beats = 0
        self._thread = threading.Thread(target=self._beat, name="lock", daemon=True)

    def begin(self) -> None:
        self._write()
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()
        with contextlib.suppress(RunSupersededError, OSError):
            self.check()
            self._place.write({})

    def check(self) -> None:
        """Make sure that no other run has taken over."""
        found = self._place.read().get("token")
        if found != self.token:
            message = (
                f"{self._what}: another run has taken over; run again, it goes on where that ends"
            )
            raise RunSupersededError(message)

    def _write(self) -> None:
        self._beats += 1
        self._place.write({**_this_process(), "token": self.token, "beat": self._beats})

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                self.check()
                self._write()
            except RunSupersededError:
                return
            except OSError:
                continue  # a network drive or bucket that is away for a moment


def _this_process() -> dict[str, Any]:
    # where results are published, a lock that a killed run left is too: it names no machine
    return {"host": _hidden(socket.gethostname()), "boot": _boot(), "pid": os.getpid()}


def _hidden(name: str) -> str:
    """Return what tells one machine from another, without its name."""
    return hashlib.sha256(f"sparc-fuse {name}".encode()).hexdigest()[:12]


def _boot() -> str:
    """Return what tells this running kernel from others; all its containers share it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return _hidden(f"{uuid.getnode():x}")


def _busy(what: str, holder: dict[str, Any]) -> DatasetBusyError:
    is_here = holder.get("host") == _hidden(socket.gethostname())
    where = "this machine" if is_here else "another machine"
    who = holder.get("execution") or f"process {holder.get('pid', '?')} on {where}"
    return DatasetBusyError(
        f"{what}: another run is converting into it ({who}); wait for its end, or choose another "
        "--output-dir"
    )


def _wait_for_silence(place: _Place, what: str) -> None:
    """Return once the holder has been silent for long; a beat means that it lives."""
    first = place.read()
    until = time.monotonic() + SILENT_S
    while time.monotonic() < until:
        time.sleep(0.5)
        now = place.read()
        if not now:
            return
        if now != first:
            raise _busy(what, now)


class _File:
    """A lock file's words."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_bytes() or b"{}")
        except FileNotFoundError:
            return {}
        except ValueError:
            return {"torn": True}  # being written, or cut short with its host
        return found if isinstance(found, dict) else {}

    def write(self, stated: dict[str, Any]) -> None:
        # in place: the file itself carries the kernel's lock, so it is never replaced
        data = json.dumps(stated).encode()
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, data.ljust(_WORDS_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def folder_lock(path: Path, what: str) -> Iterator[Held]:
    """Hold the lock file ``path`` while the block runs.

    Raises
    ------
    DatasetBusyError
        If another run holds it; ``what`` names the results in the message.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    place = _File(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        told = _kernel_lock(descriptor, place, what)
        earlier = place.read()
        # of this kernel's processes the lock just taken says that none lives
        if earlier and not (told and earlier.get("boot") == _boot()):
            _wait_for_silence(place, what)
        holder = _Holder(place, what)
        holder.begin()
        try:
            if not told:
                time.sleep(_SETTLE_S)
                holder.check()
            yield holder
        finally:
            holder.end()
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def waiting_lock(path: Path) -> Iterator[None]:
    """Hold a lock file for a moment, after whoever else does; where the file system has no locks, nothing."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _kernel_lock(descriptor: int, place: _Place, what: str) -> bool:
    """Take the kernel's lock; False where the file system has none."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        if err.errno in _HELD:
            raise _busy(what, place.read()) from None
        return False
    return True


def check_folder(path: Path, token: str, what: str) -> None:
    """Make sure, in a worker of the holder, that the run still holds the lock file.

    Raises
    ------
    RunSupersededError
        If it does not.
    """
    if _File(path).read().get("token") != token:
        message = f"{what}: another run has taken over; nothing is written for this one any more"
        raise RunSupersededError(message)


class _Object:
    """A lock object's words; conditional writes decide between two writers where the store has them."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket = bucket
        self._key = key

    def read(self) -> dict[str, Any]:
        data = self._bucket.read(self._key)
        try:
            found = json.loads(data) if data else {}
        except ValueError:
            return {"torn": True}
        return found if isinstance(found, dict) else {}

    def write(self, stated: dict[str, Any]) -> None:
        if not stated:
            self._bucket.delete(self._key)
            return
        self._bucket.write(self._key, json.dumps(stated).encode())

    def take(self, stated: dict[str, Any], what: str) -> None:
        """Write the first words, after those of a holder that is no more."""
        data = json.dumps(stated).encode()
        if self._bucket.write_new(self._key, data):
            self._bucket.probe(self._key, data)
            return
        found = self.read()
        if found.get("execution"):
            raise _busy(what, found)  # the cloud's own, which is asked for there
        _wait_for_silence(self, what)
        tagged = self._bucket.read_tagged(self._key)
        if tagged is None:
            if not self._bucket.write_new(self._key, data):
                raise _busy(what, self.read())
        elif not self._bucket.write_over(self._key, data, tagged[1]):
            raise _busy(what, self.read())


@contextlib.contextmanager
def object_lock(bucket: Bucket, key: str, what: str) -> Iterator[Held]:
    """Hold the object ``key`` while the block runs; the cloud's runs take the same one.

    Raises
    ------
    DatasetBusyError
        If another run holds it.
    """
    place = _Object(bucket, key)
    holder = _Holder(place, what)
    place.take({**_this_process(), "token": holder.token, "beat": 0}, what)
    # a store that knows no conditional write told everybody that it was first: the last one is
    time.sleep(_SETTLE_S)
    try:
        holder.check()
    except RunSupersededError:
        raise _busy(what, place.read()) from None
    holder.begin()
    try:
        yield holder
    finally:
        holder.end()
