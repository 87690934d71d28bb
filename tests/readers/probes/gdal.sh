#!/bin/sh
# GDAL's multidimensional API: `gdalmdiminfo` opens the store, statistics of its bands tell the values.
printf '{"versions": {"GDAL": "%s"}}\n' "$(gdalinfo --version | cut -d, -f1 | cut -d' ' -f2)"
for name in recording.zarr recording_v2.zarr; do
  if gdalmdiminfo "$1/$name" -array signals -detailed -limit 2 > "$1/gdal.json" 2> "$1/gdal.txt" && grep -q '"signals"' "$1/gdal.json"; then
    printf '{"what": "signals, %s", "ok": true, "remark": "", "warnings": []}\n' "$name"
  else
    printf '{"what": "signals, %s", "ok": false, "remark": "%s", "warnings": []}\n' "$name" "$(head -c 200 "$1/gdal.txt" | tr '"\n' "' ")"
  fi
done
