"""Columns and rows that are copied and grow, for the other kernels.

These are loops where a slice could be assigned: numba compiles checks and messages for each kind of slice assignment,
which costs seconds when an installation starts for the first time.
"""

from __future__ import annotations

import numpy as np

from neurosym.grounding.compiled import kernel


@kernel("int64[::1](int64[::1], int64)", "uint8[::1](uint8[::1], int64)")
def longer(column, size):
    """A column with room for twice as many numbers as asked for."""
    result = np.empty(max(64, 2 * size), column.dtype)
    for k in range(len(column)):
        result[k] = column[k]
    return result


@kernel("uint64[:,::1](uint64[:,::1], int64)")
def taller(rows, size):
    """Rows with room for twice as many as asked for."""
    result = np.empty((max(16, 2 * size), rows.shape[1]), np.uint64)
    for k in range(len(rows)):
        for w in range(rows.shape[1]):
            result[k, w] = rows[k, w]
    return result


@kernel("void(uint64[:,::1], int64, uint64[:,::1], int64)")
def set_row(rows, at, source, k):
    """Copy a row."""
    for w in range(rows.shape[1]):
        rows[at, w] = source[k, w]


@kernel("int64[::1](int64[::1], int64, int64)")
def ranked(column, first, last):
    """The positions of a stretch in rising order, equal ones as they come, counted from its beginning."""
    stretch = np.empty(last - first, np.int64)
    for k in range(first, last):
        stretch[k - first] = column[k]
    return np.argsort(stretch, kind="mergesort")


@kernel("void(int64[::1], int64, int64[::1])")
def arrange(column, first, ranks):
    """Bring a stretch into an order."""
    spare = np.empty(len(ranks), np.int64)
    for k in range(len(ranks)):
        spare[k] = column[first + ranks[k]]
    for k in range(len(ranks)):
        column[first + k] = spare[k]


@kernel("void(uint64[:,::1], int64, int64[::1])")
def arrange_rows(rows, first, ranks):
    """Bring a stretch of rows into an order."""
    spare = np.empty((len(ranks), rows.shape[1]), np.uint64)
    for k in range(len(ranks)):
        for w in range(rows.shape[1]):
            spare[k, w] = rows[first + ranks[k], w]
    for k in range(len(ranks)):
        for w in range(rows.shape[1]):
            rows[first + k, w] = spare[k, w]
