"""Neurodata Without Borders 1 and 2."""
