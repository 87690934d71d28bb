"""What others accept and read: the lists that the formats table is measured against, as data.

Facts only, each list with where it comes from. `coverage` says for each extension what reads it here, or why
nothing does.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """One line of a list: a format as the list calls it.

    Attributes
    ----------
    name
        As the list calls it.
    extensions
        Lower case, with the dot; ``""`` for files without one.
    row
        Row of the formats table that these files are of, where their extension is also that of other files
        (``.dat``, ``.bin``, ``.raw``); ``""``: the row that knows the extension.
    reason
        Why nothing reads them here; ``""`` if a row's own reason says it.
    """

    name: str
    extensions: tuple[str, ...]
    row: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A list of formats.

    Attributes
    ----------
    name, source
        How it is called, and where it is published.
    programs
        In the list's order.
    """

    name: str
    source: str
    programs: tuple[Program, ...]


_AMBIGUOUS = (
    "many programs call files so: Bio-Formats' bfconvert makes an OME-TIFF of it, which is read"
)

_MEG = "of magnetic fields of the brain FIF alone is read: mne makes a FIF of this"


def _programs(text: str) -> tuple[Program, ...]:
    """Return lines ``name: extensions [= row | ! reason]``; ``-`` is no extension."""
    found = []
    for line in text.strip().splitlines():
        rest, _, reason = line.partition(" ! ")
        rest, _, row = rest.partition(" = ")
        name, _, extensions = rest.rpartition(": ")
        words = tuple("" if word == "-" else word for word in extensions.split())
        reason = reason.strip().replace("%AMBIGUOUS%", _AMBIGUOUS).replace("%MEG%", _MEG)
        found.append(Program(name.strip(), words, row.strip(), reason))
    return tuple(found)


#: Files of SPARC's datasets by extension, where their number is published (portal, 2025).
NUMBERS = {
    ".tif": 95_158,
    ".mat": 16_849,
    ".tsq": 4_259,
    ".csv": 2_782,
    ".rhd": 805,
    ".abf": 714,
    ".ns5": 669,
}
#: The same of all images, signals and other files.
TOTALS = {"images": 129_700, "signals": 28_800, "other": 36_200}

SPARC = Accepted(
    "SPARC",
    'docs.sparc.science, "File formats accepted by SPARC" (2025)',
    _programs(
        """
Time series, NWB 2 (preferred): .nwb
Time series, text: .csv .json
Time series, LabChart: .adicht
Time series, LabChart under its old name: .adi = adicht
Time series, common in datasets (MATLAB, TDT, Intan, Axon, Blackrock): .mat .tsq .rhd .abf .ns5
Tables: .tsv .xlsx .ods
Microscopy: .jp2 .jpx .ome.tif .ome.tiff
Microscopy, common in datasets: .tif
Morphology: .swc .roi .ims
Morphology, MBF Bioscience (preferred): .xml = mbf
Neuroimaging: .nii .nii.gz .nifti .dcm
Video: .mp4 .avi .webm .ogv
Generic: .hdf5
Generic, other XML: .xml ! XML of no format that is known: settings or metadata, not a recording or image
Cell sorting: .fcs
"""
    ),
)

