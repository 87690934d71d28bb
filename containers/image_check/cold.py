"""Times the import of the module that ``COLD_MODULE`` names, in the fresh process that runs this text."""

import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path

seconds, cpu_s = time.perf_counter(), time.process_time()
module = importlib.import_module(os.environ["COLD_MODULE"])
facts = {
    "seconds": time.perf_counter() - seconds,
    "cpu_s": time.process_time() - cpu_s,
    "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    "compiled": Path(module.__cached__ or "").is_file(),
}
sys.stdout.write(json.dumps(facts))
