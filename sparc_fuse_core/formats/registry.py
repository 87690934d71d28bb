"""The one list of file formats: what is read, by which library, what is kept, how it was verified.

A row names its reader module; the module and its heavy library are imported on first use only, so that
planning a dataset loads neither numpy nor zarr. All that is particular to a format stands in its row: names,
first bytes (`signatures` compares them), companions (`companions` has the rules), library, what is kept.
"""

from __future__ import annotations

import importlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sparc_fuse_core.errors import MissingDependencyError, UnsupportedFormatError
from sparc_fuse_core.formats import companions
from sparc_fuse_core.formats.extras import install_hint
from sparc_fuse_core.formats.format import Format, Signature

if TYPE_CHECKING:
    from sparc_fuse_core.readers import Reader


def _signal(name: str, title: str, extensions: str, reader: str | None, **facts: object) -> Format:
    return Format(name, title, tuple(extensions.split()), "signal", reader, **facts)  # type: ignore[arg-type]


def _neo(name: str, title: str, extensions: str, **facts: object) -> Format:
    shared = {"library": "neo", "licence": "BSD-3-Clause", "extra": "neo", "verified": "synthetic"}
    return _signal(name, title, extensions, "neo", **{**shared, **facts})


def _mne(name: str, title: str, extensions: str, **facts: object) -> Format:
    shared = {"library": "mne", "licence": "BSD-3-Clause", "extra": "mne", "verified": "real file"}
    return _signal(name, title, extensions, "mne", **{**shared, **facts})


def _image(name: str, title: str, extensions: str, reader: str | None, **facts: object) -> Format:
    return Format(name, title, tuple(extensions.split()), "image", reader, **facts)  # type: ignore[arg-type]


def _shapes(name: str, title: str, extensions: str, reader: str | None, **facts: object) -> Format:
    return Format(name, title, tuple(extensions.split()), "shapes", reader, **facts)  # type: ignore[arg-type]


def _other(name: str, title: str, extensions: str, reason: str) -> Format:
    return Format(name, title, tuple(extensions.split()), "other", reason=reason)


#: How RIFF files begin; the form type at byte 8 tells what they hold.
RIFF = (b"RIFF", b"RIFX", b"RF64", b"riff")

