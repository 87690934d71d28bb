// Channels stacked on one time axis: overview first, samples when a pixel is less than two of them.
import { button, css, el, fill, save, short } from "./dom";
import { aborted, sentence } from "./fetching";
import { type Event, Recording, type Stream, type Trace, gapsOf } from "./recording";
import type { State } from "./state";
import type { Store } from "./store";

const AXIS = 30;
const EVENTS = 26;
const ABOVE = 250;
const MOST_ROWS = 32;

interface Row { stream: Stream; channel: number; trace?: Trace; sweeps?: Trace[] }

export async function showSignals(target: HTMLElement, store: Store, state: State, title: string, drawn: () => void): Promise<() => void> {
  const recording = await Recording.open(store);
  const view = new Signals(target, recording, state, title, drawn);
  view.start();
  return () => view.stop();
}

class Signals {
  readonly #canvas = el("canvas", { tabindex: 0, role: "img" });
  readonly #status = el("p", { class: "status", role: "status" });
  readonly #cursor = el("p", { class: "cursor" });
  readonly #list = el("div", { class: "events" });
  readonly #scale: HTMLSelectElement;
  readonly #observer: ResizeObserver;
  #rows: Row[] = [];
  #from = 0;
  #to = 1;
  #whole: [number, number] = [0, 1];
  #sweep: number;
  #at: number | null = null;
  #loading = new AbortController();
  #timer = 0;
  #frame = 0;
  #factor = 1;
  #drag: { x: number; from: number; to: number } | null = null;
  #pinch = 0;
  readonly #pointers = new Map<number, number>();
  #first = true;
  #wide = 0; // of the canvas: asked for once a picture, not once a point

