"""Pictures of results: traces of recordings, pixels of images, outlines of shapes, plots of arrays."""
