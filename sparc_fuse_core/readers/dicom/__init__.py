"""DICOM: a series of slices or frames as one image."""
