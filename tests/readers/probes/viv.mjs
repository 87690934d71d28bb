// The loader of viv, which Vitessce, Avivator and Pennsieve's viewer read OME-Zarr with.
import { readFile } from "node:fs/promises";
import { loadOmeZarr } from "@vivjs/loaders";

const [folder, url] = process.argv.slice(2);
const truth = JSON.parse(await readFile(`${folder}/truth.json`, "utf8")).image;
const { version } = JSON.parse(await readFile(new URL("./node_modules/@vivjs/loaders/package.json", import.meta.url)));
console.log(JSON.stringify({ versions: { "@vivjs/loaders": version, node: process.version } }));

for (const name of ["image_0.5.ome.zarr", "image_0.4.ome.zarr", "images_0.5.ome.zarr/0", "images_0.4.ome.zarr/0"]) {
  let ok = true, remark = "";
  try {
    const { data } = await loadOmeZarr(`${url}/${name}`, { type: "multiscales" });
    let sum = 0;
    for (let c = 0; c < 2; c++) for (let z = 0; z < 3; z++) {
      const raster = await data[0].getRaster({ selection: { c, z } });
      for (const value of raster.data) sum += value;
    }
    if (sum !== truth.sum) throw new Error(`pixels sum to ${sum} instead of ${truth.sum}`);
  } catch (err) { ok = false; remark = String(err).slice(0, 200); }
  console.log(JSON.stringify({ what: name, ok, remark, warnings: [] }));
}
