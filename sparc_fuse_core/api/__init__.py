"""The documented functions of the package."""
