"""Tracings of MBF Bioscience (Neurolucida and others) in XML."""
