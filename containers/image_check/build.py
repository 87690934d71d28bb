"""Builds the images with buildah, on a base made by debootstrap, in a store of their own.

No image is fetched: the base has Debian's Python of the same minor version in the place of the one that the
Dockerfile names. What the host's pip and apt are told (index, proxy, certificates) is passed on to the build
and stays out of the images.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGETS = ("lambda", "fargate")
TOOLS = {"buildah": "buildah", "debootstrap": "debootstrap", "unshare": "util-linux"}
_ROOT = Path(__file__).parents[2]
_BASE = "localhost/sparc-fuse-base"
_SUITE = "bookworm"
_PACKAGES = ("ca-certificates", "python3-distutils", "python3.11", "python3.11-venv")
#: Certificates that a host trusts, by distribution; the images read the first path.
_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


class BuildError(Exception):
    """A tool is missing or failed; the message says which and how."""


def missing_tools() -> str:
    """Return what the check needs and this machine lacks, as one sentence; ``""`` if nothing."""
    if not sys.platform.startswith("linux") or os.geteuid():
        return "the image check mounts file systems: run it as root on Linux"
    lacking = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if lacking:
        return f"missing: {', '.join(lacking)}; on Debian: apt-get install {' '.join(lacking)}"
    return ""


class Images:
    """The images below one folder.

    Parameters
    ----------
    folder
        Holds the base, the store and the log of what the tools print.
    mirror
        Debian mirror for debootstrap; ``""`` for its own.
    """

    def __init__(self, folder: Path, mirror: str = "") -> None:
        self._folder = folder
        self._mirror = mirror
        self._store = folder / "store"
        self.log = folder / "build.log"
        self._options = ("--root", str(self._store), "--runroot", str(folder / "run"))

    def build(self, target: str) -> None:
        """Build ``target``; layers of an earlier build are used again."""
        if not self._buildah("images", "--quiet", "--filter", f"reference={_BASE}").strip():
            self._build_base()
        options = ["--isolation", "chroot", "--layers", "--pull-never", "--from", _BASE]
        options += ["--file", str(_ROOT / "containers" / "Dockerfile"), "--target", target]
        for source, place in self._host_configuration():
            options += ["--volume", f"{source}:{place}:ro"]
        self._buildah("build", *options, "--tag", _name(target), str(_ROOT))

    @contextlib.contextmanager
    def mounted(self, target: str) -> Iterator[Path]:
        """Mount the file system of ``target``."""
        container = self._buildah("from", "--pull-never", _name(target)).strip()
        try:
            yield Path(self._buildah("mount", container).strip())
        finally:
            self._buildah("umount", container)
            self._buildah("rm", container)

    def configuration(self, target: str) -> dict[str, Any]:
        """Return the image's own configuration: environment, entry point, command, user, folder."""
        found = json.loads(self._buildah("inspect", "--type", "image", _name(target)))
        configuration: dict[str, Any] = found["OCIv1"]["config"]
        return configuration

    def layers(self, target: str) -> list[tuple[str, int]]:
        """Return what made each layer, and its size in bytes, base first."""
        found = json.loads(self._buildah("inspect", "--type", "image", _name(target)))
        made = [h for h in found["OCIv1"]["history"] if not h.get("empty_layer")]
        stored = json.loads((self._store / "overlay-layers" / "layers.json").read_text())
        by_id = {layer["id"]: layer for layer in stored}
        images = json.loads((self._store / "overlay-images" / "images.json").read_text())
        (at,) = (i["layer"] for i in images if f"{_name(target)}:latest" in i.get("names", ()))
        sizes = []
        while at:
            sizes.append(int(by_id[at]["diff-size"]))
            at = by_id[at].get("parent", "")
        if len(sizes) != len(made):
            message = f"{target}: {len(sizes)} layers, but {len(made)} in the history"
            raise BuildError(message)
        names = [_shown(history.get("created_by", "")) for history in made]
        return list(zip(names, reversed(sizes), strict=True))

    def remove(self) -> None:
        """Unmount and delete everything; safe to call at any time."""
        for mounted in _mounts_below(self._folder):
            subprocess.run(["umount", "--lazy", mounted], check=False)
        if left := _mounts_below(self._folder):
            message = f"still mounted, so nothing was deleted: {', '.join(left)}"
            raise BuildError(message)
        shutil.rmtree(self._folder)

    def release(self) -> None:
        """Unmount; images and base stay for the next check."""
        for mounted in _mounts_below(self._folder):
            subprocess.run(["umount", "--lazy", mounted], check=False)

    def _build_base(self) -> None:
        base = self._folder / "base"
        if base.exists():
            shutil.rmtree(base)
        packages = f"--include={','.join(_PACKAGES)}"
        command = ["debootstrap", "--variant=minbase", packages, _SUITE, str(base)]
        self._run(command + ([self._mirror] if self._mirror else []))
        (base / "usr/local/bin/python").symlink_to("/usr/bin/python3.11")
        for leftover in ("var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(base / leftover)
            (base / leftover / "partial").mkdir(parents=True)
        container = self._buildah("from", "scratch").strip()
        try:
            self._buildah("add", "--quiet", container, str(base), "/")
            path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
            self._buildah("config", "--env", path, container)
            self._buildah("commit", "--quiet", container, _BASE)
        finally:
            self._buildah("rm", container)
        shutil.rmtree(base)

    def _host_configuration(self) -> Iterator[tuple[str, str]]:
        """Yield files to be seen during the build only: path here, path there."""
        for certificates in _CERTIFICATES:
            if Path(certificates).is_file():
                yield certificates, _CERTIFICATES[0]
                break
        pip = self._folder / "pip.conf"
        pip.write_text(f"[global]\n{''.join(_pip_settings())}")
        yield str(pip), "/etc/pip.conf"
        if shutil.which("apt-config"):
            apt = self._folder / "apt.conf"
            dump = subprocess.run(
                ["apt-config", "dump", "Acquire"], check=True, capture_output=True
            )
            apt.write_bytes(dump.stdout)
            yield str(apt), "/etc/apt/apt.conf.d/90host"

    def _buildah(self, *arguments: str) -> str:
        return self._run(["buildah", *self._options, *arguments])

    def _run(self, command: list[str]) -> str:
        """Run a tool; what it prints beside its answer goes to the log."""
        with self.log.open("ab") as log:
            log.write(f"$ {' '.join(command)}\n".encode())
            log.flush()
            answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, check=False)
            log.write(answer.stdout)
        if answer.returncode:
            end = self.log.read_text(errors="replace")[-3000:]
            message = f"{' '.join(command[:2])} ... ended with {answer.returncode}:\n{end}"
            raise BuildError(message)
        return answer.stdout.decode()