FORMATS: tuple[Format, ...] = (
    # ------------------------------------------------------------------------------- recordings
    _signal(
        "wav",
        "WAV, RF64, RIFX",
        ".wav",
        "wav",
        signatures=tuple(Signature("riff-wave", magic, also=(8, b"WAVE")) for magic in RIFF),
        containers=("riff-wave",),
        gives_away=("riff-wave",),
        library="soundfile",
        licence="BSD-3-Clause",
        extra="signals",
        keeps="stored integers, rate",
        verified="real file",
    ),
    _signal(
        "text",
        "Delimited text (CSV, TSV, also gzipped; LabChart, AcqKnowledge, Spike2, LabVIEW, BIDS, ATF …)",
        ".csv .tsv .txt .atf .lvm .csv.gz .tsv.gz .txt.gz",
        "text",
        loose=True,
        claims=companions.bids,
        library="pyarrow, pysimdjson, charset-normalizer",
        licence="Apache-2.0, MIT",
        extra="signals",
        options=(
            *("encoding", "separator", "decimal", "header", "skip_rows", "missing_values"),
            *("time_column", "time_unit", "time_format", "drop_rows_without_time"),
            *("period_column", "sampling_rate_hz", "signal_columns", "first_signal_column"),
            *("ignore_columns", "metadata_columns", "comment_column", "unit_in_parentheses"),
            *("channel_units", "channel_column", "value_column", "subject_column"),
        ),
        keeps="units, rates and starts in headers, clocks and dates, events; what is no signal as a table",
        verified="real file",
    ),
    _signal(
        "mat",
        "MATLAB v4 to v7.3",
        ".mat",
        "mat",
        signatures=(Signature("mat5", b"MATLAB 5.0 MAT-file"),),
        containers=("mat5", "hdf5"),
        gives_away=("mat5",),
        loose=True,
        library="scipy, h5py, mat-io",
        licence="BSD-3-Clause",
        extra="signals",
        options=(
            "layout",
            "time_variable",
            "time_unit",
            "signal_variables",
            "allow_missing_signals",
            "long_arrays",
            "rate_variable",
            "sampling_rate_hz",
            "names_variable",
            "channel_names",
            "units_variable",
            "channel_units",
            "annotation_variables",
            "metadata_variables",
            "orientation",
        ),
        memory_factor=4.0,
        keeps="numeric variables, tables, timetables, metadata",
        verified="real file",
    ),
    _signal(
        "hdf5",
        "HDF5",
        ".h5 .hdf5 .hdf",
        "hdf5",
        signatures=tuple(
            Signature("hdf5", b"\x89HDF\r\n\x1a\n", at) for at in (0, 512, 1024, 2048)
        ),
        containers=("hdf5",),
        gives_away=("hdf5",),
        library="h5py, hdf5plugin",
        licence="BSD-3-Clause",
        extra="signals",
        options=(
            "group_path",
            "time_level",
            "separate_levels",
            "signal_datasets",
            "dataset_rates_hz",
            "sampling_rate_hz",
            "orientation",
        ),
        keeps="datasets, attributes, segments",
        verified="real file",
    ),
    _signal(
        "numpy",
        "NumPy .npy and .npz",
        ".npy .npz",
        "numpy_files",
        signatures=(Signature("npy", b"\x93NUMPY"),),
        containers=("npy", "zip"),
        gives_away=("npy",),
        library="numpy",
        licence="BSD-3-Clause",
        options=("sampling_rate_hz", "orientation"),
        memory_factor=4.0,
        keeps="arrays by name, structured arrays as tables; a rate, units and times that names state",
        verified="other program",
    ),
    _signal(
        "netcdf",
        "netCDF (classic, 64-bit, and netCDF-4, which is HDF5)",
        ".nc .nc4 .cdf .netcdf",
        "netcdf",
        signatures=tuple(Signature("netcdf", b"CDF" + bytes([v])) for v in (1, 2, 5)),
        containers=("netcdf", "hdf5"),
        gives_away=("netcdf",),
        library="own reader, h5py",
        licence="MIT, BSD-3-Clause",
        extra="signals",
        options=("sampling_rate_hz", "orientation"),
        keeps="variables with dimensions, units and attributes; signals where rate or times are stated",
        verified="other program",
    ),
    _signal(
        "arrow",
        "Parquet, Feather, Arrow",
        ".parquet .feather .arrow",
        "columns_file",
        signatures=(Signature("arrow", b"PAR1"), Signature("arrow", b"ARROW1\x00\x00")),
        containers=("arrow",),
        gives_away=("arrow",),
        library="pyarrow",
        licence="Apache-2.0",
        options=("sampling_rate_hz", "orientation"),
        memory_factor=4.0,
        may_crash=True,
        keeps="columns with their types and units, gaps as NaN where nothing is lost; nested ones are left out",
        verified="other program",
    ),
    _signal(
        "json",
        "JSON with lists of numbers",
        ".json",
        "json_data",
        library="own reader",
        licence="MIT",
        options=("sampling_rate_hz", "orientation"),
        memory_factor=12.0,
        keeps="lists as arrays, objects as groups; a rate, units and times that names state",
        verified="other program",
    ),
    _signal(
        "spreadsheet",
        "Excel and OpenDocument spreadsheets",
        ".xlsx .xlsm .xls .ods",
        "spreadsheet",
        containers=("zip", "ole2"),
        options=("sampling_rate_hz", "time_column", "time_unit", "signal_columns", "channel_units"),
        library="python-calamine",
        licence="MIT",
        extra="signals",
        memory_factor=20.0,
        keeps="each sheet as text tables are; columns as tables where no sheet is a recording",
        verified="other program",
    ),
    _signal(
        "eeglab",
        "EEGLAB .set and .fdt",
        ".set",
        "eeglab",
        containers=("mat5", "hdf5"),
        claims=companions.eeglab,
        claim_order=7,
        named_samples=(".fdt",),
        library="scipy, h5py",
        licence="BSD-3-Clause",
        extra="signals",
        companions=(".fdt",),
        memory_factor=4.0,
        keeps="continuous data and epochs, channel names, events, boundaries as segments",
        verified="real file",
    ),
    _signal(
        "nwb",
        "Neurodata Without Borders 1 and 2",
        ".nwb",
        "nwb",
        containers=("hdf5",),
        library="h5py",
        licence="BSD-3-Clause",
        extra="signals",
        keeps="series with scale, unit and times, sweeps, intervals, annotations, spike times; image series",
        verified="real file",
    ),
    _signal(
        "snirf",
        "SNIRF (near-infrared spectroscopy)",
        ".snirf",
        "snirf",
        containers=("hdf5",),
        library="h5py",
        licence="BSD-3-Clause",
        extra="signals",
        keeps="stored values, units where stated, what is measured, auxiliary channels, stimuli, start",
        verified="real file",
    ),
    _signal(
        "edf",
        "EDF, EDF+, BDF, BDF+",
        ".edf .bdf",
        "edf",
        signatures=(
            Signature("edf", b"\xffBIOSEMI"),
            Signature("edf", b"0       "),
        ),
        containers=("edf",),
        gives_away=("edf",),
        library="own reader",
        licence="MIT",
        keeps="each signal's rate, integers, calibration, annotations, gaps",
        verified="real file",
    ),
    _signal(
        "abf",
        "Axon Binary Format 1 and 2",
        ".abf",
        "abf",
        signatures=(
            Signature("abf", b"ABF "),
            Signature("abf", b"ABF2"),
        ),
        containers=("abf",),
        gives_away=("abf",),
        library="own reader",
        licence="MIT",
        keeps="recorded channels, sweeps, gaps, tags, epochs",
        verified="real file",
    ),
    _signal(
        "acq",
        "BIOPAC AcqKnowledge",
        ".acq",
        "acq",
        loose=True,
        library="bioread",
        licence="MIT",
        extra="signals",
        keeps="each channel's rate, scale, units, markers, journal",
        verified="real file",
    ),
    _signal(
        "smr",
        "CED Spike2 32-bit",
        ".smr .son",
        "spike2.smr",
        signatures=(Signature("smr", b"(C) CED 87", 2),),
        containers=("smr",),
        gives_away=("smr",),
        library="own reader",
        licence="MIT",
        keeps="multi-rate waveforms, start times, gaps, events, markers, text marks, wave marks",
        verified="real file",
    ),
    _signal(
        "smrx",
        "CED Spike2 64-bit",
        ".smrx",
        "spike2.smrx",
        signatures=(Signature("smrx", b"S64"),),
        containers=("smrx",),
        gives_away=("smrx",),
        library="own reader",
        licence="MIT",
        keeps="multi-rate waveforms, start times, gaps, events, markers, text marks, wave marks",
        verified="other program",
    ),
    _signal(
        "adicht",
        "ADInstruments LabChart",
        ".adicht",
        "adicht",
        signatures=(
            Signature("adicht", "ADInstruments Compound File".encode("utf-16-le")),
            Signature("adicht-cfwb", b"CFWB"),
        ),
        gives_away=("adicht",),
        library="adichtion",
        licence="GPL-3.0",
        extra="adicht",
        memory_factor=1.2,
        keeps="each channel's rate, stored counts, calibration of each record, records, comments",
        verified="real file",
    ),
    _signal(
        "adidat",
        "ADInstruments LabChart data",
        ".adidat .adidatx",
        None,
        reason="no reader is known for this part of a LabChart recording; export it as .adicht or .mat",
    ),
    _signal(
        "intan",
        "Intan RHD2000 and RHS2000",
        ".rhd .rhs",
        "intan",
        signatures=(Signature("rhd", b"\x02\x27\x91\xc6"), Signature("rhs", b"\xac\x27\x91\xd6")),
        containers=("rhd", "rhs"),
        gives_away=("rhd", "rhs"),
        claims=companions.intan,
        claim_order=3,
        library="own reader",
        licence="MIT",
        extra="",
        keeps="every stream at its own rate, stored integers, impedances, gaps, stimulation",
        verified="real file",
    ),
    _signal(
        "blackrock",
        "Blackrock and Ripple",
        ".ns6 .ns5 .ns4 .ns3 .ns2 .ns1 .nev",
        "blackrock",
        signatures=tuple(
            Signature("blackrock", magic)
            for magic in (b"NEURALEV", b"BREVENTS", b"NEURALSG", b"NEURALCD", b"BRSMPGRP")
        ),
        containers=("blackrock",),
        gives_away=("blackrock",),
        claims=companions.blackrock,
        claim_order=6,
        library="own reader",
        licence="MIT",
        keeps="each file's rate, stored integers, pauses, spikes with waveforms, digital input",
        verified="synthetic",
    ),
    _signal(
        "brainvision",
        "BrainVision",
        ".vhdr",
        "brainvision",
        loose=True,
        claims=companions.brainvision,
        claim_order=4,
        named_samples=(*companions.BRAINVISION_SAMPLES, ".vmrk"),
        library="own reader",
        licence="MIT",
        companions=(".vmrk", ".eeg", ".dat", ".seg", ".avg"),
        keeps="stored integers, resolutions, units, markers, segments with dates",
        verified="real file",
    ),
    _signal(
        "neuralynx",
        "Neuralynx",
        ".ncs .nse .nst .ntt",
        "neuralynx",
        signatures=(Signature("neuralynx", b"######## Neuralynx"),),
        containers=("neuralynx",),
        gives_away=("neuralynx",),
        library="own reader",
        licence="MIT",
        keeps="stored integers, inverted inputs, gaps, events, spikes with waveforms",
        verified="real file",
    ),
    _signal(
        "openephys",
        "Open Ephys binary",
        ".oebin",
        "openephys",
        claims=companions.openephys,
        claim_order=2,
        library="own reader",
        licence="MIT",
        companions=(".npy",),
        keeps="every stream at its own rate, stored integers, gaps, events, messages",
        verified="real file",
    ),
    _signal(
        "raw",
        "Raw samples, with a mapping scheme",
        ".dat .bin .raw",
        "raw",
        loose=True,
        library="own reader",
        licence="MIT",
        options=(
            "dtype",
            "n_channels",
            "sampling_rate_hz",
            "order",
            "gain",
            "offset",
            "units",
            "names",
            "header_bytes",
        ),
        needs_scheme=True,
        keeps="what the scheme states: samples, rate, scale, units, names",
        verified="synthetic",
    ),
    _signal(
        "tdt",
        "TDT block",
        ".tsq",
        "tdt",
        claims=companions.tdt,
        claim_order=5,
        library="own reader",
        licence="MIT",
        companions=(".tev", ".tbk", ".tdx", ".tnt", ".tin", ".sev"),
        memory_factor=0.1,
        keeps="every store at its own rate, gaps, epocs, scalars, spikes with waveforms",
        verified="other program",
    ),
    _signal(
        "igor",
        "Igor Pro waves",
        ".ibw .pxp",
        "igor",
        library="igor2",
        licence="LGPL-3.0",
        extra="igor",
        memory_factor=3.0,
        keeps="numeric waves, scaling, units, labels, notes; text waves and variables as metadata",
        verified="real file",
    ),
    _signal(
        "plexon",
        "Plexon .plx",
        ".plx",
        "plexon",
        signatures=(
            Signature("plexon", b"PLEX"),
            Signature("plexon", b"XELP"),
        ),
        containers=("plexon",),
        gives_away=("plexon",),
        library="own reader",
        licence="MIT",
        memory_factor=0.5,
        keeps="continuous channels, pauses, spikes with waveforms, events",
        verified="synthetic",
    ),
    _signal(
        "pl2",
        "Plexon .pl2",
        ".pl2",
        None,
        reason="only Plexon's Windows library reads it; export it as .plx",
    ),
    _signal(
        "heka",
        "HEKA PatchMaster bundle",
        "",
        None,
        signatures=(Signature("heka", b"DAT1"), Signature("heka", b"DAT2")),
        gives_away=("heka",),
        reason="a bundle of HEKA PatchMaster, which is not read; export it from there as .mat or .asc",
    ),
    _signal(
        "axona",
        "Axona (.set, .eeg, .egf, .pos, tetrodes)",
        "",
        None,
        signatures=(Signature("axona", b"trial_date "),),
        gives_away=("axona",),
        reason="a file of an Axona recording, which is not read; convert the recording to NWB with neo",
    ),
    _signal(
        "wfdb",
        "PhysioNet WFDB record",
        ".hea",
        "wfdb_record",
        claims=companions.wfdb,
        claim_order=3,
        library="wfdb",
        licence="MIT",
        extra="more",
        keeps="each signal's rate, physical values, gaps as NaN, annotations",
        verified="synthetic",
    ),
    _signal(
        "tdms",
        "LabVIEW TDMS",
        ".tdms",
        "tdms",
        signatures=(Signature("tdms", b"TDSm"),),
        containers=("tdms",),
        gives_away=("tdms",),
        companions=(".tdms_index",),
        library="npTDMS",
        licence="LGPL-3.0",
        extra="more",
        memory_factor=0.5,
        keeps="each group's streams with increment, start and unit, scaled values; other channels as arrays",
        verified="synthetic",
    ),
    _signal(
        "xdf",
        "XDF (Lab Streaming Layer)",
        ".xdf .xdfz",
        "xdf",
        signatures=(Signature("xdf", b"XDF:"),),
        containers=("xdf", "gzip"),
        gives_away=("xdf",),
        library="pyxdf",
        licence="BSD-2-Clause",
        extra="more",
        memory_factor=6.0,
        keeps="each stream on its own clock, stamps as written, measured offsets of the clocks, markers",
        verified="synthetic",
    ),
    _signal(
        "fcs",
        "Flow cytometry (FCS 2.0 to 3.1)",
        ".fcs",
        "fcs",
        signatures=tuple(Signature("fcs", b"FCS" + v) for v in (b"2.0", b"3.0", b"3.1")),
        containers=("fcs",),
        gives_away=("fcs",),
        library="flowio",
        licence="BSD-3-Clause",
        extra="more",
        keeps="a table of events as stored; range, gain, amplification and marker of each parameter",
        verified="other program",
    ),
    _neo(
        "spikeglx",
        "SpikeGLX (.bin and .meta)",
        "",
        companions=(".bin", ".meta"),
        keeps="stored integers, gains by probe, names; words of bits without a unit; start in the run",
    ),
    _neo(
        "openephys-files",
        "Open Ephys, a file for each channel",
        ".continuous .spikes .events .openephys",
        signatures=(Signature("openephys-files", b"header.format = 'Open Ephys Data Format'"),),
        gives_away=("openephys-files",),
        claims=companions.openephys_files,
        claim_order=2,
        keeps="stored integers, scale, spikes with waveforms, events; recordings with gaps are refused",
    ),
    _neo(
        "neuroscope",
        "NeuroScope (.xml with .dat, .lfp, .eeg)",
        "",
        claims=companions.neuroscope,
        claim_order=3,
        keeps="stored integers, scale, the rates of .dat and of field potentials",
    ),
    _neo(
        "neuronexus",
        "NeuroNexus Allego",
        ".xdat.json",
        claims=companions.neuronexus,
        claim_order=3,
        keeps="analog and digital streams, gaps of the time stamps, start",
    ),
    _neo(
        "neuroexplorer",
        "NeuroExplorer .nex",
        ".nex",
        signatures=(Signature("nex", b"NEX1"),),
        containers=("nex",),
        gives_away=("nex",),
        keeps="each continuous variable with its fragments, spikes with waveforms, events, intervals, markers",
    ),
    _neo(
        "mcsraw",
        "Multi Channel Systems .raw of MC_DataTool",
        "",
        signatures=(Signature("mcsraw", b"MC_DataTool binary conversion"),),
        gives_away=("mcsraw",),
        keeps="stored integers, zero, scale and unit, names",
    ),
    _neo(
        "winwcp",
        "WinWCP",
        ".wcp",
        keeps="records as sweeps with their starts, scale, units, names",
    ),
    _neo(
        "winedr",
        "WinEDR",
        ".edr",
        keeps="stored integers, scale, units, names",
    ),
    _neo(
        "micromed",
        "Micromed .trc",
        ".trc",
        signatures=(Signature("micromed", b"* MICROMED"),),
        containers=("micromed",),
        gives_away=("micromed",),
        keeps="stored integers, scale, units, segments, triggers, events; no name of a patient, no notes",
    ),
    _neo(
        "axograph",
        "AxoGraph",
        ".axgd .axgx",
        signatures=(Signature("axograph", b"AxGr"), Signature("axograph", b"axgx")),
        containers=("axograph",),
        gives_away=("axograph",),
        keeps="columns with scale, unit and title, episodes, events, intervals",
    ),
    _neo(
        "nix",
        "NIX, as neo writes it",
        ".nix",
        containers=("hdf5",),
        library="neo, nixio",
        keeps="signals with units and names, segments, spikes, events, epochs",
    ),
    _mne(
        "fif",
        "FIF (MEGIN, MNE)",
        ".fif .fif.gz",
        # file id: kind 100, type 31, 20 bytes
        signatures=(Signature("fif", b"\0\0\0\x64\0\0\0\x1f\0\0\0\x14"),),
        containers=("fif", "gzip"),
        gives_away=("fif",),
        claims=companions.fif,
        parts=r"(-\d+|_split-(?!0*1_)\d+_\w+)\.fif(\.gz)?$",
        keeps="stored values, scale, units, skips as gaps, parts joined, annotations; epochs, averages",
    ),
    _mne(
        "gdf",
        "GDF 1 and 2",
        ".gdf",
        signatures=(Signature("gdf", b"GDF 1"), Signature("gdf", b"GDF 2")),
        containers=("gdf",),
        gives_away=("gdf",),
        keeps="values, volts, ohms and percents, events with codes; one rate only",
        verified="synthetic",
    ),
    _mne(
        "neuroscan",
        "Neuroscan .cnt",
        ".cnt",
        signatures=(Signature("neuroscan", b"Version 3."),),
        containers=("neuroscan",),
        gives_away=("neuroscan",),
        keeps="stored integers, scale, names, events; the date where it can be read in one way",
        verified="other program",
    ),
    _mne(
        "nihon",
        "Nihon Kohden .EEG",
        "",
        signatures=tuple(
            Signature("nihon", device, also=(129, device))
            for device in (
                *(b"EEG-1100A V", b"EEG-1100B V", b"EEG-1100C V", b"EEG-1200A V", b"EEG-2100  V"),
                *(b"DAE-2100D V", b"QI-403A   V"),
            )
        ),
        containers=("nihon",),
        gives_away=("nihon",),
        companions=(".21e", ".pnt", ".log", ".cmt", ".cn2", ".11d", ".ann", ".egf", ".lod", ".art"),
        claims=companions.same_stem,
        claim_order=4,
        keeps="values in volts, names, events of the .LOG, start; interrupted recordings are refused",
    ),
    _mne(
        "egi-mff",
        "EGI .mff (a folder)",
        "",
        library="mne, mffpy",
        licence="BSD-3-Clause, Apache-2.0",
        claims=companions.openephys,
        claim_order=2,
        memory_factor=0.3,
        may_crash=True,
        keeps="values in volts, physiological channels, pauses as gaps, events, start",
        verified="other program",
    ),
    _mne(
        "persyst",
        "Persyst (.lay and .dat)",
        ".lay",
        companions=(".dat",),
        claims=companions.same_stem,
        claim_order=4,
        keeps="values in volts, names as in the .lay, comments, start",
        verified="other program",
    ),
    _mne(
        "nicolet",
        "Nicolet (.data and .head)",
        "",
        companions=(".data", ".head"),
        keeps="stored integers, scale, names, start",
        verified="other program",
    ),
    # ------------------------------------------------------------------------------- images
    _image(
        "tiff",
        "TIFF, BigTIFF, ImageJ, OME-TIFF",
        ".tif .tiff .ome.tif .ome.tiff .btf .tf2 .tf8 .ome.btf .ome.tf2 .ome.tf8 .stk .qptiff .gel",
        "tiff",
        signatures=(
            Signature("tiff", b"II*\x00"),
            Signature("tiff", b"MM\x00*"),
            Signature("tiff", b"II+\x00"),
            Signature("tiff", b"MM\x00+"),
        ),
        containers=("tiff",),
        gives_away=("tiff",),
        claims=companions.tiff,
        options=("series_pattern",),
        library="tifffile, imagecodecs",
        licence="BSD-3-Clause",
        companions=(".companion.ome",),
        keeps="series, z, t and channels, calibration, channel names",
        verified="real file",
    ),
    _image(
        "metamorph",
        "MetaMorph (.nd with TIFF or STK)",
        ".nd",
        "metamorph",
        claims=companions.by_header,
        claim_order=3,
        library="tifffile, imagecodecs",
        licence="BSD-3-Clause",
        extra="images",
        keeps="an image for each stage position, wavelengths by name, time points, distance of slices",
        verified="synthetic",
    ),
    _image(
        "micromanager",
        "Micro-Manager folder (metadata.txt with planes)",
        "",
        "micromanager",
        claims=companions.micromanager,
        claim_order=3,
        library="tifffile, imagecodecs",
        licence="BSD-3-Clause",
        extra="images",
        keeps="an image for each position, channels, slices and measured times, pixel size",
        verified="synthetic",
    ),
    _image(
        "raster",
        "PNG, JPEG, BMP",
        ".png .jpg .jpeg .jpe .jfif .bmp",
        "raster",
        signatures=(
            Signature("png", b"\x89PNG\r\n\x1a\n"),
            Signature("jpeg", b"\xff\xd8\xff"),
            Signature("bmp", b"BM"),
        ),
        containers=("png", "jpeg", "bmp"),
        gives_away=("png", "jpeg", "bmp"),
        library="Pillow, imagecodecs",
        licence="MIT-CMU, BSD-3-Clause",
        memory_factor=15.0,
        keeps="bit depth, RGB, palette indices as stated",
        verified="real file",
    ),
    _image(
        "animated",
        "GIF, WebP",
        ".gif .webp",
        "animated",
        signatures=(
            Signature("gif", b"GIF87a"),
            Signature("gif", b"GIF89a"),
            Signature("webp", b"RIFF", also=(8, b"WEBP")),
        ),
        containers=("gif", "webp"),
        gives_away=("gif", "webp"),
        library="Pillow",
        licence="MIT-CMU",
        memory_factor=4.0,
        keeps="frames along t as shown, durations where they are even, transparency as a channel",
        verified="other program",
    ),
    _image(
        "lsm",
        "Zeiss LSM",
        ".lsm",
        "tiff",
        containers=("tiff",),
        library="tifffile, imagecodecs",
        licence="BSD-3-Clause",
        keeps="channels, z, t, voxel size, time stamps; no thumbnail",
        verified="real file",
    ),
    _image(
        "olympus",
        "Olympus FluoView OIB, OIF",
        ".oib .oif",
        "olympus",
        claims=companions.oif,
        claim_order=8,
        library="oiffile, tifffile",
        licence="BSD-3-Clause",
        extra="images",
        keeps="channels, z, t, calibration, names, valid bits",
        verified="real file",
    ),
    _image(
        "jpeg2000",
        "JPEG 2000 (JP2, JPX)",
        ".jp2 .jpx .jpf .j2k .j2c",
        "jpeg2000",
        signatures=(
            Signature("jpeg2000", b"\x00\x00\x00\x0cjP  \r\n\x87\n"),
            Signature("jpeg2000", b"\xff\x4f\xff\x51"),
        ),
        containers=("jpeg2000",),
        gives_away=("jpeg2000",),
        library="imagecodecs",
        licence="BSD-3-Clause",
        keeps="all codestreams, bit depth, RGB, palette indices",
        verified="real file",
    ),
    _image(
        "ims",
        "Imaris IMS",
        ".ims",
        "ims",
        containers=("hdf5",),
        library="h5py, hdf5plugin",
        licence="BSD-3-Clause",
        extra="images",
        keeps="channels, z, t, extents, names, colours; no padding",
        verified="other program",
    ),
    _image(
        "nd2",
        "Nikon ND2",
        ".nd2",
        "nd2",
        signatures=(Signature("nd2", b"\xda\xce\xbe\x0a"),),
        containers=("nd2", "jpeg2000"),
        gives_away=("nd2",),
        library="nd2",
        licence="BSD-3-Clause",
        extra="images",
        options=("library",),
        keeps="positions, z, t, channels, calibration, names, colours",
        verified="real file",
    ),
    _image(
        "czi",
        "Zeiss CZI",
        ".czi",
        "czi",
        signatures=(Signature("czi", b"ZISRAW"),),
        containers=("czi",),
        gives_away=("czi",),
        library="pylibCZIrw",
        licence="LGPL-3.0",
        extra="images",
        keeps="scenes, z, t and channels, mosaics, scale, channel names and colours",
        may_crash=True,
        verified="real file",
    ),
    _image(
        "lif",
        "Leica LIF",
        ".lif",
        "lif",
        library="liffile",
        licence="BSD-3-Clause",
        extra="images",
        keeps="every image, z, t and channels, wavelength axes, scan geometry, positions",
        verified="real file",
    ),
    _image(
        "dicom",
        "DICOM",
        ".dcm .ima .dicom .dic",
        "dicom",
        signatures=(Signature("dicom", b"DICM", 128, before_all=True),),
        gives_away=("dicom",),
        loose=True,
        claims=companions.dicom,
        library="pydicom, imagecodecs",
        licence="MIT, BSD-3-Clause",
        extra="images",
        keeps="series by position, mosaics as stacks, spacing, values, kind of image; nothing identifying",
        verified="real file",
    ),
    _image(
        "slide",
        "Aperio slide",
        ".svs",
        "slide",
        library="openslide",
        licence="LGPL-2.1",
        extra="slides",
        keeps="full resolution, pixel size, objective; never label, macro or thumbnail",
        may_crash=True,
        verified="real file",
    ),
    _image(
        "slide-other",
        "Further slides (MIRAX, Hamamatsu, Leica SCN, Ventana, Sakura)",
        ".mrxs .ndpi .scn .bif .svslide .vms .vmu",
        "slide",
        claims=companions.slide,
        library="openslide",
        licence="LGPL-2.1",
        extra="slides",
        keeps="full resolution, pixel size, areas not scanned as alpha",
        may_crash=True,
        verified="synthetic",
    ),
    _image(
        "dm",
        "Gatan DigitalMicrograph 3 and 4",
        ".dm3 .dm4",
        "dm",
        library="own reader",
        licence="MIT",
        keeps="images, stacks, spectrum images, calibration with its unit; spectra as arrays",
        verified="real file",
    ),
    _image(
        "mrc",
        "MRC and CCP4 maps (also .st, .rec, .ali, .map, by their content)",
        ".mrc .mrcs .ccp4 .mrc.gz .map.gz .mrc.bz2",
        "mrc",
        signatures=tuple(
            Signature("mrc", b"MAP " + stamp + bytes(2), 208)
            for stamp in (b"DD", b"DA", b"\x11\x11")
        ),
        gives_away=("mrc",),
        library="own reader",
        licence="MIT",
        keeps="sections as stored, steps in Å, volumes and stacks of images told apart, axes by their order",
        verified="other program",
    ),
    _image(
        "metaimage",
        "MetaImage (.mha, .mhd with its data)",
        ".mhd .mha",
        "metaimage",
        signatures=(Signature("metaimage", b"ObjectType = Image"),),
        gives_away=("metaimage",),
        claims=companions.by_header,
        claim_order=3,
        library="own reader",
        licence="MIT",
        keeps="values, channels, steps with a unit where stated, orientation; data in one or many files",
        verified="other program",
    ),
    _image(
        "mgh",
        "FreeSurfer volume (.mgh, .mgz)",
        ".mgh .mgz .mgh.gz",
        "mgh",
        library="nibabel",
        licence="MIT",
        extra="images",
        keeps="values, voxels in mm, frames with the repetition time, affine",
        verified="other program",
    ),
    _image(
        "nifti",
        "NIfTI-1 and NIfTI-2, Analyze 7.5",
        ".nii .nii.gz .nifti .nifti.gz",
        "nifti",
        signatures=(
            Signature("nifti", b"n+1\x00", 344),
            Signature("nifti", b"ni1\x00", 344),
            Signature("nifti", b"n+2\x00\r\n\x1a\n", 4),
            Signature("nifti", b"ni2\x00\r\n\x1a\n", 4),
            # after NIfTI's, whose headers begin so, too
            *(
                Signature("analyze", (348).to_bytes(4, order), also=(40, n.to_bytes(2, order)))
                for order in ("little", "big")
                for n in range(1, 8)
            ),
        ),
        gives_away=("nifti", "analyze"),
        claims=companions.nifti,
        library="nibabel",
        licence="MIT",
        extra="images",
        keeps="stored values, slope and intercept, affine, space and time units; pairs, packed or not",
        verified="real file",
    ),
    _image(
        "nrrd",
        "NRRD",
        ".nrrd .nhdr",
        "nrrd",
        signatures=(Signature("nrrd", b"NRRD"),),
        gives_away=("nrrd",),
        claims=companions.by_header,
        borrows=True,
        library="pynrrd",
        licence="MIT",
        extra="images",
        keeps="axes by kind, directions, units where stated, detached data in one or many files",
        verified="real file",
    ),
    _image(
        "video",
        "Video (AVI, MP4, MOV, WebM, Matroska, Ogg, WMV, MPEG, FLV)",
        ".avi .mp4 .mov .m4v .webm .mkv .ogv .mpg .mpeg .wmv .asf .mts .m2ts .3gp .flv",
        "video",
        signatures=(
            Signature("mp4", b"ftyp", 4),
            Signature("matroska", b"\x1aE\xdf\xa3"),
            Signature("flv", b"FLV\x01"),
            Signature("mpeg", b"\x00\x00\x01\xba"),
            *(Signature("riff-avi", magic, also=(8, b"AVI ")) for magic in RIFF),
        ),
        gives_away=("riff-avi", "mp4", "matroska", "flv", "mpeg"),
        library="PyAV (FFmpeg)",
        licence="BSD-3-Clause (FFmpeg: LGPL/GPL)",
        extra="video",
        keeps="frames along t as shown, rate or time stamps, gray and bit depth, rotation told; not audio",
        may_crash=True,
        verified="real file",
    ),
    _image(
        "ome-zarr",
        "OME-Zarr 0.4, 0.5 and 0.6",
        ".ome.zarr .zarr",
        "ome_zarr",
        library="yaozarrs, ome-zarr-models, ngff-zarr",
        licence="BSD-3-Clause, MIT",
        keeps="every byte, after validation; nothing is added",
        verified="other program",
    ),
    # ------------------------------------------------------------------------------- shapes
    _shapes(
        "roi",
        "ImageJ regions (.roi, RoiSet.zip)",
        ".roi .roi.zip",
        "roi",
        endings=("roiset.zip",),
        library="roifile",
        licence="BSD-3-Clause",
        extra="images",
        keeps="outlines, boxes, points, positions in the stack, names, colours",
        verified="real file",
    ),
    _shapes(
        "obj",
        "Wavefront OBJ mesh",
        ".obj",
        "obj",
        library="own reader",
        licence="MIT",
        memory_factor=6.0,
        keeps="vertices, faces of any size, lines, normals, texture coordinates, groups",
        verified="real file",
    ),
    _shapes(
        "stl",
        "STL mesh",
        ".stl",
        "mesh.stl",
        library="own reader",
        licence="MIT",
        memory_factor=5.0,
        keeps="triangles with their normals, vertices not merged, solids by name, the two bytes of colours",
        verified="other program",
    ),
    _shapes(
        "ply",
        "PLY mesh or cloud of points",
        ".ply",
        "mesh.ply",
        signatures=(Signature("ply", b"ply\n"), Signature("ply", b"ply\r")),
        containers=("ply",),
        gives_away=("ply",),
        library="own reader",
        licence="MIT",
        memory_factor=12.0,
        keeps="vertices, normals, colours, faces of any size, all further elements and properties",
        verified="other program",
    ),
    _shapes(
        "off",
        "OFF mesh",
        ".off",
        "mesh.off",
        library="own reader",
        licence="MIT",
        memory_factor=6.0,
        keeps="vertices, normals, texture coordinates, faces of any size, colours",
        verified="other program",
    ),
    _shapes(
        "vtk",
        "VTK mesh or grid of versions 1 to 5",
        ".vtk",
        "mesh.vtk",
        signatures=(Signature("vtk", b"# vtk DataFile Version"),),
        containers=("vtk",),
        gives_away=("vtk",),
        library="own reader",
        licence="MIT",
        memory_factor=10.0,
        keeps="points, cells of every kind, data of points, cells and the whole; dimensions of grids",
        verified="other program",
    ),
    _shapes(
        "vtk-xml",
        "VTK XML (poly data, grids, images of points)",
        ".vtp .vtu .vti .vts .vtr",
        "mesh.vtk_xml",
        library="own reader",
        licence="MIT",
        memory_factor=10.0,
        keeps="each piece: points, cells, all data; text, base64 or appended, packed or not",
        verified="other program",
    ),
    _shapes(
        "gltf",
        "glTF 2.0 (.gltf with its buffers, .glb)",
        ".gltf .glb",
        "mesh.gltf",
        signatures=(Signature("glb", b"glTF"),),
        gives_away=("glb",),
        claims=companions.by_header,
        claim_order=3,
        borrows=True,
        library="own reader",
        licence="MIT",
        memory_factor=4.0,
        keeps="each primitive with all its attributes and targets, nodes with their transforms; no textures",
        verified="other program",
    ),
    _shapes(
        "exf",
        "EX finite elements (.exf, .exnode, .exelem)",
        ".exf .ex .ex2 .exnode .exelem .exdata .exfile",
        "exf",
        library="own reader",
        licence="MIT",
        memory_factor=12.0,
        keeps="nodes with derivatives and times, elements, faces, groups, headers",
        verified="real file",
    ),
    _shapes(
        "swc",
        "SWC tracing",
        ".swc",
        "swc",
        library="own reader",
        licence="MIT",
        memory_factor=8.0,
        keeps="points, radii, types, parents, comments in front; further columns as they are",
        verified="other program",
    ),
    _shapes(
        "mbf",
        "MBF Bioscience tracing (.xml of Neurolucida, Vesselucida …)",
        "",
        "mbf",
        library="own reader",
        licence="MIT",
        memory_factor=8.0,
        keeps="trees with branches, contours, markers, spines, vessels, anatomical terms, in µm",
        verified="real file",
    ),
    _image(
        "vsi",
        "Olympus cellSens VSI with ETS",
        ".vsi",
        "bioformats",
        containers=("tiff",),
        claims=companions.vsi,
        claim_order=1,
        library="Bio-Formats in its own process",
        licence="GPL-2.0",
        extra="bioformats",
        keeps="images at full resolution, scale, channel names; never label or overview",
        verified="unverified",
    ),
    _image(
        "cxd",
        "Hamamatsu SimplePCI CXD",
        ".cxd",
        "bioformats",
        signatures=(Signature("ole2", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),),
        containers=("ole2",),
        library="Bio-Formats in its own process",
        licence="GPL-2.0",
        extra="bioformats",
        keeps="planes, scale, time step",
        verified="unverified",
    ),
    # last resort: what no row above reads, after the content was looked at
    _image(
        "bioformats",
        "What else Bio-Formats reads",
        ".dv .r3d .r3d_d3d .zvi .oir .pic .ics .hed .sld .sldy .ipl .ipm .ipw .lof .xlef .mvd2 .acff"
        " .fits .fts .flex .fff .sxm .seq .ips .spe .sdt .spc .lim .al3d .am .amiramesh .aim .fdf .inr .klb"
        " .im3 .i2i .cif .c01 .dib .frm .his .naf .vws .pst .xys .msr .obf .lms .liff .jpk .pcoraw .rcpnl"
        " .1sc .2fl .afm .arf .bip .df3 .dm2 .dti .ffr .tfr .zfr .zfp .fli .l2d .mng .mrw .nef .cr2 .crw"
        " .ome.xml .pict .pct .pr3 .psd .sm2 .sm3 .spi .spl .stp .vff .wat .xqd .xqf .xv .mnc .pcx .tga"
        " .pgm .ppm .pbm",
        "bioformats",
        claims=companions.bioformats,
        companions=companions.BIOFORMATS_PARTS,
        library="Bio-Formats in its own process",
        licence="GPL-2.0",
        extra="bioformats",
        keeps="images at full resolution, scale and channel names as Bio-Formats states them",
        verified="unverified",
    ),
    # ------------------------------------------------------------------------------- not data
    _other(
        "document",
        "Document",
        ".pdf .doc .docx .rtf .md .odt .ppt .pptx .html .htm .tex .log .readme",
        "a document, not a recording or image",
    ),
    _other(
        "code",
        "Program code",
        ".py .m .r .ipynb .js .c .cpp .h .java .sh .bat .ipf .hoc .mod",
        "program code, never executed",
    ),
    _other(
        "structured",
        "Structured text",
        ".xml .yaml .yml .toml .ini .cfg .ttl .jsonld",
        "settings or metadata, not a recording or image",
    ),
    _other(
        "archive",
        "Archive",
        ".zip .tar .gz .tgz .7z .rar .bz2",
        "an archive; unpack it to convert what it holds",
    ),
    _other("figure", "MATLAB figure", ".fig", "a MATLAB figure holds graphics objects, not data"),
    _other(
        "python pickle",
        "Python pickle",
        ".pkl .pickle .p .joblib",
        "a pickle runs code when read; it is never opened",
    ),
    _other("ets", "Olympus tile data", ".ets", "part of a .vsi set; convert the .vsi"),
    _other("vector graphics", "Vector graphics", ".svg .eps .ai .ps", "drawings, not microscopy"),
)

