"""What NEO states of each format, and what of it does not come from the file.

A row names NEO's class, whether that takes a file or a folder, and which of its statements are its own words:
names such as ``ch0``, units it assumes, starts of segments that it sets to 0. Those are left out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """How one format comes out of NEO.

    Attributes
    ----------
    rawio
        Name of the class in ``neo.rawio``.
    takes_folder
        It reads a folder; it is given one that holds the item's files only.
    made_up_names
        Pattern of channel names that NEO makes from numbers; ``""``: all are the file's.
    digital
        Pattern of names of channels that hold words of bits: they have no unit and no scale.
    has_clock
        Starts of segments are the file's; else segments are sweeps, or stand alone.
    has_events
        Events and spikes are taken.
    """

    rawio: str
    takes_folder: bool = False
    made_up_names: str = ""
    digital: str = ""
    has_clock: bool = True
    has_events: bool = True


#: By the row of the formats table: read with NEO first.
KINDS = {
    "spikeglx": Kind("SpikeGLXRawIO", takes_folder=True, digital=r"(SY|XD)\d*", has_events=False),
    "openephys-files": Kind("OpenEphysRawIO", takes_folder=True),
    "neuroscope": Kind("NeuroScopeRawIO", made_up_names=r"ch\d+grp(\d+|none)"),
    "neuronexus": Kind("NeuroNexusRawIO"),
    "neuroexplorer": Kind("NeuroExplorerRawIO"),
    "mcsraw": Kind("RawMCSRawIO"),
    "winwcp": Kind("WinWcpRawIO", has_clock=False),
    "winedr": Kind("WinEdrRawIO"),
    "micromed": Kind("MicromedRawIO"),
    "axograph": Kind("AxographRawIO"),
    "nix": Kind("NIXRawIO"),
    "elan": Kind("ElanRawIO"),
    "spikegadgets": Kind("SpikeGadgetsRawIO", has_events=False),
}

#: Rows that this project reads itself, for ``--reader neo``. Not EDF (NEO's scale is too small by one part in
#: 65536, and it cuts BDF to 16 bits), Intan (auxiliary inputs of .dat files at a quarter of their rate, the DC
#: amplifier of .rhs with the wrong sign) and Plexon (starts left out, and units).
SECOND = {
    "abf": Kind("AxonRawIO", has_clock=False),
    "blackrock": Kind("BlackrockRawIO", made_up_names=r"ch\d+"),
    "brainvision": Kind("BrainVisionRawIO"),
    "neuralynx": Kind("NeuralynxRawIO"),
    "openephys": Kind("OpenEphysBinaryRawIO"),
    "smr": Kind("Spike2RawIO", made_up_names=r"Channel \d+"),
    "tdt": Kind("TdtRawIO", takes_folder=True),
}
