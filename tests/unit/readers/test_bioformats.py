"""The Bio-Formats process: protocol, time limit and failures with stand-ins; real files with Java.

Tests with Java run where BIOFORMATS_JAR names bioformats_package.jar.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as PillowImage

from sparc_fuse_core.errors import (
    CorruptFileError,
    MissingDependencyError,
    UnsupportedFormatError,
)
from sparc_fuse_core.plan.grouping import group_files
from sparc_fuse_core.readers.bioformats import process as bioformats_process
from sparc_fuse_core.readers.bioformats import reader as bioformats
from sparc_fuse_core.readers.bioformats.process import Worker, worker_command
from sparc_fuse_core.sources import SourceFile
from tests.pixels import sha256_tczyx
from tests.samples.bioformats import write_vsi

if TYPE_CHECKING:
    from pathlib import Path

_PROTOCOL = """
    import json, struct, sys
    def take():
        size = struct.unpack(">I", sys.stdin.buffer.read(4))[0]
        return json.loads(sys.stdin.buffer.read(size))
    def give(answer, pixels=b""):
        text = json.dumps(answer | {"n_bytes": len(pixels)}).encode()
        sys.stdout.buffer.write(struct.pack(">I", len(text)) + text + pixels)
        sys.stdout.buffer.flush()
"""
#: Two images and a label; pixel = 100 * plane + 10 * y + x, big-endian, in two samples by plane.
_STAND_IN = """
    import numpy as np
    series = dict(name="tissue", t=2, c=4, z=1, y=5, x=6, dtype="uint16", little_endian=False,
        rgb=2, interleaved=False, palette=False, thumbnail=False, bits=12, modulo={"t": "lambda"},
        steps={"x": 0.5, "y": 0.5, "t": 3.0}, channels=["a", "b", "c", "d"])
    while True:
        request = take()
        if request["what"] == "open":
            found = [series, series | {"name": "label image"}, series | {"thumbnail": True}]
            give({"result": {"format": "stand-in", "used": [], "series": found}})
            continue
        z, c, t = request["zct"]
        y, x = np.mgrid[0:5, 0:6]
        planes = np.stack([1000 * t + 100 * (2 * c + s) + 10 * y + x for s in range(2)])
        rows = slice(request["y"], request["y"] + request["height"])
        columns = slice(request["x"], request["x"] + request["width"])
        give({}, planes[:, rows, columns].astype(">u2").tobytes())
