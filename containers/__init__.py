"""Entry points of container images."""
