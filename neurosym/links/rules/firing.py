"""The inner loops of applying rules: from a query's entity to the candidates that its rules reach.

One query at a time, so that memory follows what one query reaches: a stamp and a score per entity, and the firings
(candidate, rule) of that query.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel
from neurosym.links.rules.counting import INDEX, find_group

EMPTY = 2**31 - 1
TRIE = "int64[::1], int32[::1], int32[::1], int64[::1], int32[::1]"
UNARY = (
    "int64[::1], int32[::1], int32[::1], int64[::1], int32[::1], int32[::1],"
    "int64[::1], int32[::1], int32[::1], int64[::1], int32[::1], int32[::1]"
)


@njit(inline="always")
def _low(keys, key):
    """Where a key would stand among ascending keys."""
    low, high = np.int64(0), np.int64(len(keys))
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@njit(inline="always")
def _among(target, begin, end, wanted):
    low, high = begin, end
    while low < high:
        middle = (low + high) >> 1
        if target[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low < end and target[low] == wanted


@njit
def _wider(array):
    """The same array with twice the space."""
    new = np.empty(2 * len(array), array.dtype)
    new[: len(array)] = array
    return new


@njit(inline="always")
def _improve(best, c, rule, touched, n):
    """Let a rule be among the first of candidate c, ascending; gives how many candidates there are."""
    k = best.shape[1] - 1
    if best[c, 0] == EMPTY:
        touched[n] = c
        n += 1
    if rule < best[c, k]:
        while k > 0 and best[c, k - 1] > rule:
            best[c, k] = best[c, k - 1]
            k -= 1
        best[c, k] = rule
    return n


@njit
def _walk_paths(
    groups_of, relation, begins, target, roots, depth, step, skip, rule, x, q, own, most, stamps, stamp, partial, ends,
    best, touched, n, candidates, fired,
):  # fmt: skip
    """Firings of the path rules of one query; gives (n, stamp, cut, candidates, fired).

    The trie's nodes lie in preorder, so that `partial[d - 1]` holds the walks of the node's parent when it is reached.
    With columns in `best` a firing improves its candidate, without any it is written down.
    """
    deepest = len(ends) - 1
    ends[0] = 1
    cut = False
    node = roots[q]
    while node < roots[q + 1]:
        d = depth[node]
        inner = node + 1 < skip[node]
        stamp += 1
        wanted, made = step[node], np.int64(0)
        fires = rule[node]
        before, walks = partial[d - 1], partial[d]
        for w in range(ends[d - 1]):
            e = x if d == 1 else before[w, d - 2]
            g = find_group(groups_of, relation, e, wanted)
            if g < 0:
                continue
            if made + begins[g + 1] - begins[g] > len(walks) and inner and made < most:
                wider = np.empty((2 * (made + begins[g + 1] - begins[g]), deepest), np.int32)
                wider[:made] = walks[:made]
                walks = wider
                partial[d] = wider
            for f in range(begins[g], begins[g + 1]):
                y = target[f]
                if y == x or (d == 1 and wanted == q and y == own):
                    continue
                again = False
                for k in range(d - 1):
                    again |= before[w, k] == y
                if again:
                    continue
                if inner:
                    if made >= most:
                        cut = True
                    else:
                        for k in range(d - 1):
                            walks[made, k] = before[w, k]
                        walks[made, d - 1] = y
                        made += 1
                if fires >= 0 and stamps[y] != stamp:
                    stamps[y] = stamp
                    if best.shape[1] > 0:
                        n = _improve(best, y, fires, touched, n)
                    else:
                        if n == len(candidates):
                            candidates, fired = _wider(candidates), _wider(fired)
                        candidates[n], fired[n] = y, fires
                        n += 1
        ends[d] = made
        node = skip[node] if made == 0 else node + 1
    return n, stamp, cut, candidates, fired


@njit
def _walk_unary(
    groups_of, relation, begins, target, mirror, n_relations, atom_keys, atom_rule, atom_entity, free_keys, free_rule,
    free_entity, head_keys, head_rule, head_group, by_relation, relation_groups, entity, x, q, own, best,
    touched, n, candidates, fired,
):  # fmt: skip
    """Firings of the rules with constants; gives (n, candidates, fired)."""
    r_all = 2 * n_relations
    into = best.shape[1] > 0
    # h(X, c) ← r(X, d) and h(X, c) ← r(X, A), where X is the query's entity
    if len(atom_keys) + len(free_keys) > 0:
        for g in range(groups_of[x], groups_of[x + 1]):
            r = np.int64(relation[g])
            at = _low(free_keys, r * r_all + q)
            while at < len(free_keys) and free_keys[at] == r * r_all + q:
                c = free_entity[at]
                others = begins[g + 1] - begins[g]
                if _among(target, begins[g], begins[g + 1], c):
                    others -= 1
                if r == q and own >= 0 and own != c:
                    others -= 1
                if others > 0 and c != x:
                    if into:
                        n = _improve(best, c, free_rule[at], touched, n)
                    else:
                        if n == len(candidates):
                            candidates, fired = _wider(candidates), _wider(fired)
                        candidates[n], fired[n] = c, free_rule[at]
                        n += 1
                at += 1
            for f in range(begins[g], begins[g + 1]):
                if r == q and target[f] == own:
                    continue
                key = np.int64(mirror[f]) * r_all + q
                at = _low(atom_keys, key)
                while at < len(atom_keys) and atom_keys[at] == key:
                    if atom_entity[at] != x:
                        if into:
                            n = _improve(best, atom_entity[at], atom_rule[at], touched, n)
                        else:
                            if n == len(candidates):
                                candidates, fired = _wider(candidates), _wider(fired)
                            candidates[n], fired[n] = atom_entity[at], atom_rule[at]
                            n += 1
                    at += 1
    # the same rules, where the query's entity is c
    key = np.int64(x) * r_all + (q + n_relations) % r_all
    at = _low(head_keys, key)
    while at < len(head_keys) and head_keys[at] == key:
        g = head_group[at]
        r = -1 - g
        low, high = (begins[g], begins[g + 1]) if g >= 0 else (by_relation[r], by_relation[r + 1])
        for p in range(low, high):
            if g >= 0:
                y = target[p]
            else:
                k = relation_groups[p]
                y = entity[k]
                if begins[k + 1] - begins[k] == 1 and target[begins[k]] == x:
                    continue
            if y != x:
                if into:
                    n = _improve(best, y, head_rule[at], touched, n)
                else:
                    if n == len(candidates):
                        candidates, fired = _wider(candidates), _wider(fired)
                    candidates[n], fired[n] = y, head_rule[at]
                    n += 1
        at += 1
    return n, candidates, fired


@njit
def _walk(
    groups_of, relation, begins, target, mirror, roots, depth, step, skip, rule, atom_keys, atom_rule, atom_entity,
    free_keys, free_rule, free_entity, head_keys, head_rule, head_group, by_relation, relation_groups, entity,
    x, q, own, most, stamps, stamp, partial, ends, best, touched, candidates, fired,
):  # fmt: skip
    n = np.int64(0)
    n, stamp, cut, candidates, fired = _walk_paths(
        groups_of, relation, begins, target, roots, depth, step, skip, rule, x, q, own, most, stamps, stamp,
        partial, ends, best, touched, n, candidates, fired,
    )  # fmt: skip
    n, candidates, fired = _walk_unary(
        groups_of, relation, begins, target, mirror, (len(by_relation) - 1) // 2, atom_keys, atom_rule, atom_entity,
        free_keys, free_rule, free_entity, head_keys, head_rule, head_group, by_relation, relation_groups, entity,
        x, q, own, best, touched, n, candidates, fired,
    )  # fmt: skip
    return n, stamp, cut, candidates, fired


ARGUMENTS = f"{INDEX}, int32[::1], {TRIE}, {UNARY}, int32[:,::1], int64[::1], int64, int64"


@kernel(f"Tuple((int64[::1], int32[::1], int32[::1], int64))({ARGUMENTS})")
def fire(
    groups_of, relation, begins, target, mirror, roots, depth, step, skip, rule, atom_keys, atom_rule, atom_entity,
    free_keys, free_rule, free_entity, head_keys, head_rule, head_group, by_relation, relation_groups, entity,
    queries, stamps, most, deepest,
):  # fmt: skip
    """All firings of queries (entity, relation, own answer or -1): where each one's begin, candidates, rules, cuts."""
    total, cuts, stamp = np.int64(0), np.int64(0), np.int64(0)
    starts = np.zeros(len(queries) + 1, np.int64)
    all_candidates, all_fired = np.empty(1024, np.int32), np.empty(1024, np.int32)
    candidates, fired = np.empty(1024, np.int32), np.empty(1024, np.int32)
    partial = [np.empty((64, deepest), np.int32) for _ in range(deepest + 1)]
    ends = np.zeros(deepest + 1, np.int64)
    best, touched = np.empty((0, 0), np.int32), np.empty(0, np.int32)
    for i in range(len(queries)):
        n, stamp, cut, candidates, fired = _walk(
            groups_of, relation, begins, target, mirror, roots, depth, step, skip, rule, atom_keys, atom_rule,
            atom_entity, free_keys, free_rule, free_entity, head_keys, head_rule, head_group, by_relation,
            relation_groups, entity, queries[i, 0], queries[i, 1], queries[i, 2], most, stamps, stamp, partial, ends,
            best, touched, candidates, fired,
        )  # fmt: skip
        cuts += cut
        while total + n > len(all_candidates):
            all_candidates, all_fired = _wider(all_candidates), _wider(all_fired)
        all_candidates[total : total + n] = candidates[:n]
        all_fired[total : total + n] = fired[:n]
        total += n
        starts[i + 1] = total
    return starts, all_candidates[:total], all_fired[:total], cuts


