"""Bodies in normal form, compiled by numba: see `normal`."""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel
from neurosym.semantics.exact.row_kernels import set_row

PLAIN, OUTCOMES, LITERAL, TRUE, FALSE = 0, 1, 2, 3, 4
FEW = 16  # bodies of one fact that are compared with one another


@njit(inline="always")
def _mix(hashed, value):
    return (hashed ^ np.uint64(value)) * np.uint64(0x9E3779B97F4A7C15) ^ (hashed >> np.uint64(29))


@njit(cache=True, nogil=True)
def _sorted_choices(choices, masks, full, begin, end):
    """Sort by choice, without sets that allow everything; gives the new end."""
    words = masks.shape[1]
    kept = begin
    for at in range(begin, end):
        everything = True
        for w in range(words):
            everything &= masks[at, w] == full[choices[at], w]
        if not everything:
            if kept != at:
                choices[kept] = choices[at]
                set_row(masks, kept, masks, at)
            kept += 1
    for k in range(begin + 1, kept):
        at = k
        while at > begin and choices[at - 1] > choices[at]:
            choices[at - 1], choices[at] = choices[at], choices[at - 1]
            for w in range(words):
                masks[at - 1, w], masks[at, w] = masks[at, w], masks[at - 1, w]
            at -= 1
    return kept


@njit(inline="always")
def _fact(literal):
    return ~literal if literal < 0 else literal


@njit(cache=True, nogil=True)
def _sorted_facts(facts, begin, end):
    """Sort by fact, each once; gives the new end, or -1 where a fact is both needed and excluded."""
    for k in range(begin + 1, end):
        at, moved = k, facts[k]
        while at > begin and _fact(facts[at - 1]) > _fact(moved):
            facts[at] = facts[at - 1]
            at -= 1
        facts[at] = moved
    kept = begin
    for k in range(begin, end):
        if kept > begin and _fact(facts[kept - 1]) == _fact(facts[k]):
            if facts[kept - 1] != facts[k]:
                return -1
        else:
            facts[kept] = facts[k]
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _same(body, begin_c, c, begin_f, f, choice_start, literal_start, choices, masks, facts):
    other_c, other_f = choice_start[body], literal_start[body]
    if choice_start[body + 1] - other_c != c - begin_c or literal_start[body + 1] - other_f != f - begin_f:
        return False
    for k in range(c - begin_c):
        if choices[other_c + k] != choices[begin_c + k]:
            return False
        for w in range(masks.shape[1]):
            if masks[other_c + k, w] != masks[begin_c + k, w]:
                return False
    for k in range(f - begin_f):  # noqa: SIM110
        if facts[other_f + k] != facts[begin_f + k]:
            return False
    return True


@njit(inline="always")
def _kind(state, forced, component, x, i):
    """What a fact is in a body of fact i. Of one that has not been looked at: PLAIN.

    A fact that was observed true is none the less to be derived: within its own cycle it does not support itself.
    """
    if forced[x] == 2:
        return np.uint8(FALSE)
    if forced[x] == 1 and component[x] != component[i]:
        return np.uint8(TRUE)
    return state[x]


@njit(cache=True, nogil=True)
def _implies(one, two, choice_start, literal_start, choices, masks, facts):
    """Whether a body holds wherever another one does: all that it asks is asked there."""
    at = choice_start[two]
    for k in range(choice_start[one], choice_start[one + 1]):
        while at < choice_start[two + 1] and choices[at] < choices[k]:
            at += 1
        if at == choice_start[two + 1] or choices[at] != choices[k]:
            return False
        for w in range(masks.shape[1]):
            if masks[at, w] & ~masks[k, w]:
                return False
    at = literal_start[two]
    for k in range(literal_start[one], literal_start[one + 1]):
        while at < literal_start[two + 1] and _fact(facts[at]) < _fact(facts[k]):
            at += 1
        if at == literal_start[two + 1] or facts[at] != facts[k]:
            return False
    return True


@njit(cache=True, nogil=True)
def _without_implied(begin, end, choice_start, literal_start, choices, masks, facts, origin, implied):
    """Leave out bodies that hold only where another one does; gives the new end."""
    none = True
    for two in range(begin, end):
        implied[two - begin] = False
        for one in range(begin, end):
            if one == two or (one < two and implied[one - begin]):
                continue
            if _implies(one, two, choice_start, literal_start, choices, masks, facts):
                implied[two - begin] = True
                none = False
                break
    if none:
        return end
    kept, c, f = begin, choice_start[begin], literal_start[begin]
    from_c, from_f = c, f
    for b in range(begin, end):
        to_c, to_f = choice_start[b + 1], literal_start[b + 1]
        if not implied[b - begin]:
            for k in range(from_c, to_c):
                choices[c] = choices[k]
                set_row(masks, c, masks, k)
                c += 1
            for k in range(from_f, to_f):
                facts[f] = facts[k]
                f += 1
            origin[kept] = origin[b]
            kept += 1
            choice_start[kept], literal_start[kept] = c, f
        from_c, from_f = to_c, to_f
    return kept


@njit(cache=True, nogil=True)
def _united(choices, masks, begin, end):
    """Unite sets of outcomes of one choice in the first of them; whether they are of one choice."""
    for at in range(begin + 1, end):
        if choices[at] != choices[begin]:
            return False
    for at in range(begin + 1, end):
        for w in range(masks.shape[1]):
            masks[begin, w] |= masks[at, w]
    return True


