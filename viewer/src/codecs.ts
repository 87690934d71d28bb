// Decoders in plain script, registered with zarrita in place of WebAssembly ones: 8 kB instead of 600.
// Blosc 1 as c-blosc's README_CHUNK_FORMAT describes it, with zstd, LZ4 and zlib inside.
import { decompress as unzstd } from "fzstd";
import { registry } from "zarrita";
import { Problem } from "./fetching";

const MOST_BYTES = 1 << 29;

export async function inflate(data: Uint8Array, kind: "gzip" | "deflate"): Promise<Uint8Array> {
  const stream = new Blob([data as BlobPart]).stream().pipeThrough(new DecompressionStream(kind));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** One LZ4 block of a known decoded size. */
export function lz4(data: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let from = 0;
  let to = 0;
  const longer = (n: number): number => {
    if (n === 15) for (let more = 255; more === 255;) { more = data[from++] ?? 0; n += more; }
    return n;
  };
  while (from < data.length) {
    const token = data[from++]!;
    const n = longer(token >> 4);
    if (from + n > data.length || to + n > size) throw new Problem("a chunk is damaged (LZ4)");
    out.set(data.subarray(from, from + n), to);
    from += n;
    to += n;
    if (from >= data.length) break;
    const back = data[from]! | (data[from + 1]! << 8);
    from += 2;
    let length = longer(token & 15) + 4;
    if (!back || back > to || to + length > size) throw new Problem("a chunk is damaged (LZ4)");
    for (; length > 0; length -= 1, to += 1) out[to] = out[to - back]!;
  }
  return out;
}

function unshuffle(block: Uint8Array, size: number): Uint8Array {
  const n = Math.floor(block.length / size);
  const out = new Uint8Array(block.length);
  for (let byte = 0; byte < size; byte += 1) {
    for (let i = 0, from = byte * n, to = byte; i < n; i += 1, to += size) out[to] = block[from + i]!;
  }
  out.set(block.subarray(n * size), n * size);
  return out;
}

function unbitshuffle(block: Uint8Array, size: number): Uint8Array {
  // c-blosc leaves a block as it is if its elements are no whole groups of eight
  const whole = Math.floor(block.length / size);
  if (whole & 7) return block;
  const out = new Uint8Array(block.length);
  const row = whole >> 3; // bytes of one bit of all elements
  for (let byte = 0; byte < size; byte += 1) {
    const base = byte * 8 * row;
    for (let at = 0, to = byte; at < row; at += 1) {
      // transpose eight rows of eight bits in two words (Hacker's Delight 7-3)
      const p = base + at;
      let x = block[p + 7 * row]! << 24 | block[p + 6 * row]! << 16 | block[p + 5 * row]! << 8 | block[p + 4 * row]!;
      let y = block[p + 3 * row]! << 24 | block[p + 2 * row]! << 16 | block[p + row]! << 8 | block[p]!;
      let t = (x ^ (x >>> 7)) & 0x00aa00aa; x ^= t ^ (t << 7);
      t = (y ^ (y >>> 7)) & 0x00aa00aa; y ^= t ^ (t << 7);
      t = (x ^ (x >>> 14)) & 0x0000cccc; x ^= t ^ (t << 14);
      t = (y ^ (y >>> 14)) & 0x0000cccc; y ^= t ^ (t << 14);
      const high = (x & 0xf0f0f0f0) | ((y >>> 4) & 0x0f0f0f0f);
      const low = ((x << 4) & 0xf0f0f0f0) | (y & 0x0f0f0f0f);
      out[to] = low; to += size;
      out[to] = low >>> 8; to += size;
      out[to] = low >>> 16; to += size;
      out[to] = low >>> 24; to += size;
      out[to] = high; to += size;
      out[to] = high >>> 8; to += size;
      out[to] = high >>> 16; to += size;
      out[to] = high >>> 24; to += size;
    }
  }
  out.set(block.subarray(whole * size), whole * size);
  return out;
}

export async function blosc(data: Uint8Array): Promise<Uint8Array> {
  if (data.length < 16) throw new Problem("a chunk is damaged: too short for Blosc");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const flags = data[2]!;
  const typeSize = data[3]! || 1;
  const size = view.getUint32(4, true);
  const blockSize = view.getUint32(8, true);
  if (size > MOST_BYTES) throw new Problem(`a chunk of ${size} bytes is too large for a browser`);
  if (flags & 2) return data.slice(16, 16 + size);
  if (!size) return new Uint8Array(0);
  if (!blockSize) throw new Problem("a chunk is damaged: Blosc states no block");
  const out = new Uint8Array(size);
  const kind = flags >> 5;
  const nBlocks = Math.ceil(size / blockSize);
  if (16 + 4 * nBlocks > data.length) throw new Problem("a chunk is damaged: Blosc's blocks lie outside");
  for (let i = 0; i < nBlocks; i += 1) {
    const length = Math.min(blockSize, size - i * blockSize);
    // whole blocks of bytes of few kinds are split in one stream a byte of the type
    const split = !(flags & 16) && length === blockSize && typeSize <= 16 && blockSize / typeSize >= 128;
    const nStreams = split ? typeSize : 1;
    let block = new Uint8Array(length);
    let at = view.getUint32(16 + 4 * i, true);
    for (let part = 0; part < nStreams; part += 1) {
      const partSize = length / nStreams;
      if (at + 4 > data.length) throw new Problem("a chunk is damaged: Blosc's blocks lie outside");
      const n = view.getInt32(at, true);
      at += 4;
      if (n < 0 || at + n > data.length) throw new Problem("a chunk is damaged: Blosc's blocks lie outside");
      const packed = data.subarray(at, at + n);
      at += n;
      let plain: Uint8Array;
      if (n === partSize) plain = packed;
      else if (kind === 4) plain = unzstd(packed, new Uint8Array(partSize));
      else if (kind === 1) plain = lz4(packed, partSize);
      else if (kind === 3) plain = await inflate(packed, "deflate");
      else throw new Problem(`these values are compressed with Blosc's ${["blosclz", "", "snappy"][kind] ?? "codec"}, which this page does not read; Python does`);
      block.set(plain, part * partSize);
    }
    if (flags & 4) block = bytewise(block, typeSize);
    else if (flags & 1 && typeSize > 1) block = unshuffle(block, typeSize) as typeof block;
    out.set(block, i * blockSize);
  }
  return out;
}

function bytewise(block: Uint8Array<ArrayBuffer>, typeSize: number): Uint8Array<ArrayBuffer> {
  return unbitshuffle(block, typeSize) as Uint8Array<ArrayBuffer>;
}

type Decode = (data: Uint8Array) => Uint8Array | Promise<Uint8Array>;

function codec(decode: Decode): () => never {
  return () => ({
    fromConfig: () => ({
      kind: "bytes_to_bytes",
      encode: () => { throw new Problem("this page writes nothing"); },
      decode: async (data: Uint8Array) => {
        const plain = await decode(data);
        // zarrita takes the buffer for the values alone
        return plain.byteLength === plain.buffer.byteLength ? plain : plain.slice();
      },
    }),
  }) as never;
}

function zstd(data: Uint8Array): Uint8Array {
  return unzstd(data);
}

/** Numcodecs' LZ4: the decoded size in four bytes, then one block. */
function sizedLz4(data: Uint8Array): Uint8Array {
  const size = new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(0, true);
  if (size > MOST_BYTES) throw new Problem(`a chunk of ${size} bytes is too large for a browser`);
  return lz4(data.subarray(4), size);
}

export function register(): void {
  for (const prefix of ["", "numcodecs."]) {
    registry.set(`${prefix}blosc`, codec(blosc));
    registry.set(`${prefix}zstd`, codec(zstd));
    registry.set(`${prefix}lz4`, codec(sizedLz4));
    registry.set(`${prefix}gzip`, codec((data) => inflate(data, "gzip")));
    registry.set(`${prefix}zlib`, codec((data) => inflate(data, "deflate")));
    registry.set(`${prefix}pcodec`, (() => {
      throw new Problem("this recording was written with `--profile dense` (pcodec), which browsers do not read; open it in Python with the package `pcodec`");
    }) as never);
  }
}
