"""Files of every format that can carry an identity, each with one planted wherever it has a place for it.

Every planted text holds `STEM`, every planted number is `NUMBER`: what is published must hold neither.
Samples of the other modules are taken as they are and told more: texts are exchanged for others of their
length, tags, boxes, attributes and variables are added by other programs or by hand.
"""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import tifffile
from PIL import Image, PngImagePlugin
from scipy.io import netcdf_file

from tests.samples import (
    abf,
    acq,
    all_samples,
    blackrock,
    brainvision,
    dicom,
    dm,
    edf,
    eeglab,
    exf,
    gltf_meshes,
    igor,
    ims,
    intan,
    interchange,
    lif,
    lsm,
    meshes,
    mne_formats,
    nd2,
    neo_formats,
    neuralynx,
    obj,
    of_vtk,
    old_pictures,
    olympus,
    ome_zarr,
    openephys,
    plexon,
    roi,
    slide,
    smr,
    smrx,
    snirf,
    tables,
    tracings,
    video,
    volumes,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STEM = "qzylbra"
NUMBER = 77319047
PERSON = "Qzylbra^Ann"
EMAIL = "ann.qzylbra@klinik.example"
PLACE = r"C:\Users\qzylbra\Desktop\ann"
NOTE = "Mrs Qzylbra lives next door"

_RNG = np.random.default_rng(14)


@dataclass(frozen=True)
class Canary:
    """One planted file: which format, where it is planted, and what writes it into a folder."""

    format: str
    planted: str
    write: Callable[[Path], Any]


def _swapped(path: Path, *pairs: tuple[str, str], encoding: str = "latin-1") -> None:
    """Exchange texts of a file for others of the same length."""
    data = path.read_bytes()
    for old, new in pairs:
        old_bytes, new_bytes = old.encode(encoding), new.encode(encoding)
        assert len(old_bytes) == len(new_bytes), (old, new)
        assert old_bytes in data, old
        data = data.replace(old_bytes, new_bytes)
    path.write_bytes(data)


def _pixels(*shape: int) -> np.ndarray:
    return _RNG.integers(0, 255, shape, dtype=np.uint8)


# ------------------------------------------------------------------------------- recordings


def _edf(folder: Path, *, bdf: bool) -> None:
    path = edf._multirate(folder, bdf=bdf).path
    data = bytearray(path.read_bytes())
    data[8:88] = f"MCH-0234567 F 02-MAY-1951 {PERSON}".encode().ljust(80)
    data[88:168] = f"Startdate 02-MAR-2002 PSG-1234 NN_{STEM} Telemetry03".encode().ljust(80)
    path.write_bytes(bytes(data))


def _wav(folder: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)

    samples = _RNG.integers(-9999, 9999, 800).astype("<i2").tobytes()
    body = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16))
    body += chunk(b"bext", NOTE.encode().ljust(256, b"\0") + PERSON.encode().ljust(346, b"\0"))
    info = b"".join(chunk(kind, PERSON.encode()) for kind in (b"IART", b"ICMT", b"INAM", b"IENG"))
    body += chunk(b"LIST", b"INFO" + info) + chunk(b"iXML", f"<a>{PERSON}</a>".encode())
    body += chunk(b"data", samples) + chunk(b"id3 ", b"ID3\3\0" + PERSON.encode())
    (folder / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)


def _csv(folder: Path) -> None:
    rows = "\n".join(f"{i / 100},{i % 7},{NUMBER},{PERSON}" for i in range(300))
    head = f"# Patient: {PERSON}\n# Comment: {NOTE}\n# Sampling rate: 100 Hz\n# File: {PLACE}\n"
    (folder / "a.csv").write_text(f"{head}Time (s),ECG (mV),Patient ID,Patient name\n{rows}\n")


def _atf(folder: Path) -> None:
    head = ["ATF\t1.0", "3\t2", f'"Comment={NOTE}"', f'"Operator={PERSON}"', f'"File={PLACE}"']
    rows = [f"{i / 1000}\t{i % 9}" for i in range(300)]
    (folder / "a.atf").write_text("\r\n".join([*head, '"Time (s)"\t"IN 0 (mV)"', *rows, ""]))


def _opensignals(folder: Path) -> None:
    device = {"device name": f"{STEM}-watch", "column": ["nSeq", "A1"], "sampling rate": 100}
    device |= {"comments": NOTE, "date": "2020-1-1", "device": "biosignalsplux", "owner": PERSON}
    head = ["# OpenSignals Text File Format", "# " + json.dumps({f"{STEM}-watch": device})]
    rows = [f"{i % 16}\t{i % 5}\t" for i in range(300)]
    (folder / "a.txt").write_text("\n".join([*head, "# EndOfHeader", *rows, ""]))


