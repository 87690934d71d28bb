"""One dataset: what is to be done, what came of it, the manifest last."""
