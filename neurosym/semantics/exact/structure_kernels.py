"""Inner loops of `structure`, compiled by numba: bodies grouped by head, facts in bottom-up order, choices numbered."""

from __future__ import annotations

import numpy as np

from neurosym.grounding.compiled import kernel
from neurosym.semantics.walks import bottom_up


@kernel("Tuple((int64[::1], int64[::1], int64[::1]))(int64[::1], int64[::1], int64[::1], int64[::1], int64)")
def regrouped(head, body_start, literals, number, n):
    """Bodies sorted by head, with facts renamed; without those that need their own head, as they derive nothing new.

    Args:
        head: (m,) of each body, -1 to leave it out; number: new names of facts, -1 to leave their bodies out.

    Returns:
        (n + 1,) offsets into the bodies of each new fact, offsets into their literals, and those.
    """
    bodies, count, edges = len(head), 0, 0
    own = np.full(bodies, -1, np.int64)
    starts = np.zeros(n + 1, np.int64)
    for b in range(bodies):
        if head[b] < 0 or number[head[b]] < 0:
            continue
        loops = False
        for at in range(body_start[b], body_start[b + 1]):
            loops |= literals[at] >= 0 and number[literals[at]] == number[head[b]]
        if not loops:
            own[b] = number[head[b]]
            starts[own[b] + 1] += 1
            count += 1
            edges += body_start[b + 1] - body_start[b]
    for fact in range(n):
        starts[fact + 1] += starts[fact]
    free = starts[:-1].copy()
    source = np.empty(count, np.int64)
    for b in range(bodies):
        if own[b] >= 0:
            source[free[own[b]]] = b
            free[own[b]] += 1
    new_start, renamed, total = np.zeros(count + 1, np.int64), np.empty(edges, np.int64), 0
    for k in range(count):
        for at in range(body_start[source[k]], body_start[source[k] + 1]):
            x = literals[at]
            renamed[total] = number[x] if x >= 0 else ~number[~x]
            total += 1
        new_start[k + 1] = total
    return starts, new_start, renamed


@kernel("Tuple((int64[::1], int64[::1], boolean[::1]))(int64[::1], int64[::1], int64[::1], int64[::1])")
def ordered(starts, body_start, literals, roots):
    """The facts that roots reach, bottom up; for each fact its component, and whether it lies on a cycle."""
    n = len(starts) - 1
    offsets = np.empty(n + 1, np.int64)
    for fact in range(n + 1):
        offsets[fact] = body_start[starts[fact]]
    children = np.empty(len(literals), np.int64)
    cyclic = np.zeros(n, np.bool_)
    for fact in range(n):
        for at in range(offsets[fact], offsets[fact + 1]):
            children[at] = literals[at] if literals[at] >= 0 else ~literals[at]
            cyclic[fact] |= children[at] == fact
    order, component = np.empty(n, np.int64), np.full(n, -1, np.int64)
    count = bottom_up(offsets, children, roots, order, component)
    for k in range(1, count):
        if component[order[k]] == component[order[k - 1]]:
            cyclic[order[k]] = cyclic[order[k - 1]] = True
    return order[:count].copy(), component, cyclic


@kernel("int64[::1](int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1])")
def units(starts, body_start, literals, component, cyclic):
    """For each fact the one that stands for it: facts that imply one another through bodies of one literal."""
    n = len(starts) - 1
    offsets, children, count = np.zeros(n + 1, np.int64), np.empty(len(literals), np.int64), 0
    for fact in range(n):
        for b in range(starts[fact], starts[fact + 1]):
            at = body_start[b]
            if not cyclic[fact] or body_start[b + 1] != at + 1 or literals[at] < 0:
                continue
            if component[literals[at]] == component[fact]:
                children[count] = literals[at]
                count += 1
        offsets[fact + 1] = count
    order, equal, first = np.empty(n, np.int64), np.full(n, -1, np.int64), np.full(n, n, np.int64)
    bottom_up(offsets, children[:count].copy(), np.arange(n), order, equal)
    for fact in range(n):
        first[equal[fact]] = min(first[equal[fact]], fact)
    return first[equal]


@kernel(
    "Tuple((int64[::1], int64[::1], int64[::1], boolean[::1], uint64[:,::1], int64[::1], int64[::1]))("
    "int32[::1], int32[::1], int64[::1], boolean[::1])"
)
def choices(of, which, in_graph, rest):
    """Choices numbered as facts meet them, and the outcomes that occur of each.

    Args:
        of, which: (n,) the choice of each fact in the graph, -1 where it is no leaf, and its outcome.
        in_graph: how many outcomes a choice of the graph has; rest: whether it may have none of them.

    Returns:
        `choice`, `outcome`, `sizes`, `other`, `full`, `leaf_start` of `Structure`, and the leaves' facts.
    """
    n, count, leaves, space = len(of), 0, 0, 0
    choice, outcome = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    number = np.full(len(in_graph), -1, np.int64)
    first, known, sizes = np.empty(n, np.int64), np.empty(n, np.int64), np.zeros(n, np.int64)
    for fact in range(n):
        if of[fact] < 0:
            continue
        c = number[of[fact]]
        if c < 0:
            c = number[of[fact]] = count
            first[c], known[c] = space, of[fact]
            space += in_graph[of[fact]]
            count += 1
        choice[fact] = c
        sizes[c] += 1
        leaves += 1
    slots = np.full(space, -1, np.int64)
    for fact in range(n):
        if choice[fact] >= 0:
            slots[first[choice[fact]] + which[fact]] = fact
    leaf_start, leaf_facts, total, most = np.zeros(count + 1, np.int64), np.empty(leaves, np.int64), 0, 1
    other = np.zeros(count, np.bool_)
    for c in range(count):
        for at in range(first[c], first[c] + in_graph[known[c]]):
            if slots[at] >= 0:
                outcome[slots[at]] = total - leaf_start[c]
                leaf_facts[total] = slots[at]
                total += 1
        leaf_start[c + 1] = total
        other[c] = rest[known[c]] or sizes[c] < in_graph[known[c]]
        most = max(most, sizes[c] + other[c])
    full = np.zeros((count, (most + 63) // 64), np.uint64)
    for c in range(count):
        for bit in range(sizes[c] + other[c]):
            full[c, bit >> 6] |= np.uint64(1) << np.uint64(bit & 63)
    return choice, outcome, sizes[:count].copy(), other, full, leaf_start, leaf_facts
