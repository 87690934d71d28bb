// A recording's streams: where their samples lie in time, and the values of a window at the resolution shown.
import { Problem } from "./fetching";
import { type Attributes, type Node, Store, nested } from "./store";

interface Segment { first: number; n: number; start: number }

export interface Stream {
  name: string; group: string; signals: string; nChannels: number; nSweeps: number; nSamples: number;
  rate: number | null; start: number; names: string[]; units: string[]; factors: number[];
  overview: string; segments: Segment[]; times: Float64Array | null; unit: "s" | "sample"; starts: number[];
}

export interface Event { time: number; duration: number; label: string; channel: string; kind: string; sweep: number }

/** One channel over a window: low and high of each bin, or samples (then `high` is `low`). */
export interface Trace { x: Float64Array; low: Float64Array; high: Float64Array; exact: boolean }

const MOST_BYTES = 9e6;

function texts(value: unknown, n: number): string[] {
  const list = Array.isArray(value) ? value : [];
  return Array.from({ length: n }, (_, i) => (typeof list[i] === "string" ? list[i] as string : ""));
}

async function column(store: Store, path: string): Promise<(number | string)[]> {
  return store.has(path) ? store.whole(path) : [];
}

export class Recording {
  private constructor(
    readonly store: Store, readonly streams: Stream[], readonly events: Event[], readonly start: Date | null,
    readonly startText: string, readonly problems: string[],
  ) {}

  static async open(store: Store): Promise<Recording> {
    const attributes = store.attributes;
    const stated = nested(attributes["streams"]);
    if (!Array.isArray(stated) || !stated.length) throw new Problem("the store names no stream: it is not a recording of this converter, or of a layout this page does not know");
    const problems: string[] = [];
    const streams = await Promise.all((stated as Attributes[]).map((one) => stream(store, one, problems)));
    let events: Event[] = [];
    try { events = await readEvents(store); } catch (error) { problems.push(`The events cannot be read: ${(error as Error).message}`); }
    const text = String(attributes["start_time"] ?? "");
    const timed = /^\d{4}-\d\d-\d\dT/.test(text);
    // without a zone the clock is the recorder's own: shown as stated, never shifted to the viewer's zone
    const when = timed ? new Date(text.replace(/([+-]\d\d:?\d\d|Z)$/, "") + "Z") : null;
    return new Recording(store, streams, events, when && !Number.isNaN(+when) ? when : null, text, problems);
  }

  /** Seconds (or samples) that any of the streams covers. */
  extent(streams: Stream[]): [number, number] {
    let low = Infinity;
    let high = -Infinity;
    for (const one of streams) {
      low = Math.min(low, timeOf(one, 0));
      high = Math.max(high, timeOf(one, one.nSamples - 1) + (one.rate ? 1 / one.rate : one.times ? 0 : 1));
    }
    return high > low ? [low, high] : [low === Infinity ? 0 : low, (low === Infinity ? 0 : low) + 1];
  }

  /** Traces of channels of a stream over [from, to], `pixels` wide. */
  async window(
    one: Stream, channels: number[], sweep: number, from: number, to: number, pixels: number, signal: AbortSignal,
  ): Promise<{ traces: Map<number, Trace>; factor: number; wanted: number }> {
    const first = Math.max(0, sampleAt(one, from) - 1);
    const last = Math.min(one.nSamples, sampleAt(one, to) + 2);
    const n = Math.max(0, last - first);
    const perPixel = n / Math.max(pixels, 1);
    const small = one.nSamples * (sweep < 0 ? Math.min(one.nSweeps, 50) : 1) * channels.length <= 262_144;
    // a bin may be up to three pixels wide where much is to be read: finer ones are sixteen times as many
    let wanted = perPixel < 2 ? 1 : Math.max(1, ...one.factors.filter((factor) => factor <= (small ? 1 : 3) * perPixel));
    if (one.nSweeps && sweep >= 0) wanted = 1; // the overview of sweeps is the envelope of all
    if (small && !(one.nSweeps && sweep < 0 && one.factors.length)) wanted = perPixel < 2 || !one.factors.length ? 1 : wanted;
    let factor = wanted;
    for (;;) {
      const cost = await this.#cost(one, factor, channels.length, first, last);
      const next = one.factors.find((other) => other > factor);
      if (cost <= MOST_BYTES || next === undefined || (one.nSweeps > 0 && sweep >= 0)) break;
      factor = next;
    }
    const traces = new Map<number, Trace>();
    if (n <= 0) return { traces, factor, wanted };
    await Promise.all(channels.map(async (channel) => {
      traces.set(channel, factor === 1
        ? await this.#samples(one, channel, sweep, first, last, signal)
        : await this.#bins(one, factor, channel, first, last, signal));
    }));
    return { traces, factor, wanted };
  }

  /** Bytes, decoded, that a read of the window touches. */
  async #cost(one: Stream, factor: number, nChannels: number, first: number, last: number): Promise<number> {
    const path = factor === 1 ? one.signals : `${one.overview}/${factor}/minimum`;
    if (!this.store.has(path)) return 0;
    const array = await this.store.array(path);
    const length = array.chunks[array.chunks.length - 1]!;
    const chunks = Math.floor((last - 1) / factor / length) - Math.floor(first / factor / length) + 1;
    const rows = Math.min(nChannels, Math.ceil(nChannels / array.chunks[0]!) * array.chunks[0]!);
    return chunks * length * rows * (factor === 1 ? 1 : 2) * width(String(array.dtype));
  }

