"""Formats read by Bio-Formats, which runs in a process of its own."""
