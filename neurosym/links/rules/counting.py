"""The inner loops of rule induction: all counts of many rules in one pass over the edges.

A body is walked once and its pairs are looked up among all relations at once, so that every head that the body could
have is counted in the same pass. Distinct variables take distinct entities (object identity, as in AnyBURL; Meilicke
et al., IJCAI 2019): a body therefore never uses the triple that it predicts.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel
from neurosym.grounding.search import lower_bound

INDEX = "int64[::1], int32[::1], int64[::1], int32[::1]"


@njit(inline="always")
def find_group(groups_of, relation, entity, wanted):
    """The group of an entity by a relation, -1 where it has no such edge."""
    end = groups_of[entity + 1]
    at = lower_bound(relation, groups_of[entity], end, wanted)
    return at if at < end and relation[at] == wanted else np.int64(-1)


@njit(inline="always")
def among(target, begin, end, wanted):
    """Whether an entity is in an ascending stretch."""
    at = lower_bound(target, begin, end, wanted)
    return at < end and target[at] == wanted


@njit(inline="always")
def _slot(keys, key):
    """Where a key stands in a table, or would stand; empty slots hold -1."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    at = np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(len(keys) - 1))
    while keys[at] != key and keys[at] >= 0:
        at = (at + 1) & (len(keys) - 1)
    return at


@njit
def _larger(keys, counts):
    """The table with twice the space; its length stays a power of two."""
    new_keys, new_counts = np.full(2 * len(keys), -1, np.int64), np.zeros(2 * len(keys), np.int64)
    for k in range(len(keys)):
        if keys[k] >= 0:
            at = _slot(new_keys, keys[k])
            new_keys[at], new_counts[at] = keys[k], counts[k]
    return new_keys, new_counts


@kernel(
    f"Tuple((int64[::1], int64[::1], int64))({INDEX}, int32[::1], int64[::1], int32[::1], int32[::1], int32[::1],"
    "int64, int64, int64[::1], int64[:,::1], int64[:,::1], int64[::1], int64[::1], int64, int32[::1], int32[::1],"
    "int64)"
)
def count_paths(
    groups_of, relation, begins, target, mirror, pair_begins, pair_target, pair_relation, groups, n_heads, deep,
    body2, support2, body3, keys, counts, used, stamps, linked, stamp,
):  # fmt: skip
    """Count the pairs of all bodies that begin with the given groups (entity, first relation), and their heads.

    For h(X, Y) ← r1(X, A), r2(A, Y) and, where `deep`, h(X, Y) ← r1(X, A), r2(A, B), r3(B, Y): `body2[r2]` and
    `body3[r2, r3]` get the distinct pairs, `support2[r2, h]` those that h links, and so does a table of counts for the
    keys (r2 · 2R + r3) · R + h, of which `used` are there; the table grows, and is given back with that number.
    Work space: `stamps` (G) holds the pass in which a target was last seen by a relation, which is a group of
    the target; `linked` (N) is zero.
    """
    n, r_all = len(groups_of) - 1, len(body2)
    for i in range(len(groups)):
        g = groups[i]
        low, high = np.int64(0), np.int64(n)
        while low + 1 < high:  # the entity whose groups hold g
            middle = (low + high) >> 1
            if groups_of[middle] <= g:
                low = middle
            else:
                high = middle
        x = low
        for p in range(pair_begins[x + 1] - 1, pair_begins[x] - 1, -1):
            linked[pair_target[p]] = p - pair_begins[x] + 1
        stamp += 1
        total = np.int64(0)
        for e in range(begins[g], begins[g + 1]):
            a = target[e]
            total += begins[groups_of[a + 1]] - begins[groups_of[a]]
            for k in range(groups_of[a], groups_of[a + 1]):
                r2 = relation[k]
                for f in range(begins[k], begins[k + 1]):
                    y = target[f]
                    if y == x or stamps[mirror[f]] == stamp:
                        continue
                    stamps[mirror[f]] = stamp
                    body2[r2] += 1
                    if linked[y] > 0:
                        p = pair_begins[x] + linked[y] - 1
                        while p < pair_begins[x + 1] and pair_target[p] == y:
                            if pair_relation[p] < n_heads:
                                support2[r2, pair_relation[p]] += 1
                            p += 1
        if deep:
            # the pairs (A, B), grouped by r2
            ends = np.zeros(r_all + 1, np.int64)
            for e in range(begins[g], begins[g + 1]):
                a = target[e]
                for k in range(groups_of[a], groups_of[a + 1]):
                    ends[relation[k] + 1] += begins[k + 1] - begins[k]
            for r in range(r_all):
                ends[r + 1] += ends[r]
            at = ends[:-1].copy()
            first, second = np.empty(total, np.int32), np.empty(total, np.int32)
            for e in range(begins[g], begins[g + 1]):
                a = target[e]
                for k in range(groups_of[a], groups_of[a + 1]):
                    r2 = relation[k]
                    for f in range(begins[k], begins[k + 1]):
                        first[at[r2]] = a
                        second[at[r2]] = target[f]
                        at[r2] += 1
            for r2 in range(r_all):
                if ends[r2] == ends[r2 + 1]:
                    continue
                stamp += 1
                for q in range(ends[r2], ends[r2 + 1]):
                    a, b = first[q], second[q]
                    if b == x:
                        continue
                    for k in range(groups_of[b], groups_of[b + 1]):
                        r3 = relation[k]
                        for f in range(begins[k], begins[k + 1]):
                            y = target[f]
                            if y == x or y == a or stamps[mirror[f]] == stamp:  # noqa: SIM109
                                continue
                            stamps[mirror[f]] = stamp
                            body3[r2, r3] += 1
                            if linked[y] > 0:
                                p = pair_begins[x] + linked[y] - 1
                                while p < pair_begins[x + 1] and pair_target[p] == y:
                                    if pair_relation[p] < n_heads:
                                        key = (r2 * r_all + r3) * n_heads + pair_relation[p]
                                        at_key = _slot(keys, key)
                                        if keys[at_key] < 0:
                                            keys[at_key] = key
                                            used += 1
                                        counts[at_key] += 1
                                        if 2 * used > len(keys):
                                            keys, counts = _larger(keys, counts)
                                    p += 1
        for p in range(pair_begins[x], pair_begins[x + 1]):
            linked[pair_target[p]] = 0
    return keys, counts, used


