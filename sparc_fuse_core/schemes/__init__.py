"""Mapping schemes: what a file does not say, stated in TOML."""