@kernel(f"Tuple((int64[::1], int32[::1], int32[:,::1], int64))({ARGUMENTS}, int64)")
def first_rules(
    groups_of, relation, begins, target, mirror, roots, depth, step, skip, rule, atom_keys, atom_rule, atom_entity,
    free_keys, free_rule, free_entity, head_keys, head_rule, head_group, by_relation, relation_groups, entity,
    queries, stamps, most, deepest, width,
):  # fmt: skip
    """The candidates of queries (entity, relation, own answer or -1), and the first rules that reach each.

    Returns:
        Where the candidates of each query begin, (n,) candidates, (n, width) rules ascending, then EMPTY; queries cut.
    """
    total, cuts, stamp = np.int64(0), np.int64(0), np.int64(0)
    starts = np.zeros(len(queries) + 1, np.int64)
    reached, kept = np.empty(1024, np.int32), np.empty((1024, width), np.int32)
    best, touched = np.full((len(stamps), width), EMPTY, np.int32), np.empty(len(stamps), np.int32)
    candidates, fired = np.empty(1, np.int32), np.empty(1, np.int32)
    partial = [np.empty((64, deepest), np.int32) for _ in range(deepest + 1)]
    ends = np.zeros(deepest + 1, np.int64)
    for i in range(len(queries)):
        n, stamp, cut, candidates, fired = _walk(
            groups_of, relation, begins, target, mirror, roots, depth, step, skip, rule, atom_keys, atom_rule,
            atom_entity, free_keys, free_rule, free_entity, head_keys, head_rule, head_group, by_relation,
            relation_groups, entity, queries[i, 0], queries[i, 1], queries[i, 2], most, stamps, stamp, partial, ends,
            best, touched, candidates, fired,
        )  # fmt: skip
        cuts += cut
        while total + n > len(reached):
            reached = _wider(reached)
            wider = np.empty((len(reached), width), np.int32)
            wider[:total] = kept[:total]
            kept = wider
        for k in range(n):
            c = touched[k]
            reached[total] = c
            for j in range(width):
                kept[total, j] = best[c, j]
                best[c, j] = EMPTY
            total += 1
        starts[i + 1] = total
    return starts, reached[:total], kept[:total], cuts


@njit(inline="always")
def _alike(keys, a, b, columns):
    for j in range(columns):  # noqa: SIM110
        if keys[a, j] != keys[b, j]:
            return False
    return True


@kernel("int64[::1](int64[::1], int64[:,::1], int64)")
def order_by_keys(starts, keys, top):
    """Rows of each query by their keys, the highest first, compared column by column; exact for the first `top`."""
    order = np.empty(len(keys), np.int64)
    for i in range(len(starts) - 1):
        begin, end = starts[i], starts[i + 1]
        order[begin:end] = begin + np.argsort(-keys[begin:end, 0], kind="mergesort")
        for j in range(1, keys.shape[1]):
            low = begin
            while low < min(end, begin + top):
                high = low + 1
                while high < end and _alike(keys, order[low], order[high], j):
                    high += 1
                if high > low + 1:
                    rows = order[low:high].copy()
                    order[low:high] = rows[np.argsort(-keys[rows, j], kind="mergesort")]
                low = high
    return order
