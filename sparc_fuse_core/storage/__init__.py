"""Where results go: a folder or a bucket, each result whole or not at all."""
