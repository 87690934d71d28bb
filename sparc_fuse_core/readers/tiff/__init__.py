"""TIFF, BigTIFF, ImageJ and OME-TIFF."""
