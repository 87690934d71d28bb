// The page of all datasets: words and choices find results in the catalogue, in the browser alone.
import { Catalogue, type Coded, type Column, type Row } from "./catalogue";
import { bytes, el, fill, short } from "./dom";
import { below, sentence } from "./fetching";
import { State } from "./state";

interface Group { from: number; columns: Map<Column, Coded> }
interface Found { id: string; name: string; version: string; rows: number[]; said: string }
const CHOICES: [Column, string][] = [["kind", "Kind"], ["species", "Species"], ["sex", "Sex"], ["anatomy", "Anatomy"], ["organs", "Organ"], ["modality", "Modality"], ["format", "Format"], ["units", "Unit"]];
const MOST_DATASETS = 100;
const MOST_ROWS = 100;

const state = new State();
const base = new URL(".", location.href).href.replace(/\/$/, "");
const search = el("input", { type: "search", placeholder: "Words: species, anatomy, channel, unit, dataset…", "aria-label": "Search all results", oninput: () => changed({ q: search.value }) });
const least = el("input", { type: "number", min: 0, step: "any", "aria-label": "Least sampling rate in hertz", placeholder: "Hz", oninput: () => changed({ rate: least.value }) });
const choices = new Map<Column, HTMLSelectElement>();
const counted = el("p", { class: "status", role: "status" }, "Loading the catalogue…");
const list = el("div", { class: "found" });
const bar = el("div", { class: "tools" });
let groups: Group[] = [];
let catalogue: Catalogue | undefined;
let timer = 0;

function changed(what: Record<string, string>): void {
  state.set(what);
  clearTimeout(timer);
  timer = window.setTimeout(show, 30);
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => one !== null).map(String) : value === null || value === undefined ? [] : [String(value)];
}

/** Which codes of a column a test takes. */
function taken(column: Coded | undefined, test: (value: unknown) => boolean): Uint8Array | null {
  if (!column) return null;
  const found = Uint8Array.from(column.values, (value) => (test(value) ? 1 : 0));
  return found.includes(1) ? found : null;
}

function matches(group: Group): number[] {
  const n = group.columns.get("dataset_id")!.codes.length;
  const keep = new Uint8Array(n).fill(1);
  const only = (parts: { codes: Uint32Array; yes: Uint8Array }[]): void => {
    for (let i = 0; i < n; i += 1) {
      if (keep[i] && !parts.some(({ codes, yes }) => yes[codes[i]!])) keep[i] = 0;
    }
  };
  for (const word of search.value.toLowerCase().split(/\s+/).filter(Boolean)) {
    const parts = [...group.columns].filter(([name]) => name !== "rate_hz" && name !== "version").map(([, column]) => ({ codes: column.codes, yes: taken(column, (value) => texts(value).some((text) => text.toLowerCase().includes(word))) }));
    only(parts.filter((one): one is { codes: Uint32Array; yes: Uint8Array } => one.yes !== null));
  }
  for (const [name, box] of choices) {
    if (!box.value) continue;
    const column = group.columns.get(name);
    const yes = taken(column, (value) => texts(value).includes(box.value));
    only(column && yes ? [{ codes: column.codes, yes }] : []);
  }
  if (Number(least.value) > 0) {
    const column = group.columns.get("rate_hz");
    const yes = taken(column, (value) => typeof value === "number" && value >= Number(least.value));
    only(column && yes ? [{ codes: column.codes, yes }] : []);
  }
  const found: number[] = [];
  for (let i = 0; i < n; i += 1) if (keep[i]) found.push(i);
  return found;
}

function value(group: Group, name: Column, i: number): unknown {
  const column = group.columns.get(name);
  return column?.values[column.codes[i]!];
}

function show(): void {
  const started = performance.now();
  const found = new Map<string, Found>();
  let n = 0;
  for (const group of groups) {
    for (const i of matches(group)) {
      n += 1;
      const id = String(value(group, "dataset_id", i) ?? "");
      const version = String(value(group, "version", i) ?? "");
      const known = found.get(`${id}/${version}`);
      if (known) { known.rows.push(group.from + i); continue; }
      const said = (["kind", "species", "anatomy", "modality"] as Column[]).map((name) => texts(value(group, name, i)).join(", ")).filter(Boolean).join(" · ");
      found.set(`${id}/${version}`, { id, version, name: String(value(group, "dataset_name", i) ?? ""), rows: [group.from + i], said });
    }
  }
  fill(list, ...[...found.values()].slice(0, MOST_DATASETS).map(dataset));
  const all = groups.reduce((sum, group) => sum + group.columns.get("dataset_id")!.codes.length, 0);
  const more = found.size > MOST_DATASETS ? `, the first ${MOST_DATASETS} shown` : "";
  const loading = catalogue && all < catalogue.nRows ? `; ${catalogue.nRows - all} more are being loaded` : "";
  fill(counted, n ? `${n} result${n === 1 ? "" : "s"} in ${found.size} dataset${found.size === 1 ? "" : "s"}${more}${loading}.` : all ? `Nothing of ${all} results fits${loading}. Fewer words or choices find more.` : "The catalogue lists no result yet.");
  document.body.dataset["answered"] = `${Math.round(performance.now() - started)}`;
}

