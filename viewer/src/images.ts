// An OME-Zarr image: the level that fits the pixels, channels added in their colours, z and t by sliders.
import { button, css, el, fill, short } from "./dom";
import { Problem, aborted, sentence } from "./fetching";
import { type Attributes, type Store } from "./store";
import type { State } from "./state";

interface Axis { name: string; type?: string; unit?: string }
interface Channel { label: string; colour: [number, number, number]; low: number; high: number; on: boolean }
const MOST_TILES = 64;
const MOST_MEMBERS = 100;

export async function showImage(target: HTMLElement, store: Store, state: State, title: string, drawn: () => void): Promise<void> {
  const members = await membersOf(store);
  const member = members.find((one) => one.path === state.get("image")) ?? members[0];
  if (!member) {
    const what = "bioformats2raw.layout" in store.attributes ? "A collection whose members are not named in its metadata" : "The store states no multiscales: it is no image";
    throw new Problem(`${what} this page knows; open it with another OME-Zarr viewer`);
  }
  const { ome, attributes } = member;
  const inside = member.path ? `${member.path}/` : "";
  const scales = (ome["multiscales"] as Attributes[])[0]!;
  const axes = axesOf(scales);
  const levels = await levelsOf(store, inside, scales);
  const overlays = await overlaysOf(store, inside);
  const overlaid = new Set(state.get("labels").split(";").filter(Boolean));
  const axis = (name: string): number => axes.findIndex((one) => one.name === name);
  const [X, Y, Z, C, T] = ["x", "y", "z", "c", "t"].map(axis) as [number, number, number, number, number];
  if (X < 0 || Y < 0 || !levels.length) throw new Problem("the image states no x and y axis");
  const label = "image-label" in ome || "image-label" in attributes || attributes["image_kind"] === "label";
  const nC = C < 0 ? 1 : levels[0]!.shape[C]!;
  const type = String((await store.array(levels[0]!.path)).dtype);
  const stated = ((ome["omero"] as Attributes | undefined)?.["channels"] ?? []) as Attributes[];
  const most = type === "uint8" ? 255 : 65535;
  const channels: Channel[] = Array.from({ length: Math.min(nC, 32) }, (_, i) => {
    const one = stated[i] ?? {};
    const window = (one["window"] ?? {}) as Record<string, number>;
    const hex = /^[0-9a-f]{6}$/i.test(String(one["color"])) ? String(one["color"]) : nC === 1 ? "FFFFFF" : ["FF0000", "00FF00", "0000FF", "FFFF00", "FF00FF", "00FFFF"][i % 6]!;
    return { label: String(one["label"] ?? `channel ${i}`), colour: [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [number, number, number],
      low: Number(window["start"] ?? 0), high: Number(window["end"] ?? most), on: one["active"] !== false && (stated.length > 0 || i < 6) };
  });
  const off = new Set(state.get("off").split(",").filter(Boolean).map(Number));
  if (off.size) channels.forEach((one, i) => { one.on = !off.has(i); });
  let z = state.number("z", Z < 0 ? 0 : Math.floor(levels[0]!.shape[Z]! / 2));
  let t = state.number("tp", 0);
  z = Math.min(Math.max(0, Math.floor(z)), Z < 0 ? 0 : levels[0]!.shape[Z]! - 1);
  t = Math.min(Math.max(0, Math.floor(t)), T < 0 ? 0 : levels[0]!.shape[T]! - 1);
  const [H, W] = [levels[0]!.shape[Y]!, levels[0]!.shape[X]!];
  const canvas = el("canvas", { tabindex: 0, role: "img", class: "image" });
  const status = el("p", { class: "status", role: "status" });
  let zoom = state.number("zoom", 0);
  let cx = state.number("x", W / 2);
  let cy = state.number("yc", H / 2);
  let loading = new AbortController();
  let timer = 0;
  let drawn0 = levels[0]!; // the level that is shown
  let pointed = 0;
  const under = el("p", { class: "cursor" });
  /** Say the values of the pixel at a place of the canvas, as stored at the level shown. */
  const point = async (px: number, py: number): Promise<void> => {
    const mine = pointed += 1;
    const s = zoom || fit();
    const [ix, iy] = [Math.floor(cx + (px - canvas.clientWidth / 2) / s), Math.floor(cy + (py - canvas.clientHeight / 2) / s)];
    if (ix < 0 || iy < 0 || ix >= W || iy >= H) { fill(under, ""); return; }
    const level = drawn0;
    const values = await Promise.all(channels.map(async (one, c) => {
      const index = level.shape.map((n, d) => Math.min(n - 1, d === C ? c : d === T ? t : d === Z ? Math.floor(z * n / levels[0]!.shape[Z]!) : d === Y ? Math.floor(iy * n / H) : d === X ? Math.floor(ix * n / W) : 0));
      const chunk = await store.chunk(level.path, index.map((i, d) => Math.floor(i / level.chunks[d]!)));
      let at = 0;
      index.forEach((i, d) => { at += (i % level.chunks[d]!) * chunk.stride[d]!; });
      return `${one.label} ${short(Number(chunk.data[at]))}`;
    }).filter((_, c) => channels[c]!.on)).catch(() => null);
    if (mine !== pointed || !values) return;
    const place = axes[X]!.unit ? ` (${short(ix * levels[0]!.scale[X]!)}, ${short(iy * levels[0]!.scale[Y]!)} ${unitOf(axes[X]!.unit!)})` : "";
    fill(under, el("b", {}, `x ${ix}, y ${iy}${place}`), ` ${values.join(" · ")}${level === levels[0] ? "" : `, of level ${levels.indexOf(level)}`}`);
  };
  const fit = (): number => Math.min(canvas.clientWidth / W, canvas.clientHeight / H);
  const moved = (): void => { state.set({ zoom: zoom ? Number(zoom.toPrecision(5)) : null, x: zoom ? Math.round(cx) : null, yc: zoom ? Math.round(cy) : null, z: Z < 0 ? null : z, tp: T < 0 ? null : t }); clearTimeout(timer); timer = window.setTimeout(() => { void paint(); }, 60); };
  const by = (factor: number): void => { zoom = Math.min(40, Math.max(fit(), (zoom || fit()) * factor)); if (zoom <= fit()) { zoom = 0; cx = W / 2; cy = H / 2; } moved(); };
  const pan = (dx: number, dy: number): void => { const s = zoom || fit(); cx = Math.min(W, Math.max(0, cx + dx / s)); cy = Math.min(H, Math.max(0, cy + dy / s)); if (!zoom) zoom = fit(); moved(); };
  const tile = async (level: Level, ty: number, tx: number, signal: AbortSignal): Promise<ImageData> => {
    const h = Math.min(level.chunks[Y]!, level.shape[Y]! - ty * level.chunks[Y]!);
    const w = Math.min(level.chunks[X]!, level.shape[X]! - tx * level.chunks[X]!);
    const sum = new Float32Array(h * w * 3);
    await Promise.all(channels.map(async (one, c) => {
      if (!one.on) return;
      const index = level.shape.map((_, d) => (d === C ? c : d === T ? t : d === Z ? Math.min(level.shape[Z]! - 1, Math.floor(z * level.shape[Z]! / levels[0]!.shape[Z]!)) : 0));
      const at = level.shape.map((_, d) => (d === Y ? ty : d === X ? tx : Math.floor(index[d]! / level.chunks[d]!)));
      const chunk = await store.chunk(level.path, at, signal);
      let base = 0;
      index.forEach((i, d) => { if (d !== Y && d !== X) base += (i % level.chunks[d]!) * chunk.stride[d]!; });
      const [sy, sx] = [chunk.stride[Y]!, chunk.stride[X]!];
      const gain = 1 / ((one.high - one.low) || 1);
      for (let r = 0, to = 0; r < h; r += 1) for (let q = 0; q < w; q += 1, to += 3) {
        const value = Number(chunk.data[base + r * sy + q * sx]);
        if (label) {
          if (!value) continue;
          [sum[to], sum[to + 1], sum[to + 2]] = colourOf(value);
        } else {
          const share = Math.min(1, Math.max(0, (value - one.low) * gain)) || 0;
          sum[to]! += share * one.colour[0]; sum[to + 1]! += share * one.colour[1]; sum[to + 2]! += share * one.colour[2];
        }
      }
    }));
    const made = new ImageData(w, h);
    for (let i = 0, from = 0; from < sum.length; i += 4, from += 3) { made.data[i] = sum[from]!; made.data[i + 1] = sum[from + 1]!; made.data[i + 2] = sum[from + 2]!; made.data[i + 3] = 255; }
    return made;
  };
  /** A chunk of an overlay: distinct colours, half transparent, nothing where the label is 0. */
  const stained = async (one: Overlay, level: Level, ty: number, tx: number, signal: AbortSignal): Promise<ImageData> => {
    const d = (name: string): number => one.axes.indexOf(name);
    const [y, x] = [d("y"), d("x")];
    const index = level.shape.map((n, i) => {
      const place = i === d("t") ? t : i === d("z") && Z >= 0 ? Math.floor(z * n / levels[0]!.shape[Z]!) : 0;
      return Math.min(n - 1, place);
    });
    const chunk = await store.chunk(level.path, level.shape.map((_, i) => (i === y ? ty : i === x ? tx : Math.floor(index[i]! / level.chunks[i]!))), signal);
    const h = Math.min(level.chunks[y]!, level.shape[y]! - ty * level.chunks[y]!);
    const w = Math.min(level.chunks[x]!, level.shape[x]! - tx * level.chunks[x]!);
    let from = 0;
    index.forEach((i, at) => { if (at !== y && at !== x) from += (i % level.chunks[at]!) * chunk.stride[at]!; });
    const made = new ImageData(w, h);
    for (let r = 0, to = 0; r < h; r += 1) for (let q = 0; q < w; q += 1, to += 4) {
      const value = Number(chunk.data[from + r * chunk.stride[y]! + q * chunk.stride[x]!]);
      if (value) made.data.set([...colourOf(value), 150], to);
    }
    return made;
  };
  const paint = async (): Promise<void> => {
    loading.abort();
    const mine = loading = new AbortController();
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d")!;
    const s = zoom || fit();
    let best = 0;
    levels.forEach((one, i) => { if (one.shape[X]! / W >= Math.min(1, s * ratio) * 0.99) best = i; });
    const visible = (one: Level, y = Y, x = X): [number, number][] => {
      const [fy, fx] = [H / one.shape[y]!, W / one.shape[x]!];
      const found: [number, number][] = [];
      const span = (n: number, chunk: number, f: number, centre: number, size: number): [number, number] => [Math.max(0, Math.floor((centre - size / s / 2) / f / chunk)), Math.min(Math.ceil(n / chunk) - 1, Math.floor((centre + size / s / 2) / f / chunk))];
      const [y0, y1] = span(one.shape[y]!, one.chunks[y]!, fy, cy, height);
      const [x0, x1] = span(one.shape[x]!, one.chunks[x]!, fx, cx, width);
      for (let ty = y0; ty <= y1; ty += 1) for (let tx = x0; tx <= x1; tx += 1) found.push([ty, tx]);
      return found;
    };
    while (best < levels.length - 1 && visible(levels[best]!).length > MOST_TILES) best += 1;
    const level = levels[best]!;
    const [fy, fx] = [H / level.shape[Y]!, W / level.shape[X]!];
    try {
      const tiles = await Promise.all(visible(level).map(async ([ty, tx]) => ({ ty, tx, made: await tile(level, ty, tx, mine.signal) })));
      if (mine.signal.aborted) return;
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.fillStyle = css("--dark");
      pen.fillRect(0, 0, width, height);
      pen.imageSmoothingEnabled = !label && s * fx < 1;
      for (const { ty, tx, made } of tiles) {
        const part = el("canvas", { width: made.width, height: made.height });
        part.getContext("2d")!.putImageData(made, 0, 0);
        pen.drawImage(part, width / 2 + (tx * level.chunks[X]! * fx - cx) * s, height / 2 + (ty * level.chunks[Y]! * fy - cy) * s, made.width * fx * s, made.height * fy * s);
      }
      for (const one of overlays.filter((other) => overlaid.has(other.name))) {
        const [y, x] = [one.axes.indexOf("y"), one.axes.indexOf("x")];
        const found = one.levels.findIndex((other) => other.shape[x]! <= level.shape[x]!);
        const stain = one.levels[found < 0 ? one.levels.length - 1 : found]!;
        const [gy, gx] = [H / stain.shape[y]!, W / stain.shape[x]!];
        const parts = await Promise.all(visible(stain, y, x).slice(0, MOST_TILES).map(async ([ty, tx]) => ({ ty, tx, made: await stained(one, stain, ty, tx, mine.signal) })));
        if (mine.signal.aborted) return;
        pen.imageSmoothingEnabled = false;
        for (const { ty, tx, made } of parts) {
          const part = el("canvas", { width: made.width, height: made.height });
          part.getContext("2d")!.putImageData(made, 0, 0);
          pen.drawImage(part, width / 2 + (tx * stain.chunks[x]! * gx - cx) * s, height / 2 + (ty * stain.chunks[y]! * gy - cy) * s, made.width * gx * s, made.height * gy * s);
        }
      }
      drawn0 = level;
      bar(pen, width, height, s);
      fill(status, `${W} × ${H} pixels, ${type}; level ${best} of ${levels.length} shown at ${short(s * 100)} %.`);
      status.classList.remove("warn");
      canvas.dataset["ready"] = String(best);
    } catch (error) {
      if (mine.signal.aborted || aborted(error)) return;
      fill(status, `The image cannot be shown: ${sentence(error)}`);
      status.classList.add("warn");
      canvas.dataset["ready"] = "failed";
    }
    canvas.setAttribute("aria-label", `${title}: image of ${W} by ${H} pixels, ${channels.filter((one) => one.on).map((one) => one.label).join(", ")}. Arrow keys move, plus and minus zoom, Home shows all, Enter tells the values in the middle.`);
  };
  const bar = (pen: CanvasRenderingContext2D, width: number, height: number, s: number): void => {
    const unit = axes[X]!.unit;
    if (!unit) return;
    const perPixel = levels[0]!.scale[X]! / s;
    const rough = perPixel * Math.min(140, width / 4);
    const base = 10 ** Math.floor(Math.log10(rough));
    const length = [5, 2, 1].map((f) => f * base).find((one) => one <= rough) ?? base;
    const text = `${Number(length.toPrecision(6))} ${unitOf(unit)}`;
    pen.fillStyle = "rgba(0,0,0,.6)";
    pen.fillRect(10, height - 40, length / perPixel + 16, 32);
    pen.fillStyle = "#fff";
    pen.fillRect(18, height - 18, length / perPixel, 3);
    pen.font = "12px system-ui, sans-serif";
    pen.fillText(text, 18, height - 24);
  };
  const slider = (name: string, n: number, value: number, set: (to: number) => void): HTMLElement => {
    const shown = el("output", {}, `${value + 1}/${n}`);
    const made = el("input", { type: "range", min: 0, max: n - 1, value, "aria-label": name, oninput: () => { set(Number(made.value)); shown.textContent = `${Number(made.value) + 1}/${n}`; moved(); } });
    return el("label", {}, `${name} `, made, " ", shown);
  };
  const legend = channels.map((one) => {
    const bound = (name: "low" | "high"): HTMLElement => { const made = el("input", { type: "number", value: one[name], "aria-label": `${one.label}: ${name === "low" ? "darkest" : "brightest"} value`, onchange: () => { one[name] = Number(made.value); moved(); } }); return made; };
    const box = el("input", { type: "checkbox", checked: one.on, onchange: () => { one.on = box.checked; state.set({ off: channels.map((other, at) => (other.on ? "" : String(at))).filter(Boolean).join(",") }); moved(); } });
    const swatch = el("span", { class: "swatch" });
    swatch.style.background = `rgb(${one.colour.join(",")})`;
    return el("span", { class: "channel" }, el("label", {}, box, swatch, ` ${one.label}`), !label && bound("low"), !label && bound("high"));
  });
  const stains = overlays.map((one) => {
    const box = el("input", { type: "checkbox", checked: overlaid.has(one.name), onchange: () => {
      if (box.checked) overlaid.add(one.name); else overlaid.delete(one.name);
      state.set({ labels: [...overlaid].join(";") });
      moved();
    } });
    return el("label", { class: "channel" }, box, ` label “${one.name}”`);
  });
  const choice = members.length > 1 && el("select", { "aria-label": "Image of the collection" }, ...members.map((one) => el("option", { value: one.path, selected: one === member }, one.name)));
  if (choice) choice.addEventListener("change", () => {
    loading.abort();
    clearTimeout(timer);
    state.set({ image: choice.value, zoom: null, x: null, yc: null, z: null, tp: null, off: null });
    showImage(target, store, state, title, () => undefined).catch((error: unknown) => fill(target, el("p", { class: "warn", role: "alert" }, sentence(error))));
  });
  fill(target, el("div", { class: "tools" }, choice, button("+", "Zoom in (+)", () => by(2)), button("−", "Zoom out (−)", () => by(0.5)), button("All", "The whole image (Home)", () => { zoom = 0; cx = W / 2; cy = H / 2; moved(); }),
    Z >= 0 && levels[0]!.shape[Z]! > 1 && slider("z", levels[0]!.shape[Z]!, z, (to) => { z = to; }), T >= 0 && levels[0]!.shape[T]! > 1 && slider("t", levels[0]!.shape[T]!, t, (to) => { t = to; })),
  el("div", { class: "plot" }, canvas), el("div", { class: "tools" }, ...legend, ...stains), under, status);
  let drag: [number, number] | null = null;
  canvas.addEventListener("pointerdown", (event) => { drag = [event.offsetX, event.offsetY]; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => { if (drag) { pan(drag[0] - event.offsetX, drag[1] - event.offsetY); drag = [event.offsetX, event.offsetY]; } void point(event.offsetX, event.offsetY); });
  canvas.addEventListener("pointerleave", () => { pointed += 1; fill(under, ""); });
  canvas.addEventListener("pointerup", () => { drag = null; });
  canvas.addEventListener("dblclick", () => by(2));
  canvas.addEventListener("keydown", (event) => {
    const keys: Record<string, () => void> = { "+": () => by(2), "=": () => by(2), "-": () => by(0.5), Home: () => { zoom = 0; cx = W / 2; cy = H / 2; moved(); }, ArrowLeft: () => pan(-60, 0), ArrowRight: () => pan(60, 0), ArrowUp: () => pan(0, -60), ArrowDown: () => pan(0, 60), Enter: () => { void point(canvas.clientWidth / 2, canvas.clientHeight / 2); } };
    const found = keys[event.key];
    if (found) { event.preventDefault(); found(); }
  });
  await paint();
  drawn();
}

interface Level { path: string; shape: number[]; chunks: number[]; scale: number[] }
interface Overlay { name: string; axes: string[]; levels: Level[] }

/** The axes of an image; in OME-Zarr 0.6 those of the coordinate system that its levels map to. */
function axesOf(scales: Attributes): Axis[] {
  if (Array.isArray(scales["axes"])) return scales["axes"] as Axis[];
  const systems = (scales["coordinateSystems"] ?? []) as Attributes[];
  const first = ((scales["datasets"] as Attributes[])[0]?.["coordinateTransformations"] as Attributes[] | undefined)?.[0];
  const output = first?.["output"] as Attributes | string | undefined;
  const name = typeof output === "object" ? output["name"] : output;
  return ((systems.find((one) => one["name"] === name) ?? systems[0])?.["axes"] ?? []) as Axis[];
}

async function levelsOf(store: Store, inside: string, scales: Attributes): Promise<Level[]> {
  return Promise.all((scales["datasets"] as Attributes[]).map(async (one) => {
    const path = inside + String(one["path"]);
    const array = await store.array(path);
    const steps = ((one["coordinateTransformations"] as Attributes[] | undefined) ?? []).flatMap((t) => t["type"] === "sequence" ? t["transformations"] as Attributes[] : [t]);
    const scale = (steps.find((t) => t["type"] === "scale")?.["scale"] ?? array.shape.map(() => 1)) as number[];
    return { path, shape: array.shape, chunks: array.chunks, scale };
  }));
}

/** The label images of an image; one that cannot be read is none. */
async function overlaysOf(store: Store, inside: string): Promise<Overlay[]> {
  const stated = (await store.node(`${inside}labels`))?.attributes ?? {};
  const names = ((stated["ome"] as Attributes | undefined)?.["labels"] ?? stated["labels"]) as unknown;
  const found = await Promise.all((Array.isArray(names) ? names : []).map(String).slice(0, 20).map(async (name) => {
    const group = `${inside}labels/${name}`;
    const attributes = (await store.node(group).catch(() => undefined))?.attributes ?? {};
    const scales = (((attributes["ome"] as Attributes | undefined) ?? attributes)["multiscales"] as Attributes[] | undefined)?.[0];
    if (!scales) return null;
    try {
      const axes = axesOf(scales).map((axis) => axis.name);
      return axes.includes("x") && axes.includes("y") ? { name, axes, levels: await levelsOf(store, `${group}/`, scales) } : null;
    } catch { return null; }
  }));
  return found.filter((one) => one !== null && one.levels.length > 0) as Overlay[];
}

function colourOf(value: number): [number, number, number] {
  const mixed = Math.imul(value | 0, 2654435761) >>> 0;
  return [120 + (mixed & 127), 120 + (mixed >>> 8 & 127), 120 + (mixed >>> 16 & 127)];
}

function unitOf(name: string): string { return { micrometer: "µm", nanometer: "nm", millimeter: "mm" }[name] ?? name; }

interface Member { path: string; name: string; ome: Attributes; attributes: Attributes }

/** The image in the root, or the images of a collection. */
async function membersOf(store: Store): Promise<Member[]> {
  const found: Member[] = [];
  if ("bioformats2raw.layout" in ((store.attributes["ome"] ?? store.attributes) as Attributes)) {
    // in order until one is absent, where the root does not name them
    for (let i = 0; i < MOST_MEMBERS && await store.node(String(i)); i += 1);
  }
  for (const [path, node] of store.nodes) {
    if (path.includes("/")) continue;
    const ome = (node.attributes["ome"] ?? node.attributes) as Attributes;
    const scales = (ome["multiscales"] as Attributes[] | undefined)?.[0];
    if (scales) found.push({ path, name: String(scales["name"] ?? path), ome, attributes: node.attributes });
  }
  const root = found.find((one) => one.path === "");
  return root ? [root] : found.sort((a, b) => Number(a.path) - Number(b.path));
}
