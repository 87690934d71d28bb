"""Files of formats that NEO reads, laid out by hand from the formats' descriptions; NIX by neo's own writer."""

from __future__ import annotations

import datetime as dt
import json
import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.samples import Sample, StreamTruth, Truth

if TYPE_CHECKING:
    from pathlib import Path

_RNG = np.random.default_rng(1900)


def _ints(n_channels: int, n: int) -> np.ndarray:
    return _RNG.integers(-30000, 30000, (n_channels, n)).astype("<i2")


# ---------------------------------------------------------------------------------------- SpikeGLX

_META = """typeThis=imec
fileName=D:/data/mouse_g0_t0.imec0.ap.bin
nSavedChans=3
snsApLfSy=2,0,1
imDatPrb_pn=NP1010
imAiRangeMax=0.6
imAiRangeMin=-0.6
imSampRate=30000.5
firstSample=60001
userNotes=nothing
~imroTbl=(0,2)(0 0 0 500 250 1)(1 0 0 250 125 1)
~snsChanMap=(2,0,1)(AP0;0:0)(AP1;1:1)(SY0;2:2)
"""


def spikeglx(folder: Path, meta: str = _META) -> Truth:
    stored = _ints(3, 40)
    path = folder / "mouse_g0_t0.imec0.ap.bin"
    path.write_bytes(stored.T.tobytes())
    path.with_suffix(".meta").write_text(meta)
    gain = np.array([[0.6 / 512 / 500], [0.6 / 512 / 250]]) * 1e6
    ap = StreamTruth(
        stored[:2] * gain, 30000.5, ("AP0", "AP1"), ("uV", "uV"), "int16", start_s=60001 / 30000.5
    )
    sync = StreamTruth(
        stored[2:].astype(float), 30000.5, ("SY0",), ("",), "int16", start_s=60001 / 30000.5
    )
    return Truth(path, (ap, sync))


def _spikeglx_alone(folder: Path) -> Truth:
    truth = spikeglx(folder)
    truth.path.with_suffix(".meta").unlink()
    (folder / "mouse_g0_t0.imec0.ap.meta").symlink_to("nowhere")
    return Truth(truth.path, error="MissingCompanionError", error_says=".meta")


# -------------------------------------------------------------------------------- Strathclyde's two


def winwcp(folder: Path, change: bytes = b"") -> Truth:
    n_records, n_channels, n = 3, 2, 256
    stored = _ints(n_channels, n_records * n).reshape(n_channels, n_records, n)
    lines = [
        "VER=9",
        f"NC={n_channels}",
        f"NR={n_records}",
        "NBH=2",
        "NBA=2",
        "NBD=2",
        "ADCMAX=32767",
    ]
    lines += ["RTIME=03/02/2021 14:05:06", "NP=256", "NZ=20", "AD=10,0", "DT=0,0005"]
    for c, (name, unit, gain) in enumerate((("Im", "pA", "0,005"), ("Vm", "mV", "0.01"))):
        lines += [f"YN{c}={name}", f"YU{c}={unit}", f"YG{c}={gain}", f"YO{c}={c}"]
    data = "\r\n".join(lines).encode().ljust(1024, b"\0")
    for i in range(n_records):
        interval = 0.0005 if not change or i else 0.001
        analysis = struct.pack(
            "<8s4sfff8f", b"ACCEPTED", b"TEST", 1.0, 2.5 * i, interval, 10.0, 5.0, *[0.0] * 6
        )
        data += analysis.ljust(1024, b"\0") + stored[:, i].T.tobytes()
    path = folder / "cell.wcp"
    path.write_bytes(data)
    gain = np.array([10.0 / 32767 / 0.005, 5.0 / 32767 / 0.01])[:, None, None]
    rate_hz = 1.0 / np.float64(np.float32(0.0005))
    stream = StreamTruth(stored * gain, rate_hz, ("Im", "Vm"), ("pA", "mV"), "int16")
    return Truth(path, (stream,))


def _winwcp_mixed(folder: Path) -> Truth:
    truth = winwcp(folder, b"mixed")
    return Truth(truth.path, error="UnsupportedFeatureError", error_says="differ in rate or range")


