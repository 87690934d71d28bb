"""``sparc-fuse verify``: each way in which a published result may be wrong is told, and exits with 1."""

from __future__ import annotations

import functools
import json
import os
import shutil
import threading
import warnings
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
import zarr

from sparc_fuse_core.command.main import FAILED, OK, WRONG_CALL, main
from sparc_fuse_core.convert.digests import digests_of

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
    _change_chunk(both[0] / STORE, both[1])
    digest, _ = digests_of(both[0] / STORE)
    _edited(both[0], lambda m: m["items"][0].update(digest=digest))
    code, rows, _ = proven(capsys, both[0], "--source", both[1])
    row = rows["primary/a.npy"]
    assert (code, row["result"], row["again"]) == (FAILED, "same", "differs")


def _written_anew(store: Path, change: Callable[[Any], Any] = lambda values: values) -> None:
    """Write the values again as another library might: other chunks, another codec."""
    group = zarr.open_group(store, mode="r+")
    old: Any = group["a"]
    values, attributes, names = old[...], dict(old.attrs), old.metadata.dimension_names
    del group["a"]
    new = group.create_array(
        "a",
        data=change(values),
        chunks=(1, 1000),
        compressors=zarr.codecs.GzipCodec(level=1),
        dimension_names=names,
    )
    new.attrs.update(attributes)
    with warnings.catch_warnings(action="ignore"):
        zarr.consolidate_metadata(store)


def _one_more(values: Any) -> Any:
    return values + (np.arange(values.shape[-1]) == 1234)


@pytest.mark.parametrize("version", ["0.0.1", ""])
@pytest.mark.parametrize(
    ("change", "again", "says"),
    [
        (lambda values: values, "same values", "other bytes"),
        (_one_more, "differs", "a: 1235.0, made again 1234.0 (2 of 6000 values differ)"),
        (lambda values: values[:, :-1], "differs", "shape (2, 2999), made again (2, 3000)"),
    ],
)
def test_other_bytes_are_compared_value_by_value(
    version: str,
    change: Callable[[Any], Any],
    again: str,
    says: str,
    both: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Another version may compress otherwise; the manifest names the digest of what it made."""
    _written_anew(both[0] / STORE, change)
    facts = {"digest": digests_of(both[0] / STORE)[0]}
    if version:
        facts["converter_version"] = version
    _edited(both[0], lambda m: m["items"][0].update(facts))
    code, rows, _ = proven(capsys, both[0], "--source", both[1])
    row = rows["primary/a.npy"]
    assert (code, row["result"], row["again"]) == (
        OK if again != "differs" else FAILED,
        "same",
        again,
    )
    assert says in row["why"]
    assert (f"made by version {version}" in row["why"]) == bool(version)


def test_a_folder_of_another_name_holds_the_same_source(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a dataset lies on a machine is in none of its stores."""
    other = both[1].rename(both[1].with_name("moved"))
    code, rows, _ = proven(capsys, both[0], "--source", other)
    assert (code, {row["again"] for row in rows.values()}) == (OK, {"same"})


def test_another_library_is_asked_too(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows, _ = proven(capsys, both[0], "--source", both[1], "--independent")
    assert (code, rows["primary/a.npy"]["again"]) == (OK, "same")
    assert rows["primary/a.npy"]["independent"] == "agrees"
    assert main(["verify", str(both[0]), "--independent", "--results-only"]) == WRONG_CALL


def test_all_output_is_proven_and_one_bad_manifest_stops_no_other(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(both[0].parent, both[0].parents[1] / "second")
    code, rows, _ = proven(capsys, both[0].parents[1])
    assert (code, len(rows)) == (OK, 2)
    (both[0].parents[1] / "second/local/manifest.json").write_text("{")
    assert main(["verify", str(both[0].parents[1])]) == FAILED
    told = capsys.readouterr().out
    assert "2 results, 0 wrong, 0 not in the manifest, 1 manifests that cannot be used" in told
    assert "second/local/manifest.json: is not JSON" in told
    call = ["verify", str(both[0].parents[1]), "--source", str(both[1])]
    assert main(call) == WRONG_CALL
    assert "name one of them" in capsys.readouterr().err


def test_no_manifest_is_said_with_what_it_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path)]) == WRONG_CALL
    assert "no manifest.json" in capsys.readouterr().err


def test_results_in_a_bucket(
    both: tuple[Path, Path], bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["convert", str(both[1]), "-o", f"s3://{bucket}/all", "--workers", "1"]
    assert main(words) == OK
    where = f"s3://{bucket}/all"
    code, rows, extra = proven(capsys, f"{where}/set/local", "--source", both[1])
    states = {(row["result"], row["source"], row["again"]) for row in rows.values()}
    assert (code, len(rows), states, extra) == (OK, 2, {("same", "same", "same")}, [])
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    listed = client.list_objects_v2(Bucket=bucket, Prefix=f"all/set/local/{STORE}/a/c/")
    client.delete_object(Bucket=bucket, Key=listed["Contents"][0]["Key"])
    client.put_object(Bucket=bucket, Key="all/set/local/primary/left.zarr/zarr.json", Body=b"{}")
    code, rows, extra = proven(capsys, where)
    assert (code, extra) == (FAILED, ["primary/left.zarr"])
    assert (rows["primary/a.npy"]["result"], rows["primary/b.npy"]["result"]) == ("changed", "same")
    assert "files instead of" in rows["primary/a.npy"]["why"]
    for nowhere, said in (
        (f"s3://{bucket}/nothing", "no manifest.json"),
        ("s3://no-such-bucket-at-all/x", "s3://no-such-bucket-at-all/x"),
        ("s3://", "no bucket is named"),
    ):
        assert main(["verify", nowhere]) == WRONG_CALL
        assert said in capsys.readouterr().err


def test_results_on_a_web_server(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """It lists nothing: a store's own metadata tells its files."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(both[0].parents[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/set"
        code, rows, _ = proven(capsys, url)
        assert (code, {row["result"] for row in rows.values()}) == (OK, {"same"})
        _lose_chunk(both[0] / STORE, both[1])
        code, rows, _ = proven(capsys, f"{url}/local")
        assert (code, rows["primary/a.npy"]["result"]) == (FAILED, "changed")
        plain = json.loads((both[0] / STORE / "zarr.json").read_bytes())
        del plain["consolidated_metadata"]
        (both[0] / STORE / "zarr.json").write_text(json.dumps(plain))
        _, rows, _ = proven(capsys, url)
        assert rows["primary/a.npy"]["result"] == "not seen"
        assert "lists no files" in rows["primary/a.npy"]["why"]
    finally:
        server.shutdown()
        server.server_close()


def test_a_source_that_cannot_be_reached(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results are checked all the same; nothing is called proven."""
    _edited(both[0], lambda m: m.update(dataset_id="224", version="2"))
    monkeypatch.setenv("SPARC_FUSE_DISCOVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SPARC_FUSE_REQUEST_ATTEMPTS", "1")
    code, rows, _ = proven(capsys, both[0])
    states = {(row["result"], row["source"], row["again"]) for row in rows.values()}
    assert (code, states) == (FAILED, {("same", "unreachable", "")})
    assert "127.0.0.1" in rows["primary/a.npy"]["why"]


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
