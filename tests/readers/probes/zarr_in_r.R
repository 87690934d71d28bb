# What the page on R shows, run by `make readers` where R has reticulate.
folder <- commandArgs(TRUE)[1]
cat(sprintf('{"versions": {"R": "%s", "reticulate": "%s"}}\n', getRversion(), packageVersion("reticulate")))
ok <- "true"; remark <- ""
tryCatch({
  library(reticulate)
  sf <- import("sparc_fuse_core", convert = FALSE)
  ds <- sf$open_zarr(file.path(folder, "recording.zarr"))
  truth <- import("json")$loads(paste(readLines(file.path(folder, "truth.json"), warn = FALSE), collapse = ""))$recording
  part <- ds["signals"]$isel(time = py_eval(sprintf("slice(0, None, %d)", truth$every), convert = FALSE))
  # rows as lists: reticulate before 1.38 does not know numpy 2
  signals <- matrix(unlist(py_to_r(part$values$tolist())), nrow = 4, byrow = TRUE)
  expected <- do.call(rbind, truth$signals)
  stopifnot(max(abs(signals - expected)) < 1e-6)
  stopifnot(py_to_r(ds["channel_name"]$values$tolist())[[2]] == "Cz")
}, error = function(e) { ok <<- "false"; remark <<- gsub('["\n]', "'", conditionMessage(e)) })
cat(sprintf('{"what": "recording through reticulate", "ok": %s, "remark": "%s", "warnings": []}\n', ok, remark))
