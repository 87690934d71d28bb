"""Planning: groups, outputs, refusals; from names, and from first bytes where names say nothing."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any

import pytest

from sparc_fuse_core.command import display
from sparc_fuse_core.errors import RequestError
from sparc_fuse_core.formats.signatures import format_of_content
from sparc_fuse_core.plan.grouping import group_files
from sparc_fuse_core.plan.items import ConvertOptions
from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import Scheme, Schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources import SourceFile

if TYPE_CHECKING:
    from collections.abc import Mapping


class Listing:
    """A source that lists, and gives the first bytes of the files in ``heads``."""

    dataset_id, version = "1", "1"
    description: Mapping[str, Any] = {}

    def __init__(
        self, *paths: str, size_bytes: int = 10, heads: Mapping[str, bytes] | None = None
    ) -> None:
        self.files = [SourceFile(path, size_bytes) for path in paths]
        self.heads = heads or {}
        self.looked: list[str] = []

    def list_files(self) -> list[SourceFile]:
        return self.files

    def head(self, file: SourceFile, n_bytes: int, begin: int = 0) -> bytes:
        self.looked.append(file.path)
        return self.heads.get(file.path, b"")[begin : begin + n_bytes]


def plan(*paths: str, size_bytes: int = 10) -> Any:
    source: Any = Listing(*paths, size_bytes=size_bytes)
    return plan_dataset(source, Schemes(), Settings())


def test_sets_become_one_item_named_after_the_leading_file() -> None:
    sets = {
        "a/x.vhdr": ["a/x.eeg", "a/x.vmrk"],
        "b/blk.tsq": ["b/blk.tev", "b/blk.Tbk", "b/blk.tnt"],
        "c/r.ns5": ["c/r.ns2", "c/r.nev"],
        "d/s.set": ["d/s.fdt"],
        "e/slide.vsi": ["e/_slide_/stack1/frame_t.ets"],
        "f/m.mrxs": ["f/m/Slidedat.ini", "f/m/Data0001.dat"],
        "g/structure.oebin": ["g/continuous/s/continuous.dat", "g/events/e/timestamps.npy"],
        "h/c.oif": ["h/c.oif.files/s_C001.tif"],
        "i/info.rhd": ["i/time.dat", "i/amplifier.dat"],
    }
    paths = [path for leading, rest in sets.items() for path in (leading, *rest)]
    groups, ungrouped = group_files([SourceFile(path, 1) for path in reversed(paths)])
    assert not ungrouped
    found = {group.leading.path: sorted(file.path for file in group.companions) for group in groups}
    assert found == {leading: sorted(rest) for leading, rest in sets.items()}


def test_headers_find_samples_under_other_names() -> None:
    def members(*paths: str) -> dict[str, list[str]]:
        return {i.path: [f.path for f in i.files[1:]] for i in plan(*paths).items}

    # BrainVision's samples may be .dat; what another header has for its own is not taken from it
    found = members("files/primary/x.vhdr", "files/primary/x.dat", "files/primary/x.vmrk")
    assert found == {"files/primary/x.vhdr": ["files/primary/x.dat", "files/primary/x.vmrk"]}
    found = members("files/primary/x.vhdr", "files/primary/old.eeg")
    assert found == {"files/primary/x.vhdr": ["files/primary/old.eeg"]}
    found = members(
        "files/primary/x.set", "files/primary/old.fdt", "files/primary/y.set", "files/primary/y.fdt"
    )
    assert found == {
        "files/primary/x.set": ["files/primary/old.fdt"],
        "files/primary/y.set": ["files/primary/y.fdt"],
    }
    # two headers may share one file: the second asks for it when it has been read
    shared = plan("files/primary/x.vhdr", "files/primary/x.eeg", "files/primary/y.vhdr")
    assert [file.path for file in shared.siblings] == ["files/primary/x.eeg"]


def test_an_orphan_says_what_it_belongs_to() -> None:
    (entry,) = plan("files/primary/a.vmrk").skipped
    assert "BrainVision" in entry.reason
    assert entry.status == "unsupported"


def test_outputs_mirror_the_dataset_and_clashes_are_refused() -> None:
    result = plan(
        "files/primary/sub-1/x.wav", "files/primary/sub-2/x.wav", "files/primary/x.v1.2.wav"
    )
    assert [item.output for item in result.items] == [
        "primary/sub-1/x.wav.zarr",
        "primary/sub-2/x.wav.zarr",
        "primary/x.v1.2.wav.zarr",
    ]
    clash = plan("files/primary/X.wav", "files/primary/x.wav", "files/primary/y.wav")
    assert [item.path for item in clash.items] == ["files/primary/y.wav"]
    assert {entry.error for entry in clash.skipped} == {"OutputClashError"}
    assert all(entry.status == "failed" for entry in clash.skipped)


def test_dangerous_names_are_refused_and_the_rest_goes_on() -> None:
    result = plan("files/primary/../../etc/x.wav", "/abs/x.wav", "files/primary/Ünï.wav")
    assert [item.path for item in result.items] == ["files/primary/Ünï.wav"]
    assert {entry.error for entry in result.skipped} == {"UnsafePathError"}


def test_size_decides_the_runner() -> None:
    assert plan("files/primary/x.wav").items[0].runner == "lambda"
    assert plan("files/primary/x.wav", size_bytes=20 * 10**9).items[0].runner == "fargate"
    (refused,) = plan("files/primary/x.wav", size_bytes=10**15).skipped
    assert refused.error == "SizeLimitError"
    (empty,) = plan("files/primary/x.wav", size_bytes=0).skipped
    assert empty.error == "EmptyFileError"


def test_raw_samples_need_a_scheme() -> None:
    (entry,) = plan("files/primary/x.dat").skipped
    assert "mapping scheme" in entry.reason


def test_options_are_checked() -> None:
    with pytest.raises(RequestError, match="nope"):
        ConvertOptions("nope")


def test_a_long_plan_is_printed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    result = plan(*(f"files/primary/[b]{n}.wav" for n in range(4)), "files/primary/a.vmrk")
    printed = {}
    for limit in (2, 100):
        monkeypatch.setattr(display, "_TABLE_ROWS", limit)
        stream = io.StringIO()
        display.print_plan(result, stream)
        printed[limit] = stream.getvalue()
        for n in range(4):
            assert f"primary/[b]{n}.wav.zarr" in printed[limit]
        assert "BrainVision" in printed[limit]
        assert "4 to convert, 1 left out" in printed[limit]
    assert "primary/[b]3.wav\twav\t" in printed[2]


_DICOM = bytes(128) + b"DICM" + bytes(100)


def test_a_name_that_tells_nothing_is_looked_into() -> None:
    nifti = bytes(344) + b"ni1\0"
    heads = {
        "files/primary/pacs/IM00001": b"II*\0" + _DICOM[4:],
        "files/primary/pacs/IM00002": _DICOM,
        "files/primary/pacs/DICOMDIR": _DICOM,
        "files/primary/pacs/1.2.3.4": _DICOM,
        "files/primary/uid/1.2.840.113619.2.5.1": _DICOM,
        "files/primary/uid/1.2.840.113619.2.5.12.1": _DICOM,
        "files/primary/hex/9a0b1c2d-44ff": _DICOM,
        "files/primary/hex/ffee0011-22aa": _DICOM,
        "files/primary/v/vol.hdr": nifti,
        "files/primary/z/vol.hdr.gz": gzip.compress(nifti),
        "files/primary/w/photo": b"\xff\xd8\xff\xe0",
        "files/primary/w/letter": b"Dear reader",
        "files/primary/w/named.tif": b"never looked at",
    }
    source: Any = Listing(
        *heads, "files/primary/v/vol.img", "files/primary/z/vol.img.gz", heads=heads
    )
    plan = plan_dataset(source, Schemes(), Settings())
    items = {item.path: (item.format, len(item.files)) for item in plan.items}
    assert items == {
        "files/primary/pacs/1.2.3.4": ("dicom", 3),
        "files/primary/pacs/DICOMDIR": ("dicom", 1),
        "files/primary/uid/1.2.840.113619.2.5.1": ("dicom", 2),
        "files/primary/hex/9a0b1c2d-44ff": ("dicom", 2),
        "files/primary/v/vol.hdr": ("nifti", 2),
        "files/primary/z/vol.hdr.gz": ("nifti", 2),
        "files/primary/w/photo": ("raster", 1),
        "files/primary/w/named.tif": ("tiff", 1),
    }
    (unknown,) = plan.skipped
    assert unknown.path == "files/primary/w/letter"
    assert "files/primary/w/named.tif" not in source.looked


def test_only_the_folders_of_chosen_files_are_looked_into() -> None:
    heads = {f"files/primary/{folder}/IM{i}": _DICOM for folder in "ab" for i in range(2)}
    source: Any = Listing(*heads, heads=heads)
    plan = plan_dataset(source, Schemes(), Settings(), paths=["primary/a/IM0"])
    assert [len(item.files) for item in plan.items] == [2]
    assert {path.split("/")[2] for path in source.looked} == {"a"}


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"BM" + bytes(20), ""),
        (b"BM" + (70).to_bytes(4, "little") + bytes(8) + b"\x28\0\0\0", "raster"),
        (b"0" + b" " * 300, ""),
        (b"\0\0\0\x18ftypheic", ""),
        (b"\0\0\0\x18ftypmp42", "video"),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100" * 4, ""),  # the same tag again and again
        (
            b"".join(
                (8).to_bytes(2, "little") + element.to_bytes(2, "little") + b"\4\0\0\0text"
                for element in (5, 8, 0x12, 0x16)
            ),
            "dicom",
        ),
    ],
)
def test_two_letters_or_blanks_name_no_format(head: bytes, name: str) -> None:
    found = format_of_content(head)
    assert (found.name if found else "") == name


def test_headers_may_share_a_data_file_that_they_name() -> None:
    header = "NRRD0004\ntype: short\ndata file: {}\n\n".format
    heads = {
        "files/primary/a.nhdr": header("Ball.RAW").encode(),
        "files/primary/b.nhdr": header("ball.raw").encode(),
        "files/primary/c.nhdr": header("vol.nii.gz").encode(),
        "files/primary/d.nhdr": b"NRRD0004\ndata file: LIST\n" + b"\n".join([b"s0.raw", b"s1.raw"]),
        "files/primary/e.nhdr": header("s%d.raw 0 1 1").encode(),
        "files/primary/long.nhdr": b"NRRD0004\ndata file: LIST\n"
        + b"".join(b"absent%04d.raw\n" % i for i in range(1000))
        + b"s1.raw\n",
        "files/primary/f.nhdr": header("../ball.raw").encode(),
        "files/primary/s.vms": b"[Virtual Microscope Specimen]\r\nNoJpegColumns=1\r\nImageFile=p.jpg\r\n",
    }
    others = ["ball.raw", "vol.nii.gz", "s0.raw", "s1.raw", "p.jpg", "alone.raw"]
    source: Any = Listing(*heads, *(f"files/primary/{name}" for name in others), heads=heads)
    plan = plan_dataset(source, Schemes(), Settings())
    found = {
        item.path.rpartition("/")[2]: [file.path.rpartition("/")[2] for file in item.files[1:]]
        for item in plan.items
    }
    assert found == {
        "a.nhdr": ["ball.raw"],
        "b.nhdr": ["ball.raw"],
        "c.nhdr": ["vol.nii.gz"],
        "d.nhdr": ["s0.raw", "s1.raw"],
        "e.nhdr": ["s0.raw", "s1.raw"],
        "f.nhdr": [],
        "long.nhdr": ["s1.raw"],
        "s.vms": ["p.jpg"],
        "vol.nii.gz": [],
    }
    assert [entry.path for entry in plan.skipped] == ["files/primary/alone.raw"]


def test_sets_of_pictures_are_planned_as_one() -> None:
    nd = (
        b'"NDInfoFile", "Version 1.0"\r\n"DoWave", TRUE\r\n"NWavelengths", "2"\r\n"WaveName1", "DAPI"\r\n'
        b'"WaveName2", "GFP"\r\n"WaveInFileName", TRUE\r\n"DoStage", FALSE\r\n"DoTimelapse", FALSE\r\n'
    )
    metadata = b'{\n  "Summary": {"MicroManagerVersion": "1.4"},\n  "FrameKey-0-0-0": {}}'
    heads = {
        "files/primary/nd/p.nd": nd,
        "files/primary/mm/metadata.txt": metadata,
        "files/primary/other/metadata.txt": b"time\tvoltage\n0\t1\n",
    }
    planes = [
        *("nd/p_w1DAPI.TIF", "nd/p_w2GFP.tif", "nd/alone.tif"),
        *("mm/img_000000000_a_000.tif", "mm/img_000000000_a_001.tif", "mm/x.tif"),
        *("n/s_t1.tif", "n/s_t2.tif", "n/s_t10.tif", "n/s_overview.tif"),
    ]
    source: Any = Listing(*heads, *(f"files/primary/{name}" for name in planes), heads=heads)
    scheme = Scheme(
        "times", ("1",), "files/primary/n/*.tif", "tiff", {"series_pattern": "s_t{t}.tif"}, {}, ""
    )
    plan = plan_dataset(source, Schemes((scheme,)), Settings())
    found = {
        item.path.removeprefix("files/primary/"): (item.format, len(item.files))
        for item in plan.items
    }
    assert found == {
        "mm/metadata.txt": ("micromanager", 3),
        "mm/x.tif": ("tiff", 1),
        "n/s_overview.tif": ("tiff", 1),
        "n/s_t1.tif": ("tiff", 3),
        "nd/alone.tif": ("tiff", 1),
        "nd/p.nd": ("metamorph", 3),
        "other/metadata.txt": ("text", 1),
    }


def test_files_of_other_programs_are_named_for_what_they_are() -> None:
    heads = {
        "files/primary/heka.dat": b"DAT2\0\0\0\0",
        "files/primary/rat.eeg": b"trial_date Tuesday, 14 Dec 2010\r\n",
    }
    paths = [
        *heads,
        *(f"files/primary/{name}" for name in ("100.dat", "100.hea", "g0_t0.imec0.ap.bin")),
        *("files/primary/g0_t0.imec0.ap.meta", "files/primary/other.bin"),
    ]
    source: Any = Listing(*paths)
    source.heads = heads
    plan = plan_dataset(source, Schemes(), Settings())
    skipped = plan.skipped
    # the pair of a probe is read as one
    (pair,) = (item for item in plan.items if item.format == "spikeglx")
    assert {file.path.rpartition(".")[2] for file in pair.files} == {"bin", "meta"}
    said = {entry.path.rpartition("/")[2]: entry.reason for entry in skipped}
    (record,) = (item for item in plan.items if item.format == "wfdb")
    assert [file.path.rpartition("/")[2] for file in record.files] == ["100.hea", "100.dat"]
    for name, program in (("heka.dat", "HEKA"), ("rat.eeg", "Axona")):
        assert program in said[name]
        assert "scheme" not in said[name]
    assert "scheme new" in said["other.bin"]


def test_copies_of_slices_are_planned_with_what_they_were_copied_from() -> None:
    names = ("s1 (1).dcm", "s1.dcm", "s2 - Copy.dcm", "s2.dcm", "S10 copy 2.dcm")
    paths = [f"files/primary/{name}" for name in names]
    (item,) = plan(*paths).items
    assert item.path == "files/primary/s1.dcm"
    assert {file.path for file in item.files} == set(paths)
    # a series may be numbered so; another name stays another
    numbered = [f"files/primary/IM ({i}).dcm" for i in range(1, 4)]
    assert [len(item.files) for item in plan(*numbered, "files/primary/scout (1).dcm").items] == [
        3,
        1,
    ]
