"""Files to units of work: which belong together, who reads them, where, at what cost."""