function dataset(one: Found): HTMLElement {
  const rows = el("div", {});
  const made = el("details", {}, el("summary", {}, el("b", {}, one.name || `Dataset ${one.id}`), " ", el("span", { class: "soft" }, `${one.name ? `${one.id}, ` : ""}version ${one.version}: ${one.rows.length} result${one.rows.length === 1 ? "" : "s"} · ${one.said}`)), page(one), rows);
  made.addEventListener("toggle", () => {
    if (!made.open || rows.childElementCount) return;
    fill(rows, el("p", { class: "status" }, "Loading…"));
    table(one).then((found) => fill(rows, found), (error: unknown) => fill(rows, el("p", { class: "warn", role: "alert" }, sentence(error))));
  });
  return made;
}

function address(one: Found, output = ""): string {
  return `${below(base, `${one.id}/${one.version}`)}/index.html${output ? `#${new URLSearchParams({ item: output })}` : ""}`;
}

function page(one: Found): Node {
  try { return el("p", {}, el("a", { href: address(one) }, "Page of the dataset")); } catch { return el("p", { class: "warn" }, "The dataset's name is no path"); }
}

async function table(one: Found): Promise<Node> {
  const shown = one.rows.slice(0, MOST_ROWS);
  const parts: [number, number][] = [];
  for (const row of shown) {
    const last = parts[parts.length - 1];
    if (last && row - last[1] < 200) last[1] = row + 1; else parts.push([row, row + 1]);
  }
  const told = new Map<number, Row>();
  await Promise.all(parts.map(async ([from, to]) => { (await catalogue!.told(from, to)).forEach((row, i) => told.set(from + i, row)); }));
  const lines = shown.map((at) => {
    const row = told.get(at) ?? {};
    const group = groups.find((other) => at >= other.from && at < other.from + other.columns.get("dataset_id")!.codes.length)!;
    const said = (name: Column): string => texts(value(group, name, at - group.from)).slice(0, 8).join(", ");
    const output = String(row["output"] ?? "");
    let named: Node = document.createTextNode(output);
    try { if (output) named = el("a", { href: address(one, output) }, output); } catch { /* its name stays text */ }
    const rate = value(group, "rate_hz", at - group.from);
    return el("tr", {}, ...[named, said("kind"), [row["subject_id"], row["sample_id"]].filter(Boolean).join(" "), [said("species"), said("sex"), texts(row["age"]).join("")].filter(Boolean).join(", "), said("anatomy"),
      [typeof rate === "number" ? `${short(rate)} Hz` : "", typeof row["duration_s"] === "number" ? `${short(row["duration_s"])} s` : ""].filter(Boolean).join(", "), said("channels"), said("units"), row["bytes"] === null || row["bytes"] === undefined ? "" : bytes(Number(row["bytes"]))].map((cell) => el("td", {}, cell)));
  });
  return el("div", { class: "scroll wide", tabindex: 0, role: "region", "aria-label": `Results of ${one.name || one.id}` },
    el("table", {}, el("thead", {}, el("tr", {}, ...["Result", "Kind", "Subject, sample", "Animal", "Anatomy", "Rate, length", "Channels", "Units", "Size"].map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, ...lines)),
    one.rows.length > shown.length && el("p", { class: "soft" }, `${one.rows.length - shown.length} more: search by further words, or open the dataset's page.`));
}

function offer(): void {
  for (const [name, label] of CHOICES) {
    const counts = new Map<string, number>();
    for (const group of groups) for (const one of group.columns.get(name)?.values ?? []) for (const text of texts(one)) counts.set(text, (counts.get(text) ?? 0) + 1);
    let box = choices.get(name);
    if (!box) {
      if (counts.size < 2) continue;
      box = el("select", { "aria-label": label, onchange: () => changed({ [name]: box!.value }) });
      choices.set(name, box);
      bar.append(box);
    }
    const chosen = box.value || state.get(name);
    fill(box, el("option", { value: "" }, `${label}: any`), ...[...counts.keys()].sort().slice(0, 500).map((text) => el("option", { value: text }, text)));
    box.value = counts.has(chosen) ? chosen : "";
  }
}

async function start(): Promise<void> {
  search.value = state.get("q");
  least.value = state.get("rate");
  fill(bar, search, least);
  fill(document.getElementById("app")!, el("header", {}, el("h1", {}, "Results of all datasets"), el("p", { class: "soft" }, "converted by SPARC FUSE")),
    el("main", { class: "search" }, bar, counted, list,
      el("details", {}, el("summary", {}, "The same in Python"), el("pre", { tabindex: 0, role: "region", "aria-label": "Python code" }, `import pandas as pd\n\npd.read_parquet("${base}/catalogue.parquet").query("species == 'Rattus norvegicus' and rate_hz >= 1000")`))));
  try {
    catalogue = await Catalogue.open(`${base}/catalogue.parquet`);
    if (!catalogue) { fill(counted, "No catalogue.parquet lies here: `sparc-fuse catalogue` writes it."); counted.classList.add("warn"); return; }
    if (!catalogue.nRows) { show(); return; }
    for await (const group of catalogue.searched()) {
      groups = [...groups, group];
      offer();
      show();
      await new Promise((done) => setTimeout(done, 0));
    }
    document.body.dataset["ready"] = "all";
  } catch (error) {
    fill(counted, sentence(error));
    counted.classList.add("warn");
  }
}

addEventListener("popstate", () => location.reload());
void start();
