"""Which files a header names: data of NRRD and MetaImage, pictures of a Hamamatsu slide, planes of MetaMorph.

A set is planned from its names, so the header's first bytes are looked at before anything is fetched. Names
that leave the folder are not followed.

Sources: "Definition of NRRD file format" (data file); the ``.vms`` notes of OpenSlide; MetaMorph's ``.nd`` as
Bio-Formats' documentation describes it.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote

#: Longest header that is looked at, and most names that are taken from it.
HEADER_BYTES = 1_000_000
MAX_NAMES = 100_000
HEADERS = (".nhdr", ".nrrd", ".vms", ".vmu", ".nd", ".hea", ".mhd", ".gltf")
_NUMBERED = re.compile(r"(.*)%(0?)(\d{0,2})d(.*)", re.DOTALL)
_PICTURE_SUFFIXES = (".tif", ".stk")
_URI = re.compile(r'"uri"\s*:\s*"((?!data:)[^"\\]{1,500})"')
_TEXTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".ktx2", ".gif", ".bmp", ".tga")


def names_in_header(path: str, head: bytes) -> tuple[str, ...]:
    """Return the names, without folders, of the files that the header ``path`` says belong to it.

    A damaged header names none here; what is wrong with it is said when it is read.
    """
    try:
        return _names(path, head)
    except (ValueError, OverflowError, LookupError):
        return ()


def _names(path: str, head: bytes) -> tuple[str, ...]:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in (".nhdr", ".nrrd"):
        return nrrd_names(head)
    text = head.decode("utf-8", "replace").replace("\0", "")
    if suffix in (".vms", ".vmu"):
        return _hamamatsu_names(text)
    if suffix == ".hea":
        return wfdb_names(text)
    if suffix == ".mhd":
        return metaimage_names(head)
    if suffix == ".gltf":
        return gltf_names(text)
    return metamorph_names(PurePosixPath(path).stem, text) if suffix == ".nd" else ()


def nrrd_names(head: bytes) -> tuple[str, ...]:
    """Return the data files of an NRRD header: one, a list, or a numbered sequence; none if attached."""
    lines = head.decode("utf-8", "replace").splitlines()
    if not lines or not lines[0].startswith("NRRD"):
        return ()
    for i, line in enumerate(lines):
        if not line:
            return ()
        key, separator, value = line.partition(":")
        if not separator or key.strip().lower() not in ("data file", "datafile"):
            continue
        value = value.strip()
        if value.split()[:1] == ["LIST"]:
            return _inside(name.strip() for name in lines[i + 1 :] if name.strip())
        return _inside(numbered_names(value) or [value])
    return ()


def numbered_names(value: str) -> list[str]:
    """Return the names that ``pattern first last step`` stands for; none if it is no such text."""
    pattern, *numbers = value.split()
    match = _NUMBERED.fullmatch(pattern)
    if match is None or len(numbers) not in (3, 4):
        return []
    try:
        first, last, step = (int(number) for number in numbers[:3])
    except ValueError:
        return []
    stop = last + (1 if step > 0 else -1)
    if not step or not 0 < len(range(first, stop, step)) <= MAX_NAMES:
        return []
    before, zeros, width, after = match.groups()
    return [f"{before}{number:{zeros}{width}d}{after}" for number in range(first, stop, step)]


def metaimage_names(head: bytes) -> tuple[str, ...]:
    """Return the data files of a MetaImage header: one, a list, or a numbered sequence; none if attached."""
    lines = head.decode("utf-8", "replace").splitlines()
    for i, line in enumerate(lines):
        key, separator, value = line.partition("=")
        if not separator:
            return ()
        if key.strip() != "ElementDataFile":
            continue
        value = value.strip()
        if value.lower() == "local":
            return ()
        if value.split()[:1] == ["LIST"]:
            return _inside(name.strip() for name in lines[i + 1 :] if name.strip())
        return _inside(numbered_names(value) or [value])
    return ()


def gltf_names(text: str) -> tuple[str, ...]:
    """Return the buffers that the beginning of a glTF document names; pictures of textures are none."""
    found = dict.fromkeys(inside_name(uri) for uri in _URI.findall(text))
    return _inside(name for name in found if name and not name.lower().endswith(_TEXTURE_SUFFIXES))


def inside_name(uri: str) -> str:
    """Return the name of a file of the same folder that a URI stands for, ``""`` if it is another place."""
    name = unquote(uri).removeprefix("./")
    if not name or name in (".", "..") or any(c in name for c in "/\\:?#\0") or "//" in uri:
        return ""
    return name


def _hamamatsu_names(text: str) -> tuple[str, ...]:
    """Return the values of an ini file that are names: ``ImageFile(1,0)=x.jpg``, ``MapFile=…``."""
    pairs = (line.partition("=") for line in text.splitlines())
    return _inside(
        value.strip() for key, _, value in pairs if "file" in key.lower() or "image" in key.lower()
    )


def metamorph_names(stem: str, text: str) -> tuple[str, ...]:
    """Return the planes that a MetaMorph ``.nd`` announces: a file for each wavelength, stage and time."""
    planes = metamorph_planes(stem, text)
    return _inside(f"{name}{suffix}" for name, *_ in planes for suffix in _PICTURE_SUFFIXES)


def metamorph_planes(stem: str, text: str) -> list[tuple[str, int, int, int]]:
    """Return name without suffix, wavelength, stage and time (from 0) of each file of a ``.nd``."""
    stated = metamorph_facts(text)
    waves = _count(stated, "DoWave", "NWavelengths")
    stages = _count(stated, "DoStage", "NStagePositions")
    times = _count(stated, "DoTimelapse", "NTimePoints")
    if waves * stages * times > MAX_NAMES:
        return []
    in_names = stated.get("WaveInFileName", "TRUE").upper() != "FALSE"
    planes = []
    for stage in range(stages):
        for wave in range(waves):
            for time in range(times):
                name = stem
                if "NWavelengths" in stated and stated.get("DoWave", "").upper() != "FALSE":
                    label = stated.get(f"WaveName{wave + 1}", "") if in_names else ""
                    name += f"_w{wave + 1}{re.sub(r'[/:*?<>|]', '_', label)}"
                if stated.get("DoStage", "").upper() == "TRUE":
                    name += f"_s{stage + 1}"
                if stated.get("DoTimelapse", "").upper() == "TRUE":
                    name += f"_t{time + 1}"
                planes.append((name, wave, stage, time))
    return planes


def metamorph_facts(text: str) -> dict[str, str]:
    """Return the fields of a ``.nd``: ``"Name", value`` on each line."""
    found = {}
    for line in text.splitlines():
        key, separator, value = line.partition(",")
        if separator:
            found[key.strip().strip('"')] = value.strip().strip('"')
    return found


def _count(stated: dict[str, str], switch: str, key: str) -> int:
    if stated.get(switch, "TRUE").upper() == "FALSE":
        return 1
    text = stated.get(key, "1")
    return max(1, int(text)) if text.isdigit() else 1


def wfdb_names(text: str) -> tuple[str, ...]:
    """Return the files of samples that a WFDB header names: the first field of the line of each signal."""
    lines = [
        line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")
    ]
    if not lines or len(lines[0]) < 2 or not lines[0][1].isdigit() or "/" in lines[0][0]:
        return ()
    return _inside(dict.fromkeys(line[0] for line in lines[1 : int(lines[0][1]) + 1]))


def _inside(names: object) -> tuple[str, ...]:
    """Return the names that lie in the header's own folder."""
    found = []
    for name in names:  # type: ignore[attr-defined]
        last = PurePosixPath(str(name).replace("\\", "/"))
        if len(last.parts) == 1 and last.name not in ("", ".", ".."):
            found.append(last.name)
        if len(found) >= MAX_NAMES:
            break
    return tuple(found)
