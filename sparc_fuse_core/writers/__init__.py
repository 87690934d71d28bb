"""Writers: Zarr recordings, OME-Zarr images, shapes, and other containers of the same content."""
