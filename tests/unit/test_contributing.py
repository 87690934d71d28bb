"""CONTRIBUTING is true: what it says about adding a format, done to the letter in a copy."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPLIANCE = ROOT / "tests" / "unit" / "readers" / "test_reader_compliance.py"
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    left = ("__pycache__", "unit", "integration", "infrastructure", "network")
    for name in ("sparc_fuse_core", "mapping_schemes", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns(*left))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in ("tests/unit", "tests/unit/readers"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    shutil.copy(COMPLIANCE, tmp_path / "tests/unit/readers")
    return tmp_path


def run(copy: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={"PYTHONPATH": str(copy), "PATH": "/usr/bin:/bin", "HOME": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_format_is_added_to_the_letter(copy: Path) -> None:
    blocks = re.findall(r"```python\n# (\S+?)(?::[^\n]*)?\n(.*?)```", PAGE, flags=re.DOTALL)
    assert [name.rpartition("/")[2] for name, _ in blocks] == [
        "registry.py",
        "pulse.py",
        "pulse.py",
    ]
    (registry, row), *modules = blocks
    text = (copy / registry).read_text(encoding="utf-8")
    start = "FORMATS: tuple[Format, ...] = (\n"
    assert text.count(start) == 1
    (copy / registry).write_text(text.replace(start, start + row), encoding="utf-8")
    for name, code in modules:
        assert not (copy / name).exists()
        (copy / name).write_text(code, encoding="utf-8")

    test = "tests/unit/readers/test_reader_compliance.py"
    said = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", test, "-k", "pulse")
    assert "2 passed" in said

    write = "from pathlib import Path; from tests.samples.pulse import SAMPLES; SAMPLES[0].write(Path())"
    run(copy, "-c", write)
    main = "import sys; from sparc_fuse_core.command.main import main; sys.exit(main(sys.argv[1:]))"
    run(copy, "-c", main, "convert", "plain.pulse", "-o", "out")
    look = (
        "import xarray, pathlib; (store,) = pathlib.Path('out').rglob('*.pulse.zarr');"
        "opened = xarray.open_zarr(store); print(opened['signals'].values.astype(int).tolist(), "
        "opened['units'].values.tolist(), (opened['time'].values[:2] * 1000).tolist())"
    )
    said = run(copy, "-c", look)
    assert said == "[[1, 300, 32767], [-2, -400, -32768]] ['uV', 'uV'] [0.0, 4.0]\n"


def test_every_room_is_named() -> None:
    named = set(re.findall(r"`([a-z_]+)/?`", PAGE))
    package = ROOT / "sparc_fuse_core"
    rooms = {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    assert rooms <= named, rooms - named
    for path in re.findall(
        r"`((?:sparc_fuse_core|tests|docs|readers|formats|plan|schemes|convert)/[\w/]+\.\w+)`", PAGE
    ):
        inside = [ROOT / path, package / path]
        assert any(place.exists() for place in inside) or "pulse" in path, path
