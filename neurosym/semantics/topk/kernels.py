"""The two loops of the search for proofs: what a proof of each fact would cost, and reading one off.

A *proof* here is a set of constraints on choices under which a fact holds, or fails, whatever the other choices are.
That a fact holds is proved by one grounding, whose literals are proved without the fact itself (a least model). That it
fails is proved by one false literal in each of its groundings, where failing together is enough: positive literals
that rest on one another only are an unfounded set. So proofs of failure may run into cycles, and proofs of holding may
not. Which grounding or literal is taken decides how good a proof is, never whether it is one.
"""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel

ROUNDS = 10  # for the costs of failure along a cycle; more only make the estimate better

_LONG, _FLAGS, _FLOATS = "i8[::1]", "u1[::1]", "f8[::1]"
_BODIES = f"{_LONG}, {_LONG}, {_LONG}, {_FLAGS}"  # starts, body_start, body, sign


@njit(inline="always")
def _failing(fact, starts, body_start, body, sign, true, false):
    """The summed costs of one false literal in each grounding."""
    total = 0.0
    for g in range(starts[fact], starts[fact + 1]):
        least = np.inf
        for e in range(body_start[g], body_start[g + 1]):
            least = min(least, false[body[e]] if sign[e] else true[body[e]])
        total += least
    return total


@kernel(f"void({_BODIES}, {', '.join([_LONG] * 7)}, {_FLOATS}, {_FLOATS}, {_LONG}, b1)")
def costs(
    starts, body_start, body, sign, order, order_start, component, cyclic, head, user_start, users, true, false, pick,
    world,
):  # fmt: skip
    """Costs of the best proofs, component by component; those of leaves are given.

    Args:
        starts: (n + 1,) groundings of each fact; `body_start`, `body`, `sign`: their literals; `head`: their facts.
        order: derived facts by strongly connected component, what they rest on first; `order_start`: offsets.
        component: (n,) of each fact, its place in that order; `cyclic`: of each component, whether it is a cycle.
        user_start, users: for each fact the groundings of its own cycle in which it stands.
        true, false: (n,) costs, filled in; `pick`: (n,) the grounding by which a fact holds, -1 without.
        world: whether each leaf has one finite cost, so that exactly one of the two of each fact is finite.
    """
    left = np.zeros(len(body_start), np.int64)
    spent = np.zeros(len(body_start), np.float64)
    done = np.zeros(len(starts), np.uint8)
    for c in range(len(order_start) - 1):
        members = order[order_start[c] : order_start[c + 1]]
        heap = [(0.0, 0)]
        heap.pop()
        for f in members:
            true[f], false[f], pick[f] = np.inf, 0.0, -1
        # a fact holds: Knuth's generalisation of Dijkstra's algorithm, within the component
        for f in members:
            for g in range(starts[f], starts[f + 1]):
                left[g], spent[g] = 0, 0.0
                for e in range(body_start[g], body_start[g + 1]):
                    b = body[e]
                    if cyclic[c] and component[b] == c:
                        left[g] += 1
                    else:
                        spent[g] += true[b] if sign[e] else false[b]
                if left[g] == 0 and spent[g] < true[f]:
                    true[f], pick[f] = spent[g], g
            if cyclic[c] and true[f] < np.inf:
                heappush(heap, (true[f], f))
        while len(heap):
            _, f = heappop(heap)
            if done[f]:
                continue
            done[f] = 1
            for u in range(user_start[f], user_start[f + 1]):
                g = users[u]
                left[g] -= 1
                spent[g] += true[f]
                if left[g] == 0:
                    h = head[g]
                    if not done[h] and spent[g] < true[h]:
                        true[h], pick[h] = spent[g], g
                        heappush(heap, (true[h], h))
        # a fact fails: from below, so that what fails together costs nothing
        for _ in range(ROUNDS if cyclic[c] else 1):
            changed = False
            for f in members:
                if world and true[f] < np.inf:
                    new = np.inf
                else:
                    new = _failing(f, starts, body_start, body, sign, true, false)
                if new != false[f]:
                    false[f], changed = new, True
            if not changed:
                break


@njit(inline="always")
def _force(slot, first, last, allowed):
    """A choice takes one value; whether it can."""
    if not allowed[slot]:
        return False
    for s in range(first, last):
        if s != slot:
            allowed[s] = 0
    return True


@njit(inline="always")
def _exclude(slot, first, last, allowed):
    """A choice does not take one value; whether it has another."""
    if not allowed[slot]:
        return True
    for s in range(first, last):
        if s != slot and allowed[s]:
            allowed[slot] = 0
            return True
    return False


@njit(inline="always")
def _settled(b, positive, slot, first, last, allowed, proved):
    """Whether a literal is known to be false already."""
    if slot[b] < 0:
        return proved[2 * b] != 0 if positive else proved[2 * b + 1] != 0
    if positive:
        return allowed[slot[b]] == 0
    if not allowed[slot[b]]:
        return False
    for s in range(first[b], last[b]):  # noqa: SIM110
        if s != slot[b] and allowed[s]:
            return False
    return True


@kernel(f"b1({_BODIES}, {_FLOATS}, {_FLOATS}, {_LONG}, {_LONG}, {_LONG}, {_LONG}, {_FLAGS}, i8, b1)")
def collect(starts, body_start, body, sign, true, false, pick, slot, first, last, allowed, root, holds):
    """Read off the cheapest proof that a fact holds, or fails, into the values that choices may take.

    Args:
        slot: (n,) of each leaf its value's number among all values of all choices, -1 for other facts; those of its
            choice are from `first` to `last`.
        allowed: which values are possible; the proof's constraints are taken away.

    Returns:
        Whether that succeeded: a proof may need two values of one choice.
    """
    proved = np.zeros(2 * len(starts), np.uint8)  # goals met: 2f that f fails, 2f + 1 that it holds
    stack = np.empty(2 * len(starts), np.int64)
    if slot[root] >= 0:
        if holds:
            return _force(slot[root], first[root], last[root], allowed)
        return _exclude(slot[root], first[root], last[root], allowed)
    stack[0] = 2 * root + (1 if holds else 0)
    proved[stack[0]] = 1
    size = 1
    while size:
        size -= 1
        goal = stack[size]
        f = goal >> 1
        positive = goal & 1 == 1
        if positive and pick[f] < 0:
            return False
        begin = pick[f] if positive else starts[f]
        end = pick[f] + 1 if positive else starts[f + 1]
        for g in range(begin, end):
            low, high = body_start[g], body_start[g + 1]
            if not positive:
                best, least, settled = -1, np.inf, False
                for e in range(low, high):
                    b = body[e]
                    if _settled(b, sign[e], slot, first, last, allowed, proved):
                        settled = True
                        break
                    cost = false[b] if sign[e] else true[b]
                    if cost < least:
                        best, least = e, cost
                if settled:
                    continue
                if best < 0:
                    return False
                low, high = best, best + 1
            for e in range(low, high):
                b = body[e]
                wanted = (sign[e] == 1) == positive
                if slot[b] >= 0:
                    if wanted and not _force(slot[b], first[b], last[b], allowed):
                        return False
                    if not wanted and not _exclude(slot[b], first[b], last[b], allowed):
                        return False
                else:
                    next_goal = 2 * b + (1 if wanted else 0)
                    if not proved[next_goal]:
                        proved[next_goal] = 1
                        stack[size] = next_goal
                        size += 1
    return True