@kernel(
    f"int64({INDEX}, int32[::1], int64[::1], int64[::1], int64, int64, int64, float64, float64, int64,"
    "int32[::1], int32[::1], int32[::1], int64[::1], int64[::1])"
)
def count_unary(
    groups_of, relation, begins, target, mirror, sources, lonely, from_group, to_group, min_support, min_confidence,
    smoothing, most, out_head, out_body, out_relation, out_support, out_count,
):  # fmt: skip
    """Rules h(X, c) ← r(X, d) and h(X, c) ← r(X, A), for the heads of a range of groups (c by the inverse of h).

    Their members are the X with h(X, c). A body with a constant is the group of d by the inverse of r (`out_body`),
    a free one has `out_body` -1 and its relation r. Free variables differ from c, X does too.

    Returns:
        How many rules were written: at most `most` per head, those of the highest confidence.
    """
    r_all, written = len(sources), np.int64(0)
    counts, touched = np.zeros(len(relation), np.int32), np.empty(len(relation), np.int32)
    free = np.zeros(r_all, np.int32)
    owner = np.int64(0)
    for g in range(from_group, to_group):
        while groups_of[owner + 1] <= g:
            owner += 1
        size = begins[g + 1] - begins[g]
        if size < min_support:
            continue
        n_touched = 0
        for e in range(begins[g], begins[g + 1]):
            x = target[e]
            for k in range(groups_of[x], groups_of[x + 1]):
                r = relation[k]
                n_k = begins[k + 1] - begins[k]
                if n_k > 1 or target[begins[k]] != owner:
                    free[r] += 1
                for f in range(begins[k], begins[k + 1]):
                    m = mirror[f]
                    if counts[m] == 0:
                        touched[n_touched] = m
                        n_touched += 1
                    counts[m] += 1
        begin = written
        for t in range(n_touched):
            m = touched[t]
            support = counts[m]
            counts[m] = 0
            if support < min_support or m == g:
                continue
            body = begins[m + 1] - begins[m]
            if among(target, begins[m], begins[m + 1], owner):  # X ≠ c, and c itself satisfies the body
                body -= 1
            if support / (body + smoothing) >= min_confidence:
                out_head[written], out_body[written] = g, m
                out_relation[written] = (relation[m] + r_all // 2) % r_all
                out_support[written], out_count[written] = support, body
                written += 1
        for r in range(r_all):
            support = free[r]
            free[r] = 0
            if support < min_support:
                continue
            body = sources[r]
            k = find_group(groups_of, relation, owner, (r + r_all // 2) % r_all)
            if k >= 0:
                body -= lonely[k]
            if find_group(groups_of, relation, owner, r) >= 0:
                body -= 1
            if support / (body + smoothing) >= min_confidence:
                out_head[written], out_body[written], out_relation[written] = g, -1, r
                out_support[written], out_count[written] = support, body
                written += 1
        if written - begin > most:
            order = np.argsort(-(out_support[begin:written] / (out_count[begin:written] + smoothing)))[:most]
            order.sort()
            for i in range(most):
                j = begin + order[i]
                out_head[begin + i], out_body[begin + i] = out_head[j], out_body[j]
                out_relation[begin + i] = out_relation[j]
                out_support[begin + i], out_count[begin + i] = out_support[j], out_count[j]
            written = begin + most
    return written


@kernel(f"int64[::1]({INDEX}, int32[::1])")
def count_lonely(groups_of, relation, begins, target, mirror):
    """For each group (c by the inverse of r): how many X have r(X, c) and no other r(X, A)."""
    lonely = np.zeros(len(relation), np.int64)
    for k in range(len(relation)):
        if begins[k + 1] - begins[k] == 1:
            lonely[mirror[begins[k]]] += 1
    return lonely
