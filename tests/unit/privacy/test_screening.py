"""What a reader yields goes through one door: identity never passes, facts always do."""

import json

import numpy as np
import pytest

from sparc_fuse_core.formats.registry import FORMATS
from sparc_fuse_core.model import (
    ArrayGroup,
    Contents,
    Event,
    EventTable,
    Evidence,
    Image,
    Recording,
    StoredArray,
    Table,
)
from sparc_fuse_core.privacy.facts import LISTED
from sparc_fuse_core.privacy.screening import screen
from sparc_fuse_core.privacy.texts import beginning
from sparc_fuse_core.privacy.words import is_personal

_RECORDING = Recording(
    "signals", np.zeros((2, 4), "i2"), ("ECG", "EEG Fp1-Ref"), ("mV", "uV"), 100.0, gain=None
)


def _screened(format_name, metadata, *, free_text=False, **more):
    contents = Contents((_RECORDING,), metadata=metadata, **more)
    return screen(contents, format_name, free_text=free_text)


def test_every_format_that_is_read_is_listed():
    # a format judged by names only is for files whose names users gave
    assert {row.name for row in FORMATS if row.reader} <= set(LISTED)


def test_edf_patient_and_recording_are_left_out_and_counted():
    patient = "MCH-0234567 F 02-MAY-1951 Haagse_Harry"
    stated = {
        "patient": patient,
        "recording": "Startdate 02-MAR-2002 EMG561 BK/JOP Sony.",
        "sex": "F",
        "start_time": "2002-03-02T14:27:00",
        "prefilter": ["HP:0.1Hz LP:75Hz", "HP:0.1Hz for Haagse_Harry"],
    }
    done = _screened("edf", stated, free_text=True)
    assert done.contents.metadata == {
        "sex": "F",
        "start_time": "2002-03-02T14:27:00",
        "prefilter": ["HP:0.1Hz LP:75Hz", ""],
    }
    assert done.counts == {"identity": 3}
    assert patient in [one.value for one in done.aside]


@pytest.mark.parametrize(
    "name",
    [
        *("patient", "patientName", "Patient_Name", "subject_id", "SubjectName", "animal id"),
        *("operator", "Experimenter", "physician", "user", "user_name", "hostname", "Computer"),
        *("date_of_birth", "DOB", "birthDate", "mrn", "medical record number", "e-mail", "email"),
        *("address", "phone", "serial_number", "camera serial number", "file_path", "gps_latitude"),
        *("institution", "hospital", "owner", "author", "technician", "medical record"),
        *("recorded by", "ScanOperator", "camera owner", "Analyzed_By", "channel author"),
    ],
)
@pytest.mark.parametrize("format_name", ["mat", "hdf5", "nwb", "text", "eeglab"])
def test_names_that_users_gave_tell_identity(format_name, name):
    done = _screened(format_name, {"info": {name: "Canary", "species": "mouse"}}, free_text=True)
    assert "anary" not in json.dumps(done.contents.metadata)
    assert done.contents.metadata == {"info": {"species": "mouse"}}
    assert done.counts == {"identity": 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sampling_rate", 1000),
        ("SampleRate", "2 kHz"),
        ("patient_sex", "F"),
        ("subject_weight", 0.25),
        ("genotype", "Chat-Cre"),
        ("electrode_impedance", [1e5, 2e5]),
        ("lowpass", 300.0),
        ("objective", "20x/0.8"),
        ("stain", "H&E"),
        ("n_trials", 12),
        ("unnamed", 3.5),
        ("channel_names", ["Fp1", "Cz"]),
    ],
)
@pytest.mark.parametrize("format_name", ["mat", "hdf5", "nwb"])
def test_facts_that_users_named_are_kept(format_name, name, value):
    done = _screened(format_name, {name: value})
    assert done.contents.metadata == {name: value}
    assert not done.aside


def test_a_sentence_where_a_name_belongs_takes_no_words_away():
    stated = {
        "patient": "A 3Hz sinewave and a block signal, both of Doe",
        "prefilter": "HP of both",
    }
    sentence = "Both signals, of one rate; seen by Doe."
    done = _screened("edf", stated, evidence=(Evidence("time", "file", sentence),))
    assert done.contents.metadata == {"prefilter": "HP of both"}
    assert done.contents.evidence[0].sentence == "Both signals, of one rate; seen by (left out)."


