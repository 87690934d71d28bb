"""The operations page is true: its commands parse, its diagram is the stack's, its figures are the code's."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from sparc_fuse_core.cloud.many import parse_list
from sparc_fuse_core.cloud.request import parse_request
from sparc_fuse_core.cloud.watch_list import watch_request
from sparc_fuse_core.command import main as cli
from sparc_fuse_core.plan.estimates import PRICES
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import PREFIX, Settings
from sparc_fuse_core.sources import SourceFile
from stacks.settings import StackSettings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
PAGES["README.md"] = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str = "") -> list[str]:
    """Return what stands between fences of a language."""
    parts = re.split(r"^```(\w*)$\n", text, flags=re.MULTILINE)
    # text, language, block, "" of the closing fence, text, …
    opened = zip(parts[1::4], parts[2::4], strict=True)
    return [block for stated, block in opened if stated == language]


COMMANDS = sorted(
    {
        line.strip()
        for text in PAGES.values()
        for block in blocks(text)
        for line in block.splitlines()
        if line.startswith("sparc-fuse ")
    }
)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_line_parses(line: str) -> None:
    arguments = shlex.split(line, comments=True)[1:]
    options = cli._parser().parse_args(arguments)
    assert callable(options.run)


def test_commands_are_found_and_wrong_ones_are_not_taken() -> None:
    assert {line.split()[1] for line in COMMANDS} >= {"convert", "plan", "cloud"}
    with pytest.raises(SystemExit):
        cli._parser().parse_args(["cloud", "begin", "224"])


def test_commands_named_in_sentences_exist() -> None:
    parser = cli._parser()
    for text in PAGES.values():
        for words in re.findall(r"`sparc-fuse ((?:cloud |scheme )?[a-z]+)", text):
            with pytest.raises(SystemExit) as ended:
                parser.parse_args([*words.split(), "--help"])
            assert ended.value.code == 0, words


def test_examples_of_requests_are_taken() -> None:
    requests = re.findall(r"echo '(\{.*?\})' >", PAGE)
    assert requests
    for text in requests:
        parse_request(json.loads(text))
    (watched,) = re.findall(r'`(\{"datasets": .*?\]\})`', PAGE)
    for entry in json.loads(watched)["datasets"]:
        watch_request(entry)
    (listed,) = re.findall(r'`(\{"datasets": [^`]*"max_concurrency"[^`]*\})`', PAGE)
    assert len(parse_list(json.loads(listed)).requests) == 2
    keys = re.search(r"\| key \| meaning \|\n(.*?)\n\n", PAGE, flags=re.DOTALL)
    assert keys is not None
    named = re.findall(r"^\| `(\w+)` \|", keys[1], flags=re.MULTILINE)
    full: dict[str, Any] = {
        "dataset_id": 224,
        "version": 1,
        "paths": ["a"],
        "file_format": "npz",
        "profile": "dense",
        "salvage": True,
        "reader": "neo",
        "verify": "independent",
        "overwrite": True,
        "cost_limit_usd": 1,
        "max_concurrency": 1,
    }
    assert set(named) == set(full)
    parse_request(full)


def test_every_setting_of_a_deployment_is_listed_with_its_default() -> None:
    table = re.search(r"\| setting \| default \| meaning \|\n(.*?)\n\n", PAGE, flags=re.DOTALL)
    assert table is not None
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", table[1], flags=re.MULTILINE))
    for field in dataclasses.fields(StackSettings):
        assert field.name in rows
        if field.default not in ("",) and not isinstance(field.default, tuple):
            assert rows[field.name].strip("`") == str(field.default)
    known = {PREFIX + field.name.upper() for field in dataclasses.fields(Settings)}
    for text in PAGES.values():
        assert set(re.findall(r"`(SPARC_FUSE_[A-Z0-9_]+)`", text)) <= known


def stack_names() -> set[str]:
    """Names of constructs and functions in the stack's source, and of states."""
    names: set[str] = set()
    for path in (ROOT / "stacks").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                texts = [
                    a.value
                    for a in node.args
                    if isinstance(a, ast.Constant) and isinstance(a.value, str)
                ]
                names.update(texts)
                names.update(text.capitalize() for text in texts)
    return names | set(states())


def states() -> list[str]:
    def names(machine: dict[str, Any]) -> list[str]:
        found = []
        for name, state in machine["States"].items():
            found.append(name)
            if "ItemProcessor" in state:
                found += names(state["ItemProcessor"])
        return found

    text = (ROOT / "stacks" / "workflow.asl.json").read_text(encoding="utf-8")
    return names(json.loads(text))


def test_the_diagram_is_that_of_the_stacks() -> None:
    (diagram,) = blocks(PAGE, "mermaid")
    bare = re.sub(r"\[.*?\]\)?|--[^>]*?-->|-->", " ", diagram)
    nodes = {
        word
        for word in re.findall(r"\b[A-Za-z_]\w*\b", bare)
        if word not in ("flowchart", "TB", "subgraph", "end")
    }
    named = {node for node in nodes if not node.startswith("ext_")}
    assert named <= stack_names(), named - stack_names()
    assert set(states()) <= named, "every state is drawn"
    assert {"Results", "Put", "Watch", "Start", "DeadLetters", "Cluster", "StateMachine"} <= named


