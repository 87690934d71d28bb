// One Zarr store over HTTP: its metadata from one request, ranges of one moment put together.
import * as zarr from "zarrita";
import type { AbsolutePath, AsyncReadable, GetOptions, RangeQuery } from "@zarrita/storage";
import { register } from "./codecs";
import { Problem, aborted, below, get, getJson, getRange } from "./fetching";

register();

export type Attributes = Record<string, unknown>;
export interface Node { attributes: Attributes; shape?: number[]; type?: string }
type Typed = ArrayLike<number | bigint | boolean | string>;
export interface Values { data: Typed; shape: number[]; stride: number[] }

const GAP_BYTES = 24_576;
const CACHE_BYTES = 96e6;

interface Waiting { start: number; length: number; done: (part: Uint8Array | undefined) => void; failed: (error: unknown) => void; signal: AbortSignal | undefined }

class Objects implements AsyncReadable {
  readonly #known = new Map<string, Uint8Array>();
  readonly #waiting = new Map<string, Waiting[]>();
  /** Whether the root says all that is in the store: what it does not name is not asked for. */
  consolidated = true;
  /** Whether every chunk is written, as this converter does: an absent one is a lost one, not the fill value. */
  whole = true;
  constructor(readonly base: string) {}

  keep(key: string, content: Uint8Array): void { this.#known.set(key, content); }

  async get(key: AbsolutePath, options?: GetOptions): Promise<Uint8Array | undefined> {
    const name = key.slice(1);
    const known = this.#known.get(name);
    if (known) return known;
    const isMetadata = /(^|\/)(zarr\.json|\.zarray|\.zgroup|\.zattrs)$/.test(name);
    if (isMetadata && this.consolidated) return undefined;
    const found = await get(below(this.base, name), options?.signal);
    if (!found && !isMetadata && this.whole) throw new Problem(`${name} is absent: the store was half removed or not wholly copied`);
    return found;
  }

  getRange(key: AbsolutePath, range: RangeQuery, options?: GetOptions): Promise<Uint8Array | undefined> {
    const name = key.slice(1);
    if ("suffixLength" in range) {
      return getRange(below(this.base, name), -1, range.suffixLength, options?.signal).then((found) => {
        if (!found && this.whole) throw new Problem(`${name} is absent: the store was half removed or not wholly copied`);
        return found;
      });
    }
    return new Promise((done, failed) => {
      const list = this.#waiting.get(name);
      const one = { start: range.offset, length: range.length, done, failed, signal: options?.signal };
      if (list) { list.push(one); return; }
      this.#waiting.set(name, [one]);
      setTimeout(() => this.#together(name), 0);
    });
  }

  /** Fetch what was asked for at one moment in as few ranges as lie near each other. */
  #together(name: string): void {
    const list = (this.#waiting.get(name) ?? []).sort((a, b) => a.start - b.start);
    this.#waiting.delete(name);
    for (let i = 0; i < list.length;) {
      const first = list[i]!;
      let end = first.start + first.length;
      const group = [first];
      for (i += 1; i < list.length && list[i]!.start <= end + GAP_BYTES && list[i]!.signal === first.signal; i += 1) {
        end = Math.max(end, list[i]!.start + list[i]!.length);
        group.push(list[i]!);
      }
      getRange(below(this.base, name), first.start, end - first.start, first.signal).then(
        (found) => {
          for (const one of group) {
            const at = one.start - first.start;
            if (!found || at + one.length > found.length) one.failed(new Problem(`${name} is cut or absent: the store is not whole`));
            else one.done(found.slice(at, at + one.length));
          }
        },
        (error: unknown) => { for (const one of group) one.failed(error); },
      );
    }
  }
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

type AnyArray = zarr.Array<zarr.DataType, Objects>;

export class Store {
  readonly nodes = new Map<string, Node>();
  readonly #arrays = new Map<string, Promise<AnyArray>>();
  readonly #chunks = new Map<string, Promise<Values>>();
  readonly #sizes = new Map<string, number>();
  #held = 0;
  private constructor(readonly base: string, readonly objects: Objects, readonly version: 2 | 3) {}

  get attributes(): Attributes { return this.nodes.get("")?.attributes ?? {}; }

  static async open(base: string): Promise<Store> {
    const objects = new Objects(base);
    const root = await getJson(`${base}/zarr.json`) as Record<string, any> | undefined;
    if (root) {
      const store = new Store(base, objects, 3);
      store.#takeRoot(root);
      return store;
    }
    const old = await getJson(`${base}/.zmetadata`) as Record<string, any> | undefined;
    if (!old?.["metadata"]) {
      // other writers consolidate nothing
      const parts: Record<string, any> = {};
      for (const name of [".zgroup", ".zattrs"]) {
        const found = await getJson(`${base}/${name}`);
        if (found) parts[name] = found;
      }
      if (parts[".zgroup"]) {
        const store = new Store(base, objects, 2);
        objects.consolidated = false;
        store.#takeOld(parts);
        return store;
      }
      throw new Problem("there is no store at this address: it was withdrawn, replaced or half removed. Reload the page for the newest list");
    }
    const store = new Store(base, objects, 2);
    store.#takeOld(old["metadata"] as Record<string, any>);
    return store;
  }

  #takeRoot(root: Record<string, any>): void {
    const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
    const take = (path: string, node: Record<string, any>): void => {
      this.nodes.set(path, {
        attributes: (node["attributes"] ?? {}) as Attributes,
        ...(node["node_type"] === "array" ? { shape: node["shape"] as number[], type: typeName(node["data_type"]) } : {}),
      });
      node["attributes"] ??= {};
      this.objects.keep(path ? `${path}/zarr.json` : "zarr.json", encode(node));
    };
    const consolidated = root["consolidated_metadata"] as Record<string, any> | undefined;
    take("", { ...root, consolidated_metadata: undefined });
    this.objects.consolidated = Boolean(consolidated?.["metadata"]);
    this.objects.whole = this.#isOurs();
    for (const [path, node] of Object.entries((consolidated?.["metadata"] ?? {}) as Record<string, any>)) take(path, node as Record<string, any>);
    for (const [path, text] of Object.entries((consolidated?.["inline_chunks"] ?? {}) as Record<string, string>)) this.objects.keep(path, fromBase64(text));
  }

  #takeOld(metadata: Record<string, any>): void {
    for (const [key, value] of Object.entries(metadata)) {
      this.objects.keep(key, new TextEncoder().encode(JSON.stringify(value)));
      const [, path = "", name] = /^(?:(.*)\/)?(\.z\w+)$/.exec(key) ?? [];
      const node = this.nodes.get(path) ?? { attributes: {} };
      if (name === ".zattrs") node.attributes = value as Attributes;
      if (name === ".zarray") { node.shape = value["shape"] as number[]; node.type = typeName(value["dtype"]); }
      this.nodes.set(path, node);
    }
    this.objects.whole = this.#isOurs();
  }

  #isOurs(): boolean { return ["converter_version", "auto_mapped", "streams"].some((name) => name in this.attributes); }

  /** A group, also of a store whose root does not name it; undefined if there is none. */
  async node(path: string): Promise<Node | undefined> {
    const known = this.nodes.get(path);
    if (known || this.objects.consolidated) return known;
    const name = below(this.base, path);
    const found = await getJson(this.version === 3 ? `${name}/zarr.json` : `${name}/.zattrs`) as Record<string, any> | undefined;
    if (!found) return undefined;
    const made: Node = { attributes: (this.version === 3 ? found["attributes"] ?? {} : found) as Attributes };
    this.nodes.set(path, made);
    return made;
  }

  has(path: string): boolean { return this.nodes.get(path)?.shape !== undefined; }

  array(path: string): Promise<AnyArray> {
    let found = this.#arrays.get(path);
    if (!found) {
      const where = zarr.root(this.objects);
      const at = new zarr.Location(where.store, `/${path}` as AbsolutePath);
      found = (async () => {
        const absent = (): Problem => new Problem(`the array “${path}” is absent: the store is not whole`);
        if (!this.has(path) && this.nodes.size > 1 && this.objects.consolidated) throw absent();
        const opened = await (this.version === 3 ? zarr.open.v3(at, { kind: "array" }) : zarr.open.v2(at, { kind: "array" }))
          .catch((error: unknown) => { throw /^Not found/.test((error as Error).message) ? absent() : error; });
        if (!this.nodes.get(path)?.shape) this.nodes.set(path, { attributes: opened.attrs, shape: opened.shape, type: String(opened.dtype) });
        return opened as AnyArray;
      })();
      this.#arrays.set(path, found);
      found.catch(() => this.#arrays.delete(path));
    }
    return found;
  }

  /** A decoded chunk, cached within a budget. */
  async chunk(path: string, at: number[], signal?: AbortSignal): Promise<Values> {
    const key = `${path}|${at.join(",")}`;
    const known = this.#chunks.get(key);
    if (known) {
      this.#chunks.delete(key);
      this.#chunks.set(key, known);
      return known.catch((error: unknown) => { if (aborted(error) && !signal?.aborted) return this.chunk(path, at, signal); throw error; });
    }
    const array = await this.array(path);
    const n = array.chunks.reduce((a, b) => a * b, 1);
    if (n > 2 ** 28) throw new Problem(`one chunk of ${path} holds ${n} values: too large for a browser`);
    const again = this.#chunks.get(key);
    if (again) return again;
    const asked = array.getChunk(at, signal ? { signal } : {}) as unknown as Promise<Values>;
    this.#chunks.set(key, asked);
    asked.then((found) => {
      const size = (found.data as unknown as { byteLength?: number }).byteLength ?? found.data.length * 32;
      this.#sizes.set(key, size);
      this.#held += size;
      for (const old of [...this.#chunks.keys()]) {
        if (this.#held <= CACHE_BYTES || old === key) break;
        if (!this.#sizes.has(old)) continue;
        this.#held -= this.#sizes.get(old)!;
        this.#sizes.delete(old);
        this.#chunks.delete(old);
      }
    }, () => this.#chunks.delete(key));
    return asked;
  }

  /** A small array whole, numbers as numbers. */
  async whole(path: string): Promise<(number | string)[]> {
    const array = await this.array(path);
    if (array.shape.reduce((a, b) => a * b, 1) > 4e6) throw new Problem(`${path} is too large to be read whole in a browser`);
    if (array.shape.some((n) => n === 0)) return [];
    const found = await zarr.get(array) as unknown as Values;
    return Array.from(found.data as ArrayLike<unknown>, (value) => (typeof value === "string" ? value : Number(value)));
  }
}

export function typeName(type: unknown): string {
  return typeof type === "string" ? type : String((type as { name?: unknown } | null)?.name ?? "unknown");
}

/** What an attribute holds where layout 2 has one JSON text and layout 1 the value itself. */
export function nested(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try { return JSON.parse(value); } catch { return value; }
}