def winedr(folder: Path) -> Truth:
    stored = _ints(2, 300)
    lines = ["VER=6.4", "NC=2", "NP=600", "NBH=2048", "ADCMAX=32767", "AD=10,0", "DT=0,5", "TU=ms"]
    for c, (name, unit, factor, zero) in enumerate(
        (("Im", "pA", "0,005", "12"), ("Vm", "mV", "0,01", "0"))
    ):
        lines += [
            f"YN{c}={name}",
            f"YU{c}={unit}",
            f"YCF{c}={factor}",
            f"YAG{c}=2",
            f"YZ{c}={zero}",
            f"YO{c}={c}",
        ]
    path = folder / "cell.edr"
    path.write_bytes("\r\n".join(lines).encode().ljust(2048, b"\0") + stored.T.tobytes())
    gain = np.array([[10 / (0.005 * 2 * 32768)], [10 / (0.01 * 2 * 32768)]])
    physical = (stored.astype(float) - np.array([[12.0], [0.0]])) * gain
    stream = StreamTruth(physical, 2000.0, ("Im", "Vm"), ("pA", "mV"), "int16", tolerance=1e-9)
    return Truth(path, (stream,))


def _winedr_cut(folder: Path) -> Truth:
    path = winedr(folder).path
    path.write_bytes(path.read_bytes()[:-100])
    return Truth(path, error="TruncatedFileError", error_says="ends early")


# ---------------------------------------------------------------------- Multi Channel Systems' .raw


def mcsraw(folder: Path, name: str = "x.mcd") -> Truth:
    stored = _RNG.integers(0, 65535, (2, 50)).astype("<u2")
    header = (
        f'MC_DataTool binary conversion\r\nVersion 2.6.15\r\nMC_REC file = "{name}"\r\n'
        "Sample rate = 25000\r\nADC zero = 32768\r\nEl = 0.1042µV/AD\r\nStreams = El_21;El_31\r\nEOH\r\n"
    )
    path = folder / "slice.raw"
    path.write_bytes(header.encode("cp1252") + stored.T.tobytes())
    physical = stored * 0.1042 - 0.1042 * 32768
    stream = StreamTruth(physical, 25000.0, ("El_21", "El_31"), ("uV", "uV"), "uint16")
    return Truth(path, (stream,))


# -------------------------------------------------------------------------------------- NeuroScope

_XML = """<?xml version='1.0'?><parameters version="1.0"><acquisitionSystem>
<nBits>16</nBits><nChannels>2</nChannels><samplingRate>20000</samplingRate>
<voltageRange>20</voltageRange><amplification>1000</amplification>
<offset>0</offset></acquisitionSystem><fieldPotentials><lfpSamplingRate>1250</lfpSamplingRate></fieldPotentials>
<anatomicalDescription><channelGroups>
<group><channel skip="0">0</channel><channel skip="0">1</channel></group></channelGroups>
</anatomicalDescription></parameters>"""


def neuroscope(folder: Path) -> Truth:
    wide, low = _ints(2, 320), _ints(2, 20)
    path = folder / "rat.dat"
    path.write_bytes(wide.T.tobytes())
    path.with_suffix(".lfp").write_bytes(low.T.tobytes())
    path.with_suffix(".xml").write_text(_XML)
    gain = 20 * 1000 / 2**16 / 1000
    streams = tuple(
        StreamTruth(stored * gain, rate_hz, ("", ""), ("mV", "mV"), "int16")
        for stored, rate_hz in ((wide, 20000.0), (low, 1250.0))
    )
    return Truth(path, streams)


def _neuroscope_other_xml(folder: Path) -> Truth:
    path = neuroscope(folder).path
    path.with_suffix(".xml").write_text("<settings/>")
    return Truth(path, error="CorruptFileError", error_says="acquisitionSystem")


# -------------------------------------------------------------------------------------- NeuroNexus


