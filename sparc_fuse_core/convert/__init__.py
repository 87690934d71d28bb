"""One item: fetch, read, write, verify, publish; what came of it is a receipt."""
