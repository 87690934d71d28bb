// Elements are made here and only here: whatever a dataset says becomes text, never HTML.

type Child = Node | string | number | null | undefined | false;
type Handler = (event: never) => void;

/** Make an element; `on…` are listeners, all else attributes (a false one is left out). */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string | number | boolean | Handler | undefined> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key.slice(2), value as EventListener);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, String(value));
  }
  fill(made, ...children);
  return made;
}

export function fill(target: Element, ...children: Child[]): void {
  target.replaceChildren(
    ...children.filter((child) => child !== null && child !== undefined && child !== false && child !== "")
      .map((child) => (child instanceof Node ? child : String(child))),
  );
}

/** A link, if the address is http(s); else its text. Other schemes are never followed. */
export function link(address: string, text: string): Node {
  return /^https?:\/\/[^\s]+$/i.test(address)
    ? el("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, text)
    : document.createTextNode(text);
}

export function button(text: string, label: string, onclick: () => void): HTMLButtonElement {
  // what is read aloud begins with what is seen
  const spoken = /[\w]/.test(text) && text !== label ? `${text}: ${label}` : label;
  return el("button", { type: "button", title: label, "aria-label": spoken, onclick }, text);
}

/** Offer bytes as a download. */
export function save(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  el("a", { href: address, download: name.replace(/[^\w.-]+/g, "_") }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

export function copied(text: string): HTMLButtonElement {
  const made = button("Copy", "Copy to the clipboard", () => {
    navigator.clipboard.writeText(text).then(
      () => { made.textContent = "Copied"; },
      () => { made.textContent = "Not allowed"; },
    );
  });
  return made;
}

export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (n >= 1000 && at < 4) { n /= 1000; at += 1; }
  return `${at && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[at]}`;
}

export function short(n: number): string {
  if (!Number.isFinite(n)) return "–";
  const size = Math.abs(n);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? n.toExponential(3) : String(Number(n.toPrecision(5)));
}

const colours = new Map<string, string>();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => colours.clear());

/** A colour of the page's style, as it is now. */
export function css(name: string): string {
  let found = colours.get(name);
  if (found === undefined) colours.set(name, found = getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return found;
}