@kernel(
    "int64(int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1], int64[::1], int64[::1], uint64[:,::1], "
    "uint8[::1], uint8[::1], "
    "int64[::1], uint64[:,::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], uint64[:,::1], int64[::1])"
)
def normalise(
    starts, body_start, literals, component, cyclic, choice, outcome, full, forced, state, alias, alias_mask,
    new_starts, origin, choice_start, literal_start, choices, masks, facts,
):  # fmt: skip
    """Fill in the normal form; gives the number of bodies."""
    n, words = len(starts) - 1, full.shape[1]
    place = np.full(len(full), -1, np.int64)  # of a choice in the body at hand
    most = 1
    for i in range(n):
        most = max(most, starts[i + 1] - starts[i])
    size = 4
    while size < 2 * most:
        size *= 2
    table = np.full(size, -1, np.int64)
    touched = np.empty(most, np.int64)
    mask = np.zeros(words, np.uint64)
    implied = np.zeros(FEW, np.bool_)
    bodies, c, f = 0, 0, 0
    for i in range(n):
        new_starts[i] = bodies
        if choice[i] >= 0:
            state[i] = OUTCOMES
            alias[i] = choice[i]
            alias_mask[i, outcome[i] >> 6] = np.uint64(1) << np.uint64(outcome[i] & 63)
            continue
        first_c, first_f, truth, used = c, f, False, 0
        for g in range(starts[i], starts[i + 1]):
            begin_c, begin_f, alive = c, f, True
            for e in range(body_start[g], body_start[g + 1]):
                literal = literals[e]
                negative = literal < 0
                x = ~literal if negative else literal
                kind = _kind(state, forced, component, x, i)
                if kind == LITERAL:
                    negative ^= alias[x] < 0
                    x = ~alias[x] if alias[x] < 0 else alias[x]
                    kind = _kind(state, forced, component, x, i)
                if kind in (TRUE, FALSE):
                    if (kind == TRUE) == negative:
                        alive = False
                        break
                elif kind == OUTCOMES:
                    which = alias[x]
                    at = place[which]
                    if at < 0:
                        at = place[which] = c
                        choices[c] = which
                        set_row(masks, c, full, which)
                        c += 1
                    empty = True
                    for w in range(words):
                        mask[w] = alias_mask[x, w]
                        if negative:
                            mask[w] = full[which, w] & ~mask[w]
                        masks[at, w] &= mask[w]
                        empty &= masks[at, w] == 0
                    if empty:
                        alive = False
                        break
                else:
                    if x == i and not negative:
                        alive = False
                        break
                    facts[f] = ~x if negative else x
                    f += 1
            for at in range(begin_c, c):
                place[choices[at]] = -1
            if alive:
                c = _sorted_choices(choices, masks, full, begin_c, c)
                f = _sorted_facts(facts, begin_f, f)
                alive = f >= 0
            if not alive:
                c, f = begin_c, begin_f
                continue
            if c == begin_c and f == begin_f:
                truth = True
                break
            hashed = np.uint64(7)
            for at in range(begin_c, c):
                hashed = _mix(hashed, choices[at])
                for w in range(words):
                    hashed = _mix(hashed, masks[at, w])
            for at in range(begin_f, f):
                hashed = _mix(hashed, facts[at])
            slot = np.int64(hashed >> np.uint64(33)) & (size - 1)
            known = False
            while table[slot] >= 0:
                if _same(table[slot], begin_c, c, begin_f, f, choice_start, literal_start, choices, masks, facts):
                    known = True
                    break
                slot = (slot + 1) & (size - 1)
            if known:
                c, f = begin_c, begin_f
                continue
            table[slot] = bodies
            touched[used] = slot
            used += 1
            origin[bodies] = g
            bodies += 1
            choice_start[bodies] = c
            literal_start[bodies] = f
        for k in range(used):
            table[touched[k]] = -1
        if 1 < bodies - new_starts[i] <= FEW:
            bodies = _without_implied(
                new_starts[i], bodies, choice_start, literal_start, choices, masks, facts, origin, implied
            )  # fmt: skip
            c, f = choice_start[bodies], literal_start[bodies]
        found = bodies - new_starts[i]
        if truth:
            state[i] = TRUE
        elif found == 0:
            state[i] = FALSE
        elif f == first_f and c - first_c == found and not cyclic[i] and _united(choices, masks, first_c, c):
            # `p :- v0. p :- v1.`: one set of outcomes, perhaps all of them
            everything = True
            for w in range(words):
                everything &= masks[first_c, w] == full[choices[first_c], w]
            state[i] = TRUE if everything else OUTCOMES
            alias[i] = choices[first_c]
            set_row(alias_mask, i, masks, first_c)
        elif found == 1 and (c - first_c) + (f - first_f) == 1 and not cyclic[i]:
            if c > first_c:
                state[i] = OUTCOMES
                alias[i] = choices[first_c]
                set_row(alias_mask, i, masks, first_c)
            else:
                state[i] = LITERAL
                alias[i] = facts[first_f]
        if state[i] != PLAIN:
            bodies, c, f = new_starts[i], first_c, first_f
    new_starts[n] = bodies
    return bodies
