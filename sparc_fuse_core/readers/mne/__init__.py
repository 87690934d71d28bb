"""Formats that MNE reads, one adapter for all: what of each is the file's, and what MNE makes up."""
