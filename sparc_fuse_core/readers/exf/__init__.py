"""EX files: finite-element nodes, elements and fields."""
