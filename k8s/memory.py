"""Giving memory back to the system."""

import ctypes
from contextlib import suppress
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 256 * 1024


def return_large_buffers() -> None:
    """From now on, buffers of 256 KiB and more go back to the system when they are freed.

    Whoever reads or writes lists of thousands of objects has bodies of megabytes for a moment. By
    itself the C library learns from the first of them to keep such room in its heap, which other
    objects then cut into pieces: over hours a process grows to many times what it holds.

    Source: mallopt(3), M_MMAP_THRESHOLD: setting it disables the dynamic adjustment. Does nothing where the
    C library is not glibc.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def return_free_pages() -> None:
    """Give the pages that nothing uses back to the system, also those between others that are used.

    By itself the C library returns only what is free at the end of its heap, which one small object
    that happens to live there prevents for as long as it lives.

    Source: malloc_trim(3). Does nothing where the C library is not glibc.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
