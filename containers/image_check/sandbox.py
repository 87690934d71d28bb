"""Starts a program in an image's file system as its platform would.

The root is read-only, only /tmp can be written to, and the program has a user without rights. Run as a
script by `start`, inside a mount namespace of its own: whatever it mounts is gone when it ends.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TMP_BYTES = 2_000_000_000
#: Major and minor numbers of Linux's character devices.
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}


def start(
    root: Path,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    user: int,
    folder: str,
    shared_memory: bool,
    output: IO[bytes] | int,
) -> subprocess.Popen[bytes]:
    """Start ``command`` below ``root``; the process returned becomes the program itself.

    Parameters
    ----------
    root
        Where the image's file system is mounted.
    command, environment, folder
        What runs, with exactly these variables, and where.
    user
        Its user and group.
    shared_memory
        Whether there is a /dev/shm; Lambda has none.
    output
        Where standard output and error go.
    """
    facts = {
        "root": str(root),
        "command": list(command),
        "environment": dict(environment),
        "user": user,
        "folder": folder,
        "shared_memory": shared_memory,
    }
    own = [sys.executable, "-I", __file__, json.dumps(facts)]
    return subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", *own],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _enter(
    root: str,
    command: list[str],
    environment: dict[str, str],
    user: int,
    folder: str,
    shared_memory: bool,
) -> None:
    _mount("--bind", root, root)
    _mount("-o", "remount,bind,ro", root)
    _mount("-t", "tmpfs", "-o", f"mode=1777,nosuid,nodev,size={_TMP_BYTES}", "tmpfs", f"{root}/tmp")
    _mount("-t", "proc", "-o", "nosuid,nodev,noexec", "proc", f"{root}/proc")
    devices = Path(root, "dev")
    _mount("-t", "tmpfs", "-o", "mode=755,nosuid,size=65536", "tmpfs", str(devices))
    for name, (major, minor) in _DEVICES.items():
        path = devices / name
        os.mknod(path, stat.S_IFCHR, os.makedev(major, minor))
        path.chmod(0o666)
    (devices / "fd").symlink_to("/proc/self/fd")
    if shared_memory:
        (devices / "shm").mkdir()
        _mount("-t", "tmpfs", "-o", "mode=1777,size=64000000", "tmpfs", str(devices / "shm"))
    _mount("-o", "remount,ro", str(devices))
    os.chroot(root)
    os.chdir(folder)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    _enter(**json.loads(sys.argv[1]))