#: What makes a folder a Zarr store, version 3 first.
ZARR_ROOTS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
ZARR_METADATA = frozenset({*ZARR_ROOTS, ".zmetadata"})

OME_TIFF_EXTENSIONS = frozenset({".ome.tif", ".ome.tiff", ".ome.btf", ".ome.tf2", ".ome.tf8"})

_BY_EXTENSION = {extension: row for row in FORMATS for extension in row.extensions}
_BY_ENDING = tuple(row for row in FORMATS if row.endings)
_BY_NAME = {row.name: row for row in FORMATS}


def extensions_of(path: str) -> list[str]:
    """Return the extensions of ``path``, longest first: ``a.ome.tif`` gives ``.ome.tif``, ``.tif``."""
    name = PurePosixPath(path).name.lower()
    parts = name.split(".")
    return ["." + ".".join(parts[i:]) for i in range(1, len(parts)) if parts[i]]


def zarr_folder(path: str) -> str:
    """Return the outermost folder of ``path`` that is named as a Zarr store, or ``""``."""
    lower = path.lower()
    if ".zarr/" not in lower:
        return ""
    return path[: lower.index(".zarr/") + len(".zarr")]


def find_format(path: str) -> Format:
    """Return the row for the longest known extension of ``path``.

    Raises
    ------
    UnsupportedFormatError
        If no row knows an extension of ``path``; the message names it.
    """
    extensions = extensions_of(path)
    name = PurePosixPath(path).name.lower()
    for row in _BY_ENDING:
        if name.endswith(row.endings):
            return row
    for extension in extensions:
        if extension in _BY_EXTENSION:
            return _BY_EXTENSION[extension]
    shown = extensions[-1] if extensions else "no extension"
    message = f"{path}: unknown format ({shown}); `sparc-fuse formats` lists what is read"
    raise UnsupportedFormatError(message)


