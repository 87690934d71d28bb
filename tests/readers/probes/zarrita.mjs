// zarrita: what a page in a browser reads with. Arguments: URL of the folder of stores, its truth.
import { readFile } from "node:fs/promises";
import * as zarr from "zarrita";

const [folder, url] = process.argv.slice(2);
const truth = JSON.parse(await readFile(`${folder}/truth.json`, "utf8")).recording;
const { version } = JSON.parse(await readFile(new URL("./node_modules/zarrita/package.json", import.meta.url)));
console.log(JSON.stringify({ versions: { zarrita: version, node: process.version } }));

async function probe(what, check) {
  let ok = true, remark = "";
  try { remark = (await check()) ?? ""; } catch (err) { ok = false; remark = String(err).slice(0, 200); }
  console.log(JSON.stringify({ what, ok, remark, warnings: [] }));
}
const near = (a, b) => { if (Math.abs(a - b) > 1e-6 * Math.max(1, Math.abs(b))) throw new Error(`${a} instead of ${b}`); };

for (const name of ["recording.zarr", "recording_v2.zarr"]) {
  await probe(`recording, ${name}`, async () => {
    const root = await zarr.open(zarr.root(new zarr.FetchStore(`${url}/${name}`)), { kind: "group" });
    const signals = await zarr.open(root.resolve("signals"), { kind: "array" });
    const { data } = await zarr.get(signals, [0, null]);
    truth.signals[0].forEach((value, n) => near(data[n * truth.every] * 0.195 - 6, value));
    const names = await zarr.get(await zarr.open(root.resolve("channel_name"), { kind: "array" }));
    if (names.data[1] !== "Cz") throw new Error(`name ${names.data[1]}`);
    const sweep = await zarr.get(await zarr.open(root.resolve("event_sweep"), { kind: "array" }));
    near(sweep.data[0], -1);
    const aux = await zarr.get(await zarr.open(root.resolve("auxiliary/signals"), { kind: "array" }), [0, null]);
    near(aux.data[0], truth.auxiliary[0][0]);
  });
}
