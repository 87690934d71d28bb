"""PNG, JPEG and BMP."""
