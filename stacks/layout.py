"""Where things lie in the results bucket: the contract between stack, functions and users."""

from __future__ import annotations

#: Results and their manifests. Nothing below it starts anything.
RESULTS = "datasets/"

#: A JSON object put here is a request.
REQUESTS = "requests/"

#: Datasets of one's own; the marker is put last and says that an upload is complete.
UPLOADS = "uploads/"
UPLOAD_COMPLETE = ".complete"

#: Datasets whose new versions are converted by themselves.
WATCH = "watch/"

#: Working objects of runs; they are forgotten after some time.
RUNS = RESULTS + ".sparc-fuse/runs/"

#: Lock of a dataset's version, as a pattern of policies.
LOCKS = RESULTS + "*/.sparc-fuse/running.json"
