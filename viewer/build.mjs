// Builds ../sparc_fuse_core/page: one HTML file a page, script and style inside, pinned by their hash in the
// page's content security policy. `node build.mjs FOLDER` writes elsewhere.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const target = process.argv[2] ?? join(here, "../sparc_fuse_core/page");
mkdirSync(target, { recursive: true });

const pinned = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
// zarrita loads Blosc, LZ4 and Zstandard as WebAssembly; the page has its own decoders (src/codecs.ts)
const noWasm = {
  name: "no-wasm",
  setup(bundler) {
    bundler.onResolve({ filter: /^numcodecs\// }, (found) => ({ path: found.path, namespace: "none" }));
    bundler.onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "export default undefined" }));
  },
};
const common = {
  absWorkingDir: here, bundle: true, minify: true, write: false, target: "es2022", legalComments: "none",
};
const style = (await build({ ...common, entryPoints: ["src/page.css"] })).outputFiles[0].text.trim();
// what else says of what the page shows: for those that gather such statements
const links = {
  dataset: [
    '<link rel="describedby" type="application/ld+json" href="schema.org.jsonld">',
    '<link rel="describedby" type="application/vnd.datacite.datacite+json" href="datacite.json">',
  ],
  search: [],
};
for (const name of ["dataset", "search"]) {
  const built = await build({
    ...common, entryPoints: [`src/${name}.ts`], format: "iife", charset: "utf8", plugins: [noWasm],
    conditions: ["browser"],
  });
  const script = built.outputFiles[0].text.trim().replaceAll("</script", "<\\/script");
  const policy = [
    "default-src 'none'", `script-src ${pinned(script)}`, `style-src ${pinned(style)}`,
    "connect-src 'self'", "img-src 'self' data:", "base-uri 'none'", "form-action 'none'",
  ].join("; ");
  const page = readFileSync(join(here, "src/page.html"), "utf8")
    .replace("LINKS\n", () => links[name].map((line) => `${line}\n`).join(""))
    .replace("POLICY", () => policy).replace("STYLE", () => style).replace("SCRIPT", () => script);
  writeFileSync(join(target, `${name}.html`), page);
}
const licences = ["zarrita", "@zarrita/storage", "fzstd", "hyparquet"].map((name) => {
  const folder = join(here, "node_modules", name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), "utf8") : ""}`;
});
writeFileSync(join(target, "LICENCES.txt"), `${licences.join("\n\n")}\n`);
