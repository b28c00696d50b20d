"""Circuits evaluated in numbers with an exponent of their own, for what floats cannot hold: see `circuit`.

A number is mantissa · 2^exponent, with the mantissa in ±[0.5, 1), or 0. Unlike logarithms, these add, complement and
differentiate without loss.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel

PRODUCT, SUM, QUOTIENT, DECISION = 2, 3, 4, 5


@njit(inline="always")
def _scale(mantissa, exponent):
    m, e = math.frexp(mantissa)
    return m, exponent + e if m != 0 else 0


@njit(inline="always")
def _times(m1, e1, m2, e2):
    return _scale(m1 * m2, e1 + e2)


@njit(inline="always")
def _plus(m1, e1, m2, e2):
    if m1 == 0:
        return m2, e2
    if m2 == 0:
        return m1, e1
    if e1 - e2 > 60:
        return m1, e1
    if e2 - e1 > 60:
        return m2, e2
    return _scale(m1 + math.ldexp(m2, e2 - e1), e1)


@njit(inline="always")
def _complement(m, e):
    return _scale(1 - math.ldexp(m, e), 0)


@njit(inline="always")
def _read(mantissa, exponent, reference, column):
    if reference >= 0:
        return mantissa[reference, column], exponent[reference, column]
    return _complement(mantissa[~reference, column], exponent[~reference, column])


@kernel("void(uint8[::1], int64[::1], int64[::1], int64, float64[:,::1], int64[:,::1])")
def forward(kinds, starts, children, first, mantissa, exponent):
    """Fill in the nodes from `first` on, each after its children; those before hold plain numbers."""
    nodes, width = mantissa.shape
    for node in range(first):
        for m in range(width):
            mantissa[node, m], exponent[node, m] = _scale(mantissa[node, m], 0)
    for node in range(first, nodes):
        kind = kinds[node]
        for m in range(width):
            a, e = _read(mantissa, exponent, children[starts[node]], m)
            if kind == DECISION:
                b, f = _read(mantissa, exponent, children[starts[node] + 1], m)
                a, e = _times(a, e, b, f)
                for at in range(starts[node] + 2, starts[node + 1], 2):
                    b, f = _read(mantissa, exponent, children[at], m)
                    c, h = _read(mantissa, exponent, children[at + 1], m)
                    b, f = _times(b, f, c, h)
                    a, e = _plus(a, e, b, f)
                mantissa[node, m], exponent[node, m] = a, e
                continue
            for at in range(starts[node] + 1, starts[node + 1]):
                b, f = _read(mantissa, exponent, children[at], m)
                if kind == PRODUCT:
                    a, e = _times(a, e, b, f)
                elif kind == SUM:
                    a, e = _plus(a, e, b, f)
                elif b != 0:
                    a, e = _scale(a / b, e - f)
                else:
                    a, e = 0.0, 0
            mantissa[node, m], exponent[node, m] = a, e


@njit(inline="always")
def _give(gradient, powers, reference, column, m, e):
    node = reference if reference >= 0 else ~reference
    sign = 1.0 if reference >= 0 else -1.0
    gradient[node, column], powers[node, column] = _plus(gradient[node, column], powers[node, column], sign * m, e)


@kernel("void(uint8[::1], int64[::1], int64[::1], int64, float64[:,::1], int64[:,::1], float64[:,::1], int64[:,::1])")
def backward(kinds, starts, children, first, mantissa, exponent, gradient, powers):
    """Hand the gradient of each node on to its children, parents first."""
    nodes, width = mantissa.shape
    most = 1
    for node in range(first, nodes):
        most = max(most, starts[node + 1] - starts[node])
    after, after_power = np.empty(most + 1), np.empty(most + 1, np.int64)
    for node in range(nodes - 1, first - 1, -1):
        begin, count, kind = starts[node], starts[node + 1] - starts[node], kinds[node]
        for m in range(width):
            g, h = gradient[node, m], powers[node, m]
            if g == 0:
                continue
            if kind == SUM or count == 1:
                for at in range(begin, begin + count):
                    _give(gradient, powers, children[at], m, g, h)
                continue
            if kind == DECISION:
                for at in range(begin, begin + count, 2):
                    for k in range(2):
                        b, f = _read(mantissa, exponent, children[at + 1 - k], m)
                        q, p = _times(g, h, b, f)
                        _give(gradient, powers, children[at + k], m, q, p)
                continue
            if kind == QUOTIENT:
                b, f = _read(mantissa, exponent, children[begin + 1], m)
                if b != 0:
                    q, p = _scale(g / b, h - f)
                    _give(gradient, powers, children[begin], m, q, p)
                    q, p = _times(q, p, mantissa[node, m], exponent[node, m])
                    _give(gradient, powers, children[begin + 1], m, -q, p)
                continue
            after[count], after_power[count] = 1.0, 0
            for k in range(count - 1, 0, -1):
                b, f = _read(mantissa, exponent, children[begin + k], m)
                after[k], after_power[k] = _times(after[k + 1], after_power[k + 1], b, f)
            for k in range(count):
                q, p = _times(g, h, after[k + 1], after_power[k + 1])
                _give(gradient, powers, children[begin + k], m, q, p)
                b, f = _read(mantissa, exponent, children[begin + k], m)
                g, h = _times(g, h, b, f)
