"""What an image is, told from inside it; its text is given to the image's own Python."""

from __future__ import annotations

import errno
import importlib.metadata
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

TOOLS = ("cc", "gcc", "g++", "ld", "make", "pip", "javac")
MODULES = ("adichtion", "av", "cmake", "jpype", "moto", "nd2reader", "pip", "pytest", "setuptools")


def refused(folder: str) -> str:
    """Return the error of writing a file there, or ``""``."""
    path = Path(folder, "written-by-the-check")
    try:
        path.write_text("")
    except OSError as err:
        return errno.errorcode[err.errno or 0]
    path.unlink()
    return ""


def is_gpl(metadata: importlib.metadata.PackageMetadata) -> bool:
    """Return whether a package says that it is under the GPL itself (LGPL is not)."""
    stated = metadata.get_all("License-Expression") or []
    # some put the licences of all that they bundle below their own
    stated += [text.lstrip().partition("\n")[0] for text in metadata.get_all("License") or []]
    stated += [c for c in metadata.get_all("Classifier") or [] if c.startswith("License")]
    # openslide-bin lists its parts; the one with GPL is offered under BSD too
    text = " ".join(stated).replace("BSD-3-Clause OR GPL-2.0-only", "")
    for lesser in ("LGPL", "Lesser General Public License"):
        text = text.replace(lesser, "")
    return "GPL" in text or "GNU General Public License" in text


def main() -> None:
    """Print the facts as JSON."""
    names = sorted(d.metadata["Name"] for d in importlib.metadata.distributions())
    facts = {
        "python": sys.version.split()[0],
        "user": [os.getuid(), os.getgid()],
        "refused": {folder: refused(folder) for folder in ("/", "/var/task", "/opt", "/tmp")},
        "tools": [tool for tool in TOOLS if shutil.which(tool)],
        "modules": [module for module in MODULES if importlib.util.find_spec(module)],
        "gpl": sorted(
            d.metadata["Name"] for d in importlib.metadata.distributions() if is_gpl(d.metadata)
        ),
        "n_packages": len(names),
        "java": shutil.which("java") or "",
        "shared_memory": Path("/dev/shm").exists(),
    }
    sys.stdout.write(json.dumps(facts))


main()
