// The page of a dataset: items on the left, the view of one in the middle, facts on the right.
import { showArrays } from "./arrays";
import { bytes, copied, el, fill, link, short } from "./dom";
import { below, getJson, sentence } from "./fetching";
import { showImage } from "./images";
import { showSignals } from "./signals";
import { snippets } from "./snippets";
import { State } from "./state";
import { Store, type Attributes } from "./store";

interface Item { path: string; output?: string; status: string; kind?: string; format?: string; score?: number | null; explanation?: string[]; verification?: string; message?: string; error?: string; bytes_out?: number; bytes_in?: number; thumbnail?: string; things?: Attributes[] }
const MOST_SHOWN = 400;
const MOST_THINGS = 8;
const state = new State();
const base = new URL(".", location.href).href.replace(/\/$/, "");
const list = el("ul", { class: "items" });
const search = el("input", { type: "search", placeholder: "Search names, units…", "aria-label": "Search items", oninput: () => show() });
const counted = el("p", { class: "soft", role: "status" });
const head = el("header", {}, el("h1", {}, "Results"));
const middle = el("main", { id: "view", tabindex: -1 });
const facts = el("aside", { "aria-label": "Facts" });
let items: Item[] = [];
let manifest: Attributes = {};
let stop = (): void => undefined;
let turn = 0;
let read = false;

const texts = new WeakMap<Item, string>();
function text(item: Item): string {
  const known = texts.get(item);
  if (known !== undefined) return known;
  const made = [item.path, item.status, item.kind, item.format, item.message, JSON.stringify(item.things ?? "")].join(" ").toLowerCase();
  texts.set(item, made);
  return made;
}

function show(): void {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = items.filter((item) => { const all = text(item); return words.every((word) => all.includes(word)); });
  fill(counted, `${found.length} of ${items.length} files${found.length > MOST_SHOWN ? `, the first ${MOST_SHOWN} shown: search for more` : ""}`);
  fill(list, ...found.slice(0, MOST_SHOWN).map((item) => {
    const name = nameOf(item);
    const at = name.lastIndexOf("/") + 1;
    const go = el("button", { type: "button", class: "item", "aria-current": item.path === current()?.path ? "true" : undefined, onclick: () => { state.item(item.output || item.path); void open(); } },
      picture(item), el("span", { class: "name" }, name.slice(at)), el("span", { class: "soft" }, name.slice(0, at - 1 < 0 ? 0 : at - 1)), el("span", { class: `badge ${item.status === "failed" ? "bad" : ""}` }, item.status === "converted" || item.status === "unchanged" ? item.kind ?? item.status : item.status));
    return el("li", {}, go);
  }));
}

/** The item's picture, asked for when it comes into sight; the name beside it says what it is. */
function picture(item: Item): Node | null {
  if (typeof item.thumbnail !== "string" || !item.thumbnail) return null;
  let src: string;
  try { src = below(base, item.thumbnail); } catch { return null; }
  const made = el("img", { alt: "", loading: "lazy", decoding: "async", onerror: () => { made.remove(); } });
  made.src = src; // after `loading`, which otherwise comes too late
  return made;
}

function current(): Item | undefined {
  const wanted = state.get("item");
  return items.find((item) => (item.output || item.path) === wanted) ?? items.find((item) => item.path === wanted);
}

