// An OME-Zarr image: the level that fits the pixels, channels added in their colours, z and t by sliders.
import { button, css, el, fill, short } from "./dom";
import { Problem, aborted, sentence } from "./fetching";
import { type Attributes, type Store } from "./store";
import type { State } from "./state";

interface Axis { name: string; type?: string; unit?: string }
interface Channel { label: string; colour: [number, number, number]; low: number; high: number; on: boolean }
const MOST_TILES = 64;

export async function showImage(target: HTMLElement, store: Store, state: State, title: string, drawn: () => void): Promise<void> {
  const members = membersOf(store);
  const member = members.find((one) => one.path === state.get("image")) ?? members[0];
  if (!member) {
    const what = "bioformats2raw.layout" in store.attributes ? "A collection whose members are not named in its metadata" : "The store states no multiscales: it is no image";
    throw new Problem(`${what} this page knows; open it with another OME-Zarr viewer`);
  }
  const { ome, attributes } = member;
  const inside = member.path ? `${member.path}/` : "";
  const scales = (ome["multiscales"] as Attributes[])[0]!;
  const axes = (scales["axes"] as Axis[]).map((axis) => axis);
  const levels = await Promise.all((scales["datasets"] as Attributes[]).map(async (one) => {
    const array = await store.array(inside + String(one["path"]));
    const scale = ((one["coordinateTransformations"] as Attributes[] | undefined)?.find((t) => t["type"] === "scale")?.["scale"] ?? array.shape.map(() => 1)) as number[];
    return { path: inside + String(one["path"]), shape: array.shape, chunks: array.chunks, scale };
  }));
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
  const fit = (): number => Math.min(canvas.clientWidth / W, canvas.clientHeight / H);
  const moved = (): void => { state.set({ zoom: zoom ? Number(zoom.toPrecision(5)) : null, x: zoom ? Math.round(cx) : null, yc: zoom ? Math.round(cy) : null, z: Z < 0 ? null : z, tp: T < 0 ? null : t }); clearTimeout(timer); timer = window.setTimeout(() => { void paint(); }, 60); };
  const by = (factor: number): void => { zoom = Math.min(40, Math.max(fit(), (zoom || fit()) * factor)); if (zoom <= fit()) { zoom = 0; cx = W / 2; cy = H / 2; } moved(); };
  const pan = (dx: number, dy: number): void => { const s = zoom || fit(); cx = Math.min(W, Math.max(0, cx + dx / s)); cy = Math.min(H, Math.max(0, cy + dy / s)); if (!zoom) zoom = fit(); moved(); };
  const tile = async (level: (typeof levels)[number], ty: number, tx: number, signal: AbortSignal): Promise<ImageData> => {
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
          const mixed = Math.imul(value | 0, 2654435761) >>> 0;
          sum[to] = 70 + (mixed & 127) + 50; sum[to + 1] = 70 + (mixed >>> 8 & 127) + 50; sum[to + 2] = 70 + (mixed >>> 16 & 127) + 50;
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
    const visible = (one: (typeof levels)[number]): [number, number][] => {
      const [fy, fx] = [H / one.shape[Y]!, W / one.shape[X]!];
      const found: [number, number][] = [];
      const span = (n: number, chunk: number, f: number, centre: number, size: number): [number, number] => [Math.max(0, Math.floor((centre - size / s / 2) / f / chunk)), Math.min(Math.ceil(n / chunk) - 1, Math.floor((centre + size / s / 2) / f / chunk))];
      const [y0, y1] = span(one.shape[Y]!, one.chunks[Y]!, fy, cy, height);
      const [x0, x1] = span(one.shape[X]!, one.chunks[X]!, fx, cx, width);
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
    canvas.setAttribute("aria-label", `${title}: image of ${W} by ${H} pixels, ${channels.filter((one) => one.on).map((one) => one.label).join(", ")}. Arrow keys move, plus and minus zoom, Home shows all.`);
  };
  const bar = (pen: CanvasRenderingContext2D, width: number, height: number, s: number): void => {
    const unit = axes[X]!.unit;
    if (!unit) return;
    const perPixel = levels[0]!.scale[X]! / s;
    const rough = perPixel * Math.min(140, width / 4);
    const base = 10 ** Math.floor(Math.log10(rough));
    const length = [5, 2, 1].map((f) => f * base).find((one) => one <= rough) ?? base;
    const text = `${Number(length.toPrecision(6))} ${{ micrometer: "µm", nanometer: "nm", millimeter: "mm" }[unit] ?? unit}`;
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
  const choice = members.length > 1 && el("select", { "aria-label": "Image of the collection" }, ...members.map((one) => el("option", { value: one.path, selected: one === member }, one.name)));
  if (choice) choice.addEventListener("change", () => {
    loading.abort();
    clearTimeout(timer);
    state.set({ image: choice.value, zoom: null, x: null, yc: null, z: null, tp: null, off: null });
    showImage(target, store, state, title, () => undefined).catch((error: unknown) => fill(target, el("p", { class: "warn", role: "alert" }, sentence(error))));
  });
  fill(target, el("div", { class: "tools" }, choice, button("+", "Zoom in (+)", () => by(2)), button("−", "Zoom out (−)", () => by(0.5)), button("All", "The whole image (Home)", () => { zoom = 0; cx = W / 2; cy = H / 2; moved(); }),
    Z >= 0 && levels[0]!.shape[Z]! > 1 && slider("z", levels[0]!.shape[Z]!, z, (to) => { z = to; }), T >= 0 && levels[0]!.shape[T]! > 1 && slider("t", levels[0]!.shape[T]!, t, (to) => { t = to; })),
  el("div", { class: "plot" }, canvas), el("div", { class: "tools" }, ...legend), status);
  let drag: [number, number] | null = null;
  canvas.addEventListener("pointerdown", (event) => { drag = [event.offsetX, event.offsetY]; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => { if (drag) { pan(drag[0] - event.offsetX, drag[1] - event.offsetY); drag = [event.offsetX, event.offsetY]; } });
  canvas.addEventListener("pointerup", () => { drag = null; });
  canvas.addEventListener("dblclick", () => by(2));
  canvas.addEventListener("keydown", (event) => {
    const keys: Record<string, () => void> = { "+": () => by(2), "=": () => by(2), "-": () => by(0.5), Home: () => { zoom = 0; cx = W / 2; cy = H / 2; moved(); }, ArrowLeft: () => pan(-60, 0), ArrowRight: () => pan(60, 0), ArrowUp: () => pan(0, -60), ArrowDown: () => pan(0, 60) };
    const found = keys[event.key];
    if (found) { event.preventDefault(); found(); }
  });
  await paint();
  drawn();
}

interface Member { path: string; name: string; ome: Attributes; attributes: Attributes }

/** The image in the root, or the images of a collection. */
function membersOf(store: Store): Member[] {
  const found: Member[] = [];
  for (const [path, node] of store.nodes) {
    if (path.includes("/")) continue;
    const ome = (node.attributes["ome"] ?? node.attributes) as Attributes;
    const scales = (ome["multiscales"] as Attributes[] | undefined)?.[0];
    if (scales) found.push({ path, name: String(scales["name"] ?? path), ome, attributes: node.attributes });
  }
  const root = found.find((one) => one.path === "");
  return root ? [root] : found.sort((a, b) => Number(a.path) - Number(b.path));
}
