"""Openers: a result as xarray, from a folder or a bucket, and a picture of it."""