  async #row(path: string, channel: number, sweep: number, first: number, last: number, signal: AbortSignal): Promise<Float64Array> {
    const array = await this.store.array(path);
    const [scale, offset] = scaling(this.store.nodes.get(path));
    const out = new Float64Array(last - first);
    const sizes = array.chunks;
    const length = sizes[sizes.length - 1]!;
    const head = array.shape.length === 3 ? [channel, sweep] : [channel];
    const jobs: Promise<void>[] = [];
    for (let at = Math.floor(first / length); at * length < last; at += 1) {
      jobs.push(this.store.chunk(path, [...head.map((i, d) => Math.floor(i / sizes[d]!)), at], signal).then((chunk) => {
        const step = chunk.stride[chunk.stride.length - 1]!;
        let base = 0;
        head.forEach((i, d) => { base += (i % sizes[d]!) * chunk.stride[d]!; });
        const stop = Math.min(last, (at + 1) * length);
        for (let i = Math.max(first, at * length); i < stop; i += 1) {
          out[i - first] = Number(chunk.data[base + (i - at * length) * step]) * scale + offset;
        }
      }));
    }
    await Promise.all(jobs);
    return out;
  }

  async #samples(one: Stream, channel: number, sweep: number, first: number, last: number, signal: AbortSignal): Promise<Trace> {
    const x = new Float64Array(last - first);
    const shift = one.starts[channel] ?? 0;
    for (let i = first; i < last; i += 1) x[i - first] = timeOf(one, i) + shift;
    const low = await this.#row(one.signals, channel, Math.max(sweep, 0), first, last, signal);
    return { x, low, high: low, exact: true };
  }

  async #bins(one: Stream, factor: number, channel: number, first: number, last: number, signal: AbortSignal): Promise<Trace> {
    const n = Math.ceil(one.nSamples / factor);
    const from = Math.floor(first / factor);
    const to = Math.min(n, Math.ceil(last / factor));
    const path = `${one.overview}/${factor}`;
    const [low, high] = await Promise.all([
      this.#row(`${path}/minimum`, channel, 0, from, to, signal), this.#row(`${path}/maximum`, channel, 0, from, to, signal),
    ]);
    const x = new Float64Array(to - from);
    const shift = one.starts[channel] ?? 0;
    for (let i = from; i < to; i += 1) x[i - from] = timeOf(one, Math.min(one.nSamples - 1, i * factor)) + shift;
    return { x, low, high, exact: false };
  }
}

