"""Every file of a dataset is in one state: it leads an item, is part of one, or is left out with a reason."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sparc_fuse_core.plan.planner import plan_dataset
from sparc_fuse_core.schemes.schemes import Schemes
from sparc_fuse_core.settings import Settings
from sparc_fuse_core.sources.local import LocalSource

STEMS = ("a", "b", "a_001", "run")
ENDS = (
    *(".edf", ".vhdr", ".vmrk", ".eeg", ".dat", ".hea", ".atr", ".set", ".fdt", ".nhdr", ".raw.gz"),
    *(
        ".hdr",
        ".img",
        ".tsq",
        ".tev",
        ".Tbk",
        ".sev",
        ".rhd",
        ".ns5",
        ".nev",
        ".ncs",
        ".oif",
        ".csv",
    ),
    *(
        ".json",
        ".txt",
        ".mat",
        ".adidat",
        ".adicht",
        ".pl2",
        ".plx",
        ".pul",
        ".pgf",
        ".zip",
        ".docx",
    ),
    *(
        ".py",
        ".tif",
        ".ome.tif",
        ".dcm",
        ".czi",
        ".svs",
        ".mp4",
        ".obj",
        ".mtl",
        ".xyz",
        "",
        ".pos",
    ),
)
NAMES = st.builds(lambda stem, end: stem + end, st.sampled_from(STEMS), st.sampled_from(ENDS))
FOLDERS = st.sampled_from(["primary", "primary/sub-1", "derivative", "docs", "code", ""])


@settings(max_examples=60)
@given(st.dictionaries(st.tuples(FOLDERS, NAMES), st.binary(max_size=40), min_size=1, max_size=14))
def test_each_file_is_in_one_state(files: dict[tuple[str, str], bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "set"
        for (folder, name), data in files.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            (root / folder / name).write_bytes(data)
        source = LocalSource(root)
        plan = plan_dataset(source, Schemes(), Settings(), here=True)
        discovered = {file.path for file in source.list_files()}
    states = Counter([*(item.path for item in plan.items), *(entry.path for entry in plan.skipped)])
    parts = {file.path for item in plan.items for file in item.files[1:]}
    assert set(states.values()) <= {1}
    assert not parts & {entry.path for entry in plan.skipped}
    assert discovered == set(states) | parts
