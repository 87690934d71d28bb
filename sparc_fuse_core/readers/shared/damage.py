"""What libraries raise on bytes that are not what they should be."""

from __future__ import annotations

import struct

#: Raised by every decoder that trusts its input; a reader adds what its own libraries raise beside these.
DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    OSError,
    struct.error,
)