NEO = Accepted(
    "NEO",
    "neo 0.14, classes of neo.rawio.rawiolist and neo.io.iolist",
    _programs(
        """
AlphaOmega: .lsx .mpx
Axograph: .axgd .axgx
Axona: .set .bin .1 .2 .3 .4 .eeg .egf = axona
Axon: .abf
Biocam: .brw
Biocam, older: .h5 = hdf5
Blackrock: .ns1 .ns2 .ns3 .ns4 .ns5 .ns6 .nev
Blackrock, sorted and settings: .sif .ccf ! settings of a Blackrock recording, kept beside it, no samples
BrainVision: .vhdr
Ced: .smr .smrx
EDF: .edf
Elan: .eeg = elan
Intan: .rhd .rhs
Intan, one file a signal: .dat = intan
Micromed: .trc
Maxwell: .h5 = hdf5
MEArec: .h5 = hdf5
Med (MEF 3): .medd .rdat .ridx
Neuralynx: .nse .ncs .ntt
Neuralynx events: .nev = neuralynx
Neuralynx video tracking: .nvt
Neuralynx raw: .nrd
NeuroExplorer: .nex
NeuroNexus: .xdat .xdat.json = neuronexus
NeuroNexus, its header: .json = neuronexus
NeuroScope: .xml .dat .lfp .eeg = neuroscope
NIX: .nix
Open Ephys (a file for each channel): .continuous .spikes .events .openephys
Open Ephys binary: .oebin
Open Ephys binary, members: .dat .npy .xml .txt = openephys
Phy: .npy .tsv .dat = phy
Plexon: .plx
Plexon 2: .pl2
Raw binary signals: .raw .bin .dat
Multi Channel Systems raw: .raw = mcsraw
SpikeGadgets: .rec = spikegadgets
SpikeGLX: .meta .bin = spikeglx
TDT: .tbk .tdx .tev .tin .tnt .tsq .sev = tdt
WinEDR: .edr
WinWCP: .wcp
AsciiSignal: .txt .asc .csv .tsv
BCI2000: .dat ! neo cuts fractions of gains and rates off; export it as EDF or GDF
Brainware: .dam .f32 .src
Elphy: .dat = elphy
Igor: .ibw .pxp
KlustaKwik: .fet .clu .res .spk
Kwik: .kwik
NeoMatlab: .mat
NEST: .gdf .dat = nest
Neuroshare types: .mcd
NWB: .nwb
Pickle: .pkl .pickle
Stimfit: .cfs
"""
    ),
)

MNE = Accepted(
    "MNE",
    "mne 1.13, functions mne.io.read_raw_*",
    _programs(
        """
FIF: .fif .fif.gz
ANT Neuro: .cnt ! no reader yet; mne reads it with antio, which is under the LGPL
Artemis 123: .bin ! %MEG%
BCI2000: .dat ! no reader yet
BOXY (ISS): .txt ! a table of raw optical data, which is read as text
Brain Vision: .vhdr .ahdr
BTi / 4D: - ! %MEG%
CTF MEG: .ds ! %MEG%
Curry: .cdt .dap .rs3 ! no reader yet; mne reads it
Curry 7, samples: .dat ! no reader yet; mne reads it
EDF, BDF: .edf .bdf
EEGLAB: .set
EGI MFF, its samples: .bin = egi-mff
EGI MFF, the folder: .mff = egi-mff
EGI simple binary: .raw ! no reader yet; mne reads it
Eximia: .nxe ! no reader yet; mne reads it
Eyelink: .asc ! no reader yet; mne reads it
FieldTrip: .mat
FIL OPM: .bin ! %MEG%
GDF: .gdf
Hitachi: .csv
KIT / Yokogawa: .sqd .con ! %MEG%
MEF 3: .mefd ! no reader yet
NEDF: .nedf ! no reader yet; mne reads it
Neuralynx: .ncs
Neuroscan: .cnt
Nicolet: .data .head = nicolet
Nihon Kohden: .eeg = nihon
NIRx: .hdr .wl1 .wl2 ! no reader yet; mne reads it
Blackrock: .ns3
Persyst: .lay
Persyst, samples: .dat = persyst
SNIRF: .snirf
"""
    ),
)

