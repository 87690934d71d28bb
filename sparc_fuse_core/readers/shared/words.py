"""The words by which exports state rate, interval, time, unit, scale, label …: one table for all readers.

Spellings are compared by their letters and digits alone, in lower case (`vocabulary.normal`). A word that
stands for two things is in no row: it would be a guess. Units of values are spelled as they are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "rate",
    "interval",
    "time",
    "unit",
    "label",
    "description",
    "scale",
    "offset",
    "gain",
    "missing",
    "start",
    "dimensions",
    "count",
    "event",
    "axis",
    "result",
    "side",
    "data",
]


@dataclass(frozen=True, slots=True)
class Word:
    """One row: spellings that mean one kind of fact.

    Attributes
    ----------
    kind
        What a value of this name states: ``"rate"`` samples per time, ``"interval"`` time per sample,
        ``"time"`` a vector of times, ``"unit"``, ``"label"`` names of channels, ``"description"``,
        ``"scale"`` and ``"offset"`` (physical = stored × scale + offset), ``"gain"`` an amplification whose
        direction is not stated, ``"missing"`` the value that stands for none, ``"start"`` date or time of
        the first sample, ``"dimensions"`` names of axes, ``"count"`` a number of things, ``"event"``
        moments, ``"axis"`` an axis that is no time, ``"result"`` what is computed and no recording,
        ``"side"`` few values beside a signal, ``"data"`` the samples themselves.
    spellings
        Lower case, letters and digits only, separated by blanks.
    source
        Who writes them.
    """

    kind: Kind
    spellings: str
    source: str


WORDS: tuple[Word, ...] = (
    Word(
        "rate",
        "fs sr srate sfreq fsample fsamp fsr sps",
        "MATLAB users, EEGLAB, MNE, FieldTrip",
    ),
    Word(
        "rate",
        "samplerate samplingrate samprate samplesrate sampfreq samplefreq samplingfreq samplfreq",
        "MATLAB and Python users, BIOPAC, wfdb",
    ),
    Word(
        "rate",
        "samplefrequency samplingfrequency samplerates samplingrates samplefrequencies "
        "samplingfrequencies",
        "BIDS, SigMF, EDF tools",
    ),
    Word(
        "rate",
        "samplespersecond samplespersec samplepersecond pointspersecond nsamplespersecond",
        "bioread, PowerLab",
    ),
    Word(
        "rate",
        "acquisitionrate acquisitionfrequency acqrate acqfreq daqrate scanrate digitizationrate "
        "digitisationrate datarate recordingrate recordingfrequency updaterate outputdatarate "
        "measurementfrequency measurementrate measuringrate loggingrate",
        "data acquisition programs, Xsens (update rate), GENEActiv (measurement frequency)",
    ),
    Word(
        "rate",
        "nominalsrate nominalrate effectivesrate nominalsamplerate",
        "Lab Streaming Layer",
    ),
    Word(
        "rate",
        "rate rates hz adfreq adfrequency adrate inputrate framerate fps framespersecond imagingrate "
        "volumerate",
        "structs of one channel, Plexon, calcium imaging",
    ),
    Word(
        "rate",
        "abtastrate abtastfrequenz messrate messfrequenz frequencedechantillonnage tasademuestreo",
        "other languages",
    ),
    Word(
        "interval",
        "dt deltat timestep sampleinterval samplinginterval sampleperiod samplingperiod "
        "sampletime samplingtime tsample tsamp timeincrement timeinterval samplespacing",
        "MATLAB users, LabVIEW",
    ),
    Word(
        "interval",
        "isi si ts interval period xincr xincrement deltax xdelta increment wfincrement "
        "intersampleinterval msecpersample",
        "AcqKnowledge (isi), abfload (si), Spike2 (interval), LabVIEW, oscilloscopes",
    ),
    Word(
        "interval",
        "abtastintervall",
        "other languages",
    ),
    Word(
        "time",
        "t time times timestamp timestamps timer tvec tvector timevec timevector timeaxis "
        "timebase tm tt tsec timesec elapsed elapsedtime timeelapsed relativetime timesincestart "
        "timepoints timestampss xtime timecolumn sampletimes timearray taxis",
        "everybody; wfdb (tm)",
    ),
    Word(
        "time",
        "hours minutes mins seconds secs sec msec milliseconds millisec microseconds "
        "unixtime epochtime posixtime "
        "datetime exceldatetime datenum matlabdatenum serialdate matlabtime zeit temps tiempo tempo",
        "columns named by their unit; other languages",
    ),
    Word(
        "unit",
        "unit units unittext unitname unitnames unitstring unitlabel yunit yunits dataunit "
        "dataunits channelunit channelunits chunits chanunit chanunits sigunits signalunits signalunit "
        "sigunit physdim physicaldimension physicaldimensions physicalunit physicalunits "
        "valueunit valueunits uom unitofmeasurement einheit einheiten unitsofmeasure recchunits "
        "adcunits variableunits engineeringunits",
        "everybody; EDF tools, LabChart",
    ),
    Word(
        "label",
        "label labels name names title titles channelname channelnames channellabel channellabels "
        "chanlabel chanlabels channame channames chans chanlocs chnames channels channel chan "
        "chlabels chlabel signalname signalnames signallabel signallabels signame signalslabels "
        "sensors sensornames electrodes electrodenames electrode leads leadnames lead clab "
        "recchnames adcnames muscles musclenames",
        "everybody; EEGLAB, MNE, FieldTrip, BBCI, wfdb",
    ),
    Word(
        "label",
        "colheaders columns columnnames columnlabels colnames header headers columnheaders "
        "varnames variablenames fieldnames legend channeltitles channeltitle",
        "MATLAB's importdata, tables",
    ),
    Word("description", "description descriptions desc", "wfdb's rdmat, EDF tools"),
    Word(
        "scale",
        "scale scalefactor scalingfactor scaling slope multiplier conversionfactor bitvolts lsb "
        "lsbvalue voltsperbit scalefactors bitvolt calibrationfactor conversion conversions",
        "CF, Open Ephys, SigMF",
    ),
    Word(
        "offset",
        "offset addoffset intercept scaleoffset yoffset",
        "CF",
    ),
    Word(
        "gain",
        "resolution resolutions sensitivity sensitivities "
        "gain gains amplifiergain ampgain amplification adcgain gainfactor preampgain channelgain",
        "amplifiers, converters; whether to divide or multiply is not stated",
    ),
    Word(
        "missing",
        "fillvalue missingvalue missing nanvalue nodata nodatavalue missingcode invalidvalue "
        "navalue missingvalues novalue badvalue missingdatavalue",
        "CF, tables",
    ),
    Word(
        "start",
        "start starttime startdatetime startdate t0 tstart recordingstart recordingstarttime "
        "acquisitionstart acquisitionstarttime startingtime starttimestamp firstsampletime "
        "datetimestart recordingdate recdate recordingtime acquisitiondate acquisitiontime "
        "measdate sessionstarttime begintime recordingdatetime timeofrecording utcstarttime "
        "starttimeutc timestart timeorigin timeref dateandtime basetime timereference",
        "NWB, MNE, BIDS, everybody",
    ),
    Word(
        "dimensions",
        "dimord dims dimensions axes dimnames dimensionnames dimensionlabels axisnames axislabels "
        "dimensionorder dimorder axesnames arraydimensions arrayaxes dimlabels",
        "FieldTrip, xarray",
    ),
    Word(
        "count",
        "nchan nbchan nchannels numchannels numchan numberofchannels nch channelcount nsamples "
        "numsamples npts pnts npoints numpoints length ntrials trials nsweeps ntrial nepochs "
        "numtrials nsamp npnts nsig siglen nchans samplecount",
        "EEGLAB, wfdb",
    ),
    Word(
        "event",
        "event events marker markers annotation annotations trigger triggers stimulus stimuli "
        "comment comments mrk epocs epochs eventmarkers eventtable",
        "everybody; BBCI, TDT",
    ),
    Word(
        "axis",
        "f freq freqs frequency frequencies faxis fvec fvector freqaxis frequencyaxis freqvec "
        "omega hzaxis frequencyvector frequencybins freqbins fbins freqvector",
        "spectra",
    ),
    Word(
        "axis",
        "lag lags lagtimes tau taus edges edge bins bin bincenters binedges centers binstarts "
        "wavelength wavelengths dose doses concentration concentrations voltagesteps currentsteps "
        "xbins ybins lagaxis lagvector",
        "correlograms, histograms, dose curves",
    ),
    Word(
        "result",
        "psd pxx pyy pxy power powers spectrum spectra spectrogram amplitudespectrum fft fftdata "
        "coherence coh cxy xcorr corr correlation autocorr autocorrelation crosscorr "
        "crosscorrelation acf acg ccg correlogram correlograms hist histogram histcounts psth "
        "raster bincounts",
        "computed from recordings",
    ),
    Word(
        "result",
        "pvalue pvalues pval pvals stats statistics tstat tstats fstat zscores anova effectsize "
        "confidenceinterval ci mean std stdev sd sem stderr variance var skewness kurtosis means "
        "medians results result scores accuracy accuracies performance auc roc confusion "
        "confusionmatrix summary rmssd sdnn pnn50 sdsd lfhf fpr tpr falsepositiverate truepositiverate "
        "precision recall loss losses score latent explained",
        "statistics",
    ),
    Word(
        "result",
        "coef coefs coeff coeffs coefficient coefficients taps kernel kernels filtercoefficients "
        "impulseresponse impresp firtaps sos num den b a win window hann hamming h weights beta "
        "betas transform loadings pca ica eigenvalues eigenvectors covariance cov connectivity "
        "adjacency designmatrix filters patterns topographies mixingmatrix unmixingmatrix lut calibration "
        "template templates wavelet bias biases embedding embeddings umap tsne",
        "filters, models",
    ),
    Word(
        "result",
        "mask masks image images img imgs picture frame frames map maps roi rois pixels atlas "
        "stack movie photo heatmap colormap cmap",
        "pictures",
    ),
    Word(
        "result",
        "waveforms spikewaveforms snippet snippets cutout cutouts spikeshapes spikewaves "
        "meanwaveform",
        "spikes cut out of a recording",
    ),
    Word(
        "side",
        "peak peaks rpeak rpeaks rpeaklocs locs loc pks peaklocs ind inds idx index indices onset "
        "onsets offsets spiketimes spiketime spikes spiketrain spiketrains spikets ibi ibis rr "
        "rri rrintervals nn nni beats beat beattimes latency latencies duration durations "
        "amplitudes amps threshold thresholds trialstart trialstarts trialindex trialnumber "
        "trialnumbers conditions condition stimtimes stimtime eventtimes eventtime eventcodes "
        "codes code breaths breathtimes cycles cycleonsets edgesidx crossings troughs valleys "
        "class classes target targets clusters cluster clusterids clusterid unitids unitid spikeids spikeid "
        "ids id samplenumber "
        "samplenumbers nseq seq sequencenumber samplenum samplecounter packetcounter counter quality impedance "
        "impedances order rejected badchannels bad",
        "moments, indices and features beside a signal",
    ),
    Word(
        "data",
        "data signal signals value values x y v s sig sigs dat trace traces timeseries recording "
        "recordings raw rawdata samples samplevalues record rec d lfp eeg ecg ekg emg eog eda gsr ppg bvp "
        "resp respiration bp abp pressure temp temperature force torque acc accel acceleration "
        "flow volumeflow nerve vagus bladder pves pabd pdet hr heartrate current voltage vm im "
        "membranepotential df dff fluorescence ieeg ecog seeg meg mep eng gyro velocity sound "
        "audio stim ttl spo2 co2 o2 val cnt analog adc plet pleth",
        "samples, or what is measured",
    ),
)

#: Hertz in one unit of a rate, and its spellings.
RATE_WORDS = {
    1.0: "hz hertz 1/s s-1 s^-1 /s sps s/s samples/s samples/sec samples/second samplespersecond "
    "samplespersec persecond 1/sec samp/s sa/s scans/s scans/sec pts/s points/s frames/s fps",
    1000.0: "khz kilohertz 1/ms ks/s ksa/s ksps samples/ms ksamples/s kilosamples/s",
    1000000.0: "megahertz msps",
    0.016666666666666666: "1/min samples/min permin",
    0.001: "millihertz",
}

#: Symbols of units that take a prefix (``mV``).
PREFIXED_UNITS = (
    "V|A|s|Hz|g|m|Pa|N|K|ohm|Ohm|Ω|Ω|W|J|L|l|mol|M|F|H|T|S"
    "|bar|Torr|eV|rad|cd|lx|lux|Bq|Gy|C|Wb|lm|cal"
)
#: Units that stand alone, as parts of a regular expression.
LONE_UNITS = (
    r"%|‰|°|°C|°F|degC|degF|deg|degrees?(?: ?[CF]| ?Celsius)?|[Cc]elsius",
    r"mm ?Hg|(?:c|m)m ?H2O|in ?H2O|inHg|mmhg|cmh2o|psi|atm|bpm|BPM|rpm|RPM|brpm|lpm|LPM",
    r"min|h|hr|hrs|hours?|minutes?|[Ss]ec|[Ss]ecs|[Ss]econds?|m?sec|[uµμ]sec|milliseconds?|microseconds?|d|days?",
    r"a\.u\.?|au|AU|arb\.? ?units?|counts?|px|pixels?|dB[mVA]?|ppm|ppb|adu|ADU|fps|sps|dps|U|IU|USD",
    r"beats?|breaths?|cycles?|samples?|spikes?|frames?|events?|steps?|bits?|[Pp]ercent|pct",
    r"in|ft|lb|lbs|oz|gauss|G|mcg|Nm|mmol|kgf|gf",
    r"(?:[Mm]illi|[Mm]icro|[Nn]ano|[Kk]ilo)?[- ]?(?:[Vv]olts?|[Aa]mp(?:ere)?s?|[Nn]ewtons?|[Ss]iemens"
    r"|[Pp]ascals?|[Gg]rams?|[Oo]hms?|[Hh]ertz|[Mm]et(?:er|re)s?|[Ll]it(?:er|re)s?|[Ww]atts?|[Tt]esla)",
)
#: Units that may stand at the end of a name in any case (``ecg_mV``, ``ecg_mv``), as they are written.
ENDING_UNITS = (
    "mV uV nV kV µV mN kN mmHg cmH2O mmH2O kPa hPa MPa degC degF celsius percent pct bpm rpm brpm "
    "Hz kHz MHz mg kg ug ml uL nL lpm cm km deg rad mW kohm Mohm ohm psi mbar lux dB "
    "uS nS µS mOsm ppm millivolt millivolts microvolt microvolts volt volts newton newtons pascal "
    "ampere amperes microsiemens siemens gram grams nA uA µA pC arb counts adu torr inHg mps dps"
)
#: Those that mean a unit only in this very spelling: ``_V``, but ``_v`` may be a version; ``_mm`` is a length,
#: ``_mM`` a concentration.
EXACT_ENDING_UNITS = "V N g A Pa pA mA W s ms us min J C K mm um µm μm nm mM uM µM μM nM"
_OTHERS = """
    pulse pulses pw pulsewidth pulsewidths stim stimulus stimulation pacing pace train trains burst bursts duty
    intensity pump infusion ventilator ventilation breathing laser led camera video flicker monitor
