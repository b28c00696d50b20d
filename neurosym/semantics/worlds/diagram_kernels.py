"""Inner loops of multi-valued decision diagrams, compiled by numba."""

from __future__ import annotations

import numpy as np

from neurosym.grounding.compiled import kernel

AND, OR, WITHOUT = 0, 1, 2


@kernel("int64(int64, int64[::1], int64, int64)")
def _hash(level, row, start, count):
    """A hash of a node."""
    value = np.uint64(level) * np.uint64(0x9E3779B97F4A7C15)
    for k in range(start, start + count):
        value ^= np.uint64(row[k]) + np.uint64(0x9E3779B97F4A7C15) + (value << np.uint64(6)) + (value >> np.uint64(2))
        value *= np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(29)
    return np.int64(value >> np.uint64(1))


@kernel("int64(int64, int64, int64[::1], int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def make(level, arity, row, start, count, levels, starts, children, table):
    """The node of a level with children `row[start : start + arity]`; -1 where there is no room.

    Args:
        count: (1,) nodes so far; table: of nodes by their hash, 0 where free.
    """
    same = True
    for k in range(start + 1, start + arity):
        same &= row[k] == row[start]
    if same:
        return row[start]
    mask = len(table) - 1
    at = _hash(level, row, start, arity) & mask
    while table[at]:
        node = table[at]
        if levels[node] == level:
            equal = True
            for k in range(arity):
                if children[starts[node] + k] != row[start + k]:
                    equal = False
                    break
            if equal:
                return node
        at = (at + 1) & mask
    node = count[0]
    if node + 1 >= len(levels) or starts[node] + arity > len(children):
        return -1
    levels[node] = level
    for k in range(arity):
        children[starts[node] + k] = row[start + k]
    starts[node + 1] = starts[node] + arity
    table[at] = node
    count[0] = node + 1
    return node


@kernel("void(int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def enter(count, arity, levels, starts, children, table):
    """Put all nodes into a table that has grown."""
    mask = len(table) - 1
    for node in range(2, count):
        at = _hash(levels[node], children, starts[node], arity[levels[node]]) & mask
        while table[at]:
            at = (at + 1) & mask
        table[at] = node


@kernel("int64(int64, int64, int64)")
def _simple(operation, f, g):
    """The result where it can be told at once, else -1."""
    if operation == AND:
        if f == 0 or g == 0:
            return 0
        if f == 1 or f == g:
            return g
        return f if g == 1 else -1
    if operation == OR:
        if f == 1 or g == 1:
            return 1
        if f == 0 or f == g:
            return g
        return f if g == 0 else -1
    if f == 0 or g == 1 or f == g:
        return 0
    return f if g == 0 else -1


@kernel(
    "int64(int64, int64, int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], "
    "uint64[::1], int64[::1])"
)
def apply(operation, f, g, arity, count, levels, starts, children, table, keys, found):
    """`f and g`, `f or g`, or `f and not g`; -1 where there is no room for it.

    Args:
        arity: (V + 1,) children of a level's nodes; the terminals 0 and 1 have level V, the last.
        keys, found: results so far, of which some are overwritten.
    """
    depth = len(arity) + 1
    wanted = np.empty((depth, 2), np.int64)
    place, step = np.empty(depth, np.int64), np.empty(depth, np.int64)
    results = np.empty(arity.sum() + depth + 1, np.int64)
    have = 0
    result = _simple(operation, f, g)
    if result >= 0:
        return result
    mask = len(keys) - 1
    top = 0
    wanted[0, 0], wanted[0, 1], step[0] = f, g, -1
    while top >= 0:
        a, b = wanted[top, 0], wanted[top, 1]
        if step[top] < 0:  # first look
            if operation != WITHOUT and a > b:
                a, b = b, a
                wanted[top, 0], wanted[top, 1] = a, b
            key = np.uint64(a) << np.uint64(33) | np.uint64(b) << np.uint64(2) | np.uint64(operation + 1)
            spread = key * np.uint64(0x9E3779B97F4A7C15)
            at = np.int64((spread ^ spread >> np.uint64(32)) >> np.uint64(1)) & mask
            place[top] = at
            if keys[at] == key:
                results[have] = found[at]
                have += 1
                top -= 1
                continue
            step[top] = 0
        level = min(levels[a], levels[b])
        if step[top] == arity[level]:
            have -= arity[level]
            node = make(level, arity[level], results, have, count, levels, starts, children, table)
            if node < 0:
                return -1
            keys[place[top]] = np.uint64(a) << np.uint64(33) | np.uint64(b) << np.uint64(2) | np.uint64(operation + 1)
            found[place[top]] = node
            results[have] = node
            have += 1
            top -= 1
            continue
        k = step[top]
        step[top] = k + 1
        x = children[starts[a] + k] if levels[a] == level else a
        y = children[starts[b] + k] if levels[b] == level else b
        result = _simple(operation, x, y)
        if result >= 0:
            results[have] = result
            have += 1
        else:
            top += 1
            wanted[top, 0], wanted[top, 1], step[top] = x, y, -1
    return results[0]