  constructor(readonly target: HTMLElement, readonly recording: Recording, readonly state: State, readonly title: string, readonly drawn: () => void) {
    this.#scale = el("select", { "aria-label": "Range of the values", onchange: () => { this.state.set({ y: this.#scale.value }); this.#paint(); } },
      el("option", { value: "auto" }, "Fit each channel"), el("option", { value: "same" }, "Same for each unit"));
    this.#sweep = -1;
    this.#observer = new ResizeObserver(() => this.#moved(false));
  }

  start(): void {
    this.#choose();
    const few = this.recording.streams.some((one) => one.nSweeps);
    this.#sweep = few ? this.state.number("sweep", -1) : 0;
    this.#whole = this.recording.extent(this.#rows.map((row) => row.stream));
    const [from = "", to = ""] = this.state.get("t").split(",");
    this.#from = from === "" || !Number.isFinite(Number(from)) ? this.#whole[0] : Number(from);
    this.#to = to === "" || !(Number(to) > this.#from) ? this.#whole[1] : Number(to);
    if (this.state.get("y") === "same") this.#scale.value = "same";
    const zoom = (by: number) => () => this.#zoom(by, (this.#from + this.#to) / 2);
    const tools = el("div", { class: "tools", role: "toolbar", "aria-label": "View" },
      button("+", "Zoom in (+)", zoom(0.5)), button("−", "Zoom out (−)", zoom(2)),
      button("◀", "Earlier (left arrow)", () => this.#pan(-0.5)), button("▶", "Later (right arrow)", () => this.#pan(0.5)),
      button("All", "The whole recording (Home)", () => this.#set(...this.#whole)),
      this.#scale, few && this.#sweeps(), this.#channels(),
      button("CSV", "Save what is shown as CSV", () => this.#csv()), button("PNG", "Save the picture", () => this.#png()));
    fill(this.target, tools, el("div", { class: "plot" }, this.#canvas), this.#cursor, this.#status,
      ...this.recording.problems.map((text) => el("p", { class: "warn" }, text)), this.#list);
    this.#listEvents();
    this.#listen();
    this.#observer.observe(this.#canvas.parentElement!);
    this.#moved(true);
  }

  stop(): void { this.#loading.abort(); this.#observer.disconnect(); clearTimeout(this.#timer); cancelAnimationFrame(this.#frame); }

  #all(): Row[] {
    const main = this.recording.streams[0]!;
    return this.recording.streams.filter((one) => one.unit === main.unit || this.state.get("ch"))
      .flatMap((stream) => Array.from({ length: stream.nChannels }, (_, channel) => ({ stream, channel })));
  }

  #choose(): void {
    const chosen = new Set(this.state.get("ch").split(";").filter(Boolean));
    const all = this.#all();
    const wanted = chosen.size ? all.filter((row) => chosen.has(key(row))) : all.slice(0, MOST_ROWS);
    this.#rows = wanted.length ? wanted.slice(0, 128) : all.slice(0, MOST_ROWS);
  }

  #channels(): HTMLElement {
    const boxes = el("div", { class: "boxes" });
    const made = el("details", { class: "menu" }, el("summary", {}, `Channels (${this.#rows.length} of ${this.#all().length})`), boxes);
    made.addEventListener("toggle", () => {
      if (!made.open || boxes.childElementCount) return;
      for (const stream of this.recording.streams) {
        boxes.append(el("p", {}, `${stream.name}${stream.rate ? `, ${short(stream.rate)} Hz` : ""}`));
        for (let channel = 0; channel < Math.min(stream.nChannels, 1024); channel += 1) {
          const row = { stream, channel };
          const box = el("input", { type: "checkbox", checked: this.#rows.some((one) => key(one) === key(row)), "data-key": key(row), onchange: () => {
            const chosen = [...boxes.querySelectorAll<HTMLInputElement>("input:checked")].map((one) => one.dataset["key"]!);
            this.state.set({ ch: chosen.join(";") });
            this.#choose();
            made.querySelector("summary")!.textContent = `Channels (${this.#rows.length} of ${this.#all().length})`;
            this.#moved(true);
          } });
          boxes.append(el("label", {}, box, ` ${nameOf(row)}`));
        }
      }
    });
    return made;
  }

  #sweeps(): HTMLElement {
    const n = Math.max(...this.recording.streams.map((one) => one.nSweeps));
    const made = el("select", { "aria-label": "Sweep", onchange: () => {
      this.#sweep = Number(made.value);
      this.state.set({ sweep: this.#sweep });
      this.#moved(true);
    } }, el("option", { value: -1 }, n <= 50 ? `All ${n} sweeps` : `Envelope of ${n} sweeps`),
    ...Array.from({ length: Math.min(n, 5000) }, (_, i) => el("option", { value: i }, `Sweep ${i + 1}`)));
    made.value = String(this.#sweep);
    return made;
  }

  #set(from: number, to: number): void {
    const least = (this.#whole[1] - this.#whole[0]) * 1e-9;
    const rates = this.#rows.map((row) => row.stream.rate ?? 0);
    const span = Math.min(Math.max(to - from, least, 4 / Math.max(...rates, 1e-9) || least), (this.#whole[1] - this.#whole[0]) * 1.0);
    const middle = (from + to) / 2;
    this.#from = Math.min(Math.max(middle - span / 2, this.#whole[0]), this.#whole[1] - span);
    this.#to = this.#from + span;
    this.state.set({ t: this.#from <= this.#whole[0] && this.#to >= this.#whole[1] ? null : `${precise(this.#from, span)},${precise(this.#to, span)}` });
    this.#moved(false);
  }

  #zoom(by: number, about: number): void {
    const span = (this.#to - this.#from) * by;
    const share = (about - this.#from) / (this.#to - this.#from);
    this.#set(about - span * share, about + span * (1 - share));
  }

  #pan(by: number): void {
    const step = (this.#to - this.#from) * by;
    this.#set(this.#from + step, this.#to + step);
  }

  get #narrow(): boolean { return this.#wide < 480; }
  get #gutter(): number { return this.#narrow ? 44 : 132; }
  get #width(): number { return Math.max(40, this.#wide - this.#gutter); }
  #time(x: number): number { return this.#from + (x - this.#gutter) / this.#width * (this.#to - this.#from); }
  #x(time: number): number { return this.#gutter + (time - this.#from) / (this.#to - this.#from) * this.#width; }

  #listen(): void {
    const canvas = this.#canvas;
    canvas.addEventListener("wheel", (event) => {
      if (!(event.ctrlKey || event.shiftKey || document.activeElement === canvas)) return;
      event.preventDefault();
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.#pan((event.deltaX || event.deltaY) / 1000);
      else this.#zoom(Math.exp(event.deltaY / 400), this.#time(event.offsetX));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
      this.#pointers.set(event.pointerId, event.offsetX);
      this.#drag = { x: event.offsetX, from: this.#from, to: this.#to };
      this.#pinch = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.#pointers.has(event.pointerId)) this.#pointers.set(event.pointerId, event.offsetX);
      const [a, b] = [...this.#pointers.values()];
      if (a !== undefined && b !== undefined) {
        const apart = Math.abs(a - b) || 1;
        if (this.#pinch) this.#zoom(this.#pinch / apart, this.#time((a + b) / 2));
        this.#pinch = apart;
      } else if (this.#drag && Math.abs(event.offsetX - this.#drag.x) > 2) {
        const shift = (this.#drag.x - event.offsetX) / this.#width * (this.#drag.to - this.#drag.from);
        this.#set(this.#drag.from + shift, this.#drag.to + shift);
      }
      this.#point(event.offsetX >= this.#gutter ? this.#time(event.offsetX) : null);
    });
    const up = (event: PointerEvent): void => { this.#pointers.delete(event.pointerId); this.#drag = null; };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => this.#point(null));
    canvas.addEventListener("dblclick", (event) => this.#zoom(0.25, this.#time(event.offsetX)));
    canvas.addEventListener("keydown", (event) => {
      const keys: Record<string, () => void> = {
        "+": () => this.#zoom(0.5, this.#at ?? (this.#from + this.#to) / 2), "=": () => this.#zoom(0.5, this.#at ?? (this.#from + this.#to) / 2),
        "-": () => this.#zoom(2, this.#at ?? (this.#from + this.#to) / 2), Home: () => this.#set(...this.#whole),
        ArrowLeft: () => this.#pan(-0.1), ArrowRight: () => this.#pan(0.1), PageUp: () => this.#pan(-0.9), PageDown: () => this.#pan(0.9),
        ",": () => this.#point((this.#at ?? (this.#from + this.#to) / 2) - (this.#to - this.#from) / 200),
        ".": () => this.#point((this.#at ?? (this.#from + this.#to) / 2) + (this.#to - this.#from) / 200),
        n: () => this.#event(1), p: () => this.#event(-1),
      };
      const found = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
      if (found) { event.preventDefault(); found(); }
    });
  }

  #event(step: 1 | -1): void {
    const middle = (this.#from + this.#to) / 2;
    const small = (this.#to - this.#from) * 1e-6;
    const sorted = this.recording.events.map((one) => one.time).filter(Number.isFinite).sort((a, b) => a - b);
    const found = step > 0 ? sorted.find((time) => time > middle + small) : sorted.reverse().find((time) => time < middle - small);
    if (found !== undefined) this.#jump(found);
  }

  #jump(time: number): void {
    const span = Math.min(this.#to - this.#from, (this.#whole[1] - this.#whole[0]) / 8);
    this.#set(time - span / 2, time + span / 2);
    this.#point(time);
  }

  #moved(now: boolean): void {
    this.#wide = this.#canvas.clientWidth;
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#paint());
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => { void this.#load(); }, now ? 0 : 90);
  }

  async #load(): Promise<void> {
    this.#loading.abort();
    const loading = this.#loading = new AbortController();
    const span = this.#to - this.#from;
    const [from, to] = [this.#from, this.#to];
    try {
      const groups = new Map<Stream, Row[]>();
      for (const row of this.#rows) groups.set(row.stream, [...groups.get(row.stream) ?? [], row]);
      let factor = 1;
      let wanted = 1;
      await Promise.all([...groups].map(async ([stream, rows]) => {
        const channels = rows.map((row) => row.channel);
        const overlaid = stream.nSweeps > 0 && this.#sweep < 0 && stream.nSweeps * stream.nSamples * rows.length <= 500_000 && stream.nSweeps <= 50;
        if (overlaid) {
          const found = await Promise.all(Array.from({ length: stream.nSweeps }, (_, sweep) => this.recording.window(stream, channels, sweep, from, to, this.#width, loading.signal)));
          for (const row of rows) { row.sweeps = found.map((one) => one.traces.get(row.channel)!).filter(Boolean); delete row.trace; }
        } else {
          const sweep = stream.nSweeps ? (this.#sweep < 0 && !stream.factors.length ? 0 : Math.min(this.#sweep, stream.nSweeps - 1)) : 0;
          const found = await this.recording.window(stream, channels, sweep, from, to, this.#width, loading.signal);
          for (const row of rows) { delete row.sweeps; const trace = found.traces.get(row.channel); if (trace) row.trace = trace; }
          if (stream === rows[0]?.stream) { factor = Math.max(factor, found.factor); wanted = Math.max(wanted, found.wanted); }
        }
      }));
      if (loading.signal.aborted) return;
      this.#factor = factor;
      const coarse = factor > wanted ? ` Finer values of ${this.#rows.length} channels are too many at once: zoom in, or choose fewer channels.` : "";
      const left = this.#all().length - this.#rows.length;
      const more = !this.state.get("ch") && left > 0 ? ` ${left} further channels: choose them above.` : "";
      fill(this.#status, factor === 1 ? `Samples as stored, ${this.#length(span)}.` : `Least and greatest of every ${factor} samples, ${this.#length(span)}.`, coarse, more);
      this.#canvas.dataset["ready"] = `${factor}`;
      this.#status.classList.remove("warn");
    } catch (error) {
      if (loading.signal.aborted || aborted(error)) return;
      fill(this.#status, `The values cannot be shown: ${sentence(error)}`);
      this.#status.classList.add("warn");
      this.#canvas.dataset["ready"] = "failed";
    }
    this.#paint();
    if (this.#first) { this.#first = false; this.drawn(); }
  }

  #length(span: number): string {
    return this.#rows[0]?.stream.unit === "sample" ? `${Math.round(span)} samples (no rate is stated)` : `${short(span)} s`;
  }

  #clock(time: number): string {
    const start = this.recording.start;
    if (!start || this.#rows[0]?.stream.unit !== "s") return "";
    const text = new Date(+start + time * 1000).toISOString();
    return text.slice(11, 23);
  }

  #paint(): void {
    const canvas = this.#canvas;
    const n = this.#rows.length;
    // all rows and their axis at once where the window has the room
    const room = Math.max(460, n * 14 + AXIS + EVENTS, Math.min(n * 20 + AXIS + EVENTS, innerHeight - ABOVE));
    const height = Math.max(240, Math.min(900, n * (this.#narrow ? 64 : 110) + AXIS + EVENTS, room));
    canvas.style.height = `${height}px`;
    const ratio = Math.min(3, devicePixelRatio || 1);
    const width = this.#wide = canvas.clientWidth;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d")!;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#draw(pen, width, height);
    canvas.setAttribute("aria-label", `${this.title}: ${this.#rows.length} channels, ${short(this.#from)} to ${short(this.#to)} ${this.#rows[0]?.stream.unit ?? ""}, ${this.recording.events.length} events. Arrow keys move, plus and minus zoom, Home shows all, n and p go to the next and previous event.`);
  }

  #draw(pen: CanvasRenderingContext2D, width: number, height: number): void {
    const ink = css("--ink");
    const soft = css("--soft");
    const rule = css("--rule");
    pen.fillStyle = css("--paper");
    pen.fillRect(0, 0, width, height);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    const top = this.recording.events.length ? EVENTS : 6;
    const bottom = height - AXIS;
    const rowHeight = (bottom - top) / Math.max(1, this.#rows.length);
    const left = this.#gutter;
    this.#drawAxis(pen, bottom, top, width);
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, width - left, bottom);
    pen.clip();
    const shaded = new Set<Stream>();
    this.#rows.forEach((row, i) => {
      for (const [a, b] of gapsOf(row.stream)) {
        pen.fillStyle = css("--gap");
        pen.fillRect(this.#x(a), top + i * rowHeight, Math.max(1, this.#x(b) - this.#x(a)), rowHeight);
      }
      shaded.add(row.stream);
    });
    this.#drawEvents(pen, top, bottom);
    pen.restore();
    const ranges = this.#ranges();
    const streams = this.recording.streams;
    this.#rows.forEach((row, i) => {
      const y0 = top + i * rowHeight;
      const [low, high] = ranges[i]!;
      pen.strokeStyle = rule;
      pen.lineWidth = 1;
      pen.beginPath(); pen.moveTo(0, Math.round(y0 + rowHeight) + 0.5); pen.lineTo(width, Math.round(y0 + rowHeight) + 0.5); pen.stroke();
      pen.save();
      pen.beginPath(); pen.rect(left, y0, width - left, rowHeight); pen.clip();
      const margin = Math.min(6, rowHeight * 0.08);
      const y = (value: number): number => y0 + margin + (high - value) / (high - low) * (rowHeight - 2 * margin);
      const colour = css(`--line${streams.indexOf(row.stream) % 4}`);
      for (const trace of row.sweeps ?? (row.trace ? [row.trace] : [])) this.#drawTrace(pen, trace, row, y, colour, row.sweeps ? 0.55 : 1);
      pen.restore();
      pen.textAlign = "left";
      const name = nameOf(row);
      const unit = row.stream.units[row.channel] ?? "";
      if (this.#narrow) {
        // on a phone names stand above their traces, on paper so that they can be read
        pen.font = "11px system-ui, sans-serif";
        const text = shortened(pen, unit ? `${name} (${unit})` : name, width - left - 8);
        pen.globalAlpha = 0.8;
        pen.fillStyle = css("--paper");
        pen.fillRect(left + 2, y0 + 1, pen.measureText(text).width + 6, 14);
        pen.globalAlpha = 1;
        pen.fillStyle = ink;
        pen.fillText(text, left + 5, y0 + 8);
        pen.font = "12px system-ui, sans-serif";
      } else {
        pen.fillStyle = ink;
        pen.fillText(shortened(pen, name, left - (rowHeight > 24 ? 46 : 30)), 4, y0 + (rowHeight > 30 ? rowHeight / 2 - 7 : rowHeight / 2));
        pen.fillStyle = soft;
        if (rowHeight > 30) pen.fillText(shortened(pen, unit || "no unit stated", left - 46), 4, y0 + rowHeight / 2 + 8);
        else if (unit) { pen.textAlign = "right"; pen.fillText(shortened(pen, unit, 26), left - 4, y0 + rowHeight / 2); }
      }
      pen.fillStyle = soft;
      if (rowHeight > 30 && Number.isFinite(low)) {
        pen.font = "10px system-ui, sans-serif";
        pen.textAlign = "right";
        pen.fillText(short(Number(high.toPrecision(3))), left - 4, y0 + 8);
        pen.fillText(short(Number(low.toPrecision(3))), left - 4, y0 + rowHeight - 8);
        pen.font = "12px system-ui, sans-serif";
      }
    });
    if (this.#at !== null && this.#at >= this.#from && this.#at <= this.#to) {
      pen.strokeStyle = css("--accent");
      pen.beginPath(); pen.moveTo(this.#x(this.#at), 0); pen.lineTo(this.#x(this.#at), bottom); pen.stroke();
    }
  }

  #drawTrace(pen: CanvasRenderingContext2D, trace: Trace, row: Row, y: (value: number) => number, colour: string, alpha: number): void {
    pen.strokeStyle = colour;
    pen.fillStyle = colour;
    pen.globalAlpha = alpha;
    pen.lineWidth = 1.2;
    const n = trace.x.length;
    const step = n > 1 ? (trace.x[n - 1]! - trace.x[0]!) / (n - 1) : 0;
    const usual = row.stream.rate ? (trace.exact ? 1 : this.#factor) / row.stream.rate : step;
    const broken = (i: number): boolean => i > 0 && row.stream.rate !== null && trace.x[i]! - trace.x[i - 1]! > usual * 1.5 + 1e-12;
    const perPixel = n / Math.max(1, this.#x(trace.x[n - 1] ?? 0) - this.#x(trace.x[0] ?? 0));
    if (trace.exact && perPixel < 2) {
      pen.beginPath();
      let open = false;
      for (let i = 0; i < n; i += 1) {
        const value = trace.low[i]!;
        if (Number.isNaN(value)) { open = false; continue; }
        if (broken(i)) open = false;
        if (open) pen.lineTo(this.#x(trace.x[i]!), y(value)); else pen.moveTo(this.#x(trace.x[i]!), y(value));
        open = true;
      }
      pen.stroke();
      if (perPixel < 0.12) for (let i = 0; i < n; i += 1) if (!Number.isNaN(trace.low[i]!)) { pen.beginPath(); pen.arc(this.#x(trace.x[i]!), y(trace.low[i]!), 2, 0, 7); pen.fill(); }
    } else {
      // a column a pixel, from the least to the greatest of what falls into it and joined to the one before
      let column = NaN;
      let low = Infinity;
      let high = -Infinity;
      let before: [number, number] | null = null;
      const flush = (): void => {
        if (!(high >= low)) return;
        const [a, b] = before ? [Math.min(low, before[1]), Math.max(high, before[0])] : [low, high];
        const t = y(b);
        pen.fillRect(column, t, Math.max(1, wide), Math.max(1, y(a) - t));
        before = [low, high];
      };
      const wide = Math.max(1, Math.ceil(this.#x(this.#from + usual) - this.#gutter));
      for (let i = 0; i < n; i += 1) {
        const x = Math.floor(this.#x(trace.x[i]!));
        if (x !== column) { flush(); column = x; low = Infinity; high = -Infinity; if (broken(i)) before = null; }
        if (trace.low[i]! < low) low = trace.low[i]!;
        if (trace.high[i]! > high) high = trace.high[i]!;
      }
      flush();
    }
    pen.globalAlpha = 1;
  }

  #ranges(): [number, number][] {
    const own = this.#rows.map((row): [number, number] => {
      let low = Infinity;
      let high = -Infinity;
      for (const trace of row.sweeps ?? (row.trace ? [row.trace] : [])) {
        for (let i = 0; i < trace.x.length; i += 1) {
          if (trace.x[i]! < this.#from || trace.x[i]! > this.#to) continue;
          if (trace.low[i]! < low) low = trace.low[i]!;
          if (trace.high[i]! > high) high = trace.high[i]!;
        }
      }
      return high > low ? [low, high] : Number.isFinite(low) ? [low - 1, low + 1] : [0, 1];
    });
    if (this.#scale.value !== "same") return own;
    const ofUnit = new Map<string, [number, number]>();
    this.#rows.forEach((row, i) => {
      const unit = row.stream.units[row.channel] ?? "";
      const [low, high] = ofUnit.get(unit) ?? own[i]!;
      ofUnit.set(unit, [Math.min(low, own[i]![0]), Math.max(high, own[i]![1])]);
    });
    return this.#rows.map((row) => ofUnit.get(row.stream.units[row.channel] ?? "")!);
  }

  #drawAxis(pen: CanvasRenderingContext2D, bottom: number, top: number, width: number): void {
    const span = this.#to - this.#from;
    const clock = this.recording.start !== null && this.#rows[0]?.stream.unit === "s";
    const room = Math.max(2, Math.floor(this.#width / (clock ? 118 : 84)));
    const rough = span / room;
    const base = 10 ** Math.floor(Math.log10(rough));
    const round = clock && rough > 1 ? [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400].find((s) => s >= rough) : undefined;
    const step = round ?? base * ([1, 2, 5, 10].find((factor) => factor * base >= rough) ?? 10);
    pen.textAlign = "center";
    pen.font = "11px system-ui, sans-serif";
    for (let tick = Math.ceil(this.#from / step) * step; tick <= this.#to; tick += step) {
      const x = this.#x(tick);
      pen.strokeStyle = css("--rule");
      pen.beginPath(); pen.moveTo(x, top); pen.lineTo(x, bottom + 4); pen.stroke();
      const unit = this.#rows[0]?.stream.unit === "s" ? " s" : "";
      const text = `${Number(tick.toPrecision(12)).toFixed(Math.max(0, Math.min(9, -Math.floor(Math.log10(step) + 1e-9))))}${unit}`;
      const half = 30;
      if (x < this.#gutter + half || x > width - half) continue;
      pen.fillStyle = css("--ink");
      pen.fillText(text, x, bottom + (clock ? 9 : 14));
      if (clock) { pen.fillStyle = css("--soft"); pen.fillText(this.#clock(tick).replace(step >= 1 ? /\.\d+$/ : /$^/, ""), x, bottom + 22); }
    }
    if (clock) { pen.textAlign = "left"; pen.fillStyle = css("--soft"); pen.fillText(this.recording.startText.slice(0, 10), 4, bottom + 22); }
    pen.font = "12px system-ui, sans-serif";
  }

  #drawEvents(pen: CanvasRenderingContext2D, top: number, bottom: number): void {
    pen.textAlign = "left";
    pen.font = "11px system-ui, sans-serif";
    let free = -Infinity;
    let last = -Infinity;
    for (const one of this.#shownEvents()) {
      if (one.time > this.#to || one.time + (one.duration > 0 ? one.duration : 0) < this.#from) continue;
      const x = this.#x(one.time);
      if (one.duration > 0) { pen.fillStyle = css("--band"); pen.fillRect(x, top - 4, Math.max(1, this.#x(one.time + one.duration) - x), bottom - top + 4); }
      if (x - last >= 1) { pen.fillStyle = css("--event"); pen.fillRect(x, 0, 1, bottom); last = x; }
      if (one.label && x > free) {
        const text = one.label.slice(0, 24);
        pen.fillStyle = css("--event");
        pen.fillText(text, x + 4, 10);
        free = x + pen.measureText(text).width + 12;
      }
    }
    pen.font = "12px system-ui, sans-serif";
  }

  #shownEvents(): Event[] {
    return this.recording.events.filter((one) => one.sweep < 0 || this.#sweep < 0 || one.sweep === this.#sweep);
  }

  #listEvents(): void {
    const events = this.recording.events;
    if (!events.length) return;
    const listed = events.slice(0, 500);
    const columns: [string, (one: Event) => string][] = ([
      ["Clock", (one) => this.#clock(one.time)], ["Label", (one) => one.label], ["Duration", (one) => (one.duration > 0 ? `${short(one.duration)} s` : "")],
      ["Kind", (one) => one.kind], ["Channel", (one) => one.channel], ["Sweep", (one) => (one.sweep >= 0 ? String(one.sweep + 1) : "")],
    ] as [string, (one: Event) => string][]).filter(([, of]) => listed.some((one) => of(one)));
    const rows = listed.map((one) => el("tr", {},
      el("td", {}, button(Number.isFinite(one.time) ? `${short(one.time)} s` : "no time", `go to ${one.label || "the event"}`, () => this.#jump(one.time))),
      ...columns.map(([, of]) => el("td", {}, of(one)))));
    fill(this.#list, el("details", { open: events.length <= 12 }, el("summary", {}, `${events.length} event${events.length === 1 ? "" : "s"}${events.length > 500 ? ", the first 500" : ""}`),
      el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Events" }, el("table", { class: "events" }, el("thead", {}, el("tr", {}, ...["Time", ...columns.map(([name]) => name)].map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, ...rows)))));
  }

  #point(time: number | null): void {
    this.#at = time === null ? null : Math.min(Math.max(time, this.#from), this.#to);
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#paint());
    if (this.#at === null) { fill(this.#cursor, ""); return; }
    const parts = this.#rows.slice(0, 12).map((row) => {
      const trace = row.trace ?? row.sweeps?.[0];
      const i = trace ? nearest(trace.x, this.#at!) : -1;
      if (!trace || i < 0 || gapsOf(row.stream).some(([a, b]) => this.#at! > a && this.#at! < b)) return `${nameOf(row)} –`;
      const value = trace.exact ? short(trace.low[i]!) : `${short(trace.low[i]!)} … ${short(trace.high[i]!)}`;
      return `${nameOf(row)} ${value} ${row.stream.units[row.channel] ?? ""}`;
    });
    const unit = this.#rows[0]?.stream.unit === "s" ? " s" : " (sample)";
    fill(this.#cursor, el("b", {}, `${precise(this.#at, this.#to - this.#from)}${unit} ${this.#clock(this.#at)}`), ` ${parts.join(" · ")}${this.#rows.length > 12 ? " …" : ""}`);
  }

  #csv(): void {
    const quoted = (text: string): string => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
    const lines: string[] = ["time,channel,unit,sweep,minimum,maximum"];
    for (const row of this.#rows) {
      (row.sweeps ?? (row.trace ? [row.trace] : [])).forEach((trace, sweep) => {
        for (let i = 0; i < trace.x.length; i += 1) {
          if (trace.x[i]! < this.#from || trace.x[i]! > this.#to) continue;
          lines.push([trace.x[i], quoted(nameOf(row)), quoted(row.stream.units[row.channel] ?? ""), row.stream.nSweeps ? (row.sweeps ? sweep : this.#sweep) : "", trace.low[i], trace.high[i]].join(","));
        }
      });
    }
    save(`${this.title}.csv`, new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
  }

  #png(): void { this.#canvas.toBlob((made) => { if (made) save(`${this.title}.png`, made); }); }
}

function key(row: { stream: Stream; channel: number }): string { return `${row.stream.group}:${row.channel}`; }

function nameOf(row: { stream: Stream; channel: number }): string {
  return row.stream.names[row.channel] || `channel ${row.channel}`;
}

function precise(value: number, span: number): string {
  return value.toFixed(Math.max(0, Math.min(9, 4 - Math.floor(Math.log10(span)))));
}

function nearest(x: Float64Array, time: number): number {
  let low = 0;
  let high = x.length - 1;
  while (low < high) { const middle = (low + high) >> 1; if (x[middle]! < time) low = middle + 1; else high = middle; }
  if (low > 0 && Math.abs(x[low - 1]! - time) < Math.abs(x[low]! - time)) low -= 1;
  return low;
}

function shortened(pen: CanvasRenderingContext2D, text: string, room: number): string {
  if (pen.measureText(text).width <= room) return text;
  let shown = text;
  while (shown.length > 1 && pen.measureText(`${shown}…`).width > room) shown = shown.slice(0, -1);
  return `${shown}…`;
}