BIOFORMATS = Accepted(
    "Bio-Formats",
    "ome/bioformats on GitHub (October 2024), readers.txt and each reader's suffixes",
    _programs(
        """
File pattern: .pattern ! a list of pictures, which are read without it; a scheme's series_pattern joins them
Zip: .zip
Animated PNG: .png
JPEG: .jpg .jpeg .jpe
SlideBook 7 SLD (native): .sldy
Portable Any Map: .pbm .pgm .ppm
Flexible Image Transport System: .fits .fts
PCX: .pcx
Graphics Interchange Format: .gif
Windows Bitmap: .bmp
IPLab: .ipl
IVision: .ipm
Deltavision: .dv .r3d .r3d_d3d .dv.log .r3d.log
Medical Research Council: .mrc .mrcs
Medical Research Council, other names: .st .ali .map .rec = mrc
Gatan Digital Micrograph: .dm3 .dm4
Gatan DM2: .dm2
Bitplane Imaris: .ims
Openlab RAW: .raw ! .raw is taken for raw samples, which need a scheme
OME-XML: .ome .ome.xml
Leica Image File Format: .lif
Audio Video Interleave: .avi
PICT: .pict .pct
SPCImage Data: .sdt
SPC FIFO Data: .spc
SPC FIFO Data, settings: .set ! settings of a .spc file, no samples
Encapsulated PostScript: .eps .ps
Encapsulated PostScript, with preview: .epsi ! drawings, not microscopy
Olympus Slidebook: .sld .spl
Alicona AL3D: .al3d
Multiple-image Network Graphics: .mng
Khoros XV: .xv
Visitech XYS: .xys
Laboratory Imaging: .lim
Adobe Photoshop: .psd
InCell 1000/2000: .tiff .tif
InCell 1000/2000, header: .xdce ! header or settings of pictures beside it, which are read without it
Li-Cor L2D: .l2d .tif
Li-Cor L2D, settings: .scn ! settings of a Li-Cor scan, no pixels
FEI/Philips: .img ! %AMBIGUOUS%
Hamamatsu Aquacosmos: .naf
MINC MRI: .mnc
QuickTime: .mov
Minolta MRW: .mrw
TillVision: .vws .pst
TillVision, part of a .pst: .inf = bioformats
ARF: .arf
Cellomics C01: .c01 .dib
LI-FLIM: .fli
Truevision Targa: .tga
Oxford Instruments: .top ! %AMBIGUOUS%
VG SAM: .dti
Hamamatsu HIS: .his
WA Technology TOP: .wat
Seiko: .xqd .xqf
TopoMetrix: .tfr .ffr .zfr .zfp .2fl
UBM: .pr3
Quesant AFM: .afm
Bio-Rad GEL: .1sc
RHK Technologies: .sm2 .sm3
Molecular Imaging: .stp
CellWorx: .pnl .htd ! header or settings of pictures beside it, which are read without it
MetaXpress TIFF: .tif
MetaXpress TIFF, header: .htd ! header or settings of pictures beside it, which are read without it
ECAT7: .v ! %AMBIGUOUS%
Varian FDF: .fdf
AIM: .aim
InCell 3000: .frm
SPIDER: .spi
Volocity Library: .mvd2 .aisf .aiix .atsf
IMAGIC: .hed
IMAGIC, part of a .hed: .img = bioformats
Hamamatsu VMS: .vms
CellSens VSI: .vsi .ets
INR: .inr
Kodak Molecular Imaging: .bip
Volocity Library Clipping: .acff
Zeiss CZI: .czi
Andor SIF: .sif ! %AMBIGUOUS%
Hamamatsu NDPIS: .ndpis ! list of .ndpi slides, which are read without it
POV-Ray: .df3
IMOD: .mod ! a drawing over a picture; the extension is program code's here
Aperio AFI: .afi ! list of .svs slides, which are read without it
Lavision Imspector: .msr
Bio-Rad SCN: .scn ! Leica's .scn is read, Bio-Rad's is another format
Zeiss LMS: .lms
PicoQuant Bin: .bin ! counts of photons; .bin is taken for raw samples, which need a scheme
FlowSight: .cif
Perkin-Elmer Nuance IM3: .im3
I2I: .i2i
Princeton Instruments SPE: .spe
Olympus OIR: .oir
KLB: .klb
MicroCT: .vff
Leica Object Format: .lof
Extended leica file: .xlef
Olympus .omp2info: .omp2info ! list of .oir pictures, which are read without it
JEOL: .img .par ! %AMBIGUOUS%
JEOL, older: .dat ! .dat is taken for raw samples, which need a scheme
NIfTI: .nii .nii.gz
NIfTI, header and voxels apart: .hdr .img = nifti
Analyze 7.5: .hdr .img = nifti
Olympus APL: .tif
Olympus APL, header: .apl .tnb .mtb ! header or settings of pictures beside it, which are read without it
NRRD: .nrrd .nhdr
Image Cytometry Standard: .ics .ids
PerkinElmer: .tif
PerkinElmer, settings: .ano .cfg .csv .htm .rec .tim .zpo ! settings of pictures, read without them
Amira: .am .amiramesh
Amira, other names: .grey .hx .labels ! %AMBIGUOUS%
Olympus ScanR: .tif
BD Pathway: .tif
BD Pathway, header: .exp ! header or settings of pictures beside it, which are read without it
Unisoku STM: .hdr .dat ! .dat is taken for raw samples, which need a scheme
Perkin Elmer Densitometer: .hdr .img ! %AMBIGUOUS%
Fuji LAS 3000: .img .inf ! %AMBIGUOUS%
PerkinElmer Operetta: .tif .tiff
Inveon: .hdr ! %AMBIGUOUS%
CellVoyager: .tif
PerkinElmer Columbus: .xml ! header of a plate of pictures, which are read without it
Yokogawa CV7000: .wpi ! header or settings of pictures beside it, which are read without it
Bio-Rad PIC: .pic
Olympus FV1000: .oib .oif
Olympus FV1000, members of an .oif: .pty .lut = olympus
Zeiss Vision Image (ZVI): .zvi
Image-Pro Workspace: .ipw
JPEG-2000: .jp2 .j2k .jpf
JPX: .jpx
Nikon ND2: .nd2
Compix Simple-PCI: .cxd
Bitplane Imaris 5.5 (HDF): .ims
CellH5 (HDF): .ch5 = hdf5
Veeco: .hdf
Tecan Spark Cyto: .db ! a database of pictures beside it, which are read without it
Zeiss Laser-Scanning Microscopy: .lsm
Zeiss Laser-Scanning Microscopy, database: .mdb ! a database of .lsm files, which are read without it
Image-Pro Sequence: .seq .ips
Amersham Biosciences GEL: .gel
Bitplane Imaris 3 (TIFF): .ims
Evotec Flex: .flex
Evotec Flex, header: .mea .res ! header or settings of pictures beside it, which are read without it
Aperio SVS: .svs
Imacon: .fff
LEO: .sxm .tif .tiff
JPK Instruments: .jpk
Hamamatsu NDPI: .ndpi
PCO-RAW: .pcoraw
PCO-RAW, part of a .pcoraw: .rec = bioformats
Ventana .bif: .bif
OME-TIFF: .ome.tiff .ome.tif .ome.tf2 .ome.tf8 .ome.btf .companion.ome
Pyramid TIFF: .tif .tiff
MIAS: .tif .tiff
Leica TCS TIFF: .tif .tiff
Leica: .tif .tiff
Leica, header: .lei ! header or settings of pictures beside it, which are read without it
Nikon NEF: .nef .tif .tiff
Olympus Fluoview/ABD TIFF: .tif .tiff
Prairie TIFF: .tif .tiff
Metamorph STK: .stk .nd .tif .tiff
Metamorph STK, scan: .scan ! header or settings of pictures beside it, which are read without it
Micro-Manager: .tif .tiff .txt = micromanager
Improvision TIFF: .tif .tiff
Metamorph TIFF: .tif .tiff
Nikon TIFF: .tif .tiff
Mikroscan TIFF: .tif .tiff
Adobe Photoshop TIFF: .tif .tiff
FEI TIFF: .tif .tiff
SimplePCI TIFF: .tif .tiff
Nikon Elements TIFF: .tif .tiff
Trestle: .tif
Olympus SIS TIFF: .tif .tiff
DNG: .tif .tiff
Zeiss AxioVision TIFF: .tif
Leica SCN: .scn
PerkinElmer Vectra/QPTIFF: .tiff .tif .qptiff
Slidebook TIFF: .tif .tiff
Ionpath MIBI: .tif .tiff
DICOM: .dic .dcm .dicom .ima
DICOM, other names: .jp2 .j2ki .j2kr .raw = dicom
Hitachi: .txt ! header of a picture beside it, which is read without it
Tagged Image File Format: .tif .tiff .tf2 .tf8 .btf
Text: .txt .csv
Burleigh: .img ! %AMBIGUOUS%
Openlab LIFF: .liff
SM Camera: - ! %AMBIGUOUS%
SBIG: - ! %AMBIGUOUS%
NOAA-HRD Gridded Data Format: - ! %AMBIGUOUS%
Bruker: - ! %AMBIGUOUS%
Canon RAW: .cr2 .crw
Canon RAW, its preview: .thm ! a small copy of a picture, which is read without it
Canon RAW, beside it: .jpg .wav
OBF: .obf .msr
BDV: .xml ! header of a BigDataViewer .h5, whose arrays are read without it
BDV, its arrays: .h5
RCPNL: .rcpnl
"""
    ),
)

LISTS = (SPARC, NEO, MNE, BIOFORMATS)

#: Why a list's formats are not read here, where neither a row nor the list's own line says it.
NOT_READ = {
    "SPARC": "no reader yet",
    "NEO": "no reader yet; neo reads it",
    "MNE": "no reader yet; mne reads it",
    "Bio-Formats": "no reader yet; Bio-Formats converts it to OME-TIFF, which is read",
}
