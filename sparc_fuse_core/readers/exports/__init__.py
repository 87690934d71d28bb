"""Exports: a tree of named arrays and what it states, to recordings; for every container alike."""
