"""The inner loops of grounding, compiled by numba once per installation and kept on disk.

They work on chunks of columns that fit the processor's cache. Signatures are written out, so that a wrong dtype or
layout is an error and never a silent second compilation. `compiled` imports this module when it is first needed, and
announces the compilation.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Fibonacci hashing
_NONE = -1
_AHEAD = 256


@njit(inline="always")
def _key(rows, i):
    """The 64-bit key of a row: the row itself up to two columns, a hash of it beyond."""
    width = rows.shape[1]
    if width == 0:
        return np.int64(0)
    if width == 1:
        return np.int64(rows[i, 0])
    key = (np.uint64(np.uint32(rows[i, 0])) << np.uint64(32)) | np.uint64(np.uint32(rows[i, 1]))
    for k in range(2, width):
        key = (key ^ (key >> np.uint64(29))) * _MULTIPLIER + np.uint64(np.uint32(rows[i, k]))
    return np.int64(key)


@njit(inline="always")
def _home(key, shift):
    """The slot where the search for a key begins. Its top bits: a table twice as large keeps the order of the keys."""
    word = np.uint64(key)
    return np.int64(((word ^ (word >> np.uint64(32))) * _MULTIPLIER) >> np.uint64(shift))


@njit(inline="always")
def _same(store, row, rows, i):
    for k in range(rows.shape[1]):  # noqa: SIM110
        if store[row, k] != rows[i, k]:
            return False
    return True


@kernel("int64(int64[:,::1], int64, int32[:,::1], int64, int32[:,::1], int32[::1])")
def insert(slots, shift, store, size, rows, numbers):
    """Number rows, appending unknown ones to the store; gives its new size. Open addressing, linear probing.

    A slot holds a key and the row's number plus one; zero is empty, so that fresh memory is an empty table. The search
    does not wrap around: where it reaches the end, the size is given as −1 − size, and the table has to grow.
    """
    exact = rows.shape[1] <= 2
    keys, homes = np.empty(_AHEAD, np.int64), np.empty(_AHEAD, np.int64)
    touched = np.int64(0)
    for begin in range(0, len(rows), _AHEAD):
        end = min(len(rows), begin + _AHEAD)
        for i in range(begin, end):  # reads that do not wait for one another bring the slots into the cache
            keys[i - begin] = _key(rows, i)
            homes[i - begin] = _home(keys[i - begin], shift)
            touched += slots[homes[i - begin], 1]
        for i in range(begin, end):
            key, at = keys[i - begin], homes[i - begin]
            while True:
                if at == len(slots):
                    return -1 - size
                number = slots[at, 1] - 1
                if number < 0:
                    slots[at, 0] = key
                    slots[at, 1] = size + 1
                    for k in range(rows.shape[1]):
                        store[size, k] = rows[i, k]
                    numbers[i] = size
                    size += 1
                    break
                if slots[at, 0] == key and (exact or _same(store, number, rows, i)):
                    numbers[i] = number
                    break
                at += 1
    return size if touched >= 0 else 0  # slots hold no negative numbers: only so that the reads are not left out


@kernel("void(int64[:,::1], int64, int32[:,::1], int32[:,::1], int32[::1])")
def lookup(slots, shift, store, rows, numbers):
    """The number of each row, -1 where it is unknown."""
    exact = rows.shape[1] <= 2
    for i in range(len(rows)):
        key = _key(rows, i)
        at = _home(key, shift)
        numbers[i] = _NONE
        while at < len(slots) and slots[at, 1] > 0:
            if slots[at, 0] == key and (exact or _same(store, slots[at, 1] - 1, rows, i)):
                numbers[i] = slots[at, 1] - 1
                break
            at += 1


@kernel("boolean(int64[:,::1], int64[:,::1], int64)")
def rehash(old, new, shift):
    """Move the entries of a table to a larger one, which may begin at the same place in memory.

    From the top down, one run of filled slots after the other: the homes of its entries lie in the run, so that their
    new ones lie at twice its begin or above, where nothing waits to be moved. False if the end is reached.
    """
    run = np.empty((64, 2), np.int64)
    end = len(old)
    while end > 0:
        if old[end - 1, 1] == 0:
            end -= 1
            continue
        begin = end - 1
        while begin > 0 and old[begin - 1, 1] != 0:
            begin -= 1
        if end - begin > len(run):
            run = np.empty((2 * (end - begin), 2), np.int64)
        for p in range(begin, end):
            run[p - begin, 0] = old[p, 0]
            run[p - begin, 1] = old[p, 1]
            old[p, 1] = 0
        for k in range(end - begin):
            at = _home(run[k, 0], shift)
            while at < len(new) and new[at, 1] != 0:
                at += 1
            if at == len(new):
                return False
            new[at, 0] = run[k, 0]
            new[at, 1] = run[k, 1]
        end = begin
    return True


@kernel("int32[::1](int32[::1], int32[::1])")
def take(column, at):
    """column[at]."""
    result = np.empty(len(at), np.int32)
    for i in range(len(at)):
        result[i] = column[at[i]]
    return result


@kernel("int32[::1](int32[:,::1], int64, int32[::1])")
def take_column(rows, place, at):
    """rows[at, place]."""
    result = np.empty(len(at), np.int32)
    for i in range(len(at)):
        result[i] = rows[at[i], place]
    return result


@kernel("void(int32[::1], int32[::1], int64[::1], int32[::1])")
def sort_groups(group, counts, starts, order):
    """Counting sort: `order` lists rows group by group, ascending in each; `starts` are the groups' offsets."""
    total = np.int64(0)
    for g in range(len(counts)):
        starts[g] = total
        total += counts[g]
    starts[len(counts)] = total
    for r in range(len(group)):
        g = group[r]
        order[starts[g]] = r
        starts[g] += 1
    for g in range(len(counts), 0, -1):
        starts[g] = starts[g - 1]
    starts[0] = 0


