"""Binary search, for the compiled loops."""

from __future__ import annotations

from numba import njit


@njit(inline="always")
def lower_bound(keys, begin, end, key):
    """Where a key stands, or would stand, in a stretch of ascending keys."""
    while begin < end:
        middle = (begin + end) >> 1
        if keys[middle] < key:
            begin = middle + 1
        else:
            end = middle
    return begin
