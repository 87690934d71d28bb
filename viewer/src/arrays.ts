// What is neither recording nor image, plainly: the first rows of a table, a plot of one dimension, a picture of two.
import { css, el, fill, short } from "./dom";
import { sentence } from "./fetching";
import type { Node, Store } from "./store";

const MOST_VALUES = 1_000_000;
const MOST_LISTED = 1000;
const ROWS = 50;

type Cell = number | string;

export function showArrays(target: HTMLElement, store: Store): void {
  const arrays = [...store.nodes].filter(([, node]) => node.shape);
  if (!arrays.length) { fill(target, el("p", { class: "warn" }, "The store holds no array: it is empty, or not whole.")); return; }
  const shown = el("div", { role: "status" });
  const rows = arrays.slice(0, MOST_LISTED).map(([path, node]) => el("tr", {},
    el("td", {}, named(path, node)), el("td", {}, node.shape!.join(" × ") || "one value"), el("td", {}, node.type ?? ""), el("td", {}, unit(node)),
    el("td", {}, el("button", { type: "button", "aria-label": `Show ${named(path, node)}`, onclick: () => { void show(shown, store, path, node); } }, "Show"))));
  const table = el("div", {});
  fill(target, table, shown, grid("Arrays", ["Name", "Shape", "Type", "Unit", "Values"], rows),
    arrays.length > MOST_LISTED && el("p", { class: "soft" }, `${arrays.length} arrays, the first ${MOST_LISTED} listed.`));
  const together = columnsOf(store, arrays);
  if (together.length) void firstRows(table, store, together);
  else void show(shown, store, ...arrays.find(([, node]) => node.shape!.length && node.shape!.every((n) => n > 0)) ?? arrays[0]!);
}

function named(path: string, node: Node): string { return String(node.attributes["stated_name"] ?? node.attributes["long_name"] ?? path); }
function unit(node: Node): string { return String(node.attributes["units"] ?? node.attributes["stated_units"] ?? ""); }

function grid(label: string, head: string[], rows: Element[]): HTMLElement {
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    el("table", {}, el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, ...rows)));
}

/** The columns of the first table: arrays of one dimension and one length in a group, if the store is of tables. */
function columnsOf(store: Store, arrays: [string, Node][]): [string, Node][] {
  if (!String(store.attributes["layout"] ?? "").startsWith("sparc-fuse-table")) return [];
  const inside = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);
  const first = arrays.find(([, node]) => node.shape!.length === 1);
  return first ? arrays.filter(([path, node]) => inside(path) === inside(first[0]) && node.shape!.length === 1 && node.shape![0] === first[1].shape![0]).slice(0, 50) : [];
}

async function firstRows(target: HTMLElement, store: Store, columns: [string, Node][]): Promise<void> {
  const n = columns[0]![1].shape![0]!;
  fill(target, "Loading…");
  const values = await Promise.all(columns.map(([path, node]) => some(store, path, node, ROWS).catch((error: unknown) => [sentence(error)] as Cell[])));
  const rows = Array.from({ length: Math.min(n, ROWS) }, (_, i) => el("tr", {}, ...values.map((column) => el("td", {}, text(column[i])))));
  fill(target, el("p", {}, `${n} rows${n > ROWS ? `, the first ${ROWS}` : ""}`),
    grid("First rows", columns.map(([path, node]) => named(path, node) + (unit(node) ? ` (${unit(node)})` : "")), rows));
}

function text(value: Cell | undefined): string {
  return value === undefined ? "" : typeof value === "number" ? (Number.isNaN(value) ? "–" : short(value)) : value;
}

/** The first values, of no more chunks than they lie in where the array is long. */
async function some(store: Store, path: string, node: Node, n: number): Promise<Cell[]> {
  const size = node.shape!.reduce((a, b) => a * b, 1);
  if (!size) return [];
  if (size <= MOST_VALUES && (size <= 4096 || n > 4096)) return store.whole(path);
  const array = await store.array(path);
  const chunk = await store.chunk(path, array.shape.map(() => 0));
  return Array.from(chunk.data as ArrayLike<unknown>).slice(0, Math.min(n, size)).map((value) => (typeof value === "string" ? value : Number(value)));
}