def test_arrows_between_states_are_those_of_the_definition() -> None:
    (diagram,) = blocks(PAGE, "mermaid")
    known = set(states())
    drawn = set()
    for line in diagram.splitlines():
        ends = re.split(r"--[^>]*?-->|-->", re.sub(r'\["[^"]*"\]', "", line))
        pairs = itertools.pairwise(ends)
        drawn |= {(a.strip(), b.strip()) for a, b in pairs if {a.strip(), b.strip()} <= known}

    def leads(machine: dict[str, Any]) -> set[tuple[str, str]]:
        found = set()
        for name, state in machine["States"].items():
            ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
            targets = [way["Next"] for way in ways if "Next" in way]
            found |= {
                (name, target) for target in [*targets, *filter(None, [state.get("Default")])]
            }
            if "ItemProcessor" in state:
                found |= leads(state["ItemProcessor"])
        return found

    text = (ROOT / "stacks" / "workflow.asl.json").read_text(encoding="utf-8")
    assert drawn == leads(json.loads(text))


def test_prices_are_those_of_the_planner() -> None:
    table = re.search(r"\| what \| price \|\n(.*?)\n\n", PAGE, flags=re.DOTALL)
    assert table is not None
    stated = sorted(
        float(value) for value in re.findall(r"\| ([0-9.]+) \|$", table[1], re.MULTILINE)
    )
    assert stated == pytest.approx(sorted(PRICES.values()))


@dataclasses.dataclass
class Listing:
    """A source that only lists."""

    files: list[SourceFile]
    dataset_id: str = "1"
    version: str = "1"
    description: dict[str, Any] = dataclasses.field(default_factory=dict)

    def list_files(self) -> list[SourceFile]:
        return self.files

    def head(self, _file: SourceFile, _n_bytes: int, _begin: int = 0) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("row", "n_files", "size_bytes", "name"),
    [
        ("100 recordings .rhd of 100 MB", 100, 100_000_000, "x.rhd"),
        ("1,000 recordings .edf of 2 MB", 1000, 2_000_000, "x.edf"),
        ("a stack .ome.tif of 4 GB", 1, 4_000_000_000, "x.ome.tif"),
        ("an image .czi of 60 GB", 1, 60_000_000_000, "x.czi"),
        ("an image .czi of 1 TB, on a volume", 1, 10**12, "x.czi"),
        ("an image .czi of 5 TB, on a volume", 1, 5 * 10**12, "x.czi"),
    ],
)
def test_estimates_are_the_planners(row: str, n_files: int, size_bytes: int, name: str) -> None:
    files = [SourceFile(f"files/primary/{i}/{name}", size_bytes) for i in range(n_files)]
    source: Any = Listing(files)
    plan = plan_dataset(source, Schemes(), Settings())
    (runner,) = {item.runner for item in plan.items}
    assert f"| {row} | {runner} | {plan.cost_usd:.2f} |" in PAGE


@pytest.mark.parametrize(
    ("row", "n_files", "size_bytes", "name", "work_usd"),
    [
        (
            "1 TB, 10,000 recordings .rhd of 100 MB",
            10_000,
            10**8,
            "x.rhd",
            # 3 s to begin, 0.01 s a file
            (3.01 + 10**8 / 20e6) * 4.096 * 0.0000166667 + 0.0000002,
        ),
        *(
            (
                row,
                n_files,
                10**10,
                "x.czi",
                # 30 GB and a quarter are 35 GiB, of which with the image's 21 all but 20 cost
                (3.01 + 10**10 / 20e6) / 3600 * (2 * 0.0445 + 4 * 0.0049 + 36 * 0.000122),
            )
            for row, n_files in (
                ("1 TB, 100 images .czi of 10 GB", 100),
                ("20 TB, 2,000 images .czi of 10 GB", 2000),
            )
        ),
    ],
)
def test_large_datasets_cost_what_is_computed_by_hand(
    row: str, n_files: int, size_bytes: int, name: str, work_usd: float
) -> None:
    work = n_files * work_usd
    transfer = n_files * size_bytes / 1e9 * 0.02
    rest = n_files * (100 * 0.000005 + 8 * 0.000025)
    by_hand = work + transfer + rest
    source: Any = Listing(
        [SourceFile(f"files/primary/{i}/{name}", size_bytes) for i in range(n_files)]
    )
    planner = plan_dataset(source, Schemes(), Settings()).cost_usd
    assert planner == pytest.approx(by_hand, rel=0.001)
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {row} |")]
    stated = f": {work:.2f} | {transfer:.2f} | {rest:.2f} | {by_hand:.2f} | {planner:.2f} |"
    assert line.endswith(stated), stated


def test_links_between_pages_lead_somewhere() -> None:
    for name, text in PAGES.items():
        folder = ROOT if name == "README.md" else ROOT / "docs"
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (folder / target).exists(), f"{name}: {target}"
