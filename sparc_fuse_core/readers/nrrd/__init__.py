"""NRRD: attached and detached headers."""
