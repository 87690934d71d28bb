// All that is chosen on the page, in the URL's fragment: a link shows the same view to somebody else.

export class State {
  #values: URLSearchParams;
  #timer = 0;
  constructor() { this.#values = new URLSearchParams(location.hash.slice(1)); }

  get(key: string): string { return this.#values.get(key) ?? ""; }

  number(key: string, otherwise: number): number {
    const text = this.#values.get(key);
    const value = text === null || text === "" ? NaN : Number(text);
    return Number.isFinite(value) ? value : otherwise;
  }

  set(changes: Record<string, string | number | null>): void {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === "") this.#values.delete(key); else this.#values.set(key, String(value));
    }
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => history.replaceState(null, "", `#${this.#values}`), 120);
  }

  /** Begin another item: nothing of the old one's view stays. */
  item(path: string): void {
    this.#values = new URLSearchParams({ item: path });
    clearTimeout(this.#timer);
    history.pushState(null, "", `#${this.#values}`);
  }

  reload(): void { this.#values = new URLSearchParams(location.hash.slice(1)); }
}
