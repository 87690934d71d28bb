"""Give freed memory back to the system."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Return what was freed to the system, where the C library can.

    glibc keeps freed blocks of up to 32 MB. After a recording is written that is about 30 MB, on top of
    which the libraries of the verification would come.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