def format_named(name: str) -> Format:
    """Return the row called ``name``.

    Raises
    ------
    UnsupportedFormatError
        If there is none.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        message = f"no format is called {name!r}; known: {', '.join(sorted(_BY_NAME))}"
        raise UnsupportedFormatError(message) from None


def load_reader(row: Format) -> Reader:
    """Import the reader of ``row``.

    Raises
    ------
    UnsupportedFormatError
        If the format is known but has no reader.
    MissingDependencyError
        If its library is not installed; the message names the extra.
    """
    if row.reader is None:
        message = f"{row.title}: {row.reason or 'no reader'}"
        raise UnsupportedFormatError(message)
    try:
        module = importlib.import_module(f"sparc_fuse_core.readers.{row.reader}")
        if hasattr(module, "__path__"):
            module = importlib.import_module(f"{module.__name__}.reader")
    except ImportError as err:
        wanted = install_hint(row.extra) if row.extra else f"pip install '{row.library}'"
        message = f"reading {row.title} needs {row.library}: {wanted} ({err})"
        raise MissingDependencyError(message) from err
    # readers lie above formats: what is around each of them is found by name, as they are
    if row.may_crash:
        isolated = importlib.import_module("sparc_fuse_core.readers.isolated").isolated
        reader: Reader = isolated(module.__name__.removeprefix("sparc_fuse_core."))
    else:
        reader = importlib.import_module("sparc_fuse_core.readers.guarded").guarded(module.read)
    return reader
