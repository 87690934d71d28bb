"""Axon Binary Format 1 and 2."""
