"""The inner loop of `compile`, compiled by numba."""

from __future__ import annotations

import numpy as np

from neurosym.grounding.compiled import kernel

FALSE, TRUE = 0, 1  # of a diagram
SUM, DECISION = 3, 5  # of a circuit


@kernel("int64(int64, int64, int64)")
def _reference(child, one, first):
    """A node of a diagram as a reference to one of a circuit, whose decisions begin with `first`."""
    if child > TRUE:
        return child - 2 + first
    return one if child == TRUE else ~one


@kernel(
    "Tuple((uint8[::1], int64[::1], int64[::1], int64[::1]))("
    "int64[::1], int64[::1], boolean[::1], int64, int64[::1], int64[::1], int64[::1], int64[::1])"
)
def read_off(leaf, sizes, other, one, level, start, child, roots):
    """The nodes of a circuit for a diagram.

    Args:
        leaf: the first outcome of the choice at each place of the order; sizes, other: of that choice, see `Shape`.
        one: the constant, behind all outcomes. The others: see `Diagram`.

    Returns:
        `kinds`, `sizes`, `children` and `roots` of `Solution`.
    """
    rest = ~leaf  # of a choice with one outcome
    sums, edges = 0, 2 * len(child)
    for place in range(len(leaf)):
        if other[place] and sizes[place] > 1:
            rest[place] = ~(one + 1 + sums)
            sums += 1
            edges += sizes[place]
    kinds, counts = np.full(sums + len(level), DECISION, np.uint8), np.zeros(sums + len(level), np.int64)
    children, total, made = np.empty(edges, np.int64), 0, 0
    for place in range(len(leaf)):
        if other[place] and sizes[place] > 1:
            kinds[made], counts[made] = SUM, sizes[place]
            for k in range(sizes[place]):
                children[total + k] = leaf[place] + k
            total += sizes[place]
            made += 1
    first = one + 1 + sums
    for node in range(len(level)):
        place = level[node]
        for at in range(start[node], start[node + 1]):
            if child[at] == FALSE:
                continue
            branch = at - start[node]
            children[total] = leaf[place] + branch if branch < sizes[place] else rest[place]
            children[total + 1] = _reference(child[at], one, first)
            counts[made] += 2
            total += 2
        made += 1
    asked = np.empty(len(roots), np.int64)
    for k in range(len(roots)):
        asked[k] = _reference(roots[k], one, first)
    return kinds, counts, children[:total].copy(), asked
