"""Delimited text: what the columns are, found from headers, comments and values."""