def _mat(folder: Path) -> None:
    from scipy.io import savemat

    variables: dict[str, Any] = {
        "signal": _RNG.normal(size=(1, 4000)),
        "fs": 1000.0,
        "info": {
            "PatientName": PERSON,
            "subject": {"name": PERSON, "id": NUMBER, "sex": "F", "weight": 61.5},
            "path": PLACE,
            "remark": NOTE,
            "email": EMAIL,
            "operators": np.array([PERSON, "x"], dtype=object),
            "unknown_number": NUMBER,
        },
        "patient_table": np.array([PERSON, PERSON], dtype=object),
        "mrn": np.full((1, 40), NUMBER),
    }
    savemat(folder / "a.mat", variables)


def _json(folder: Path) -> None:
    stated = {
        "fs": 100,
        "ecg": _RNG.normal(size=900).tolist(),
        "patient": {"name": PERSON, "mrn": NUMBER, "sex": "F"},
        "operator": PERSON,
        "file": PLACE,
        "remark": NOTE,
    }
    (folder / "a.json").write_text(json.dumps(stated))


def _xlsx(folder: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.properties.creator = book.properties.lastModifiedBy = PERSON
    sheet = book.active
    sheet.title = "run 1"
    sheet.append(["Patient", PERSON])
    sheet.append(["Remark", NOTE])
    sheet.append(["Time (s)", "ECG (mV)", "MRN", "Patient name"])
    for i in range(300):
        sheet.append([i / 100, i % 7, NUMBER, PERSON])
    other = book.create_sheet("people")
    other.append(["subject", "name", "date of birth", "sex"])
    for _ in range(4):
        other.append(["s1", PERSON, STEM, "F"])
    sheet["A2"].comment = openpyxl.comments.Comment(NOTE, PERSON)
    book.save(folder / "a.xlsx")


def _npz(folder: Path) -> None:
    arrays = {"ecg": _RNG.normal(size=900), "fs": np.array(100.0), "patient": np.array([PERSON])}
    np.savez(folder / "a.npz", remark=np.array(NOTE), mrn=np.full(9, NUMBER), **arrays)


def _h5(folder: Path) -> None:
    with h5py.File(folder / "a.h5", "w") as file:
        file.attrs["patient"] = PERSON
        file.attrs["comment"] = NOTE
        one = file.create_dataset("ecg", data=_RNG.normal(size=4000))
        one.attrs["sampling_rate"] = 1000.0
        one.attrs["unit"] = "mV"
        one.attrs["operator"] = PERSON
        one.attrs["source_file"] = PLACE
        about = file.create_group("subject")
        about["name"] = PERSON
        about["mrn"] = NUMBER
        about["numbers"] = np.full(50, NUMBER)
        about["note"] = NOTE
        about["visits"] = np.array([PERSON, "x"], dtype=h5py.string_dtype())


def _mat_73(folder: Path) -> None:
    from tests.samples.mat import write_v73

    variables = {"signal": _RNG.normal(size=(1, 4000)), "fs": np.array([[1000.0]])}
    write_v73(folder / "b.mat", variables)
    with h5py.File(folder / "b.mat", "r+") as file:
        text_ = file.create_dataset("patient", data=np.array([[ord(x)] for x in PERSON], "u2"))
        text_.attrs["MATLAB_class"] = np.bytes_("char")
        text_.attrs["MATLAB_int_decode"] = 2
        number = file.create_dataset("mrn", data=np.array([[float(NUMBER)]]))
        number.attrs["MATLAB_class"] = np.bytes_("double")


def _nwb(folder: Path) -> None:
    from tests.samples import nwb

    sample = next(s for s in nwb.SAMPLES if s.format == "nwb")
    path = sample.write(folder).path
    with h5py.File(path, "r+") as file:
        general = file.require_group("general")
        for name, value in (
            ("experimenter", PERSON),
            ("institution", f"Klinik {STEM}"),
            ("notes", NOTE),
            ("session_id", f"{STEM}-1"),
            ("lab", f"{STEM} lab"),
        ):
            if name in general:
                del general[name]
            general[name] = value
        subject = general.require_group("subject")
        for name, value in (("subject_id", PERSON), ("date_of_birth", STEM), ("description", NOTE)):
            if name in subject:
                del subject[name]
            subject[name] = value
        del file["session_description"]
        file["session_description"] = NOTE
        del file["identifier"]
        file["identifier"] = PERSON


def _eeglab(folder: Path) -> None:
    from scipy.io import savemat

    samples = _RNG.normal(size=(2, 200)).astype("f4")
    fields = eeglab._header(samples, data=samples, trials=1)
    fields |= {"filepath": PLACE, "filename": f"{STEM}.set", "subject": PERSON, "comments": NOTE}
    fields |= {"history": f"EEG = pop_loadset('{PLACE}');", "setname": f"{STEM} resting"}
    fields["etc"] = {"operator": PERSON}
    savemat(folder / "a.set", {"EEG": fields})


def _abf(folder: Path) -> None:
    path = abf._gap_free(folder).path
    _swapped(path, ("C:\\rig\\ramp.pro", "C:\\Qzylbra\\r.pr"), ("a comment", "a Qzylbra"))


def _acq(folder: Path) -> None:
    (folder / "a.acq").write_bytes(acq._file(acq._mixed(), journal=NOTE))


def _blackrock(folder: Path) -> None:
    path = blackrock._set_with_pause(folder).path
    for file in folder.iterdir():
        if file.suffix.startswith(".n"):
            data = file.read_bytes()
            file.write_bytes(data.replace(b"a comment", b"a Qzylbra"))
    assert STEM.encode() in path.read_bytes().lower()


def _brainvision(folder: Path) -> None:
    path = brainvision._by_hand(folder).path
    more = f"\r\n[User Infos]\r\nProp1=text,Patient,{PERSON}\r\n[Comment]\r\nPatient: {PERSON}\r\n{NOTE}\r\n"
    path.write_bytes(path.read_bytes() + more.encode())
    vmrk = f"Brain Vision Data Exchange Marker File\n; {PERSON}\n[Marker Infos]\n"
    (folder / "rec.vmrk").write_text(vmrk)


def _neuralynx(folder: Path) -> None:
    path = neuralynx._ncs(folder).path
    data = path.read_bytes()
    more = (
        f"-OriginalFileName {PLACE}\r\n-SessionUUID {STEM}\r\n-Experimenter {PERSON}\r\n".encode()
    )
    head = data[:16384].rstrip(b"\0") + more
    path.write_bytes(head.ljust(16384, b"\0") + data[16384:])


def _openephys(folder: Path) -> None:
    path = openephys._write(folder, modern=True).path
    stated = json.loads(path.read_text())
    stated["user"] = PERSON
    for stream in stated["continuous"]:
        stream["operator"] = PERSON
        stream["recording_path"] = PLACE
        stream["description"] = NOTE
    path.write_text(json.dumps(stated))
    (path.parent / "settings.xml").write_text(f"<SETTINGS><MACHINE name='{STEM}'/></SETTINGS>")


def _plexon(folder: Path) -> None:
    sample = next(s for s in plexon.SAMPLES if s.format == "plexon")
    _swapped(sample.write(folder).path, ("a comment", "a Qzylbra"))


def _igor(folder: Path) -> None:
    from igorwriter import IgorWave

    wave = IgorWave(_RNG.normal(size=50), name="wave_1")
    wave.set_dimscale("x", 0, 0.001, "s")
    wave.set_note(f"Operator: {PERSON}\r{NOTE}\rComputer: {STEM}\rFile: {PLACE}")
    (folder / "a.ibw").write_bytes(igor._bytes(wave))


def _intan(folder: Path) -> None:
    path = intan._rhd_gap(folder).path
    _swapped(path, ("Versuch µ", "V Qzylbra"), encoding="utf-16-le")


def _smr(folder: Path) -> None:
    sample = next(s for s in smr.SAMPLES if s.format == "smr")
    _swapped(sample.write(folder).path, ("recorded for a test", "recorded by Qzylbra"))


def _smrx(folder: Path) -> None:
    sample = next(s for s in smrx.SAMPLES if s.format == "smrx")
    _swapped(sample.write(folder).path, ("a comment", "a Qzylbra"))


# ------------------------------------------------------------------------------- images


def _tiff(folder: Path) -> None:
    text_tags = [(269, PLACE), (270, NOTE), (285, PERSON), (315, PERSON), (316, STEM)]
    extra = [(number, 2, 0, value, True) for number, value in text_tags]
    extra += [(33432, 2, 0, PERSON, True), (37510, 2, 0, NOTE, True)]
    extra += [(700, 1, 0, f"<x:xmpmeta>{PERSON}</x:xmpmeta>".encode(), True)]
    extra += [(65000, 2, 0, PERSON, True), (42016, 2, 0, PERSON, True)]
    with tifffile.TiffWriter(folder / "a.tif") as tif:
        tif.write(_pixels(20, 30), extratags=extra, metadata=None, software=f"by {STEM}")


def _ome_tiff(folder: Path) -> None:
    metadata = {
        "axes": "YX",
        "Name": "stain 1",
        "Description": NOTE,
        "MapAnnotation": {"Namespace": "x", "Description": NOTE, "Values": {"Patient": PERSON}},
    }
    path = folder / "a.ome.tif"
    tifffile.imwrite(path, _pixels(20, 30), metadata=metadata)
    xml = tifffile.tiffcomment(path)
    people = (
        f'<Experimenter ID="Experimenter:0" FirstName="Ann" LastName="{STEM}" Email="{EMAIL}"/>'
    )
    at = xml.index("<Image ")
    tifffile.tiffcomment(path, (xml[:at] + people + xml[at:]).encode())


def _imagej(folder: Path) -> None:
    info = f"0010,0010  Patient's Name: {PERSON}\nOperator: {PERSON}\n{NOTE}\nFile: {PLACE}"
    metadata = {"axes": "ZYX", "Info": info, "Labels": [f"{STEM} 1", f"{STEM} 2"], "unit": "um"}
    tifffile.imwrite(folder / "b.tif", _pixels(2, 20, 30), imagej=True, metadata=metadata)


def _metamorph(folder: Path) -> None:
    sample = next(s for s in all_samples() if s.format == "metamorph")
    path = sample.write(folder).path
    head, rest = path.read_text("latin-1").split("\n", 1)
    more = f'"Description", {NOTE}\n"UserName", "{PERSON}"\n"Path", "{PLACE}"\n'
    path.write_text(f"{head}\n{more}{rest}", "latin-1")


def _micromanager(folder: Path) -> None:
    sample = next(s for s in all_samples() if s.format == "micromanager")
    path = sample.write(folder).path
    stated = json.loads(path.read_text())
    more = {"UserName": PERSON, "ComputerName": STEM, "Directory": PLACE, "Comment": NOTE}
    stated["Summary"] |= more
    for key, frame in stated.items():
        if key.startswith("FrameKey"):
            frame |= more
    path.write_text(json.dumps(stated))


def _png(folder: Path) -> None:
    about = PngImagePlugin.PngInfo()
    for key in ("Author", "Description", "Comment", "Title", "Copyright", "Source"):
        about.add_text(key, f"{key}: {PERSON} {NOTE}")
    about.add_itxt("XML:com.adobe.xmp", f"<x>{PERSON}</x>", zip=True)
    picture = Image.fromarray(_pixels(20, 30))
    picture.save(folder / "a.png", pnginfo=about, exif=_exif())


def _exif() -> Image.Exif:
    exif = Image.Exif()
    for number in (0x010E, 0x0131, 0x013B, 0x013C, 0x8298, 0x010F):
        exif[number] = PERSON
    exif.get_ifd(0x8825)[0x1D] = STEM
    exif.get_ifd(0x8769)[0xA430] = PERSON
    exif.get_ifd(0x8769)[0xA431] = f"SN-{STEM}"
    return exif


def _jpeg(folder: Path) -> None:
    picture = Image.fromarray(_pixels(20, 30, 3))
    out = io.BytesIO()
    picture.save(out, "JPEG", comment=f"{PERSON}: {NOTE}", exif=_exif())
    data = out.getvalue()
    for marker, body in (
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + f"<x>{PERSON}</x>".encode()),
        (0xED, b"Photoshop 3.0\0" + PERSON.encode()),
    ):
        data = data[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + data[2:]
    (folder / "a.jpg").write_bytes(data)


def _jpeg2000(folder: Path) -> None:
    out = io.BytesIO()
    Image.fromarray(_pixels(40, 50)).save(out, "JPEG2000", irreversible=False)
    data = out.getvalue()

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), kind) + content

    at = data.index(b"jp2c") - 4
    more = box(b"xml ", f"<patient>{PERSON}</patient>".encode())
    more += box(b"uuid", bytes(range(16)) + PERSON.encode())
    (folder / "a.jp2").write_bytes(data[:at] + more + data[at:])


