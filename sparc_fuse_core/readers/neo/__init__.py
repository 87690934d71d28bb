"""Formats that NEO reads, one adapter for all: what of each is the file's, and what NEO makes up."""
