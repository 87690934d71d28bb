"""What the command outputs of an ABF 2 file played: tables of epochs, files, lists of the user.

Offsets as in the sections ``DAC``, ``EpochPerDAC`` and ``UserList`` of the published layout.
"""

from __future__ import annotations

import struct
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any

from sparc_fuse_core.model import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable

#: What a command output played: the table of epochs, or the samples of a file.
_FROM_EPOCHS, _FROM_FILE = 1, 2


def stimulus_facts(
    rows: Callable[[str, int], list[bytes]], text: Callable[[int], str], evidence: list[Evidence]
) -> dict[str, Any]:
    """Return what was played, and apart from it what the file lists and did not play.

    Parameters
    ----------
    rows
        Returns the entries of a section, at least so many bytes each.
    text
        Returns a string by its number.
    evidence
        Is told where a stimulus lies in another file.
    """
    outputs: dict[int, tuple[str, str, int]] = {}
    files: list[dict[str, Any]] = []
    for row in rows("dac", 122):
        number, name, unit, enabled, source, path = struct.unpack_from("<h22xii8xhh74xi", row)
        played = source if enabled else 0
        label = text(name) or str(number)
        outputs[number] = label, text(unit), played
        if played == _FROM_FILE:
            file_name = PureWindowsPath(text(path)).name
            files.append({"output": label, "file": file_name})
            sentence = (
                f"output {label} played a waveform from {file_name or 'a file'}, which the recording does "
                "not hold; its table of epochs was not played"
            )
            evidence.append(Evidence("content", "file", sentence))
    epochs: list[dict[str, Any]] = []
    not_played: list[dict[str, Any]] = []
    for row in rows("epochs", 30):
        number, output, kind, level, step, length, longer = struct.unpack_from("<3hffii", row)
        period, width = struct.unpack_from("<ii", row, 22)
        label, unit_text, played = outputs.get(output, (str(output), "", _FROM_EPOCHS))
        (epochs if played == _FROM_EPOCHS else not_played).append(
            {
                "epoch": number,
                "output": label,
                "unit": unit_text,
                "type": kind,
                "level": level,
                "level_increment": step,
                "duration_samples": length,
                "duration_increment_samples": longer,
                "pulse_period_samples": period,
                "pulse_width_samples": width,
            }
        )
    lists = [
        # an entry is there where the list is enabled
        {"parameter": parameter, "values": text(values)}
        for parameter, values in (
            struct.unpack_from("<4xh2xi", row) for row in rows("user_list", 12)
        )
        if parameter > 0
    ]
    return {
        "epochs": epochs,
        "epochs_not_played": not_played,
        "stimulus_files": files,
        "user_lists": lists,
    }
