# What the page on R shows, run by `make readers` where R has reticulate.
folder <- commandArgs(TRUE)[1]
cat(sprintf('{"versions": {"R": "%s", "reticulate": "%s"}}\n', getRversion(), packageVersion("reticulate")))
ok <- "true"; remark <- ""
tryCatch({
  library(reticulate)
  sf <- import("sparc_fuse_core")
  ds <- sf$open_zarr(file.path(folder, "recording.zarr"))
  signals <- py_to_r(ds["signals"]$values)
  truth <- py_to_r(import("json")$load(import_builtins()$open(file.path(folder, "truth.json"))))$recording
  stopifnot(all(dim(signals) == c(4, 300000)))
  expected <- do.call(rbind, truth$signals)
  stopifnot(max(abs(signals[, seq(1, 300000, by = truth$every)] - expected)) < 1e-6)
  stopifnot(py_to_r(ds["channel_name"]$values$tolist())[[2]] == "Cz")
}, error = function(e) { ok <<- "false"; remark <<- gsub('["\n]', "'", conditionMessage(e)) })
cat(sprintf('{"what": "recording through reticulate", "ok": %s, "remark": "%s", "warnings": []}\n', ok, remark))