/** The name of the file; of a store that the dataset brought, which is planned by its root, the store's. */
function nameOf(item: Item): string { return item.path.replace(/^files\//, "").replace(/(.)\/(?:zarr\.json|\.zattrs|\.zgroup|\.zarray)$/, "$1"); }

function titleOf(item: Item): string { return nameOf(item).split("/").pop() || item.path; }

async function open(): Promise<void> {
  stop();
  stop = (): void => undefined;
  const mine = turn += 1;
  const path = state.get("item");
  const item = current();
  const title = item ? titleOf(item) : path.split("/").pop() || "Results";
  document.title = `${title} – SPARC FUSE`;
  if (items.length) show();
  fill(facts);
  if (item) showFacts(item);
  if (item && (!item.output || item.status === "failed" || item.status === "unsupported")) {
    fill(middle, el("h2", {}, title), el("p", { class: "warn" }, `${item.status}: ${item.message || item.error || "no reason was stated"}`));
    return;
  }
  const view = el("div", {}, el("p", { class: "status", role: "status" }, "Loading…"));
  fill(middle, el("h2", {}, title), view);
  try {
    if (!/\.zarr$/.test(path) && path !== ".") {
      if (!read) { await readManifest(); if (mine === turn) await open(); return; } fill(view, el("p", {}, "A single file, which this page does not draw; it can be downloaded and opened as shown beside.")); return; }
    const store = await Store.open(path === "." ? base : below(base, path));
    if (mine !== turn) return;
    const drawn = (): void => { if (!items.length) void readManifest(); };
    const image = "ome" in store.attributes || "multiscales" in store.attributes || "plate" in store.attributes || "bioformats2raw.layout" in store.attributes;
    if (image) await showImage(view, store, state, title, drawn);
    else if (store.attributes["streams"]) { const ended = await showSignals(view, store, state, title, drawn); if (mine === turn) stop = ended; else ended(); }
    else { showArrays(view, store); drawn(); }
  } catch (error) {
    if (mine !== turn) return;
    fill(view, el("p", { class: "warn", role: "alert" }, sentence(error)));
    if (!items.length) void readManifest();
  }
}

function pair(name: string, value: Node | string): Node[] { return value === "" ? [] : [el("dt", {}, name), el("dd", {}, value)]; }

function snippet(name: string, code: string): HTMLElement {
  return el("details", {}, el("summary", {}, name), el("pre", { tabindex: 0, role: "region", "aria-label": `${name} code` }, code), copied(code));
}

/** What a stream, image or array is, in a line. */
function said(thing: Attributes): string {
  const shape = (Array.isArray(thing["shape"]) ? thing["shape"] : []).map(Number);
  const rate = typeof thing["sampling_rate_hz"] === "number" ? thing["sampling_rate_hz"] : null;
  const texts = (name: string): string[] => (Array.isArray(thing[name]) ? thing[name] : []).map(String).filter(Boolean);
  if ("stored_dtype" in thing && shape.length > 1) {
    const n = shape[shape.length - 1]!;
    return [`${shape[0]} channel${shape[0] === 1 ? "" : "s"}`, shape.length > 2 && `${shape[1]} sweeps`, rate ? `${short(rate)} Hz, ${short(n / rate)} s${shape.length > 2 ? " each" : ""}` : thing["uneven"] ? `${n} samples at stated times` : `${n} samples, no rate stated`,
      texts("units").join(", ")].filter(Boolean).join(", ");
  }
  const axes = typeof thing["axes"] === "string" ? thing["axes"] : "";
  const scale = (thing["scale"] ?? {}) as Record<string, number>;
  const step = typeof scale["x"] === "number" && typeof scale["y"] === "number" ? `${short(scale["x"])} × ${short(scale["y"])} ${((thing["axis_units"] ?? {}) as Record<string, string>)["x"] ?? "(no unit)"}` : "";
  return [shape.map((n, i) => (axes[i] ? `${axes[i]} ${n}` : String(n))).join(" × "), String(thing["dtype"] ?? ""), step, texts("channel_names").slice(0, 8).join(", ")].filter(Boolean).join(", ");
}

function showFacts(item: Item): void {
  const say = (key: string): string => (typeof manifest[key] === "string" ? manifest[key] as string : "");
  const isThere = item.output && (item.status === "converted" || item.status === "unchanged");
  const doi = say("doi").replace(/^https?:\/\/doi\.org\//, "");
  fill(facts, el("h2", {}, "Facts"), el("dl", {},
    ...pair("File", nameOf(item)), ...pair("Status", item.status), ...pair("Format", item.format ?? ""),
    ...(item.things ?? []).slice(0, MOST_THINGS).flatMap((thing) => pair(String(thing["name"] || "") || "Holds", said(thing))),
    ...pair("Score", typeof item.score === "number" ? item.score.toFixed(2) : ""), ...pair("Verification", item.verification ?? ""),
    ...pair("Size", item.bytes_out ? `${bytes(item.bytes_out)} (source ${bytes(item.bytes_in ?? 0)})` : ""),
    ...pair("Licence", say("licence")), ...pair("DOI", doi ? link(`https://doi.org/${doi}`, doi) : ""), ...pair("Citation", say("citation"))),
  say("citation") && copied(say("citation")),
  item.explanation?.length ? el("div", {}, el("h3", {}, "What was inferred or is missing"), el("ul", {}, ...item.explanation.map((line) => el("li", {}, line)))) : null,
  isThere && el("div", {}, el("h3", {}, "Open it"), ...snippets(item.kind ?? "", base, item.output!, item.path.replace(/^files\//, "")).map(([name, code]) => snippet(name, code))),
  isThere && item.kind === "image" && el("p", {}, link(`https://hms-dbmi.github.io/vizarr/?source=${encodeURIComponent(below(base, item.output!))}`, "vizarr"), " · ",
    link(`https://neuroglancer-demo.appspot.com/#!${encodeURIComponent(JSON.stringify({ layers: [{ type: "image", source: `zarr://${below(base, item.output!)}`, name: "image" }] }))}`, "neuroglancer"), " (need a public address)"));
}

async function readManifest(): Promise<void> {
  read = true;
  try {
    const found = await getJson(`${base}/manifest.json`) as Attributes | undefined;
    if (!found) { fill(counted, "No manifest.json lies here: the conversion is not complete, or this is a single store."); return; }
    if (!Array.isArray(found["items"])) { fill(counted, "manifest.json lists no items: it is not a manifest of this converter."); return; }
    manifest = found;
    items = [...found["items"] as Item[], ...((found["skipped"] ?? []) as Item[])].filter((item) => item && typeof item.path === "string");
    fill(head, el("h1", {}, String(manifest["name"] ?? `Dataset ${String(manifest["dataset_id"] ?? "")}`)), el("p", { class: "soft" }, `version ${String(manifest["version"] ?? "")}`));
    show();
    const item = current();
    if (item) {
      showFacts(item);
      // opened by a link: until now only the result's name was known
      const title = titleOf(item);
      document.title = `${title} – SPARC FUSE`;
      const heading = middle.querySelector("h2");
      if (heading) heading.textContent = title;
    }
    if (!items.length) fill(counted, "The manifest lists no file: nothing was converted.");
  } catch (error) { fill(counted, sentence(error)); }
}

async function start(): Promise<void> {
  fill(document.getElementById("app")!, head, el("div", { class: "columns" }, el("nav", { "aria-label": "Items" }, search, counted, list), middle, facts));
  if (state.get("item")) { await open(); return; }
  await readManifest();
  const first = items.find((item) => item.output && item.status !== "failed");
  if (first) { state.item(first.output!); await open(); } else if (!items.length) {
    try { if (await getJson(`${base}/zarr.json`)) { state.item("."); await open(); return; } } catch { /* said below */ }
    fill(middle, el("p", { class: "warn" }, "Nothing to show here: neither a manifest nor a store lies at this address."));
  }
}

addEventListener("popstate", () => { state.reload(); void open(); });
void start();