def test_documents_and_names_of_devices_never_pass():
    xml = '<OME><Image ID="Image:0" Name="a"><Experimenter Name="Doe"/></Image></OME>'
    done = _screened(
        "tiff", {"description": xml, "imagej": {"Info": f"gain: 2\n{xml}"}}, free_text=False
    )
    assert done.contents.metadata == {"imagej": {"Info": "gain: 2"}}
    assert "Doe" not in str(_screened("tiff", {"description": xml}, free_text=True).contents)
    done = _screened("text", {"devices": {"watch of Jane": {"sampling rate": 100}}})
    assert done.contents.metadata == {"devices": {"(name 1 left out)": {"sampling rate": 100}}}


def test_free_text_needs_a_species_that_is_not_human():
    stated = {"comment": "the animal of Dr Jones\nsite: left vagus\nOperator: Jones"}
    assert _screened("abf", stated).counts == {"free text": 1}
    kept = _screened("abf", stated, free_text=True)
    # the line that names somebody goes, and with it the line that repeats the name
    assert kept.contents.metadata == {"comment": "site: left vagus"}
    assert kept.counts == {"identity": 1}


def test_what_no_list_names_is_left_out():
    done = _screened("abf", {"added_by_a_reader": "whatever", "xml": "<all/>"}, free_text=True)
    assert not done.contents.metadata
    assert done.counts == {"unlisted": 2}


def test_numbers_that_could_be_somebodys_are_left_out():
    done = _screened("mat", {"variables": {"q": 19510502, "w": "0234567", "k": 12}})
    assert done.contents.metadata == {"variables": {"k": 12}}
    assert done.counts == {"unlisted": 2}


@pytest.mark.parametrize(
    "text",
    [
        r"C:\Users\jane\data\x.abf",
        r"\\LAB-PC\share\x",
        "/home/jane/x.dat",
        "/Users/jane/x",
        "jane.doe@uni.example",
        "00:07:80:3B:46:61",
        "file:///mnt/x",
    ],
)
def test_paths_and_addresses_never_pass(text):
    label = f"start {text}"
    done = _screened(
        "mat",
        {"type": text, text: {"gain": 2}},
        free_text=True,
        events=EventTable.from_events([Event(0.5, label="spike"), Event(1.0, label=label)]),
        evidence=(Evidence("content", "missing", f"nothing at {text} there"),),
    )
    shown = json.dumps([done.contents.metadata, done.contents.events.label], default=list)
    shown += done.contents.evidence[0].sentence
    assert "jane" not in shown
    assert "LAB-PC" not in shown
    assert text not in shown
    assert done.contents.events.label[0] == "spike"
    assert [part["gain"] for part in done.contents.metadata.values()] == [2]


def test_names_of_images_stay_apart_when_what_tells_is_cut():
    images = [
        Image(name, np.zeros((2, 2), "u1"), "yx")
        for name in ("/home/a/x.tif", "/home/b/x.tif", "scene 1")
    ]
    done = screen(Contents(images=tuple(images)), "tiff", free_text=False)
    names = [one.name for one in done.contents.images]
    assert len(set(names)) == 3
    assert names[2] == "scene 1"


def test_channels_of_several_people_stay_apart():
    names = ("Doe^Jane_ecg", "Roe^Rick_ecg", "Doe^Jane_resp")
    one = Recording("s", np.zeros((3, 4)), names, ("",) * 3, 10.0)
    stated = {"subject": ["Doe^Jane", "Roe^Rick"]}
    (kept,) = screen(Contents((one,), metadata=stated), "text", free_text=True).contents.recordings
    assert len(set(kept.channel_names)) == 3
    assert [name.rpartition("_")[2] for name in kept.channel_names] == ["ecg", "ecg", "resp"]
    assert "doe" not in str(kept.channel_names).lower()
    assert kept.channel_names[0].rpartition("_")[0] == kept.channel_names[2].rpartition("_")[0]