def neuronexus(folder: Path) -> Truth:
    values = _RNG.normal(size=(3, 30)).astype("<f4")
    path = folder / "run.xdat.json"
    (folder / "run_data.xdat").write_bytes(values.T.tobytes())
    ticks = np.concatenate([np.arange(500, 520), np.arange(700, 710)]).astype("<i8")
    (folder / "run_timestamp.xdat").write_bytes(ticks.tobytes())
    channels = {
        "chan_name": ["pri_0", "pri_1", "din_0"],
        "ntv_chan_name": ["ntv_0", "ntv_1", "ntv_din"],
        "chan_type": ["ai0", "ai0", "din0"],
    }
    status = {
        "samp_freq": 1000.0,
        "shape": [30, 3],
        "timestamp_range": [500, 709],
        "t_range": [0.5, 0.71],
        "start_time": "2023-05-06T07:08:09.123456",
    }
    path.write_text(json.dumps({"status": status, "sapiens_base": {"biointerface_map": channels}}))
    segments = ((0, 20, 0.5), (20, 10, 0.7))
    analog = StreamTruth(
        values[:2].astype(float),
        1000.0,
        ("pri_0", "pri_1"),
        ("uV", "uV"),
        "float32",
        start_s=0.5,
        segments=segments,
    )
    digital = StreamTruth(
        values[2:].astype(float),
        1000.0,
        ("din_0",),
        ("",),
        "float32",
        start_s=0.5,
        segments=segments,
    )
    return Truth(path, (analog, digital))


# ----------------------------------------------------------------------------------- NeuroExplorer

_ENTITY = struct.Struct("<ii64sIiiiiidddd iii d d 52s".replace(" ", ""))


def _entity(kind: int, name: str, at: int, n: int, **more: float) -> bytes:
    return _ENTITY.pack(
        *(
            kind,
            102,
            name.encode(),
            at,
            n,
            0,
            0,
            0,
            0,
            0.0,
            0.0,
            more.get("rate", 0.0),
            more.get("gain", 0.0),
        ),
        *(int(more.get("points", 0)), int(more.get("markers", 0)), int(more.get("length", 0))),
        *(more.get("offset", 0.0), more.get("before", 0.0), b""),
    )


def neuroexplorer(folder: Path, comment: str = "a comment") -> Truth:
    wave = _RNG.integers(-2000, 2000, 30).astype("<i2")
    spikes = _RNG.integers(-2000, 2000, (2, 8)).astype("<i2")
    parts = [
        struct.pack("<3i", 400, 800, 1200),  # a unit's times
        struct.pack("<2i", 100, 900)
        + struct.pack("<2i", 300, 1000),  # an interval's starts and ends
        struct.pack("<2i", 0, 20000) + struct.pack("<2i", 0, 10) + wave.tobytes(),  # two fragments
        struct.pack("<2i", 500, 700) + spikes.tobytes(),
        struct.pack("<2i", 250, 350),
    ]
    n = len(parts)
    at = 544 + 208 * n
    places = [at + sum(map(len, parts[:i])) for i in range(n)]
    entities = [
        _entity(0, "sig001a", places[0], 3),
        _entity(2, "Trial", places[1], 2),
        _entity(5, "AD01", places[2], 2, rate=1000.0, gain=0.002, points=30, offset=0.5),
        _entity(3, "sig002_wf", places[3], 2, rate=20000.0, gain=0.001, points=8),
        _entity(1, "Start", places[4], 2),
    ]
    header = struct.pack(
        "<4si256sdiii", b"NEX1", 106, comment.encode(), 20000.0, 0, 40000, n
    ).ljust(544, b"\0")
    path = folder / "unit.nex"
    path.write_bytes(header + b"".join(entities) + b"".join(parts))
    continuous = StreamTruth(
        wave[None] * 0.002 + 0.5,
        *(1000.0, ("AD01",), ("mV",), "int16"),
        segments=((0, 10, 0.0), (10, 20, 1.0)),
    )
    waves = StreamTruth(spikes[None] * 0.001, 20000.0, ("sig002_wf",), ("mV",), "int16")
    events = (
        *(
            (0.005, "Trial", "Trial"),
            (0.0125, "Start", "Start"),
            (0.0175, "Start", "Start"),
            (0.02, "", "sig001a"),
        ),
        *(
            (0.025, "", "sig002_wf"),
            (0.035, "", "sig002_wf"),
            (0.04, "", "sig001a"),
            (0.045, "Trial", "Trial"),
        ),
        (0.06, "", "sig001a"),
    )
    return Truth(path, (continuous, waves), events=events)


# ---------------------------------------------------------------------------------------- Micromed


