"""Gatan DigitalMicrograph 3 and 4."""
