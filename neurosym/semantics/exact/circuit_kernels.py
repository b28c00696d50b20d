"""Circuits evaluated node by node, forward and backward, compiled by numba: see `circuit`."""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel

PRODUCT, SUM, QUOTIENT, DECISION = 2, 3, 4, 5
BLOCK = 128  # columns at a time, so that the values that a node reads are still in the cache
TINY = 1e-250  # products below are on their way to underflow


@njit(inline="always")
def _node(reference):
    return ~reference if reference < 0 else reference


@njit(inline="always")
def _line(reference):
    """A reference's value as a + b · that of its node."""
    return (0.0, 1.0) if reference >= 0 else (1.0, -1.0)


@kernel("boolean(int64[::1], int64, int64, float64[:,::1], int64, int64, int64)")
def _decide(children, begin, end, values, node, left, right):
    """Fill in a decision; whether one of its products came near the smallest numbers."""
    small = False
    for at in range(begin, end, 2):
        x, y = _node(children[at]), _node(children[at + 1])
        (a, b), (c, d) = _line(children[at]), _line(children[at + 1])
        for m in range(left, right):
            p, q = a + b * values[x, m], c + d * values[y, m]
            made = p * q
            small |= (made < TINY) & (p > 0) & (q > 0)
            values[node, m] = made if at == begin else values[node, m] + made
    return small


@kernel("boolean(uint8[::1], int64[::1], int64[::1], int64, float64[:,::1])")
def forward(kinds, starts, children, first, values):
    """Fill in the nodes from `first` on, each after its children.

    A child is a node, or `~node` for one minus it.

    Returns:
        Whether a product of factors above zero came near the smallest numbers.
    """
    nodes, width = values.shape
    small = False
    for left in range(0, width, BLOCK):
        right = min(width, left + BLOCK)
        for node in range(first, nodes):
            begin, end = starts[node], starts[node + 1]
            if kinds[node] == DECISION:
                small |= _decide(children, begin, end, values, node, left, right)
                continue
            child = children[begin]
            if child >= 0:
                for m in range(left, right):
                    values[node, m] = values[child, m]
            else:
                for m in range(left, right):
                    values[node, m] = 1 - values[~child, m]
            kind = kinds[node]
            if kind == PRODUCT:
                for at in range(begin + 1, end):
                    child = children[at]
                    if child >= 0:
                        for m in range(left, right):
                            before = values[node, m]
                            values[node, m] = before * values[child, m]
                            small |= (values[node, m] < TINY) & (before > 0) & (values[child, m] > 0)
                    else:
                        for m in range(left, right):
                            before = values[node, m]
                            values[node, m] = before * (1 - values[~child, m])
                            small |= (values[node, m] < TINY) & (before > 0) & (values[~child, m] < 1)
            elif kind == SUM:
                for at in range(begin + 1, end):
                    child = children[at]
                    if child >= 0:
                        for m in range(left, right):
                            values[node, m] += values[child, m]
                    else:
                        for m in range(left, right):
                            values[node, m] += 1 - values[~child, m]
            elif kind == QUOTIENT:
                child = children[begin + 1]
                for m in range(left, right):
                    below = values[child, m] if child >= 0 else 1 - values[~child, m]
                    values[node, m] = values[node, m] / below if below != 0 else 0.0
    return small


@kernel("void(uint8[::1], int64[::1], int64[::1], int64, float64[:,::1], float64[:,::1])")
def backward(kinds, starts, children, first, values, gradient):
    """Hand the gradient of each node on to its children, parents first."""
    nodes, width = values.shape
    most = 1
    for node in range(first, nodes):
        most = max(most, starts[node + 1] - starts[node])
    factor, after = np.empty((most, BLOCK)), np.empty((most + 1, BLOCK))
    for left in range(0, width, BLOCK):
        right = min(width, left + BLOCK)
        for node in range(nodes - 1, first - 1, -1):
            begin, count = starts[node], starts[node + 1] - starts[node]
            kind = kinds[node]
            if kind == SUM or count == 1:
                for at in range(begin, begin + count):
                    child = children[at]
                    if child >= 0:
                        for m in range(left, right):
                            gradient[child, m] += gradient[node, m]
                    else:
                        for m in range(left, right):
                            gradient[~child, m] -= gradient[node, m]
                continue
            if kind == DECISION:
                for at in range(begin, begin + count, 2):
                    x, y = _node(children[at]), _node(children[at + 1])
                    (a, b), (c, d) = _line(children[at]), _line(children[at + 1])
                    for m in range(left, right):
                        g = gradient[node, m]
                        p, q = a + b * values[x, m], c + d * values[y, m]
                        gradient[x, m] += b * g * q
                        gradient[y, m] += d * g * p
                continue
            for k in range(count):
                child = children[begin + k]
                for m in range(left, right):
                    factor[k, m - left] = values[child, m] if child >= 0 else 1 - values[~child, m]
            if kind == QUOTIENT:
                above, below = children[begin], children[begin + 1]
                for m in range(left, right):
                    if factor[1, m - left] != 0:
                        g = gradient[node, m] / factor[1, m - left]
                        gradient[_node(above), m] += g if above >= 0 else -g
                        h = g * values[node, m]
                        gradient[_node(below), m] -= h if below >= 0 else -h
                continue
            # the product of all others, without dividing: what comes after times what came before
            for m in range(right - left):
                after[count, m] = 1.0
            for k in range(count - 1, 0, -1):
                for m in range(right - left):
                    after[k, m] = after[k + 1, m] * factor[k, m]
            for m in range(right - left):
                after[0, m] = gradient[node, left + m]  # from here on: gradient times what came before
            for k in range(count):
                child = children[begin + k]
                if child >= 0:
                    for m in range(right - left):
                        gradient[child, left + m] += after[0, m] * after[k + 1, m]
                else:
                    for m in range(right - left):
                        gradient[~child, left + m] -= after[0, m] * after[k + 1, m]
                for m in range(right - left):
                    after[0, m] *= factor[k, m]


@kernel("int64(uint8[::1], int64[::1], int64[::1], int64, int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1])")
def compact(kinds, starts, children, first, order, renamed, new_kinds, new_starts, new_children):
    """Renumber nodes along an order, children first, without those that have one child.

    Args:
        first: leaves and constants come before it, and keep their numbers.
        renamed: (N,) filled with the new reference of each node.

    Returns:
        The new number of nodes.
    """
    for node in range(first):
        renamed[node] = node
        new_kinds[node], new_starts[node + 1] = kinds[node], 0
    count, edges = first, 0
    for node in order:
        if node < first:
            continue
        begin, end = starts[node], starts[node + 1]
        for at in range(begin, end):
            child = children[at]
            new_children[edges + at - begin] = renamed[child] if child >= 0 else ~renamed[~child]
        if end - begin == 1:
            renamed[node] = new_children[edges]
            continue
        edges += end - begin
        new_kinds[count] = kinds[node]
        new_starts[count + 1] = edges
        renamed[node] = count
        count += 1
    return count