def micromed(folder: Path, surname: str = "ROSSI", note: str = "seizure") -> Truth:
    n, zones = 40, ["ORDER", "LABCOD", "NOTE", "FLAGS", "TRONCA", "IMPED_B", "IMPED_E", "MONTAGE"]
    zones += ["COMPRESS", "AVERAGE", "HISTORY", "DVIDEO", "EVENT A", "EVENT B", "TRIGGER"]
    stored = _RNG.integers(0, 65535, (2, n)).astype("<u2")
    electrodes = b""
    for name, unit, physical in ((b"Fp1", 0, 3200), (b"HR", 101, 200)):
        electrodes += struct.pack(
            "<2s6s6siiiiih8sH",
            b"\1\0",
            name,
            b"G2",
            0,
            65535,
            32768,
            -physical,
            physical,
            unit,
            b"",
            1,
        ).ljust(128, b"\0")
    bodies = {
        "ORDER": struct.pack("<2H", 0, 1),
        "LABCOD": electrodes,
        "NOTE": struct.pack("<I40s", 10, note.encode()).ljust(88, b"\0"),
        "TRONCA": struct.pack("<4I", 10, 0, 100, 25).ljust(808, b"\0"),
        "EVENT A": struct.pack("<3I", 7, 12, 20).ljust(24, b"\0"),
        "TRIGGER": struct.pack("<IHIH", 5, 3, 30, 4),
    }
    at, table, data = 640, b"", b""
    for zone in zones:
        body = bodies.get(zone, bytes(12))
        table += struct.pack("<8sII", zone.encode().ljust(8), at + len(data), len(body))
        data += body
    start = at + len(data)
    head = bytearray(640)
    head[:32] = b"* MICROMED  Brain-Quick file *  "
    head[64:86] = surname.encode().ljust(22)
    head[86:106] = b"MARIA".ljust(20)
    head[128:134] = bytes((5, 6, 121, 7, 8, 9))
    struct.pack_into("<IHHHH", head, 138, start, 2, 4, 256, 2)
    head[175] = 4
    head[176 : 176 + len(table)] = table
    path = folder / "patient.trc"
    path.write_bytes(bytes(head) + data + stored.T.tobytes())
    factor = np.array([[6400 / 65536], [400 / 65536]])
    stream = StreamTruth(
        (stored - 32768.0) * factor,
        *(256.0, ("Fp1", "HR"), ("uV", "bpm"), "uint16"),
        start_s=10 / 256,
        segments=((0, 25, 10 / 256), (25, 15, 100 / 256)),
    )
    events = (
        *((15 / 256, "3", "Trigger"), (20 / 256, note, "Note"), (22 / 256, "7", "Event A")),
        (105 / 256, "4", "Trigger"),
    )
    return Truth(path, (stream,), events=events)


# ---------------------------------------------------------------------------------------- AxoGraph


def axograph(folder: Path, time: str = "Time (s)") -> Truth:
    stored = _RNG.integers(-2000, 2000, 60).astype(">i2")
    more = _RNG.integers(-2000, 2000, 60).astype(">i2")

    def text(words: str) -> bytes:
        raw = words.encode("utf-16-be")
        return struct.pack(">i", len(raw)) + raw

    data = b"axgx" + struct.pack(">ii", 6, 3)
    data += struct.pack(">ii", 60, 9) + text(time) + struct.pack(">dd", 0.25, 0.0001)
    data += (
        struct.pack(">ii", 60, 10)
        + text("Im (pA)")
        + struct.pack(">dd", 0.5, 2.0)
        + stored.tobytes()
    )
    data += struct.pack(">ii", 60, 10) + text("Vm") + struct.pack(">dd", 0.25, 0.0)
    data += more.tobytes()
    path = folder / "cell.axgx"
    path.write_bytes(data)
    physical = np.stack([stored * 0.5 + 2.0, more * 0.25])
    stream = StreamTruth(physical, 10000.0, ("Im", "Vm"), ("pA", ""), "int16", start_s=0.25)
    return Truth(path, (stream,))


def _axograph_ms(folder: Path) -> Truth:
    path = axograph(folder, "Time (ms)").path
    return Truth(path, error="UnsupportedFeatureError", error_says="Time (ms)")


# ------------------------------------------------------------------------- Open Ephys, file a channel


def _open_ephys_header(kind: str, **more: object) -> bytes:
    facts = {
        "format": "'Open Ephys Data Format'",
        "version": "0.4",
        "header_bytes": 1024,
        "description": f"'{kind}'",
        "date_created": "'12-Oct-2019 101112'",
        "channel": "'CH1'",
        "channelType": "'Continuous'",
        "sampleRate": 30000,
        "blockLength": 1024,
        "bufferSize": 1024,
        **more,
    }
    return (
        "".join(f"header.{key} = {value};\n" for key, value in facts.items()).encode().ljust(1024)
    )


