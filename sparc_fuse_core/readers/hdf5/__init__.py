"""HDF5 files without a convention of their own, and what all readers of HDF5 share."""
