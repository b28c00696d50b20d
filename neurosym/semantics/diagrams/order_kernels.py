"""Inner loops of `order`, compiled by numba. Choices have numbers in the order in which they are walked."""

from __future__ import annotations

import numpy as np

from neurosym.grounding.compiled import kernel


@kernel("int64[::1](int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def greedy(start, names, meeting_start, meeting, of_start, of):
    """Next always the choice that leaves the fewest facts open, of those that meet an open one.

    Args:
        names: of the choices; of several that leave as few, the one with the least.
        meeting: the choices that meet in each fact; of: the facts of each choice.
    """
    n = len(names)
    left = meeting_start[1:] - meeting_start[:-1]
    near, done = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    order = np.empty(n, np.int64)
    near[start] = True
    for position in range(n):
        best, least = -1, 0
        for choice in range(n):
            if not near[choice]:
                continue
            change = 0
            for at in range(of_start[choice], of_start[choice + 1]):
                fact = of[at]
                if left[fact] == meeting_start[fact + 1] - meeting_start[fact]:
                    change += 1
                elif left[fact] == 1:
                    change -= 1
            if best < 0 or change < least or (change == least and names[choice] < names[best]):
                best, least = choice, change
        if best < 0:  # nothing is near: the first that is left
            best = 0
            while done[best]:
                best += 1
        order[position] = best
        done[best], near[best] = True, False
        for at in range(of_start[best], of_start[best + 1]):
            fact = of[at]
            left[fact] -= 1
            for other in range(meeting_start[fact], meeting_start[fact + 1]):
                near[meeting[other]] |= not done[meeting[other]]
    return order


@kernel("int64[::1](int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def breadth_first(start, rarest, rank, meeting_start, meeting, of_start, of):
    """The choices that one leads to, itself first; those that are met together by rank.

    Args:
        rarest: the choices by rank, and rank: of each choice. The others: see `greedy`.
    """
    n = len(rank)
    seen, met = np.zeros(n, np.bool_), np.zeros(len(meeting_start) - 1, np.bool_)
    order, count = np.empty(n, np.int64), 1
    order[0], seen[start] = start, True
    for position in range(n):
        if position == count:
            break
        before = count
        for at in range(of_start[order[position]], of_start[order[position] + 1]):
            fact = of[at]
            if met[fact]:
                continue
            met[fact] = True
            for other in range(meeting_start[fact], meeting_start[fact + 1]):
                if not seen[meeting[other]]:
                    seen[meeting[other]] = True
                    order[count] = rank[meeting[other]]
                    count += 1
        near = np.sort(order[before:count])
        for k in range(before, count):
            order[k] = rarest[near[k - before]]
    return order[:count].copy()


@kernel("float64(int64[::1], int64[::1], int64[::1])")
def cost(place, meeting_start, meeting):
    """What a diagram may take: 2 to the number of open facts, summed over the places of an order.

    Args:
        place: of each choice in the order.
    """
    change = np.zeros(len(place) + 1, np.int64)
    for fact in range(len(meeting_start) - 1):
        first, last = len(place), 0
        for at in range(meeting_start[fact], meeting_start[fact + 1]):
            first, last = min(first, place[meeting[at]]), max(last, place[meeting[at]])
        change[first] += 1
        change[last] -= 1
    total, opened = 0.0, 0
    for step in change:
        opened += step
        total += 2.0 ** min(opened, 1000)
    return total
