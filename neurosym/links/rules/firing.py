"""The inner loops of applying rules: from a query's entity to the candidates that its rules reach.

One query at a time, so that memory follows what one query reaches: a stamp and a score per entity, and the firings
(candidate, rule) of that query.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel
from neurosym.grounding.search import lower_bound
from neurosym.links.rules.counting import INDEX, among, find_group

EMPTY = 2**31 - 1
TRIE = "int64[:,::1], int32[::1], int32[::1], int64[::1], int32[::1]"
UNARY = (
    "int64[::1], int32[::1], int32[::1], int64[::1], int32[::1], int32[::1],"
    "int64[::1], int32[::1], int32[::1], int64[::1], int32[::1], int32[::1]"
)


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
    groups_of, relation, begins, target, roots, depth, step, skip, rule, block, x, q, own, most, stamps, stamp, partial,
    ends,    best, touched, n,
):  # fmt: skip
    """Firings of the path rules of one query; gives (n, stamp, cut).

    The trie's nodes lie in preorder, so that `partial[d - 1]` holds the walks of the node's parent when it is reached.
    """
    deepest = len(ends) - 1
    ends[0] = 1
    cut = False
    node = roots[block, q]
    while node < roots[block, q + 1]:
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
                    n = _improve(best, y, fires, touched, n)
        ends[d] = made
        node = skip[node] if made == 0 else node + 1
    return n, stamp, cut


@njit
def _walk_unary(
    groups_of, relation, begins, target, mirror, n_relations, atom_keys, atom_rule, atom_entity, free_keys, free_rule,
    free_entity, head_keys, head_rule, head_group, by_relation, relation_groups, entity, x, q, own, best,
    touched, n,
):  # fmt: skip
    """Firings of the rules with constants; gives n."""
    r_all = 2 * n_relations
    # h(X, c) ← r(X, d) and h(X, c) ← r(X, A), where X is the query's entity
    if len(atom_keys) + len(free_keys) > 0:
        for g in range(groups_of[x], groups_of[x + 1]):
            r = np.int64(relation[g])
            at = lower_bound(free_keys, 0, len(free_keys), r * r_all + q)
            while at < len(free_keys) and free_keys[at] == r * r_all + q:
                c = free_entity[at]
                others = begins[g + 1] - begins[g]
                if among(target, begins[g], begins[g + 1], c):
                    others -= 1
                if r == q and own >= 0 and own != c:
                    others -= 1
                if others > 0 and c != x:
                    n = _improve(best, c, free_rule[at], touched, n)
                at += 1
            for f in range(begins[g], begins[g + 1]):
                if r == q and target[f] == own:
                    continue
                key = np.int64(mirror[f]) * r_all + q
                at = lower_bound(atom_keys, 0, len(atom_keys), key)
                while at < len(atom_keys) and atom_keys[at] == key:
                    if atom_entity[at] != x:
                        n = _improve(best, atom_entity[at], atom_rule[at], touched, n)
                    at += 1
    # the same rules, where the query's entity is c
    key = np.int64(x) * r_all + (q + n_relations) % r_all
    at = lower_bound(head_keys, 0, len(head_keys), key)
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
                n = _improve(best, y, head_rule[at], touched, n)
        at += 1
    return n


@njit(inline="always")
def _alike(keys, a, b, columns):
    for j in range(columns):  # noqa: SIM110
        if keys[a, j] != keys[b, j]:
            return False
    return True


@njit
def _order(keys, begin, end, top, order):
    """Order rows begin…end by their keys, the highest first, column by column; exact for the first `top`."""
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


@kernel("int64[::1](int64[::1], int64[:,::1], int64)")
def order_by_keys(starts, keys, top):
    """Rows of each query by their keys, the highest first, compared column by column; exact for the first `top`."""
    order = np.empty(len(keys), np.int64)
    for i in range(len(starts) - 1):
        _order(keys, starts[i], starts[i + 1], top, order)
    return order


@njit
def _sums_certain(best, touched, n, values, following, top):
    """Whether the first `top` candidates and their sums stay what they are, if rules of at most `following` come."""
    width = best.shape[1]
    sums, highest = np.zeros(n), np.zeros(n)
    for i in range(n):
        for j in range(width):
            rule = best[touched[i], j]
            value = values[rule] if rule != EMPTY else 0.0
            sums[i] += value
            highest[i] += max(value, following)
    order = np.argsort(-sums)
    last = sums[order[top - 1]]
    if last < width * following:
        return False
    for k in range(n):
        i = order[k]
        if (k < top and highest[i] > sums[i]) or (k >= top and highest[i] > last):
            return False
    return True


@njit
def _firsts_certain(best, touched, n, values, bound, top):
    """Whether the order of the first `top` candidates by their best rules stays, if rules from `bound` on come."""
    width = best.shape[1]
    keys = np.zeros((n, width), np.int64)
    for i in range(n):
        for j in range(width):
            if best[touched[i], j] < bound:
                keys[i, j] = np.int64(values[best[touched[i], j]] * 2.0**60)
    order = np.empty(n, np.int64)
    _order(keys, 0, n, top, order)
    if keys[order[top - 1], 0] == 0:
        return False
    for k in range(min(top, n - 1)):
        if _alike(keys, order[k], order[k + 1], width) and keys[order[k], width - 1] == 0:
            return False
    return True


@kernel(
    f"Tuple((int64[::1], int32[::1], int32[:,::1], int64, int64))({INDEX}, int32[::1], {TRIE}, {UNARY}, int32[:,::1],"
    "int64[::1], int64, int64, int64, float64[::1], int64[::1], int64[::1], boolean)"
)
def first_rules(
    groups_of, relation, begins, target, mirror, roots, depth, step, skip, rule, atom_keys, atom_rule, atom_entity,
    free_keys, free_rule, free_entity, head_keys, head_rule, head_group, by_relation, relation_groups, entity,
    queries, stamps, most, deepest, width, values, bounds, tops, sums,
):  # fmt: skip
    """The candidates of queries (entity, relation, own answer or -1), and the first rules that reach each.

    Paths come in blocks of falling confidence: from block b on, rules have numbers of at least `bounds[b]`. A query
    ends early when its first `tops` candidates are certain (0: never), by sums of `values` or by their order.

    Returns:
        Where the candidates of each query begin, (n,) candidates, (n, width) rules ascending, then EMPTY; queries
        with walks cut; queries that ended early.
    """
    total, cuts, early, stamp = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    starts = np.zeros(len(queries) + 1, np.int64)
    reached, kept = np.empty(1024, np.int32), np.empty((1024, width), np.int32)
    best, touched = np.full((len(stamps), width), EMPTY, np.int32), np.empty(len(stamps), np.int32)
    partial = [np.empty((64, deepest), np.int32) for _ in range(deepest + 1)]
    ends = np.zeros(deepest + 1, np.int64)
    for i in range(len(queries)):
        x, q, own = queries[i, 0], queries[i, 1], queries[i, 2]
        n = _walk_unary(
            groups_of, relation, begins, target, mirror, (len(by_relation) - 1) // 2, atom_keys, atom_rule, atom_entity,
            free_keys, free_rule, free_entity, head_keys, head_rule, head_group, by_relation, relation_groups, entity,
            x, q, own, best, touched, np.int64(0),
        )  # fmt: skip
        any_cut = False
        for block in range(len(bounds)):
            if 0 < tops[i] <= n and (
                _sums_certain(best, touched, n, values, values[bounds[block]], tops[i])
                if sums
                else _firsts_certain(best, touched, n, values, bounds[block], tops[i])
            ):
                early += 1
                break
            n, stamp, cut = _walk_paths(
                groups_of, relation, begins, target, roots, depth, step, skip, rule, block, x, q, own, most, stamps,
                stamp, partial, ends, best, touched, n,
            )  # fmt: skip
            any_cut |= cut
        cuts += any_cut
        while total + n > len(reached):
            wider = np.empty((2 * len(reached), width), np.int32)
            wider[:total] = kept[:total]
            more = np.empty(2 * len(reached), np.int32)
            more[:total] = reached[:total]
            reached, kept = more, wider
        for k in range(n):
            c = touched[k]
            reached[total] = c
            for j in range(width):
                kept[total, j] = best[c, j]
                best[c, j] = EMPTY
            total += 1
        starts[i + 1] = total
    return starts, reached[:total], kept[:total], cuts, early
