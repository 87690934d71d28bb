"""``sparc-fuse verify``: each way in which a published result may be wrong is told, and exits with 1."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sparc_fuse_core.command.main import FAILED, OK, WRONG_CALL, main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STORE = "primary/a.npy.zarr"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proving")
    (folder / "set/primary").mkdir(parents=True)
    for n, name in enumerate("ab"):
        np.save(folder / f"set/primary/{name}.npy", np.arange(6000.0).reshape(2, 3000) + n)
    words = ["convert", str(folder / "set"), "-o", str(folder / "out"), "--workers", "1"]
    assert main(words) == OK
    return folder


@pytest.fixture
def both(published: Path, tmp_path: Path) -> tuple[Path, Path]:
    shutil.copytree(published, tmp_path / "copy")
    return tmp_path / "copy/out/set/local", tmp_path / "copy/set"


def proven(
    capsys: pytest.CaptureFixture[str], *words: Any
) -> tuple[int, dict[str, Any], list[str]]:
    capsys.readouterr()
    code = main(["verify", *map(str, words), "--json"])
    told = json.loads(capsys.readouterr().out)
    return (
        code,
        {row["path"].removeprefix("files/"): row for row in told["results"]},
        told["not_in_manifest"],
    )


def test_right_results_are_made_again(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows, extra = proven(capsys, both[0], "--source", both[1])
    assert (code, extra) == (OK, [])
    states = {(row["result"], row["source"], row["again"]) for row in rows.values()}
    assert (len(rows), states) == (2, {("same", "same", "same")})
    assert main(["verify", str(both[0])]) == OK
    assert "2 results, 0 wrong" in capsys.readouterr().out


def _change_chunk(store: Path, _: Path) -> None:
    chunk = max((f for f in store.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(data)


def _lose_chunk(store: Path, _: Path) -> None:
    max((f for f in store.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size).unlink()


@pytest.mark.parametrize(
    ("fault", "column", "state"),
    [
        (_change_chunk, "result", "changed"),
        (_lose_chunk, "result", "changed"),
        (lambda store, _: (store / "more").write_text("x"), "result", "changed"),
        (lambda store, _: shutil.rmtree(store), "result", "missing"),
        (lambda _, file: np.save(file, np.ones((2, 3000))), "source", "changed"),
        (lambda _, file: file.unlink(), "source", "missing"),
    ],
)
def test_what_is_wrong_is_told(
    fault: Callable[[Path, Path], None],
    column: str,
    state: str,
    both: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    fault(both[0] / STORE, both[1] / "primary/a.npy")
    code, rows, _ = proven(capsys, both[0], "--source", both[1])
    assert code == FAILED
    assert rows["primary/a.npy"][column] == state
    assert rows["primary/b.npy"]["right"]


def test_a_store_that_nobody_named(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(both[0] / STORE, both[0] / "primary/c.npy.zarr")
    code, _, extra = proven(capsys, both[0])
    assert (code, extra) == (FAILED, ["primary/c.npy.zarr"])


def _edited(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    edit(manifest)
    path.write_text(json.dumps(manifest))


def test_a_result_that_does_not_come_from_its_source(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The bytes fit the manifest, which lies about what they were made from."""
    from sparc_fuse_core.convert.digests import digests_of

    _change_chunk(both[0] / STORE, both[1])
    digest, _ = digests_of(both[0] / STORE)
    _edited(both[0], lambda m: m["items"][0].update(digest=digest))
    code, rows, _ = proven(capsys, both[0], "--source", both[1])
    row = rows["primary/a.npy"]
    assert (code, row["result"], row["again"]) == (FAILED, "same", "differs")


def test_what_another_version_made_is_not_made_again(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _edited(both[0], lambda m: m["items"][0].update(converter_version="0.0.1"))
    code, rows, _ = proven(capsys, both[0], "--source", both[1])
    row = rows["primary/a.npy"]
    assert (code, row["again"], row["why"]) == (OK, "", "made by version 0.0.1")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda m: m["items"][0].update(output="../../set"), "'..'"),
        (lambda m: m["items"][0]["files"][0].update(path="/etc/passwd"), "absolute"),
        (lambda m: m.update(schema_version=1), "another version"),
        (lambda m: m.update(items=3), "$.items"),
    ],
)
def test_a_manifest_is_not_trusted(
    edit: Callable[[dict[str, Any]], Any],
    said: str,
    both: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    _edited(both[0], edit)
    assert main(["verify", str(both[0])]) == WRONG_CALL
    assert said in capsys.readouterr().err