def openephys_files(folder: Path, gap: int = 0) -> Truth:
    stored = _ints(2, 5 * 1024)
    for c in range(2):
        records = b""
        for i in range(5):
            tick = 90000 + 1024 * i + (gap if i == 4 else 0)
            records += struct.pack("<qHH", tick, 1024, 0)
            records += stored[c, 1024 * i : 1024 * (i + 1)].astype(">i2").tobytes() + bytes(
                range(10)
            )
        (folder / f"100_CH{c + 1}.continuous").write_bytes(
            _open_ephys_header("each record", bitVolts=0.195) + records
        )
    events = struct.pack("<qhBBBBH", 90512, 0, 3, 100, 1, 2, 0)
    (folder / "all_channels.events").write_bytes(_open_ephys_header("each event") + events)
    stream = StreamTruth(
        stored * 0.195, 30000.0, ("CH1", "CH2"), ("uV", "uV"), "int16", start_s=3.0
    )
    return Truth(
        folder / "100_CH1.continuous",
        (stream,),
        events=((90512 / 30000, "3#100#2", "all_channels"),),
    )


def _openephys_gap(folder: Path) -> Truth:
    path = openephys_files(folder, 4096).path
    return Truth(path, error="UnsupportedFeatureError", error_says="samples are missing")


# --------------------------------------------------------------------------------------------- NIX


def nix(folder: Path) -> Truth:
    import neo
    import quantities as pq
    from neo.io import NixIO

    values = _RNG.normal(size=(50, 2))
    block = neo.Block(name="session")
    segment = neo.Segment(name="first")
    block.segments.append(segment)
    signal = neo.AnalogSignal(
        values, units="mV", sampling_rate=500 * pq.Hz, t_start=0.25 * pq.s, name="membrane"
    )
    segment.analogsignals.append(signal)
    segment.events.append(
        neo.Event(times=[0.3, 0.4] * pq.s, labels=np.array(["on", "off"], dtype="U"), name="light")
    )
    block.rec_datetime = dt.datetime(2024, 5, 6, 7, 8, 9)  # noqa: DTZ001 - no zone in the file
    path = folder / "session.nix"
    writer = NixIO(str(path), "ow")
    writer.write_block(block)
    writer.close()
    stream = StreamTruth(
        values.T.copy(), 500.0, ("membrane", "membrane"), ("mV", "mV"), "float64", start_s=0.25
    )
    return Truth(path, (stream,), events=((0.3, "on", "light"), (0.4, "off", "light")))


# -------------------------------------------------------------------------------------------- Elan


def elan(folder: Path, note: str = "left hand") -> Truth:
    n = 70
    stored = _RNG.integers(-30000, 30000, (4, n)).astype(">i2")
    path = folder / "patient1.eeg"
    path.write_bytes(stored.T.tobytes())
    columns = (
        ("Fz", "Cz", "Num1", "Num2"),
        ("EEG",) * 4,
        ("microV", "microV", "sans", "sans"),
        ("-3200", "-1600", "-1", "-1"),
        ("3200", "1600", "1", "1"),
        ("-32768",) * 4,
        ("32767",) * 4,
        ("none",) * 4,
    )
    lines = ["V3", note, "info", "05-06-2021 07:08:09", "07:08:09", "-1", "reserved", "-1"]
    lines += ["0.002", "4", *(cell for column in columns for cell in column)]
    path.with_name("patient1.eeg.ent").write_text("\n".join(lines) + "\n")
    path.with_name("patient1.eeg.pos").write_text("    10\t  3\t 0\n    50\t  7\t 1\n")
    gain = np.array([[6400 / 65535], [3200 / 65535]])
    physical = (stored[:2].astype(float) + 32768) * gain + np.array([[-3200.0], [-1600.0]])
    stream = StreamTruth(physical, 500.0, ("Fz", "Cz"), ("microV",) * 2, "int16", tolerance=1e-9)
    return Truth(path, (stream,), events=((0.02, "3", "Trigger"), (0.1, "7", "Trigger")))


def _elan_alone(folder: Path) -> Truth:
    path = elan(folder).path
    path.with_name("patient1.eeg.pos").unlink()
    return Truth(path, error="MissingCompanionError", error_says="patient1.eeg.pos")