async function show(target: HTMLElement, store: Store, path: string, node: Node): Promise<void> {
  const title = named(path, node);
  fill(target, el("p", {}, `Loading ${title}…`));
  try {
    const shape = node.shape!;
    const size = shape.reduce((a, b) => a * b, 1);
    if (!size) { fill(target, el("p", {}, `${title} holds no value.`)); return; }
    const long = shape.filter((n) => n > 1);
    const values = await some(store, path, node, MOST_VALUES);
    const numbers = values.every((value) => typeof value === "number") ? values as number[] : null;
    const part = values.length < size ? ` The first ${values.length} of ${size} values.` : "";
    const canvas = el("canvas", { role: "img", class: "plain", "aria-label": `${title}, ${shape.join(" by ")}` });
    const said = el("p", { class: "status" });
    fill(target, el("h3", {}, title + (unit(node) ? ` (${unit(node)})` : "")), numbers && long.length ? canvas : null, said);
    const [low, high] = numbers ? range(numbers) : [NaN, NaN];
    const dots = numbers && long.length === 2 && !part && (shape[1] === 2 || shape[1] === 3) && shape.length === 2;
    if (dots) points(canvas, numbers, shape[1]!);
    else if (numbers && long.length === 2 && !part) picture(canvas, numbers, long[0]!, long[1]!, low, high);
    else if (numbers && long.length) line(canvas, numbers, low, high);
    canvas.dataset["ready"] = "1";
    fill(said, numbers && long.length ? `From ${short(low)} to ${short(high)}.${long.length > 2 ? " Values in the order they are stored in." : ""}${dots ? ` Drawn as points by ${shape[1] === 3 ? "the first two of " : ""}their coordinates; lines and faces between them are not.` : ""}${part}` : values.slice(0, 40).map(text).join(", ") + (values.length > 40 || part ? " …" : ""));
  } catch (error) { fill(target, el("p", { class: "warn", role: "alert" }, `${title} cannot be shown: ${sentence(error)}`)); }
}

function range(values: number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
  return [low, high];
}

function pen(canvas: HTMLCanvasElement, height: number): [CanvasRenderingContext2D, number] {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const width = canvas.clientWidth || 600;
  canvas.style.height = `${height}px`;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const made = canvas.getContext("2d")!;
  made.scale(ratio, ratio);
  made.fillStyle = css("--back");
  made.fillRect(0, 0, width, height);
  made.fillStyle = made.strokeStyle = css("--line0");
  return [made, width];
}

function line(canvas: HTMLCanvasElement, values: number[], low: number, high: number): void {
  const [made, width] = pen(canvas, 220);
  const y = (value: number): number => 210 - (high > low ? (value - low) / (high - low) : 0.5) * 200;
  const each = values.length / width;
  if (each <= 2) {
    let open = false;
    made.beginPath();
    values.forEach((value, i) => {
      const x = (i + 0.5) / each;
      if (!Number.isFinite(value)) { open = false; return; }
      if (open) made.lineTo(x, y(value)); else made.moveTo(x, y(value));
      open = true;
      if (each < 0.1) made.fillRect(x - 2, y(value) - 2, 4, 4);
    });
    made.stroke();
    return;
  }
  for (let x = 0; x < width; x += 1) {
    const [a, b] = range(values.slice(Math.floor(x * each), Math.ceil((x + 1) * each)).filter(Number.isFinite));
    if (b >= a) made.fillRect(x, y(b), 1, Math.max(1, y(a) - y(b)));
  }
}

function picture(canvas: HTMLCanvasElement, values: number[], rows: number, columns: number, low: number, high: number): void {
  const [made, width] = pen(canvas, 360);
  const image = new ImageData(columns, rows);
  values.forEach((value, i) => {
    const grey = high > low ? (value - low) / (high - low) * 255 : 128;
    image.data.set(Number.isFinite(value) ? [grey, grey, grey, 255] : [0, 0, 0, 0], i * 4);
  });
  const part = el("canvas", { width: columns, height: rows });
  part.getContext("2d")!.putImageData(image, 0, 0);
  made.imageSmoothingEnabled = false;
  const scale = Math.min(width / columns, 360 / rows);
  // a few long rows are no picture: each axis then has its own scale
  const [sx, sy] = Math.max(columns / rows, rows / columns) > 20 ? [width / columns, 360 / rows] : [scale, scale];
  made.drawImage(part, 0, 0, columns * sx, rows * sy);
}

/** Points in a plane: the first two of their coordinates, to one scale. */
function points(canvas: HTMLCanvasElement, values: number[], wide: number): void {
  const [made, width] = pen(canvas, 360);
  const [xs, ys] = [0, 1].map((at) => values.filter((_, i) => i % wide === at)) as [number[], number[]];
  const [[x0, x1], [y0, y1]] = [range(xs), range(ys)];
  const scale = Math.min((width - 20) / ((x1 - x0) || 1), 340 / ((y1 - y0) || 1));
  xs.forEach((x, i) => made.fillRect(10 + (x - x0) * scale - 1, 10 + (ys[i]! - y0) * scale - 1, 2, 2));
}
