"""Memory that is freed stays with the process: an eager graph makes and drops the same arrays at each step.

The allocator of Linux (glibc) gives freed memory back to the system beyond a threshold of 128 kB, and the next step
gets it back page by page, each by an interrupt: a quarter of the time of a step of the network 784-512-512-10. The
threshold follows the largest array that was ever freed, up to 32 MB, and so it is enough to free one of that size;
nobody writes into it, so it costs no memory. From then on up to 64 MB stay with the process. Other allocators do as
they did, and so does this one where the environment sets MALLOC_TRIM_THRESHOLD_.
"""

import numpy as np

LARGEST = (1 << 25) - (1 << 13)
"""Bytes; a larger one leaves the threshold as it is."""


def keep_freed_memory() -> None:
    """Raise the threshold up to which freed memory stays with the process.

    >>> keep_freed_memory()
    """
    np.empty(LARGEST, np.uint8)