"""


def _stand_in(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(_PROTOCOL) + textwrap.dedent(code)]


@pytest.fixture
def jar(monkeypatch: pytest.MonkeyPatch) -> str:
    found = os.environ.get("BIOFORMATS_JAR", "")
    if not found:
        pytest.skip("BIOFORMATS_JAR does not name bioformats_package.jar")
    monkeypatch.setenv("SPARC_FUSE_BIOFORMATS_JAR", found)
    return found


def test_answers_become_images(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bioformats, "worker_command", lambda: _stand_in(_STAND_IN))
    monkeypatch.setattr(bioformats, "_REQUEST_BYTES", 50)  # two rows at a time
    path = tmp_path / "a.cxd"
    path.write_bytes(b"-")
    with bioformats.read(path, {}) as contents:
        (image,) = contents.images
        assert (image.name, image.axes) == ("tissue", "tcyx")
        assert image.channel_names == ("a", "b", "c", "d")
        assert dict(image.scale) == {"x": 0.5, "y": 0.5, "t": 3.0}
        assert dict(image.axis_units) == {"x": "micrometer", "y": "micrometer", "t": "second"}
        assert image.significant_bits == 12
        t, c, y, x = np.mgrid[0:2, 0:4, 0:5, 0:6]
        whole = 1000 * t + 100 * c + 10 * y + x
        np.testing.assert_array_equal(image.pixels[:, :, :, :], whole)
        np.testing.assert_array_equal(image.pixels[1:, 3:, 1:4, 2:5], whole[1:, 3:, 1:4, 2:5])
        said = [e.sentence for e in contents.evidence]
        assert len([s for s in said if "label image" in s]) == 1
        assert len([s for s in said if "lambda" in s]) == 1


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [
        ("import sys; sys.exit('no java today')", CorruptFileError, "no java today"),
        ("take(); raise MemoryError('heap')", CorruptFileError, "heap"),
        ("take(); give({'error': 'FormatException', 'message': 'bad'})", CorruptFileError, "bad"),
        (
            "take(); give({'error': 'UnknownFormatException', 'message': 'what'})",
            UnsupportedFormatError,
            "what",
        ),
        ("take(); sys.stdout.buffer.write(b'\\xff' * 8)", CorruptFileError, "announced"),
    ],
)
def test_failures_name_the_file_and_show_what_was_printed(
    code: str, error: type[Exception], says: str
) -> None:
    with Worker(_stand_in(code), "a.vsi") as worker, pytest.raises(error) as caught:
        worker.ask(20.0, what="open")
    assert str(caught.value).startswith("a.vsi: Bio-Formats")
    assert says in str(caught.value)


def test_a_worker_that_hangs_is_ended() -> None:
    code = "take(); import time; print('thinking', file=sys.stderr, flush=True); time.sleep(60)"
    with Worker(_stand_in(code), "a.vsi") as worker:
        with pytest.raises(CorruptFileError, match=r"a\.vsi: .* did not answer in time"):
            worker.ask(1.0, what="open")
        assert worker._process.wait(5) < 0


def test_the_worker_gets_no_credentials() -> None:
    code = "take(); import os; give({'result': sorted(os.environ)})"
    with Worker(_stand_in(code), "a.vsi") as worker:
        names, _ = worker.ask(20.0, what="open")
    assert not [name for name in names if name.startswith(("AWS_", "SPARC_"))]


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bioformats_process.shutil, "which", lambda _: "/usr/bin/java")
    monkeypatch.setenv("SPARC_FUSE_BIOFORMATS_JAR", str(tmp_path / "no.jar"))
    with pytest.raises(MissingDependencyError, match="SPARC_FUSE_BIOFORMATS_JAR"):
        worker_command()
    monkeypatch.setattr(bioformats_process.shutil, "which", lambda _: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(MissingDependencyError, match="Java 11"):
        worker_command()
    monkeypatch.setattr(bioformats_process.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="JPype"):
        worker_command()


@pytest.mark.usefixtures("jar")
@pytest.mark.parametrize(
    "name",
    ["oib/test.oib", "lsm/test.lsm", "czi/gen_t2c2z3_2scene.czi", "dcm/ExplVR_BigEnd.dcm"],
)
def test_bioformats_equals_truth(shared_samples: Path, name: str) -> None:
    path = shared_samples / "imaging" / name
    truth = json.loads(path.with_name(f"{path.name}.expected.json").read_text("utf-8"))
    series = truth["bioformats_7.3.1"]["series"]
    with bioformats.read(path, {}) as contents:
        assert len(contents.images) == len(series)
        for image, expected in zip(contents.images, series, strict=True):
            assert sha256_tczyx(image) == expected["stats"]["sha256_tczyx"]
            for axis in "xyz":
                if axis in image.axes and expected["phys"][axis] is not None:
                    value, unit = expected["phys"][axis]
                    assert unit == "µm"
                    assert image.scale[axis] == pytest.approx(value)


@pytest.mark.usefixtures("jar")
def test_neighbours_are_not_drawn_in(shared_samples: Path) -> None:
    # Bio-Formats groups the three files of this folder on its own
    with bioformats.read(shared_samples / "imaging/ima/T1.0001.IMA", {}) as contents:
        (image,) = contents.images
        assert image.axes == "yx"


@pytest.mark.usefixtures("jar")
def test_java_refuses_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "damaged.cxd"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000))
    with (
        pytest.raises(CorruptFileError, match=r"damaged\.cxd: Bio-Formats"),
        bioformats.read(path, {}),
    ):
        pass


@pytest.mark.usefixtures("jar")
def test_tiles_of_a_made_vsi_come_through(tmp_path: Path) -> None:
    pixels = np.random.default_rng(9).integers(0, 2**16, (128, 192), dtype=np.uint16)
    write_vsi(tmp_path / "slide.vsi", pixels, tile=64, step_um=0.5)
    with bioformats.read(tmp_path / "slide.vsi", {}) as contents:
        (image,) = contents.images
        assert (image.name, image.axes) == ("tissue", "yx")
        assert dict(image.scale) == {"x": 0.5, "y": 0.5}
        np.testing.assert_array_equal(image.pixels[:, :], pixels)
        np.testing.assert_array_equal(image.pixels[60:70, 100:140], pixels[60:70, 100:140])
        assert any("macro" in e.sentence for e in contents.evidence)


def test_sets_are_grouped_by_their_names() -> None:
    names = (
        *(
            "a/x.ics",
            "a/x.ids",
            "a/y.ids",
            "a/z.dv",
            "a/z.dv.log",
            "b/s.oir",
            "b/s_00001",
            "b/t_00001",
        ),
        *("c/p.xlef", "c/d/e/q.lof", "r.sldy", "r.dir/i.npy", "h.hed", "h.img", "k.zvi"),
    )
    files = [SourceFile(name, 10, uri=f"file:///{name}") for name in names]
    groups, alone = group_files(files)
    found = {g.leading.path: {o.path for o in g.companions} for g in groups}
    assert found["a/x.ics"] == {"a/x.ids"}
    assert found["a/z.dv"] == {"a/z.dv.log"}
    assert found["b/s.oir"] == {"b/s_00001"}
    assert found["c/p.xlef"] == {"c/d/e/q.lof"}
    assert found["r.sldy"] == {"r.dir/i.npy"}
    assert found["h.hed"] == {"h.img"}
    assert found["k.zvi"] == set()
    assert {one.file.path for one in alone} == {"a/y.ids", "b/t_00001"}


@pytest.mark.usefixtures("jar")
def test_a_set_written_by_hand_is_read_whole(tmp_path: Path) -> None:
    """ICS: a header of text and its values beside; a picture of Pillow's."""
    pixels = np.random.default_rng(4).integers(0, 2**16, (3, 5, 7), dtype=np.uint16)
    header = (
        "\t\nics_version\t1.0\nfilename\tx\nlayout\tparameters\t4\nlayout\torder\tbits\tx\ty\tz\n"
        "layout\tsizes\t16\t7\t5\t3\nlayout\tcoordinates\tvideo\nlayout\tsignificant_bits\t16\n"
        "representation\tformat\tinteger\nrepresentation\tsign\tunsigned\n"
        "representation\tcompression\tuncompressed\nrepresentation\tbyte_order\t1\t2\nend\n"
    )
    (tmp_path / "x.ics").write_text(header)
    (tmp_path / "x.ids").write_bytes(pixels.astype("<u2").tobytes())
    with bioformats.read(tmp_path / "x.ics", {}) as contents:
        (image,) = contents.images
        assert image.axes == "zyx"
        np.testing.assert_array_equal(image.pixels[:, :, :], pixels)
        assert not [one for one in contents.evidence if "did not use" in one.sentence]
    PillowImage.fromarray(np.uint8(pixels[0] >> 8)).save(tmp_path / "a.pgm")
    with bioformats.read(tmp_path / "a.pgm", {}) as contents:
        (image,) = contents.images
        np.testing.assert_array_equal(image.pixels[:, :], pixels[0] >> 8)