async function stream(store: Store, one: Attributes, problems: string[]): Promise<Stream> {
  const suffix = typeof one["suffix"] === "string" ? one["suffix"] : "";
  const group = typeof one["group"] === "string" ? one["group"] : "";
  const inside = group ? `${group}/` : "";
  const signals = typeof one["signals"] === "string" && store.has(one["signals"]) ? one["signals"] : `${inside}signals${suffix}`;
  let shape = store.nodes.get(signals)?.shape ?? (Array.isArray(one["shape"]) ? one["shape"].map(Number) : []);
  if (!store.has(signals)) {
    const opened = await store.array(signals);
    shape = opened.shape;
  }
  if (shape.length !== 2 && shape.length !== 3) throw new Problem(`“${signals}” has ${shape.length} dimensions: it is no recording`);
  const nSamples = shape[shape.length - 1]!;
  const nChannels = shape[0]!;
  const rate = typeof one["sampling_rate_hz"] === "number" && one["sampling_rate_hz"] > 0 ? one["sampling_rate_hz"] : null;
  const overview = store.nodes.has(`${inside}overview${suffix}`) ? `${inside}overview${suffix}` : `${inside}overview`;
  const factors = [...store.nodes.keys()].map((path) => path.startsWith(`${overview}/`) ? /^(\d+)\/minimum$/.exec(path.slice(overview.length + 1))?.[1] : undefined)
    .filter((text) => text !== undefined).map(Number).sort((a, b) => a - b);
  const attributes = store.nodes.get(group)?.attributes ?? {};
  let names = texts(one["channel_names"] ?? attributes["channel_names"], nChannels);
  let units = texts(one["channel_units"] ?? attributes["channel_units"], nChannels);
  try {
    if (!one["channel_names"]) names = texts(await column(store, `${inside}channel_name${suffix}`), nChannels);
    if (!one["channel_units"]) units = texts(await column(store, `${inside}units${suffix}`), nChannels);
  } catch (error) { problems.push(`Channel names cannot be read: ${(error as Error).message}`); }
  const segments: Segment[] = [];
  let times: Float64Array | null = null;
  let starts: number[] = [];
  let unit: "s" | "sample" = rate ? "s" : "sample";
  const start = typeof one["start_s"] === "number" ? one["start_s"] : 0;
  try {
    const [first, n, begin] = await Promise.all(["start_sample", "n_samples", "start_s"].map((name) => column(store, `${inside}segment_${name}${suffix}`)));
    first!.forEach((value, i) => segments.push({ first: Number(value), n: Number(n![i]), start: Number(begin![i]) }));
    starts = (await column(store, `${inside}start_s${suffix}`)).map(Number);
    if (starts.length) starts = starts.map((value) => value - start);
    const path = `${inside}time${suffix}`;
    if (!rate && store.has(path) && store.nodes.get(path)!.attributes["units"] === "s") {
      if (nSamples <= 4e6) {
        const [scale, offset] = scaling(store.nodes.get(path));
        times = Float64Array.from(await store.whole(path), (value) => Number(value) * scale + offset);
        unit = "s";
      } else problems.push(`${nSamples} uneven times are too many for a browser: the axis counts samples.`);
    }
  } catch (error) { problems.push(`Times cannot be read, the axis may lack gaps: ${(error as Error).message}`); }
  return {
    name: String(one["name"] ?? group), group, signals, nChannels, nSweeps: shape.length === 3 ? shape[1]! : 0, nSamples, rate,
    start, names, units, factors, overview, segments, times, unit, starts,
  };
}

async function readEvents(store: Store): Promise<Event[]> {
  if (!store.has("event_time_s") || !store.nodes.get("event_time_s")!.shape![0]) return [];
  const names = ["time_s", "duration_s", "label", "channel", "kind", "sweep"];
  const [time, duration, label, channel, kind, sweep] = await Promise.all(names.map((name) => column(store, `event_${name}`)));
  return time!.map((value, i) => ({
    time: Number(value), duration: Number(duration![i] ?? NaN), label: String(label![i] ?? ""), channel: String(channel![i] ?? ""),
    kind: String(kind![i] ?? ""), sweep: Number(sweep![i] ?? -1),
  }));
}

function scaling(node: Node | undefined): [number, number] {
  const factor = Number(node?.attributes["scale_factor"] ?? 1);
  const offset = Number(node?.attributes["add_offset"] ?? 0);
  return [factor, offset];
}

function width(type: string): number {
  return Number(/\d+$/.exec(type)?.[0] ?? 8) / 8 || 1;
}

export function timeOf(one: Stream, sample: number): number {
  if (one.times) return one.times[sample] ?? NaN;
  if (!one.rate) return sample;
  let found: Segment | undefined;
  for (const part of one.segments) { if (part.first <= sample) found = part; else break; }
  return found ? found.start + (sample - found.first) / one.rate : one.start + sample / one.rate;
}

/** The last sample at or before a time. */
export function sampleAt(one: Stream, time: number): number {
  let low = 0;
  let high = one.nSamples - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (timeOf(one, middle) <= time) low = middle; else high = middle - 1;
  }
  return low;
}

/** The samples after which a gap lies. */
export function gapsOf(one: Stream): [number, number][] {
  const gaps: [number, number][] = [];
  if (!one.rate) return gaps;
  for (let i = 1; i < one.segments.length; i += 1) {
    const before = one.segments[i - 1]!;
    const end = before.start + before.n / one.rate;
    if (one.segments[i]!.start > end + 0.5 / one.rate) gaps.push([end, one.segments[i]!.start]);
  }
  return gaps;
}
