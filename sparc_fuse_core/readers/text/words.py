"""Words in headers of tables that only text has; what all exports share is `readers.shared.words`.

Spellings are compared by their letters and digits alone, in lower case.
"""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Columns that say what an event is.
EVENT_LABELS = _set(
    "trialtype event events eventtype eventname eventlabel eventdescription eventcode eventvalue "
    "marker markers markername markertype label annotation annotations description comment comments "
    "trigger triggers stimulus stimuli stimtype stim condition code type name note notes message "
    "text value behavior behaviour behaviors behaviours"
)

#: Columns of the times of events.
ONSETS = _set("onset onsets eventonset stimonset onsettime start starttime")

#: Columns of how long events last.
DURATIONS = _set("duration durations dur")

#: Columns of when events end.
ENDS = _set("end ends endtime stop stops stoptime eventend")

#: Columns that number what was found in a recording: peaks, bursts.
FOUND_THINGS = _set(
    "peak peakno peaknumber peakindex peakid spike spikeno spikenumber burst burstno burstnumber event "
    "eventno eventnumber contraction void wave cycle breath"
)

#: Columns that name the channel of a row.
CHANNELS = _set(
    "channel channels channelname channellabel signal signalname sensor sensorname lead electrode "
    "variable measure measurement parameter series trace quantity chan ch"
)

#: Columns that name the subject of a row.
SUBJECTS = _set(
    "subject subjectid participant participantid animal animalid patient patientid id sub rat mouse "
    "recordingid cell cellid"
)

#: Columns that number the trial of a row.
TRIALS = _set("trial sweep epoch run repetition rep segment block trialnumber sweepnumber episode")

#: Columns of statistics: what stands beside them are results, over time too.
STATISTICS = _set(
    "sd sem std stdev stderr ci ci95 variance pvalue pval nobs ntrials nsubjects loss valloss trainloss "
    "trainingloss validationloss"
)

#: Last words of the names of columns that tell how far values spread (``Control SEM``).
SPREADS = _set("sd sem std stdev stderr ci95")

#: What a column of times may speak of and still be the time of the rows.
CLOCKS = _set(
    "phone sensor device system unix epoch posix utc gmt local gps lsl sample samples sampling "
    "recording record elapsed relative real absolute date clock excel matlab ntp computer pc host "
    "internal external cal raw stamp session trial lab acquisition data x log logger packet"
)

#: What a rate may be said of besides nothing: the recording as a whole.
OF_ALL = _set(
    "recording recorded acquisition data signal signals device adc daq actual nominal board overall "
    "all eeg ecg emg channel channels analog file the of"
)

#: What a row above the data may say besides names and units: how values were made, types.
NO_NAMES = _set("cal raw uncal float double int integer number real text string")