def _elan_cut(folder: Path) -> Truth:
    path = elan(folder).path
    path.write_bytes(path.read_bytes()[:-4])
    return Truth(path, error="CorruptFileError", error_says="within a sample")


# ------------------------------------------------------------------------------------ SpikeGadgets


def spikegadgets(
    folder: Path, *, lost: bool = False, back: bool = False, cut: int = 0, note: str = "day 1"
) -> Truth:
    """Write two chips of one channel each, interleaved, and an analog input of a controller."""
    n = 60
    header = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Configuration>\n'
        f'<GlobalConfiguration filePrefix="{note}" saveDisplayedChanOnly="0"/>\n'
        '<HardwareConfiguration samplingRate="30000" numChannels="2">\n'
        '<Device name="ECU" numBytes="4" packetOrderPreference="10" available="1">\n'
        '<Channel id="ECU_Ain1" startByte="2" bit="0" dataType="analog" input="1"/>\n'
        "</Device></HardwareConfiguration>\n"
        '<SpikeConfiguration chanPerChip="1">\n'
        '<SpikeNTrode id="1" spikeScalingToUv="0.195"><SpikeChannel hwChan="0"/></SpikeNTrode>\n'
        '<SpikeNTrode id="2" spikeScalingToUv="0.195"><SpikeChannel hwChan="1"/></SpikeNTrode>\n'
        "</SpikeConfiguration></Configuration>\n"
    )
    wide, analog = _ints(2, n), _ints(1, n)
    ticks = np.arange(n) + 12345
    if lost:
        ticks[40:] += 300
    if back:
        ticks[40] = 3
    packets = b"".join(
        struct.pack("<BHhIhh", 0x55, 0, analog[0, i], ticks[i], wide[0, i], wide[1, i])
        for i in range(n)
    )
    path = folder / "day.rec"
    path.write_bytes(header.encode() + packets[: len(packets) - cut])
    if back:
        return Truth(path, error="CorruptFileError", error_says="do not rise")
    if cut:
        return Truth(path, error="CorruptFileError", error_says="within a packet")
    segments = ((0, 40, 0.0), (40, 20, 340 / 30000)) if lost else ()
    streams = (
        StreamTruth(
            analog.astype(float), 30000.0, ("ECU_Ain1",), ("",), "int16", segments=segments
        ),
        StreamTruth(
            wide * 0.195,
            30000.0,
            ("trode1chan0", "trode2chan1"),
            ("uV", "uV"),
            "int16",
            tolerance=1e-9,
            segments=segments,
        ),
    )
    return Truth(path, streams)


SAMPLES = [
    Sample("elan", "elan", elan),
    Sample("elan without events", "elan", _elan_alone),
    Sample("elan cut", "elan", _elan_cut),
    Sample("spikegadgets", "spikegadgets", spikegadgets),
    Sample("spikegadgets with a gap", "spikegadgets", lambda f: spikegadgets(f, lost=True)),
    Sample("spikegadgets whose ticks fall", "spikegadgets", lambda f: spikegadgets(f, back=True)),
    Sample("spikegadgets cut", "spikegadgets", lambda f: spikegadgets(f, cut=4)),
    Sample("spikeglx imec", "spikeglx", spikeglx),
    Sample("spikeglx without meta", "spikeglx", _spikeglx_alone),
    Sample("winwcp sweeps", "winwcp", winwcp),
    Sample("winwcp of two rates", "winwcp", _winwcp_mixed),
    Sample("winedr", "winedr", winedr),
    Sample("winedr cut", "winedr", _winedr_cut),
    Sample("mcs raw", "mcsraw", mcsraw),
    Sample("neuroscope dat and lfp", "neuroscope", neuroscope),
    Sample("neuroscope other xml", "neuroscope", _neuroscope_other_xml),
    Sample("neuronexus gap", "neuronexus", neuronexus),
    Sample("neuroexplorer nex", "neuroexplorer", neuroexplorer),
    Sample("micromed segments", "micromed", micromed),
    Sample("axograph x", "axograph", axograph),
    Sample("axograph in ms", "axograph", _axograph_ms),
    Sample("open ephys files", "openephys-files", openephys_files),
    Sample("open ephys files gap", "openephys-files", _openephys_gap),
    Sample("nix of neo", "nix", nix),
]