def _name(target: str) -> str:
    return f"localhost/sparc-fuse-{target}"


def _shown(made_by: str) -> str:
    """Shorten an entry of the history: the instruction, without digests and options."""
    text = re.sub(r"^/bin/sh( -c (#\(nop\) )?)?", "", made_by)
    text = re.sub(r"(COPY|ADD) \w+:[0-9a-f]+ in", r"\1", text)
    return " ".join(text.split())[:60] or "base"


def _pip_settings() -> Iterator[str]:
    """Yield lines for a pip.conf that says what the host's pip is told, by files or environment."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    for line in answer.stdout.splitlines():
        name, _, value = line.partition("=")
        key, text = name.rpartition(".")[2], value.strip("'\"")
        # folders of this machine are not there in the build
        if key in ("index-url", "proxy", "trusted-host", "timeout", "default-timeout", "retries"):
            yield f"{key} = {text}\n"
        elif key == "extra-index-url":
            remote = [url for url in text.split() if not url.startswith("file:")]
            if remote:
                yield f"{key} = {' '.join(remote)}\n"


def _mounts_below(folder: Path) -> list[str]:
    """Return what is mounted below ``folder``, innermost first."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    places = [line.split()[1].encode().decode("unicode_escape") for line in lines]
    return [p for p in reversed(places) if Path(p).is_relative_to(folder)]
