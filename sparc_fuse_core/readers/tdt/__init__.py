"""TDT blocks."""
