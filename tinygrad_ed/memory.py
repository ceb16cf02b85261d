"""What arrays cost beside their arithmetic: memory that is fetched anew, and copies that nobody needs.

An eager graph makes and drops the same arrays at each step; memory that is freed should stay with the process.

The allocator of Linux (glibc) gives freed memory back to the system beyond a threshold of 128 kB, and the next step
gets it back page by page, each by an interrupt: a quarter of the time of a step of the network 784-512-512-10. The
threshold follows the largest array that was ever freed, up to 32 MB, and so it is enough to free one of that size;
nobody writes into it, so it costs no memory. From then on up to 64 MB stay with the process. Other allocators do as
they did, and so does this one where the environment sets MALLOC_TRIM_THRESHOLD_.

A leaf copies the array that it is given, as its owner may write into it; but the result of an expression, as in
`leaf.value = leaf.value - rate * leaf.grad`, has no other owner. Python's count of references tells the two apart.
"""

import sys
from functools import partial
from typing import Any
from weakref import getweakrefcount

import numpy as np

LARGEST = (1 << 25) - (1 << 13)
"""Bytes; a larger one leaves the threshold as it is."""


def keep_freed_memory() -> None:
    """Raise the threshold up to which freed memory stays with the process.

    >>> keep_freed_memory()
    """
    np.empty(LARGEST, np.uint8)


class _Probe:
    """Counts the references to what is assigned to its `value`, in a setter like that of a Node."""

    count = 0

    def _assign(self, new: Any) -> None:
        self.count = sys.getrefcount(new)

    value = property(None, partial(_assign))


def _references_of_a_temporary() -> int:
    """What Python counts there for an array that only the assignment holds; 0 where it does not tell."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return 0  # without the global lock the count is no proof
    probe = _Probe()
    probe.value = np.empty(1)
    temporary = probe.count
    held = np.empty(1)
    probe.value = held
    return temporary if probe.count > temporary else 0


TEMPORARY = _references_of_a_temporary()
"""The references to an array in the setter of a property if nobody else has it."""


def is_ours(references: int, array: Any) -> bool:
    """Whether a setter may keep an array instead of a copy: nobody else can see it or its memory.

    >>> array = np.ones(3)
    >>> is_ours(sys.getrefcount(array) + TEMPORARY, array)
    False
    """
    if type(array) is not np.ndarray or references > TEMPORARY or getweakrefcount(array):
        return False
    flags = array.flags
    return bool(flags.owndata and flags.carray)  # carray: in the order of C, aligned, and may be written
