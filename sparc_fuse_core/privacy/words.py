"""What a name says about its value, where users name things themselves (variables, attributes, columns)."""

from __future__ import annotations

import functools
import re
from typing import Literal

Kind = Literal["identity", "fact", ""]

#: Identity whatever else the name says: ``camera_serial_number``, ``recording file path``.
_ALWAYS_IDENTITY = frozenset(
    """
    address addresses aadhaar accession barcode birth birthdate birthday birthplace born dob email
    emails fax forename gps hostname initials insurance latitude longitude mac maiden medicare mobile mrn
    nickname passport password phone physician postcode postal referring rfid serial serialno sn
    snr ssn street surname telephone token username userid zip zipcode nhs mychart medicaid
    patientid patientname firstname lastname fullname subjectid subjectname participantid filepath pathname
    workstation computername machinename geburtsdatum
    """.split()
)

#: Identity unless the name is that of a fact: ``patient_name`` is, ``patient_sex`` is not.
_IDENTITY = frozenset(
    """
    acquiredby administrator artist author authors clinic clinician collector colleague computer copyright
    creator customer dir directory directories doctor dr editor experimenter experimenters family file
    filename filenames files folder folders guid home hospital host identifier institute institution
    institutional investigator lab laboratory login machine nurse operator operators owner owners
    participant participants path paths patient patients performer performing person personnel pi
    proband recordist requesting researcher scientist staff subj subject subjects surgeon tech technician
    technologist tester uid uri url user users uuid volunteer ward sender licensee licencee
    registered operatorname mouseid animalid
    """.split()
)

#: Pairs of words that name a person's number or name: ``subject id``, ``animal number``.
_WHOSE = frozenset(
    "animal subject participant patient person proband volunteer user study mouse rat record "
    "case chart medical hospital national social".split()
)
_NUMBERED = frozenset("id ids number numbers no nr code name names security".split())

#: Facts: how something was recorded, and of which sex, age and species the subject was.
_FACTS = frozenset(
    """
    adc age ages alpha amplifier amplitude amplitudes anaesthesia analog anatomical anesthesia angle angles
    antibody aperture area atlas attenuation averages axes axis bandpass bandwidth baseline beta binning bit
    bits blocks bmi bodyweight boundaries breath brightness bytes calibration category cell cells channel
    channels class colour color colors colours columns compliance compression concentration condition
    contacts contrast conversion coordinate coordinates count counts coupling current currents cutoff cycle
    date dates datetime deg delay density depth detector diameter digital dimension dimensions direction
    disease dose drug dtype duration durations dye electrode electrodes emission encoding endian epoch epochs
    event events excitation exposure factor fiber fibre filter filtering filters flags fluorophore force
    format fps frame frames freq frequency frequencies fs gain gains gender genotype group groups hand
    handedness hardware headstage heart height hemisphere highcut highpass hours hz immersion impedance
    impedances increment index indices interval intervals inverted isi khz label labels laser laterality
    latency layout lead leads length lengths level levels light limit limits locations lower lowcut lowpass
    magnification map marker markers mass max maximum mean medium method microns min minimum minutes mode
    modality model montage ms mv muscle na nerve noise nominal notch num objective offset offsets onset order
    organ orientation origin output parameters period phase pixel pixels pixelsize polarity points position
    positions power pressure probe pulse pulses quality radius range ranges rate rates ratio region regions
    reference references repetitions repeats resolution rotation rows runs sample samples samplerate
    samplesize sampling scale scaling scan sd sec seconds section segment segments sensitivity sensor
    sequence settle sex sfreq shape side signal signals size sizes slice slices smoothing spacing species
    specimen speed srate stain staining stage start starts std step steps stim stimulation stimuli
    stimulus stop stored strain strains sweep sweeps task temperature thickness threshold thresholds time
    times timestamp timestamps timezone tissue tool total train trains transducer trial trials trigger
    triggers tunit type types unit units upper us utc variables velocity version versions vessel voltage
    volts volume volumes voxel wave waveform wavelength wavelengths weight width widths window x xyz y z
    zoom zscore humidity tr te ti nsamples nchannels nchan ntrials npoints pnts nbchan trialnum xmin xmax
    rrid taxon ncbitaxon eeglabvers nosedir theta urchan plotrad saved acquisition acquired recorded
    loop images hyperstack imagej ranges finterval yunit zunit vunit vel ecg eeg emg
    """.split()
)

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_LETTER = re.compile(r"[^A-Za-zµ]+")


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case: ``patientName_1`` gives ``patient``, ``name``."""
    spaced = _CAMEL.sub(" ", name[:200])
    return tuple(word.lower() for word in _NO_LETTER.split(spaced) if word)


@functools.lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind:
    """Return what a name says its value is; ``""`` where it says neither."""
    words = words_of(name)
    together = "".join(words)
    if together in _ALWAYS_IDENTITY or any(word in _ALWAYS_IDENTITY for word in words):
        return "identity"
    pairs = zip(words, words[1:], strict=False)
    if any(a in _WHOSE and b in _NUMBERED for a, b in pairs):
        return "identity"
    if any(word in _FACTS for word in words) or together in _FACTS:
        return "fact"
    if any(word in _IDENTITY for word in words) or together in _IDENTITY:
        return "identity"
    return ""
