// Objects over HTTP, each failure with a word of its own.

/** What went wrong, in words for who looks at the page. */
export class Problem extends Error {}

export function aborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError"
    || (error instanceof Error && error.cause !== undefined && aborted(error.cause));
}

/** The sentence of an error: the first `Problem` in its chain of causes. */
export function sentence(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (at instanceof Problem) return at.message;
  return error instanceof Error ? error.message : String(error);
}

/** The URL of a path below `base`: each part is encoded, none can lead elsewhere. */
export function below(base: string, path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.some((part) => part === "." || part === "..")) throw new Problem(`“${path}” is no path of a result`);
  const prefix = base.endsWith("/") ? base : `${base}/`;
  return prefix + parts.map(encodeURIComponent).join("/");
}

async function ask(url: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, { headers, signal: signal ?? null });
  } catch (error) {
    if (aborted(error)) throw error;
    const why = location.protocol === "file:"
      ? "a browser reads no files from a page opened as a file; run `sparc-fuse view` on the folder"
      : "the connection dropped, or the server does not allow this page to read it (CORS)";
    throw new Problem(`${shown(url)} was not answered: ${why}`, { cause: error });
  }
  if (answer.ok || answer.status === 404 || answer.status === 416) return answer;
  if (answer.status === 401 || answer.status === 403) {
    throw new Problem(`${shown(url)} may not be read (HTTP ${answer.status}): it is not public, or absent`);
  }
  throw new Problem(`${shown(url)}: the server answered HTTP ${answer.status}; try again`);
}

function shown(url: string): string {
  try { return decodeURIComponent(url.split("/").slice(-3).join("/")); } catch { return url; }
}

async function body(answer: Response, url: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await answer.arrayBuffer());
  } catch (error) {
    if (aborted(error)) throw error;
    throw new Problem(`${shown(url)}: the connection dropped before its end; reload`, { cause: error });
  }
}

export async function get(url: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  const answer = await ask(url, {}, signal);
  return answer.status === 404 ? undefined : body(answer, url);
}

export async function getJson(url: string, signal?: AbortSignal): Promise<unknown> {
  const found = await get(url, signal);
  if (!found) return undefined;
  if (!found.length) throw new Problem(`${shown(url)} is empty: what was written there is not whole`);
  try {
    return JSON.parse(new TextDecoder().decode(found));
  } catch (error) {
    throw new Problem(`${shown(url)} is no JSON: what was written there is not whole`, { cause: error });
  }
}

/** A range; a server that ignores ranges sends the whole, of which the part is taken. */
export async function getRange(
  url: string, start: number, length: number, signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const suffix = start < 0;
  const range = suffix ? `bytes=-${length}` : `bytes=${start}-${start + length - 1}`;
  const answer = await ask(url, { Range: range }, signal);
  if (answer.status === 404) return undefined;
  if (answer.status === 416) throw new Problem(`${shown(url)} is shorter than it should be: it was half removed or cut`);
  const found = await body(answer, url);
  if (answer.status === 206) return found;
  return suffix ? found.slice(-length) : found.slice(start, start + length);
}

/** The last bytes of an object, and how long it is; undefined if there is none. */
export async function getTail(url: string, length: number): Promise<{ bytes: Uint8Array; total: number } | undefined> {
  const answer = await ask(url, { Range: `bytes=-${length}` });
  if (answer.status === 404) return undefined;
  if (answer.status === 416) throw new Problem(`${shown(url)} is empty: what was written there is not whole`);
  const bytes = await body(answer, url);
  if (answer.status !== 206) return { bytes, total: bytes.length };
  const total = Number(/\/(\d+)$/.exec(answer.headers.get("Content-Range") ?? "")?.[1]);
  if (!(total >= bytes.length)) throw new Problem(`${shown(url)}: the server hides how long it is (Access-Control-Expose-Headers lacks Content-Range)`);
  return { bytes, total };
}
