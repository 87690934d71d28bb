"""CED Spike2, 32-bit (.smr) and 64-bit (.smrx)."""
