"""Inner loops over decision diagrams, choices and worlds, compiled by numba."""

from __future__ import annotations

import numpy as np

from neurosym.grounding.compiled import kernel

TIE = 1e-12  # logarithms that are this near are equal


@kernel("float64(int64, float64[::1], int64[::1], float64[::1])")
def _weight(place, logs, module_roots, values):
    """The logarithm of what a branch of a node counts: that of an outcome, or that of a module."""
    if place < len(logs):
        return logs[place]
    return values[module_roots[place - len(logs)]]


@kernel(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], float64[::1], boolean, float64[::1], "
    "float64[::1])"
)
def weigh(variable, start, child, place, module_roots, logs, best, values, branches):
    """The logarithm of the sum, or of the maximum, of the worlds of each node, and of each branch.

    Args:
        variable, …, module_roots: see `Diagrams`; logs: (L,) logarithms of the outcomes' weights.
        values: (N,) and branches: (E,) filled.
    """
    values[0], values[1] = -np.inf, 0.0
    for node in range(2, len(variable)):
        most = -np.inf
        for at in range(start[node], start[node + 1]):
            outcome = place[variable[node]] + at - start[node]
            branches[at] = values[child[at]] + _weight(outcome, logs, module_roots, values)
            most = max(most, branches[at])
        if not best and most > -np.inf:
            total = 0.0
            for at in range(start[node], start[node + 1]):
                total += np.exp(branches[at] - most)
            most += np.log(total)
        values[node] = most


@kernel(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], int64[::1], "
    "int64[::1], float64[:,::1], boolean, int64[:,::1])"
)
def walk(variable, start, child, place, module_roots, values, branches, roots, choice_of, uniform, best, chosen):
    """Go down from the roots, for each of n worlds, by the branches' probabilities or along the best ones.

    Args:
        uniform: (n, V) random numbers. chosen: (n, C) filled with places where the diagrams decide.
    """
    stack = np.empty(len(roots) + len(module_roots) + 1, np.int64)
    count = len(choice_of)
    for world in range(len(chosen)):
        top = len(roots)
        stack[:top] = roots
        while top:
            top -= 1
            node = stack[top]
            while node > 1:
                left = 0.0 if best else uniform[world, variable[node]]
                found = start[node]
                for at in range(start[node], start[node + 1]):
                    if best:
                        if branches[at] >= values[node] - TIE:
                            found = at
                            break
                    elif branches[at] > -np.inf:
                        found = at
                        left -= np.exp(branches[at] - values[node])
                        if left < 0:
                            break
                outcome = place[variable[node]] + found - start[node]
                if outcome >= count:
                    stack[top] = module_roots[outcome - count]
                    top += 1
                else:
                    chosen[world, choice_of[outcome]] = outcome
                node = child[found]


@kernel("void(int64[::1], int64[::1], float64[::1], boolean[::1], float64[:,::1], boolean, int64[:,::1])")
def settle(start, place, probability, allowed, uniform, best, chosen):
    """Give each choice one of its outcomes, in place of the set of outcomes that it was narrowed to.

    Args:
        start, place, probability: see `Outcomes`; allowed: (L,) by the evidence.
        chosen: (n, C) a place, or -1 where nothing is decided; becomes the number of the outcome.
    """
    for world in range(len(chosen)):
        for choice in range(len(start) - 1):
            wanted = chosen[world, choice]
            total, most = 0.0, -1.0
            for at in range(start[choice], start[choice + 1]):
                if allowed[place[at]] if wanted < 0 else place[at] == wanted:
                    total += probability[at]
                    most = max(most, probability[at])
            left = 0.0 if best else uniform[world, choice] * total
            found = -1
            for at in range(start[choice], start[choice + 1]):
                if allowed[place[at]] if wanted < 0 else place[at] == wanted:
                    if best:
                        if probability[at] >= most * (1 - TIE):
                            found = at
                            break
                    elif probability[at] > 0:
                        found = at
                        left -= probability[at]
                        if left < 0:
                            break
            chosen[world, choice] = found - start[choice]


@kernel(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1], int64[::1], int64[::1], int64[:,::1], "
    "uint64[:,::1])"
)
def hold(starts, body_start, literals, component, cyclic, choice, outcome, chosen, truth):
    """Which facts hold in which worlds: the least fixpoint of each component, bottom up.

    Args:
        starts, …, outcome: see `Structure`; chosen: (C, n) outcomes, counted as the structure does.
        truth: (facts, words) of zeros, filled: a bit for each world.
    """
    words = truth.shape[1]
    term = np.empty(words, np.uint64)
    first = 0
    while first < len(component):
        last = first
        while last < len(component) and component[last] == component[first]:
            last += 1
        changed = True
        while changed:
            changed = False
            for fact in range(first, last):
                if choice[fact] >= 0:
                    for world in range(chosen.shape[1]):
                        if chosen[choice[fact], world] == outcome[fact]:
                            truth[fact, world >> 6] |= np.uint64(1) << np.uint64(world & 63)
                for body in range(starts[fact], starts[fact + 1]):
                    term[:] = ~np.uint64(0)
                    for at in range(body_start[body], body_start[body + 1]):
                        literal = literals[at]
                        for word in range(words):
                            term[word] &= truth[literal, word] if literal >= 0 else ~truth[~literal, word]
                    for word in range(words):
                        more = truth[fact, word] | term[word]
                        if more != truth[fact, word]:
                            truth[fact, word] = more
                            changed = True
            if not cyclic[first]:
                break
        first = last
