"""The loop of the search for proofs: the cost of each fact's best one, and the grounding that it begins with."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np

from neurosym.grounding.compiled import kernel


@kernel("Tuple((f8[::1], i8[::1], f8[::1]))(f8[::1], i8[::1], i8[::1], i8[::1], f8[::1], i8[::1], i8[::1])")
def best(base, head, tail_start, tails, own, user_start, users):
    """Costs of the best derivations (Knuth, A generalization of Dijkstra's algorithm, 1977).

    Args:
        base: (n,) cost of a fact that is a leaf or given, infinite of the others.
        head: (m,); `tail_start`, `tails`: positive body facts of each grounding; `own`: (m,) cost of its negated ones.
        user_start, users: for each fact the groundings in whose body it stands, as often as it stands there.

    Returns:
        (n,) costs; (n,) the grounding that a best derivation begins with, -1 for none; (m,) costs of the groundings
        by the best derivations of their bodies.
    """
    n, m = len(base), len(head)
    cost, first, total = base.copy(), np.full(n, -1, np.int64), own.copy()
    left = np.empty(m, np.int64)
    done = np.zeros(n, np.uint8)
    heap = [(0.0, 0)]
    heap.pop()
    for f in range(n):
        if base[f] < np.inf:
            heappush(heap, (base[f], f))
    for g in range(m):
        left[g] = tail_start[g + 1] - tail_start[g]
        h = head[g]
        if left[g] == 0 and total[g] < cost[h]:
            cost[h], first[h] = total[g], g
            heappush(heap, (total[g], h))
    while len(heap):
        _, f = heappop(heap)
        if done[f]:
            continue
        done[f] = 1
        for u in range(user_start[f], user_start[f + 1]):
            g = users[u]
            left[g] -= 1
            total[g] += cost[f]
            h = head[g]
            if left[g] == 0 and not done[h] and total[g] < cost[h]:
                cost[h], first[h] = total[g], g
                heappush(heap, (total[g], h))
    for g in range(m):
        if left[g] > 0:
            total[g] = np.inf
    return cost, first, total
