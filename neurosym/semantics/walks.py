"""Walks over the facts and groundings of a graph, compiled by numba: what is reached, and in which order."""

from __future__ import annotations

import numpy as np

from neurosym.grounding.compiled import kernel


@kernel("void(int64[::1], int64[::1], int64[::1], int32[::1], boolean[::1], boolean, int32[::1], boolean[::1])")
def reach(starts, order, body_start, body, certain, drop, roots, seen):
    """Mark the facts that some facts depend on.

    Args:
        starts, order: groundings by head; `drop`: neither follow certain literals nor derivations of certain facts.
        seen: (F,) filled.
    """
    stack = np.empty(1024, np.int32)
    top = 0
    for root in roots:
        if seen[root]:
            continue
        seen[root] = True
        stack[0] = root
        top = 1
        while top:
            top -= 1
            fact = stack[top]
            if drop and certain[fact]:
                continue
            for at in range(starts[fact], starts[fact + 1]):
                grounding = order[at]
                for edge in range(body_start[grounding], body_start[grounding + 1]):
                    other = body[edge]
                    if seen[other] or (drop and certain[other]):
                        continue
                    seen[other] = True
                    if top == len(stack):
                        larger = np.empty(2 * top, np.int32)
                        for k in range(top):
                            larger[k] = stack[k]
                        stack = larger
                    stack[top] = other
                    top += 1


@kernel(
    "Tuple((int32[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1]))("
    "int64[::1], int64[::1], int64[::1], int32[::1], boolean[::1], boolean[::1], boolean, boolean[::1])"
)
def collected(starts, order, body_start, body, sign, certain, drop, seen):
    """The marked facts and the groundings that derive them, by head, then in the order of the graph.

    So equal structures get equal orders. For the arguments see `reach`.

    Returns:
        `facts` of `Part`, the number of each fact of the graph there, and `grounding`, `head`, `body_start`, `body`,
        `sign` of `Part`.
    """
    number, count, most, edges = np.full(len(seen), -1, np.int64), 0, 0, 0
    for fact in range(len(seen)):
        if not seen[fact]:
            continue
        number[fact] = count
        count += 1
        if drop and certain[fact]:
            continue
        most += starts[fact + 1] - starts[fact]
        for at in range(starts[fact], starts[fact + 1]):
            edges += body_start[order[at] + 1] - body_start[order[at]]
    facts, grounding, head = np.empty(count, np.int32), np.empty(most, np.int64), np.empty(most, np.int64)
    new_start, new_body, new_sign = np.zeros(most + 1, np.int64), np.empty(edges, np.int64), np.empty(edges, np.bool_)
    made, total = 0, 0
    for fact in range(len(seen)):
        if not seen[fact]:
            continue
        facts[number[fact]] = fact
        if drop and certain[fact]:
            continue
        for at in range(starts[fact], starts[fact + 1]):
            grounding[made], head[made] = order[at], number[fact]
            for edge in range(body_start[order[at]], body_start[order[at] + 1]):
                if not drop or not certain[body[edge]]:
                    new_body[total], new_sign[total] = number[body[edge]], sign[edge]
                    total += 1
            made += 1
            new_start[made] = total
    return facts, number, grounding, head, new_start, new_body[:total].copy(), new_sign[:total].copy()


@kernel("void(int64[::1], int64, int64)")
def _reverse(order, first, last):
    """Members of a cycle in the order in which they were met."""
    while first < last - 1:
        last -= 1
        order[first], order[last] = order[last], order[first]
        first += 1


@kernel("int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def bottom_up(starts, children, roots, order, component):
    """Number nodes so that those below come first, and strongly connected ones together (Tarjan 1972).

    Args:
        starts, children: (n + 1,) and (e,), what a node depends on.
        order: (n,) filled with nodes; component: (n,) with numbers that rise along the order.

    Returns:
        How many nodes the roots reach; the rest of `order` is not filled.
    """
    n = len(starts) - 1
    index = np.full(n, -1, np.int64)
    low = np.zeros(n, np.int64)
    open_ = np.zeros(n, np.bool_)
    at = starts[:-1].copy()
    path = np.empty(n, np.int64)
    stack = np.empty(n, np.int64)
    count, depth, size, found, components = 0, 0, 0, 0, 0
    for root in roots:
        if index[root] >= 0:
            continue
        path[0] = root
        depth = 1
        while depth:
            node = path[depth - 1]
            if index[node] < 0:
                index[node] = low[node] = count
                count += 1
                stack[size] = node
                size += 1
                open_[node] = True
            deeper = False
            while at[node] < starts[node + 1]:
                child = children[at[node]]
                at[node] += 1
                if index[child] < 0:
                    path[depth] = child
                    depth += 1
                    deeper = True
                    break
                if open_[child] and index[child] < low[node]:
                    low[node] = index[child]
            if deeper:
                continue
            depth -= 1
            if depth and low[node] < low[path[depth - 1]]:
                low[path[depth - 1]] = low[node]
            if low[node] == index[node]:
                first = found
                while True:
                    size -= 1
                    member = stack[size]
                    open_[member] = False
                    component[member] = components
                    order[found] = member
                    found += 1
                    if member == node:
                        break
                components += 1
                _reverse(order, first, found)
    return found


@kernel("void(int64[::1], int64[::1], boolean[::1], int64[::1], boolean[::1])")
def spread(starts, children, closed, roots, seen):
    """Mark the nodes that some nodes reach, not going on from closed ones; a child of -1 is none."""
    stack = np.empty(len(starts), np.int64)
    top = 0
    for root in roots:
        if not seen[root]:
            seen[root] = True
            stack[top] = root
            top += 1
        while top:
            top -= 1
            node = stack[top]
            if closed[node]:
                continue
            for at in range(starts[node], starts[node + 1]):
                child = children[at]
                if child >= 0 and not seen[child]:
                    seen[child] = True
                    stack[top] = child
                    top += 1


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1])")
def levels(starts, literals, component, level):
    """The longest way from each node down to one without children; nodes come bottom up, those of a cycle share it."""
    n = len(level)
    first = 0
    while first < n:
        last, highest = first, 0
        while last < n and component[last] == component[first]:
            for at in range(starts[last], starts[last + 1]):
                child = ~literals[at] if literals[at] < 0 else literals[at]
                if component[child] != component[first]:
                    highest = max(highest, level[child] + 1)
            last += 1
        level[first:last] = highest
        first = last
