"""Circuits evaluated node by node, forward and backward, compiled by numba: see `circuit`."""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel

PRODUCT, SUM, QUOTIENT, DECISION = 2, 3, 4, 5
NOTHING = np.uint64(2**64 - 1)


@njit(inline="always")
def _node(reference):
    return ~reference if reference < 0 else reference


@njit(inline="always")
def _line(reference):
    """A reference's value as a + b · that of its node: one loop for both signs, without a branch in it."""
    return (0.0, 1.0) if reference >= 0 else (1.0, -1.0)


@kernel("uint64(uint64[:,::1], int64, int64, uint64)")
def _least(bits, node, width, least):
    """The least of some numbers above 0 and those of a row, as bits less one: of 0, that is the largest."""
    for m in range(width):
        least = min(least, bits[node, m] - np.uint64(1))
    return least


@kernel("uint64(uint8[::1], int64[::1], int64[::1], float64[:,::1], int64, float64[:,::1], int64)")
def _fill(kinds, starts, children, inputs, left, values, width):
    """Compute all nodes for some columns; the least leaf and the least product above 0, see `_least`."""
    bits = values.view(np.uint64)
    least, leaves = NOTHING, len(inputs)
    for node in range(leaves):
        for m in range(width):
            values[node, m] = inputs[node, left + m]
        least = _least(bits, node, width, least)
    values[leaves] = 1.0
    for node in range(leaves + 1, len(kinds)):
        begin, end = starts[node], starts[node + 1]
        kind = kinds[node]
        x = _node(children[begin])
        a, b = _line(children[begin])
        if kind == DECISION:
            y = _node(children[begin + 1])
            c, d = _line(children[begin + 1])
            for m in range(width):
                values[node, m] = (a + b * values[x, m]) * (c + d * values[y, m])
            least = _least(bits, node, width, least)
            for at in range(begin + 2, end, 2):
                x, y = _node(children[at]), _node(children[at + 1])
                (a, b), (c, d) = _line(children[at]), _line(children[at + 1])
                for m in range(width):
                    values[node, m] += (a + b * values[x, m]) * (c + d * values[y, m])
            continue
        for m in range(width):
            values[node, m] = a + b * values[x, m]
        if kind == PRODUCT:
            for at in range(begin + 1, end):
                x = _node(children[at])
                a, b = _line(children[at])
                for m in range(width):
                    values[node, m] *= a + b * values[x, m]
                least = _least(bits, node, width, least)
        elif kind == SUM:
            for at in range(begin + 1, end):
                x = _node(children[at])
                a, b = _line(children[at])
                for m in range(width):
                    values[node, m] += a + b * values[x, m]
        elif kind == QUOTIENT:
            x = _node(children[begin + 1])
            a, b = _line(children[begin + 1])
            for m in range(width):
                below = a + b * values[x, m]
                values[node, m] = values[node, m] / below if below != 0 else 0.0
    return least


@kernel("float64(uint8[::1], int64[::1], int64[::1], float64[:,::1], int64[::1], float64[:,::1], float64[:,::1])")
def forward(kinds, starts, children, inputs, outputs, values, result):
    """Evaluate a circuit, some columns at a time, so that what a node reads is still in the cache.

    A child is a node, or `~node` for one minus it.

    Args:
        inputs: (L, M) of the leaves; outputs: (o,) references; result: (o, M) filled in.
        values: (N, columns at a time) filled in, in the end for the last columns.

    Returns:
        The least number above 0 that a leaf or a product has.
    """
    count, size = inputs.shape[1], values.shape[1]
    least = NOTHING
    for left in range(0, count, size):
        width = min(size, count - left)
        least = min(least, _fill(kinds, starts, children, inputs, left, values, width))
        for k in range(len(outputs)):
            x = _node(outputs[k])
            a, b = _line(outputs[k])
            for m in range(width):
                result[k, left + m] = a + b * values[x, m]
    bits = np.empty(1, np.uint64)
    bits[0] = least + np.uint64(1) if least != NOTHING else np.uint64(0x3FF0000000000000)
    return bits.view(np.float64)[0]


@kernel("void(uint8[::1], int64[::1], int64[::1], int64, float64[:,::1], float64[:,::1], int64)")
def _hand_on(kinds, starts, children, first, values, gradient, width):
    """Hand the gradient of each node on to its children, parents first."""
    most = 1
    for node in range(first, len(kinds)):
        if kinds[node] == PRODUCT:
            most = max(most, starts[node + 1] - starts[node])
    after = np.empty((most + 1, width))
    for node in range(len(kinds) - 1, first - 1, -1):
        begin, count = starts[node], starts[node + 1] - starts[node]
        kind = kinds[node]
        if kind == SUM:
            for at in range(begin, begin + count):
                x = _node(children[at])
                _, b = _line(children[at])
                for m in range(width):
                    gradient[x, m] += b * gradient[node, m]
        elif kind == DECISION:
            for at in range(begin, begin + count, 2):
                x, y = _node(children[at]), _node(children[at + 1])
                (a, b), (c, d) = _line(children[at]), _line(children[at + 1])
                for m in range(width):
                    gradient[x, m] += b * gradient[node, m] * (c + d * values[y, m])
                for m in range(width):
                    gradient[y, m] += d * gradient[node, m] * (a + b * values[x, m])
        elif kind == QUOTIENT:
            x, y = _node(children[begin]), _node(children[begin + 1])
            (_, b), (c, d) = _line(children[begin]), _line(children[begin + 1])
            for m in range(width):
                below = c + d * values[y, m]
                if below != 0:
                    g = gradient[node, m] / below
                    gradient[x, m] += b * g
                    gradient[y, m] -= d * g * values[node, m]
        else:
            # the product of all others, without dividing: what comes after times what came before
            after[count] = 1.0
            for k in range(count - 1, 0, -1):
                x = _node(children[begin + k])
                a, b = _line(children[begin + k])
                for m in range(width):
                    after[k, m] = after[k + 1, m] * (a + b * values[x, m])
            for m in range(width):
                after[0, m] = gradient[node, m]  # from here on: gradient times what came before
            for k in range(count):
                x = _node(children[begin + k])
                a, b = _line(children[begin + k])
                for m in range(width):
                    gradient[x, m] += b * after[0, m] * after[k + 1, m]
                for m in range(width):
                    after[0, m] *= a + b * values[x, m]


@kernel(
    "void(uint8[::1], int64[::1], int64[::1], float64[:,::1], int64[::1], float64[:,::1], float64[:,::1], "
    "float64[:,::1])"
)
def backward(kinds, starts, children, inputs, outputs, values, upstream, result):
    """Gradients of the leaves, (L, M) `result`, from those of the outputs, (o, M) `upstream`; see `forward`.

    Where there were too many columns for one turn, the values are computed again, which costs less than to have kept
    them.
    """
    count, size = inputs.shape[1], values.shape[1]
    leaves = len(inputs)
    gradient = np.empty((len(kinds), size))
    for left in range(0, count, size):
        width = min(size, count - left)
        if count > size:
            _fill(kinds, starts, children, inputs, left, values, width)
        gradient[:] = 0.0
        for k in range(len(outputs)):
            x = _node(outputs[k])
            _, b = _line(outputs[k])
            for m in range(width):
                gradient[x, m] += b * upstream[k, left + m]
        _hand_on(kinds, starts, children, leaves + 1, values, gradient, width)
        for node in range(leaves):
            for m in range(width):
                result[node, left + m] = gradient[node, m]


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