@kernel("void(int32[::1], int64, int32[::1], int32[::1], int32[::1], int32[::1], int64)")
def append_chains(group, first_row, heads, tails, counts, following, sorted_rows):
    """Add rows from `first_row` on to the chains of their groups, each chain in ascending order."""
    for i in range(len(group)):
        g = group[i]
        row = first_row + i
        following[row - sorted_rows] = _NONE
        if heads[g] == _NONE:
            heads[g] = row
        else:
            following[tails[g] - sorted_rows] = row
        tails[g] = row
        counts[g] += 1


@kernel("int64(int32[::1], int32[::1], int64[::1])")
def count_matches(groups, counts, totals):
    """totals[i + 1] = rows of the groups up to the i-th; groups out of range (also -1) have none."""
    total = np.int64(0)
    totals[0] = 0
    for i in range(len(groups)):
        g = groups[i]
        if 0 <= g < len(counts):
            total += counts[g]
        totals[i + 1] = total
    return total


@kernel(
    "int64(int32[::1], int64, int64, int64[::1], int32[::1], int32[::1], int32[::1], int64, int32[::1],"
    " int64, int64, int32[::1], int32[::1])"
)
def expand_matches(
    groups, begin, end, starts, order, heads, following, sorted_rows, counts, low, high, which, row
):  # fmt: skip
    """Pairs (binding, row) for bindings begin…end, of rows from `low` to below `high`; gives their number."""
    n = 0
    for i in range(begin, end):
        g = groups[i]
        if g < 0 or g >= len(counts) or counts[g] == 0:
            continue
        if g + 1 < len(starts):
            for p in range(starts[g], starts[g + 1]):
                r = order[p]
                if r >= high:
                    break
                if r >= low:
                    which[n] = i
                    row[n] = r
                    n += 1
        r = heads[g]
        while r != _NONE and r < high:
            if r >= low:
                which[n] = i
                row[n] = r
                n += 1
            r = following[r - sorted_rows]
    return n


@kernel("void(int32[::1], int64[::1], int32[::1], uint8[::1], uint8)")
def spread_certainty(heads, starts, bodies, status, certain):
    """Let heads be certain whose bodies are, to the least fixpoint, in time linear in the bodies.

    A grounding waits for so many facts of its body; each fact that becomes certain lets those go on that wait for it.
    """
    n = len(heads)
    waits = np.zeros(n, np.int32)
    ready = np.empty(n, np.int32)
    most = amount = 0
    for g in range(n):
        for e in range(starts[g], starts[g + 1]):
            if status[bodies[e]] != certain:
                waits[g] += 1
                most = max(most, bodies[e] + 1)
        if waits[g] == 0 and status[heads[g]] != certain:
            ready[amount] = g
            amount += 1
    if amount == 0:
        return
    first = np.full(most, _NONE, np.int32)  # fact → an edge to it, and from edge to edge
    following = np.full(len(bodies), _NONE, np.int32)
    of = np.empty(len(bodies), np.int32)
    for g in range(n):
        for e in range(starts[g], starts[g + 1]):
            of[e] = g
            if status[bodies[e]] != certain:
                following[e] = first[bodies[e]]
                first[bodies[e]] = e
    while amount > 0:
        amount -= 1
        fact = heads[ready[amount]]
        if status[fact] == certain:
            continue
        status[fact] = certain
        e = first[fact] if fact < most else _NONE
        while e != _NONE:
            g = of[e]
            waits[g] -= 1
            if waits[g] == 0:
                ready[amount] = g
                amount += 1
            e = following[e]
