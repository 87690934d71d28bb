// Lines that open a result elsewhere, by its address.
import { below } from "./fetching";

const text = (value: string): string => JSON.stringify(value); // Python and R read it as JSON does
const single = (value: string): string => `'${value.replaceAll("'", "''")}'`; // MATLAB

/** Language and lines; `path` is the source's, by which `open_results` knows it. */
export function snippets(kind: string, base: string, output: string, path: string): [string, string][] {
  const address = below(base, output);
  const name = output.split("/").pop()!;
  const opener = kind === "image" ? "open_image" : kind === "signal" ? "open_zarr" : "";
  if (!/\.zarr$/.test(output)) {
    const python = /\.npz$/.test(name) ? `import numpy as np\n\nvalues = np.load(${text(name)}, allow_pickle=False)`
      : /\.mat$/.test(name) ? `from scipy.io import loadmat\n\nvalues = loadmat(${text(name)})`
        : opener ? `from sparc_fuse_core import ${opener}\n\nds = ${opener}(${text(name)})` : "";
    return [["Python", `from urllib.request import urlretrieve\n\nurlretrieve(${text(address)}, ${text(name)})\n${python}`],
      ["MATLAB", `websave(${single(name)}, ${single(address)});${/\.mat$/.test(name) ? `\nr = load(${single(name)});` : ""}`],
      ["R", `download.file(${text(address)}, ${text(name)}, mode = "wb")`]];
  }
  if (opener) {
    return [["Python", `from sparc_fuse_core import ${opener}\n\nds = ${opener}(${text(address)})`],
      ["MATLAB", `% through MATLAB's Python\nds = py.sparc_fuse_core.${opener}(${single(address)});`],
      ["R", `sf <- reticulate::import("sparc_fuse_core")\nds <- sf$${opener}(${text(address)})`]];
  }
  return [["Python", `from sparc_fuse_core import open_results\n\ntree = open_results(${text(base)})[${text(path)}]`],
    ["MATLAB", `% through MATLAB's Python\nresults = py.sparc_fuse_core.open_results(${single(base)});\ntree = results.get(${single(path)});`],
    ["R", `sf <- reticulate::import("sparc_fuse_core")\ntree <- sf$open_results(${text(base)})$get(${text(path)})`]];
}
