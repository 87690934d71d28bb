"""What a library is known to show other than it is."""

from __future__ import annotations

#: The library of what Python itself reads.
PYTHON = "Python"


class KnownFaultError(ValueError):
    """The library is known to show such a file other than it is: no opinion is asked."""
