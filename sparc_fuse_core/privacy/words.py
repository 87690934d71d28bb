"""What a name says about its value, where users name things themselves (variables, attributes, columns)."""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["identity", "fact", ""]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Identity whatever else the name says: ``camera_serial_number``, ``recording file path``.
_ALWAYS_IDENTITY = _words(
    """
    aadhaar accession address addresses barcode birth birthdate birthday birthplace born computername
    dob email emails fax filepath firstname forename fullname geburtsdatum gps hostname initials
    insurance lastname latitude longitude mac machinename maiden mail medicaid medicare mrn mychart nhs
    nickname participantid passport password pathname patientid patientname phone physician postal
    postcode referring rfid serial serialno ssn street subjectid subjectname surname telephone userid
    username workstation zip zipcode
    """
)

#: People by what they do, and places of files: identity too, ``scan operator``, ``camera owner``.
_ROLES = _words(
    """
    account acquiredby administrator analyst artist author authors clinic clinician colleague collector
    copyright creator customer dir directories directory doctor dr editor experimenter experimenters
    filename filenames folder folders investigator licencee licensee login nurse operator operatorname
    operators owner owners path paths performer performing personnel recordist researcher scientist
    sender staff station surgeon tech technician technologist tester user users
    """
)

#: Identity unless the name is that of a fact: ``patient_name`` is, ``patient_sex`` is not.
_IDENTITY = _words(
    """
    animalid computer family file files guid home hospital host identifier institute institution
    institutional lab laboratory machine mouseid participant participants patient patients person pi
    proband registered requesting subj subject subjects uid uri url uuid volunteer ward
    """
)

#: Pairs of words that name a person's number or name: ``subject id``, ``animal number``.
_WHOSE = _words(
    """
    animal case chart hospital medical mouse national participant patient person proband rat record
    social study subject user volunteer
    """
)
_NUMBERED = _words(
    """
    code id ids name names no nr number numbers security
    """
)

#: Facts: how something was recorded, and of which sex, age and species the subject was.
_FACTS = _words(
    """
    acquired acquisition adc age ages alpha amplifier amplitude amplitudes anaesthesia analog anatomical
    anesthesia angle angles antibody aperture area atlas attenuation averages axes axis bandpass
    bandwidth baseline beta binned binning bit bits blocks bmi bodyweight boundaries breath brightness
    bytes calibration camera category cell cells channel channels class color colors colour colours
    column columns compliance compression concentration condition contacts contrast conversion
    coordinate coordinates count counts coupling current currents cutoff cycle date dates datetime deg
    delay density depth detector diameter dichroic digital dimension dimensions direction disease dose
    drug dtype dur days duration durations dwell dye ecg eeg eeglabvers electrode electrodes emg emission
    encoding endian epoch epochs event events excitation exposure factor fiber fibre filter filtering
    filters finterval flags fluorophore force format fps frame frames freq frequencies frequency fs gain
    gains galvano gender genotype group groups hand handedness hardware headstage heart height
    hemisphere highcut highpass hours humidity hv hyperstack hz imagej images immersion impedance
    impedances increment index indicator indices interval intervals inverted isi khz label labels laser latency
    laterality layout lead leads length lengths level levels light limit limits location locations loop
    lowcut lower lowpass magnification map marker markers mass max maximum mean medium method microns
    min minimum minutes mirror modality mode model montage ms muscle mv na nbchan ncbitaxon nchan
    nchannels nerve noise nominal nosedir notch npoints nsamples ntrials num numerical objective offset
    offsets onset order organ orientation origin output parameters period phase pixel pixels pixelsize
    plane planes plotrad pnts points polarity position positions power pressure probe program pulse pulses
    quality radius range ranges rate rates ratio recorded reference references refractive region regions
    repeats repetitions resolution resonant rotation rows rrid runs sample samplerate samples samplesize
    sampling saved scale scaling scan scanner sd sec seconds section segment segments sensitivity sensor
    sequence settle sex sfreq shape shutter side signal signals size sizes slice slices smoothing
    spacing species specimen speed srate stage stain staining start starts std step steps stim
    stimulation stimuli stimulus stop stored strain strains sweep sweeps task taxon te temperature theta
    thickness threshold thresholds ti time times timestamp timestamps timezone tissue tool total tr
    train trains transducer trial trialnum trials trigger triggers tunit turret type types unit units
    upper urchan us utc variables vel velocity version versions vessel voltage volts volume volumes
    voxel vunit wave waveform wavelength wavelengths weight width widths window x xmax xmin xyz y yunit
    z zoom zscore zunit
    """
)

#: Free text, whatever it is about: ``stimulus_notes``, ``electrode description``.
_FREE_TEXT = _words(
    """
    comment comments description descriptions diary journal note notes remark remarks
    """
)

_OF_UNITS = ("units", "unit")

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LOWER_TO_UPPER = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_LETTER = re.compile(r"[^A-Za-zµ]+")


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case: ``patientName_1`` gives ``patient``, ``name``."""
    spaced = _CAMEL.sub(" ", name[:200])
    return tuple(word.lower() for word in _NO_LETTER.split(spaced) if word)


@functools.lru_cache(maxsize=4096)
def is_personal(name: str) -> bool:
    """Tell whether a name is that of a person's number, birth, address or place, whatever else it says."""
    words = words_of(name)
    together = "".join(words)
    # three letters are a word of their own only where they stand alone: "EMGps" is no place
    whole = {word.lower() for word in _NO_LETTER.split(_LOWER_TO_UPPER.sub(" ", name[:200]))}
    found = [word for word in words if word in _ALWAYS_IDENTITY]
    if together in _ALWAYS_IDENTITY or any(len(word) > 3 or word in whole for word in found):
        return True
    if "medical" in words and {"record", "records", "file"} & {*words}:
        return True
    return any(a in _WHOSE and b in _NUMBERED for a, b in itertools.pairwise(words))


def kind_at(path: Sequence[str]) -> Kind:
    """Return what the end of a path of names says; what lies below ``Units`` are units, whatever its name."""
    kind = kind_of(path[-1])
    if not kind and any(part.strip().lower() in _OF_UNITS for part in path[:-1]):
        return "fact"
    return kind


def is_about_somebody(path: Sequence[str]) -> bool:
    """Tell whether the value at the end of a path of names is somebody's name, number or the like."""
    return kind_of(path[-1]) != "fact" and any(kind_of(part) == "identity" for part in path)


@functools.lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind:
    """Return what a name says its value is; ``""`` where it says neither."""
    words = words_of(name)
    together = "".join(words)
    if is_personal(name):
        return "identity"
    # "recorded by", "scan operator"
    if words[-1:] == ("by",) or together in _ROLES or any(word in _ROLES for word in words):
        return "identity"
    if words and words[-1] in _FREE_TEXT:
        return ""
    if any(word in _FACTS for word in words) or together in _FACTS:
        return "fact"
    if any(word in _IDENTITY for word in words) or together in _IDENTITY:
        return "identity"
    return ""
