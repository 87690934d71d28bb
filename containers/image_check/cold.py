"""Times the import of the module that ``COLD_MODULE`` names, in the fresh process that runs this text."""

import importlib
import json
import os
import sys
import time
from pathlib import Path

seconds, cpu_s = time.perf_counter(), time.process_time()
module = importlib.import_module(os.environ["COLD_MODULE"])
status = Path("/proc/self/status").read_text().splitlines()
(peak,) = (line.split()[1] for line in status if line.startswith("VmHWM:"))
facts = {
    "seconds": time.perf_counter() - seconds,
    "cpu_s": time.process_time() - cpu_s,
    "peak_bytes": 1024 * int(peak),
    "compiled": Path(module.__cached__ or "").is_file(),
}
sys.stdout.write(json.dumps(facts))