"""
#: Words for what else has a rate: a bare ``rate`` or ``Hz`` beside a fact of it is in doubt, and a struct of
#: such a name is no header of the samples beside it.
OTHER_RATES = frozenset(_OTHERS.split())
#: Signals that show something with a rate: ``resp_rate`` is one of breaths, whatever is recorded with it.
OF_BODY = frozenset(
    (
        *(
            "resp",
            "respiration",
            "respiratory",
            "breath",
            "breathing",
            "vent",
            "ecg",
            "ekg",
            "heart",
            "hr",
        ),
        *(
            "ppg",
            "bvp",
            "pulse",
            "beat",
            "firing",
            "spike",
            "spiking",
            "unit",
            "neuron",
            "flow",
            "flicker",
        ),
    )
)
_LEARNING = "momentum loss losses cost costs hidden gradient penalty weights"
#: The same of learning, whether it stands there as a number or as a curve.
OF_LEARNING = frozenset(_LEARNING.split())
#: Words for one step of a converter, as in ``uV_per_bit`` and ``counts_per_mV``.
COUNT_WORDS = "bit|bits|count|counts|lsb|adu|step|digit|unit|tick"

#: Names of numbers that tell subjects apart, and never the moments of a recording.
_ALONE = """
    age agey agem ageyears ageweeks agemonths ageyrs agedays sex gender survival survivalprobability hazard
    nrisk atrisk nevent nevents ncensored censored numberatrisk
"""
OF_SUBJECTS_ALONE = frozenset(_ALONE.split())
#: The same, where the rows are hours apart; a second apart they may be steps of a pump, or a state.
_AT_TIMES = """
    status vitalstatus death died dead outcome group treatment arm genotype cohort litter bodyweight
"""
OF_SUBJECTS = OF_SUBJECTS_ALONE | frozenset(_AT_TIMES.split())
#: First words of the names of numbers of what was given.
DOSES = frozenset(["dose", "doses", "dosage"])