def _lsm(folder: Path) -> None:
    sample = next(s for s in lsm.SAMPLES if s.format == "lsm")
    path = sample.write(folder).path
    with tifffile.TiffFile(path, mode="r+b") as tif:
        assert tif.is_lsm
    path.write_bytes(path.read_bytes() + PERSON.encode())


def _czi(folder: Path) -> None:
    from pylibCZIrw import czi

    with czi.create_czi(str(folder / "a.czi")) as file:
        file.write(_pixels(20, 30, 1), plane={"C": 0})
        file.write_metadata(
            document_name=f"{STEM} 1",
            channel_names={0: "DAPI"},
            scale_x=1e-7,
            scale_y=1e-7,
            custom_attributes={"Patient": PERSON, "Operator": PERSON, "Path": PLACE, "Note": NOTE},
        )


def _lif(folder: Path) -> None:
    path = lif._several(folder).path
    data = path.read_bytes()
    old = "<Data/>".encode("utf-16-le")
    new = f"<Data><User Name='{PERSON}' File='{PLACE}'/></Data>".encode("utf-16-le")
    grown = data.replace(old, new, 1)
    size, n_letters = struct.unpack_from("<I", data, 4)[0], struct.unpack_from("<I", data, 9)[0]
    more = len(grown) - len(data)
    grown = (
        grown[:4]
        + struct.pack("<I", size + more)
        + grown[8:9]
        + struct.pack("<I", n_letters + more // 2)
        + grown[13:]
    )
    path.write_bytes(grown)


def _nd2(folder: Path) -> None:
    sample = next(s for s in nd2.SAMPLES if s.format == "nd2")
    path = sample.write(folder).path
    data = path.read_bytes()
    info = {"TextInfoItem_5": NOTE, "TextInfoItem_1": PERSON, "TextInfoItem_6": f"User: {PERSON}"}
    chunk = nd2._chunk(b"ImageTextInfoLV!", nd2._item("SLxImageTextInfo", info))
    # the map at the end names each chunk: this one is put in front of it, and named
    place = struct.unpack("<Q", data[-8:])[0]
    head = struct.unpack_from("<IIQ", data, place)
    start = place + 16 + head[1]
    listed = data[start : start + head[2]]
    entry = b"ImageTextInfoLV!" + struct.pack("<QQ", place, len(chunk))
    listed = (
        listed[: listed.index(b"ND2 CHUNK MAP SIGNATURE 0000001!")]
        + entry
        + listed[listed.index(b"ND2 CHUNK MAP SIGNATURE 0000001!") :]
    )
    tail = data[place + 16 : start]
    moved = listed[:-8] + struct.pack("<Q", place + len(chunk))
    path.write_bytes(
        data[:place] + chunk + struct.pack("<IIQ", head[0], head[1], len(moved)) + tail + moved
    )


def _slide(folder: Path) -> None:
    _swapped(slide._slide(folder).path, ("User = Jane Doe", "User = Qzylbra."))


def _dicom(folder: Path) -> None:
    data = dicom.dataset(
        np.zeros((8, 8), "uint16"),
        PatientName=PERSON,
        PatientID=STEM,
        PatientComments=NOTE,
        OperatorsName=PERSON,
        InstitutionName=STEM,
        StationName=STEM,
        SeriesDescription=NOTE,
        StudyDescription=NOTE,
        DeviceSerialNumber=f"SN{STEM}",
    )
    block = data.private_block(0x0029, "MAKER", create=True)
    block.add_new(0x01, "LO", PERSON)
    data.add_new((0x6000, 0x0022), "LO", PERSON)
    data.add_new((0x6000, 0x3000), "OW", PERSON.encode() + b" ")
    dicom.save(data, folder / "a.dcm")


def _dm(folder: Path) -> None:
    sample = next(s for s in dm.SAMPLES if s.format == "dm")
    _swapped(sample.write(folder).path, ("Jane Doe", "Qzylbra."), encoding="utf-16-le")


def _nifti(folder: Path) -> None:
    import nibabel

    image = nibabel.Nifti1Image(_RNG.normal(size=(4, 5, 6)).astype("f4"), np.eye(4))
    for key in ("descrip", "aux_file", "intent_name", "db_name"):
        image.header[key] = PERSON.encode()[: image.header[key].dtype.itemsize]
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", NOTE.encode()))
    nibabel.save(image, folder / "a.nii")


def _nrrd(folder: Path) -> None:
    head = f"NRRD0005\n# {PERSON}\ntype: uint8\ndimension: 2\nsizes: 6 5\nencoding: raw\n"
    head += f"content: {PERSON}\nPatient:={PERSON}\nnote:={NOTE}\n\n"
    (folder / "a.nrrd").write_bytes(head.encode() + _pixels(30).tobytes())


def _olympus(folder: Path) -> None:
    sample = next(s for s in olympus.SAMPLES if s.format == "olympus")
    path = sample.write(folder).path
    if path.suffix.lower() == ".oif":
        more = f'[File Info]\r\nDataName="{PLACE}"\r\nUserName="{PERSON}"\r\n'
        path.write_bytes(path.read_bytes() + more.encode("utf-16-le"))


def _ims(folder: Path) -> None:
    sample = next(s for s in ims.SAMPLES if s.format == "ims")
    path = sample.write(folder).path
    with h5py.File(path, "r+") as file:
        info = file["DataSetInfo/Image"]
        ims._attributes(info, Name=PERSON, Description=NOTE, Author=PERSON)
        ims._attributes(file["DataSetInfo"].require_group("Log"), Entry0=PLACE)


def _ome_zarr(folder: Path, version: str) -> None:
    store, _ = ome_zarr.write_store(folder, version)
    target = folder / f"v{version[-1]}.ome.zarr"
    store.rename(target)
    where = target / ("zarr.json" if version == "0.5" else ".zattrs")
    document = json.loads(where.read_text())
    attributes = document["attributes"] if version == "0.5" else document
    inner = attributes["ome"] if version == "0.5" else attributes
    attributes |= {"patient": PERSON, "description": NOTE, "origin": PLACE}
    inner["omero"] = {"channels": [{"color": "FF0000", "active": True, "label": "DAPI"}] * 2}
    for channel in inner["omero"]["channels"]:
        channel["window"] = {"min": 0, "max": 9, "start": 0, "end": 9}
    inner["omero"]["name"] = f"{STEM}.czi"
    where.write_text(json.dumps(document))
    (target / "OME").mkdir()
    (target / "OME" / "METADATA.ome.xml").write_text(
        f"<OME><Experimenter LastName='{STEM}'/></OME>"
    )
    (target / "README.txt").write_text(NOTE)


def _video(folder: Path) -> None:
    import av

    path = folder / "plain.mp4"
    frames = _RNG.integers(0, 255, (5, 32, 32), dtype=np.uint8)
    video.write(path, frames, codec="libx264", stored="yuv420p", given="gray")
    with av.open(str(path)) as old, av.open(str(folder / "a.mp4"), "w") as new:
        for key in ("title", "artist", "comment", "location", "author", "encoder"):
            new.metadata[key] = PERSON
        stream = new.add_stream_from_template(old.streams.video[0])
        stream.metadata["handler_name"] = PERSON
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    path.unlink()


# ------------------------------------------------------------------------------- shapes


def _roi(folder: Path) -> None:
    import roifile

    region = roifile.ImagejRoi.frompoints(roi._POLYGON, name=PERSON)
    region.props = f"Operator: {PERSON}\n"
    (folder / "a.roi").write_bytes(region.tobytes())


def _obj(folder: Path) -> None:
    sample = next(s for s in obj.SAMPLES if s.format == "obj")
    path = sample.write(folder).path
    path.write_text(f"# {PERSON}\nmtllib {PLACE}.mtl\n" + path.read_text())


def _exf(folder: Path) -> None:
    path = exf._version(folder, 2).path
    text_ = path.read_text()
    first, rest = text_.split("\n", 1)
    path.write_text(f"{first}\n! {PERSON}\n{rest}")


def _spikeglx(folder: Path) -> None:
    meta = neo_formats._META.replace("D:/data", f"D:/{STEM}").replace("=nothing", f"={NOTE}")
    neo_formats.spikeglx(folder, meta)


def _meshes(folder: Path, kind: str) -> None:
    path = folder / f"a.{kind}"
    if kind == "stl":
        data = meshes._STL_OF_TRIMESH
        path.write_bytes(f"of {PERSON} {PLACE}".encode().ljust(80, b"\0")[:80] + data[80:])
        text = meshes._STL_TEXT.replace("solid one", f"solid {PLACE}\\{STEM}.stl")
        (folder / "b.stl").write_text(text)
        return
    comments = f"comment Patient: {PERSON}\ncomment {PLACE}\nobj_info e-mail {EMAIL}\n"
    text = meshes._ply_text().replace("comment made by hand\n", comments)
    path.write_text(text.replace("C:\\Users\\me", PLACE))


def _swc(folder: Path) -> None:
    head = f"# Patient: {PERSON}\n# ORIGINAL_SOURCE {PLACE}\n# {EMAIL}\n"
    (folder / "a.swc").write_text(head + tracings._SWC)


def _mbf(folder: Path) -> None:
    text = tracings._MBF.replace("traced by Jane Doe", f"Patient: {PERSON}")
    text = text.replace("Doe-7", f"{STEM}-7").replace("jdoe", STEM)
    (folder / "a.xml").write_bytes(text.encode("latin-1"))


def _mrc(folder: Path) -> None:
    label = f"Operator: {PERSON}".encode()
    (folder / "a.mrc").write_bytes(volumes.mrc(_pixels(2, 3, 4).view("i1"), label=label))


def _metaimage(folder: Path) -> None:
    more = f"Comment = {NOTE}\nPatientName = {PERSON}\nName = {PLACE}\nModality = {PERSON}\n"
    values = _pixels(3, 4, 5)
    (folder / "a.mha").write_bytes(volumes.metaimage(values, "UCHAR", more=more))


def _vtk(folder: Path) -> None:
    text = of_vtk.POLY_TEXT.replace(b"vtk output", f"Patient: {PERSON} {PLACE}".encode())
    (folder / "a.vtk").write_bytes(text.replace(b"a%20b", f"{STEM}@klinik.example".encode()))


def _vtk_xml(folder: Path) -> None:
    text = of_vtk.VTI.replace(b'Name="v"', f'Name="{EMAIL}"'.encode())
    (folder / "a.vti").write_bytes(
        text.replace(b"<ImageData", f"<!-- {PERSON} --><ImageData".encode())
    )


def _gltf(folder: Path) -> None:
    def plant(about: Any) -> None:
        about["asset"] |= {
            "copyright": PERSON,
            "generator": f"{PLACE}",
            "extras": {"patient": PERSON},
        }
        about["meshes"][0]["name"] = EMAIL
        about["nodes"][0] |= {"name": PLACE, "extras": {"id": NUMBER}}
        about["images"] = [{"uri": f"{STEM}.png"}]

    (folder / "a.glb").write_bytes(gltf_meshes._glb_bytes(plant))


def _netcdf(folder: Path) -> None:
    tables.netcdf(folder / "a.nc", title=f"Patient: {PERSON}", unit=f"{EMAIL}")
    with netcdf_file(folder / "b.nc", "w") as file:
        file.patient_name, file.history = PERSON, f"made from {PLACE} by {PERSON}"
        file.createDimension("n", 20)
        for name, number in ((f"of {EMAIL}", 7), ("patient_id", NUMBER)):
            file.createVariable(name, "i", ("n",))[:] = number


def _parquet(folder: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {"patient_name": [PERSON] * 30, "dose": list(range(30)), "patient_id": [NUMBER] * 30}
    columns |= {f"sent to {EMAIL}": list(range(30)), "remark": [NOTE] * 30}
    about = {"creator": PERSON, "source": PLACE}
    parquet.write_table(pa.table(columns).replace_schema_metadata(about), folder / "a.parquet")


def _fits(folder: Path) -> None:
    cards = old_pictures._cards(8, 11, 5, OBSERVER=f"'{PERSON}'", EXTNAME=f"'{EMAIL}'")
    (folder / "a.fits").write_bytes(old_pictures._unit(cards, _pixels(5, 11).tobytes()))


_OF_VOLUMES = [
    Canary("fits", "observer, name", _fits),
    Canary("netcdf", "attributes, names, numbers", _netcdf),
    Canary("arrow", "columns, names, metadata", _parquet),
    Canary("gltf", "names, copyright, extras, texture", _gltf),
    Canary("vtk", "title, name of an array", _vtk),
    Canary("vtk-xml", "comment, name of an array", _vtk_xml),
    Canary("mrc", "label", _mrc),
    Canary("metaimage", "comment, name, modality", _metaimage),
]


def _fif(folder: Path) -> None:
    mne_formats.fif(folder, mne_formats.subject("Ann", STEM, str(NUMBER)))


#: Through MNE and NEO, and beside them.
_OF_MNE = [
    Canary("elan", "note", lambda folder: neo_formats.elan(folder, PERSON)),
    Canary("spikegadgets", "prefix", lambda folder: neo_formats.spikegadgets(folder, note=STEM)),
    Canary("snirf", "subject", lambda folder: snirf.snirf(folder, subject=STEM, stimulus=PERSON)),
    Canary("fif", "name and number of the subject", _fif),
    Canary("gdf", "patient", lambda folder: mne_formats.gdf(folder, f"{NUMBER} {STEM}")),
    Canary("persyst", "patient, comment", lambda folder: mne_formats.persyst(folder, STEM, PERSON)),
    Canary("neuroscan", "name", lambda folder: mne_formats.neuroscan(folder, name=STEM)),
    Canary(
        "nihon",
        "patient, event",
        lambda folder: mne_formats.nihon(folder, note=PERSON, patient=STEM),
    ),
    Canary("egi-mff", "subject", lambda folder: mne_formats.mff(folder, subject_name=STEM)),
    Canary("nicolet", "number of the patient", lambda folder: mne_formats.nicolet(folder, NUMBER)),
]

CANARIES = [
    *_OF_MNE,
    *_OF_VOLUMES,
    Canary("stl", "header, solid", lambda folder: _meshes(folder, "stl")),
    Canary("ply", "comments, texture", lambda folder: _meshes(folder, "ply")),
    Canary("swc", "comments", _swc),
    Canary("mbf", "description, subject, path", _mbf),
    Canary("spikeglx", "path, notes", _spikeglx),
    Canary("micromed", "name, note", lambda folder: neo_formats.micromed(folder, STEM, PERSON)),
    Canary("neuroexplorer", "comment", lambda folder: neo_formats.neuroexplorer(folder, NOTE)),
    Canary("wfdb", "comment", lambda folder: interchange.wfdb_record(folder, NOTE)),
    Canary("tdms", "author", lambda folder: interchange.tdms(folder, PERSON)),
    Canary("xdf", "name of the computer", lambda folder: interchange.xdf(folder, f"{STEM}-pc")),
    Canary("fcs", "operator", lambda folder: interchange.fcs(folder, PERSON)),
    Canary("mcsraw", "path", lambda folder: neo_formats.mcsraw(folder, PLACE)),
    Canary("edf", "patient and recording fields", lambda folder: _edf(folder, bdf=False)),
    Canary("edf", "patient and recording fields of BDF", lambda folder: _edf(folder, bdf=True)),
    Canary("wav", "INFO, bext, iXML, ID3", _wav),
    Canary("text", "comment lines, columns of names and record numbers", _csv),
    Canary("text", "ATF header", _atf),
    Canary("text", "OpenSignals device", _opensignals),
    Canary("mat", "struct fields, cells, record numbers", _mat),
    Canary("mat", "variables of v7.3", _mat_73),
    Canary("json", "objects of a patient, texts", _json),
    Canary("spreadsheet", "lines above a table, columns, a table of people, comments", _xlsx),
    Canary("numpy", "named arrays", _npz),
    Canary("hdf5", "attributes, datasets of a subject", _h5),
    Canary("nwb", "general, subject, descriptions, identifier", _nwb),
    Canary("eeglab", "path, history, comments, subject", _eeglab),
    Canary("abf", "protocol path, comment", _abf),
    Canary("acq", "journal", _acq),
    Canary("blackrock", "comments", _blackrock),
    Canary("brainvision", "comment, user infos", _brainvision),
    Canary("neuralynx", "original file name, experimenter", _neuralynx),
    Canary("openephys", "user, paths, settings", _openephys),
    Canary("plexon", "comment", _plexon),
    Canary("igor", "wave note", _igor),
    Canary("intan", "notes", _intan),
    Canary("smr", "file comment", _smr),
    Canary("smrx", "file comment", _smrx),
    Canary("tiff", "text tags, XMP, private tags", _tiff),
    Canary("tiff", "OME-XML: experimenter, annotations", _ome_tiff),
    Canary("tiff", "ImageJ info and labels", _imagej),
    Canary("metamorph", "description, user, path", _metamorph),
    Canary("micromanager", "user, computer, directory, comment", _micromanager),
    Canary("raster", "PNG texts, XMP, EXIF with GPS", _png),
    Canary("raster", "JPEG comment, EXIF, XMP, IPTC", _jpeg),
    Canary("jpeg2000", "xml and uuid boxes", _jpeg2000),
    Canary("lsm", "bytes behind the pages", _lsm),
    Canary("czi", "document, custom attributes", _czi),
    Canary("lif", "user and path in the XML", _lif),
    Canary("nd2", "text info", _nd2),
    Canary("slide", "Aperio user", _slide),
    Canary("dicom", "patient, operator, private elements, overlay", _dicom),
    Canary("dm", "operator", _dm),
    Canary("nifti", "description, extension", _nifti),
    Canary("nrrd", "comments, content, key:=value", _nrrd),
    Canary("olympus", "file info", _olympus),
    Canary("ims", "name, author, log", _ims),
    Canary("ome-zarr", "attributes, omero, OME-XML of 0.4", lambda f: _ome_zarr(f, "0.4")),
    Canary("ome-zarr", "attributes, omero, OME-XML of 0.5", lambda f: _ome_zarr(f, "0.5")),
    Canary("video", "titles, location", _video),
    Canary("roi", "name, properties", _roi),
    Canary("obj", "comment, material library", _obj),
    Canary("exf", "comment", _exf),
]
