"""Evaluation in numbers of any size: a float64 and a power of 2²⁵⁶ beside it, for logarithms of tags that underflow.

The same arithmetic as in `kernels`, step by step, so that nothing has to be said anew about zeros, negations and sums:
a logarithm is taken at the end. Slower, and only for times = product.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel

MAX, NOISY = 0, 1
BIG, SMALL = 2.0**256, 2.0**-256
HIGH, LOW = 2.0**128, 2.0**-128
SETTLED = 1e-12


@njit(forceinline=True)
def _normal(m, e):
    """A number with its float64 between 2⁻¹²⁸ and 2¹²⁸, or 0."""
    while m != 0.0 and abs(m) < LOW:
        m *= BIG
        e -= 1
    while abs(m) >= HIGH and np.isfinite(m):
        m *= SMALL
        e += 1
    return m, e


@njit(forceinline=True)
def _mul(a, b):
    return _normal(a[0] * b[0], a[1] + b[1])


@njit
def _sum(a, b):
    if a[0] == 0.0:
        return b
    if b[0] == 0.0:
        return a
    if a[1] < b[1]:
        a, b = b, a
    if a[1] == b[1]:
        return _normal(a[0] + b[0], a[1])
    return _normal(a[0] + b[0] * SMALL, a[1]) if a[1] == b[1] + 1 else a


@njit
def _rest(a):
    """1 − a."""
    return _sum((1.0, 0), (-a[0], a[1]))


@njit
def _more(a, b):
    """A > b."""
    return _sum(a, (-b[0], b[1]))[0] > 0.0


@njit
def _literal(m, e, y):
    return (m[y], e[y]) if y >= 0 else _rest((m[~y], e[~y]))


@njit
def _body(m, e, body, begin, end):
    value = (1.0, 0)
    for i in range(begin, end):
        value = _mul(value, _literal(m, e, body[i]))
    return value


@kernel(
    "int64(float64[::1], int64[::1], int64, float64[::1], int64[::1], int64[::1], int32[::1], int64[::1],"
    " boolean[::1], int64, int64, int32[::1], int32[::1])"
)
def forward(m, e, base, given, first, starts, body, blocks, cyclic, plus, max_rounds, wins, rounds):
    """As `kernels.forward`, but a maximum over a cycle is found by rounds.

    A winner is replaced by a greater one only: winning proofs have no cycle then, either.
    """
    for k in range(base):
        m[k], e[k] = _normal(m[k], e[k])
    for b in range(len(cyclic)):
        for h in range(blocks[b], blocks[b + 1]):
            m[base + h], e[base + h] = 0.0, 0
            wins[h] = -1
        changed, done = True, 0
        while changed:
            if done == max_rounds:
                return blocks[b]
            changed = False
            for h in range(blocks[b], blocks[b + 1]):
                old = (m[base + h], e[base + h])
                total = old if plus == MAX else (given[h], 0)
                for g in range(first[h], first[h + 1]):
                    value = _body(m, e, body, starts[g], starts[g + 1])
                    if plus == MAX:
                        if _more(value, total) or (wins[h] < 0 and not cyclic[b]):
                            total, wins[h] = value, g
                    elif plus == NOISY:
                        total = _sum(total, _mul(value, _rest(total)))
                    else:
                        total = _sum(total, value)
                if not np.isfinite(total[0]) or total[1] > 2**40:
                    return h
                change = _sum(total, (-old[0], old[1]))
                m[base + h], e[base + h] = total
                if cyclic[b] and _more((abs(change[0]), change[1]), _mul((SETTLED, 0), total)):
                    changed = True
            done += 1
        rounds[b] = done
    return -1


@njit
def _pass(gm, ge, y, a):
    at = y if y >= 0 else ~y
    gm[at], ge[at] = _sum((gm[at], ge[at]), a if y >= 0 else (-a[0], a[1]))


@njit
def _down(m, e, gm, ge, body, begin, end, up, before):
    """Hand the gradient of a body's tag to its literals."""
    product = (1.0, 0)
    for i in range(begin, end):
        before[i - begin] = product
        product = _mul(product, _literal(m, e, body[i]))
    product = up
    for back in range(end - begin):
        i = end - 1 - back
        _pass(gm, ge, body[i], _mul(before[i - begin], product))
        product = _mul(product, _literal(m, e, body[i]))


@kernel(
    "void(float64[::1], int64[::1], float64[::1], int64[::1], int64, float64[::1], int64[::1], int64[::1], int32[::1],"
    " int64[::1], boolean[::1], int64, int64, int64, int32[::1], int32[::1])"
)
def backward(m, e, gm, ge, base, given, first, starts, body, blocks, cyclic, longest, most, plus, wins, rounds):
    """As `kernels.backward`."""
    before = [(1.0, 0)] * longest
    values, others = [(1.0, 0)] * most, [(1.0, 0)] * most
    for b in range(len(cyclic) - 1, -1, -1):
        begin, end = blocks[b], blocks[b + 1]
        # winning proofs have no cycle: as many rounds as heads are enough
        limit = 1 if not cyclic[b] else end - begin if plus == MAX else 2 * rounds[b] + 8
        scale = (0.0, 0)
        for _ in range(limit):
            size = (0.0, 0)
            for back in range(end - begin):
                h = end - 1 - back
                up = (gm[base + h], ge[base + h])
                if up[0] == 0.0:
                    continue
                gm[base + h], ge[base + h] = 0.0, 0
                if _more((abs(up[0]), up[1]), size):
                    size = (abs(up[0]), up[1])
                if plus == MAX:
                    if wins[h] >= 0:
                        _down(m, e, gm, ge, body, starts[wins[h]], starts[wins[h] + 1], up, before)
                    continue
                product = (1.0 - given[h], 0)
                for g in range(first[h], first[h + 1]):
                    k = g - first[h]
                    values[k] = _rest(_body(m, e, body, starts[g], starts[g + 1]))
                    others[k] = product
                    product = _mul(product, values[k])
                product = up
                for k in range(first[h + 1] - first[h] - 1, -1, -1):
                    g = first[h] + k
                    part = _mul(product, others[k]) if plus == NOISY else up
                    _down(m, e, gm, ge, body, starts[g], starts[g + 1], part, before)
                    product = _mul(product, values[k])
            if _more(size, scale):
                scale = size
            if not _more(size, _mul((SETTLED, 0), scale)):
                break
