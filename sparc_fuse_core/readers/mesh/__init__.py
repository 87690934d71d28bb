"""Surface meshes: STL, PLY, OFF."""
