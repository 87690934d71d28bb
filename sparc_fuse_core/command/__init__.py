"""The command `sparc-fuse`."""
