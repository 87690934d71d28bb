"""Messages say which file and what is wrong, never what stands in it or where it lay."""

import pytest

from sparc_fuse_core.privacy.texts import frames_of, public_message, redacted, told_by


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "a.edf: could not convert string to float: 'Doe^Jane'",
            "a.edf: could not convert string to float: (left out)",
        ),
        (
            "invalid literal for int() with base 10: b'4711-0815'",
            "invalid literal for int() with base 10: (left out)",
        ),
        (
            "[Errno 13] Permission denied: '/home/jane/d/a.abf'",
            "[Errno 13] Permission denied: 'a.abf'",
        ),
        (r"cannot open C:\Users\jane\a.abf", "cannot open a.abf"),
        ("a.nwb: /acquisition/ts/data has no rate", "a.nwb: /acquisition/ts/data has no rate"),
        ("s3://bucket/home/x.abf is gone", "s3://bucket/home/x.abf is gone"),
        ("a.csv: ask jane@uni.example", "a.csv: ask (left out)"),
        ("a.csv: 3 of 4 m/s at 10:20:30", "a.csv: 3 of 4 m/s at 10:20:30"),
    ],
)
def test_public_messages(message, expected):
    assert public_message(message) == expected


def test_units_and_names_of_channels_are_no_paths():
    for name in (
        "EEG Fp1-Ref",
        "m/s",
        "1/f",
        "mV/div",
        "C:Fz",
        "a@b",
        "EMG L/R",
        "in 0:1",
        "~noise",
    ):
        assert redacted(name) == name


def test_errors_that_nobody_foresaw_quote_nothing():
    with pytest.raises(KeyError) as caught:
        {}["Doe^Jane"]
    assert "Doe" not in told_by(caught.value)
    assert "test_texts.py" in frames_of(caught.value)
