// The catalogue of all results: its footer, the columns one searches by, and of rows that are shown the rest.
import { parquetMetadata, parquetRead, type AsyncBuffer, type FileMetaData } from "hyparquet";
import { decompress as unzstd } from "fzstd";
import { Problem, getRange, getTail } from "./fetching";

const TAIL_BYTES = 32_768;
const GAP_BYTES = 32_768;

/** What one searches by; few different values, so few bytes. */
export const SEARCHED = ["dataset_id", "version", "dataset_name", "kind", "modality", "species", "sex", "anatomy", "organs", "rate_hz", "channels", "units", "format"] as const;
/** What else is said of the rows that are shown. */
export const TOLD = ["output", "subject_id", "sample_id", "age", "duration_s", "n_channels", "bytes"] as const;
export type Column = (typeof SEARCHED)[number];
export type Row = Record<string, unknown>;

/** A column as the different values it has, and of each row which. */
export interface Coded { values: unknown[]; codes: Uint32Array }

const compressors = { ZSTD: (data: Uint8Array): Uint8Array => unzstd(data) };

export class Catalogue {
  private constructor(readonly url: string, readonly metadata: FileMetaData, readonly file: AsyncBuffer, readonly nRows: number, readonly columns: Set<string>) {}

  static async open(url: string): Promise<Catalogue | undefined> {
    const tail = await getTail(url, TAIL_BYTES);
    if (!tail) return undefined;
    const broken = (why: string): Problem => new Problem(`catalogue.parquet is ${why}: write it anew with \`sparc-fuse catalogue\``);
    const { bytes, total } = tail;
    if (bytes.length < 12 || String.fromCharCode(...bytes.slice(-4)) !== "PAR1") throw broken("no Parquet file, or not whole");
    const length = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8, 4).getUint32(0, true) + 8;
    if (length > total || length > 64e6) throw broken("damaged");
    const footer = length <= bytes.length ? bytes : await getRange(url, total - length, length);
    if (!footer) return undefined;
    let metadata: FileMetaData;
    try { metadata = parquetMetadata(footer.slice().buffer); } catch { throw broken("damaged"); }
    const file = new Parts(url, total);
    return new Catalogue(url, metadata, file, Number(metadata.num_rows), new Set(metadata.schema.map((one) => one.name)));
  }

  /** The columns one searches by, coded, of the row groups one after the other. */
  async *searched(): AsyncGenerator<{ from: number; columns: Map<Column, Coded> }> {
    const wanted = SEARCHED.filter((name) => this.columns.has(name));
    if (!wanted.includes("dataset_id")) throw new Problem("catalogue.parquet is none of this converter: it has no dataset_id");
    let from = 0;
    for (const group of this.metadata.row_groups) {
      (this.file as Parts).prepare(group.columns.filter((one) => wanted.includes(one.meta_data!.path_in_schema[0] as Column)).map((one) => {
        const meta = one.meta_data!;
        return [Number(meta.dictionary_page_offset ?? meta.data_page_offset), Number(meta.total_compressed_size)];
      }));
      const n = Number(group.num_rows);
      const columns = new Map<Column, Coded>();
      const parts = new Map<string, unknown[]>();
      await parquetRead({
        file: this.file, metadata: this.metadata, compressors, columns: [...wanted], rowStart: from, rowEnd: from + n,
        onChunk: ({ columnName, columnData }) => { parts.set(columnName, [...(parts.get(columnName) ?? []), columnData]); },
      });
      for (const name of wanted) columns.set(name, coded((parts.get(name) ?? []) as ArrayLike<unknown>[], n));
      yield { from, columns };
      from += n;
    }
  }

  /** What else is said of rows from here to there. */
  async told(from: number, to: number): Promise<Row[]> {
    const rows: Row[] = Array.from({ length: to - from }, () => ({}));
    await parquetRead({
      file: this.file, metadata: this.metadata, compressors, columns: TOLD.filter((name) => this.columns.has(name)), rowStart: from, rowEnd: to, useOffsetIndex: true,
      onChunk: ({ columnName, columnData, rowStart }) => {
        for (let i = 0; i < columnData.length; i += 1) {
          const row = rows[Number(rowStart) + i - from];
          if (row) row[columnName] = columnData[i];
        }
      },
    });
    return rows;
  }
}

function coded(parts: ArrayLike<unknown>[], n: number): Coded {
  const codes = new Uint32Array(n);
  const values: unknown[] = [];
  const known = new Map<unknown, number>();
  let at = 0;
  let before: unknown;
  let code = -1;
  for (const part of parts) {
    for (let i = 0; i < part.length && at < n; i += 1, at += 1) {
      const value = part[i];
      if (code < 0 || !same(value, before)) {
        const key = Array.isArray(value) ? value.join("\u0000") : value;
        const found = known.get(key);
        if (found === undefined) { code = values.push(value) - 1; known.set(key, code); } else code = found;
        before = value;
      }
      codes[at] = code;
    }
  }
  return { values, codes };
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((value, i) => value === b[i]);
}

/** A file in parts: what was announced is fetched in few ranges, and kept. */
class Parts implements AsyncBuffer {
  #held: { start: number; end: number; bytes: Promise<ArrayBuffer> }[] = [];
  constructor(readonly url: string, readonly byteLength: number) {}

  prepare(ranges: number[][]): void {
    const sorted = ranges.map(([start, length]) => [start!, start! + length!] as [number, number]).sort((a, b) => a[0] - b[0]);
    for (let i = 0; i < sorted.length;) {
      const start = sorted[i]![0];
      let end = sorted[i]![1];
      for (i += 1; i < sorted.length && sorted[i]![0] <= end + GAP_BYTES; i += 1) end = Math.max(end, sorted[i]![1]);
      this.#hold(start, end);
    }
  }

  slice(start: number, end = this.byteLength): Promise<ArrayBuffer> {
    const held = this.#held.find((one) => one.start <= start && end <= one.end) ?? this.#hold(start, end);
    return held.bytes.then((found) => found.slice(start - held.start, end - held.start));
  }

  #hold(start: number, end: number): { start: number; end: number; bytes: Promise<ArrayBuffer> } {
    const bytes = getRange(this.url, start, end - start).then((found) => {
      if (!found || found.length < end - start) throw new Problem("catalogue.parquet was replaced or cut while it was read: reload the page");
      return found.slice().buffer;
    });
    const made = { start, end, bytes };
    this.#held.push(made);
    if (this.#held.length > 64) this.#held.shift();
    bytes.catch(() => { this.#held = this.#held.filter((one) => one !== made); });
    return made;
  }
}