def test_channels_of_record_numbers_are_left_out():
    values = np.arange(12, dtype="i4").reshape(4, 3)
    one = Recording(
        "table", values, ("ecg", "patient_id", "Patient Event", "resp"), ("mV", "", "", "l"), 10.0
    )
    done = screen(Contents((one,)), "text", free_text=True)
    (kept,) = done.contents.recordings
    assert kept.channel_names == ("ecg", "Patient Event", "resp")
    assert kept.channel_units == ("mV", "", "l")
    np.testing.assert_array_equal(kept.signals[:, :], values[[0, 2, 3]])
    np.testing.assert_array_equal(kept.signals[1:3, 1:2], values[[2, 3], 1:2])
    assert done.counts == {"identity": 1}


@pytest.mark.parametrize("free_text", [True, False])
def test_trees_and_tables_that_are_no_signals(free_text):
    def array(name, values, **attributes):
        return StoredArray(name, np.asarray(values), attributes=attributes)

    tree = ArrayGroup(
        groups=(
            ArrayGroup(
                "patient",
                (array("name", ["Doe^Jane"]), array("weight", 61.5), array("code", 4711)),
            ),
            ArrayGroup("run", (array("remark", ["Jane coughed"]), array("gain", [1, 2], unit="V"))),
        )
    )
    table = Table(
        "sheet",
        (
            array("Trial", [1, 2]),
            array("Date of birth", ["1951-05-02", "1951-05-02"]),
            array("MRN", [4711, 4711]),
            array("Condition", ["rest", "see Doe^Jane"]),
            array("Remark", ["fine", "/home/jane/x"]),
        ),
    )
    done = screen(Contents(arrays=tree, tables=(table,)), "mat", free_text=free_text)
    patient, run = done.contents.arrays.groups
    assert [one.name for one in patient.arrays] == ["weight"]
    assert [one.name for one in run.arrays] == ["gain"]
    assert run.arrays[0].attributes == {"unit": "V"}
    columns = {one.name: one.values.tolist() for one in done.contents.tables[0].columns}
    expected = {"Trial": [1, 2], "Condition": ["rest", ""]}
    if free_text:
        expected["Remark"] = ["fine", ""]
    assert columns == expected
    assert sum(done.counts.values()) == 7


@pytest.mark.parametrize(
    ("name", "expected"),
    [("EMGps - EMG100C", False), ("GPS", True), ("patientGPS", True), ("gps_lat", True)],
)
def test_three_letters_are_a_word_only_where_they_stand_alone(name: str, expected: bool) -> None:
    assert is_personal(name) is expected


def test_events_do_not_repeat_what_the_file_calls_an_identity():
    events = EventTable.from_events(
        [Event(1.0, label="stim on"), Event(2.0, label="Kowalczyk moved")]
    )
    done = _screened("edf", {"patient": "X F 02-MAY-1951 Kowalczyk"}, events=events)
    assert next(iter(done.contents.events.label)) == "stim on"
    assert "Kowalczyk" not in " ".join(done.contents.events.label)


@pytest.mark.parametrize("name", ["stimulus_notes", "electrode description", "trial.comments"])
def test_free_text_is_free_text_whatever_it_is_about(name):
    assert name not in _screened("hdf5", {name: "seen by Kowalczyk"}).contents.metadata
    kept = _screened("hdf5", {"electrode_label": "Cz"}).contents.metadata
    assert kept == {"electrode_label": "Cz"}


def test_a_message_does_not_quote_the_text_a_file_begins_with():
    assert beginning(b"Jane Doe") == "text"
    assert beginning(b"J\0a\0n\0e\0") == "text"
    assert beginning(b"\x89\x00\r\n") == repr(b"\x89\x00\r\n")


def test_columns_of_short_numbers_written_as_text_stay_and_withheld_ones_are_named():
    table = Table(
        "",
        (
            StoredArray("saturation", np.array(["90%", "<0.5", "n/a"])),
            StoredArray("delta", np.array(["\u22121.5", "1'000", "2"])),
            StoredArray("observed", np.array(["slept badly", "ate well", "came with a brother"])),
            StoredArray("patient_id", np.array(["12345", "23456", "34567"])),
        ),
        {},
    )
    done = screen(Contents(tables=(table,)), "text", free_text=False)
    (kept,) = done.contents.tables
    columns = {one.name: one.values.tolist() for one in kept.columns}
    assert columns == {"saturation": ["90%", "<0.5", "n/a"], "delta": ["\u22121.5", "1'000", "2"]}
    sentences = [one.sentence for one in done.contents.evidence]
    assert any("'observed'" in one for one in sentences)
    assert not any("patient_id" in one for one in sentences)
