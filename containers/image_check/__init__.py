"""Builds both images without a Docker engine and converts a small dataset through each."""
