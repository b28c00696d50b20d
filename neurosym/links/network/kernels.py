"""Compiled loops of message passing from one entity for each query: only what was reached carries a vector.

A *place* is a pair (query, entity) that some path of the query reaches. Places are numbered as they are reached, so
that those of a round come after those of the rounds before. A *message* goes from a place along an edge to a place.
"""

from __future__ import annotations

import numpy as np

from neurosym.grounding.compiled import kernel

# ruff: noqa: D103 - what each loop does stands in a comment at its beginning


@kernel("boolean(int64[::1], int64, int64, int64, int64, boolean)")
def hidden(own, inverse, entity, relation, to, pairs):
    # Whether a query may not see an edge: `own` is its own triple (head, relation, tail), head -1 for none, which is
    # hidden there and back; with `pairs` no edge between the two is seen at all.
    head, asked, tail = own
    if head < 0:
        return False
    back = asked + inverse if asked < inverse else asked - inverse
    there = entity == head and to == tail and (pairs or relation == asked)
    return there or (entity == tail and to == head and (pairs or relation == back))


@kernel(
    "UniTuple(int64, 2)(int32[::1], int32[::1], int64, int64[::1], int32[::1], int32[::1], int32[:, ::1], "
    "int64[:, ::1], boolean, int64, int32[::1], int32[::1], int32[::1])"
)
def spread(
    entities, queries, used, starts, relations, tails, numbers, own, pairs, inverse, source, relation, target
):  # fmt: skip
    # One round: messages from the first `used` places; entities reached for the first time get the next numbers.
    # Entries of `entities` and `queries` beyond `used` are room for new places.
    places, messages = used, 0
    for place in range(used):
        query, entity = queries[place], entities[place]
        watched = own[query, 0] >= 0 and (entity in (own[query, 0], own[query, 2]))
        for edge in range(starts[entity], starts[entity + 1]):
            to = tails[edge]
            if watched and hidden(own[query], inverse, entity, relations[edge], to, pairs):
                continue
            number = numbers[query, to]
            if number < 0:
                number = places
                numbers[query, to] = number
                entities[number], queries[number] = to, query
                places += 1
            source[messages], relation[messages], target[messages] = place, relations[edge], number
            messages += 1
    return places, messages


@kernel(
    "UniTuple(int64, 2)(int64[:, ::1], int32[::1], int32[::1], int64, int64[::1], int32[::1], int32[::1], "
    "int32[:, ::1], int64[:, ::1], boolean, int64, int32[::1], int32[::1], int32[::1])"
)
def gather(
    wanted, entities, queries, used, starts, relations, tails, numbers, own, pairs, inverse, source, relation, target
):  # fmt: skip
    # As `spread`, to the `wanted` (query, entity) alone: every edge stands in the graph both ways, so that those that
    # lead to an entity are found at it, and the edges of the many places before need not be looked through.
    places, messages = used, 0
    for row in range(len(wanted)):
        query, to = wanted[row]
        number = numbers[query, to]
        for edge in range(starts[to], starts[to + 1]):
            entity = tails[edge]
            place = numbers[query, entity]
            if place < 0 or place >= used:
                continue
            back = relations[edge]
            taken = back + inverse if back < inverse else back - inverse
            if hidden(own[query], inverse, entity, taken, to, pairs):
                continue
            if number < 0:
                number = places
                numbers[query, to] = number
                entities[number], queries[number] = to, query
                places += 1
            source[messages], relation[messages], target[messages] = place, taken, number
            messages += 1
    return places, messages


@kernel("void(float32[:, ::1], float32[:, :, ::1], int32[::1], int32[::1], int32[::1], int32[::1], float32[:, ::1])")
def send(vectors, weights, queries, source, relation, target, sums):
    # sums[target] += vectors[source] * weights[query, relation], message by message.
    for m in range(len(source)):
        s, t = source[m], target[m]
        w = weights[queries[s], relation[m]]
        v, out = vectors[s], sums[t]
        for k in range(v.shape[0]):
            out[k] += v[k] * w[k]


@kernel(
    "void(float32[:, ::1], float32[:, :, ::1], int32[::1], int32[::1], int32[::1], int32[::1], float32[:, ::1], "
    "float32[:, ::1], float32[:, :, ::1])"
)
def send_back(vectors, weights, queries, source, relation, target, grads, to_vectors, to_weights):
    # The gradients of `send`.
    for m in range(len(source)):
        s, t = source[m], target[m]
        w, gw = weights[queries[s], relation[m]], to_weights[queries[s], relation[m]]
        v, gv, g = vectors[s], to_vectors[s], grads[t]
        for k in range(v.shape[0]):
            gv[k] += g[k] * w[k]
            gw[k] += g[k] * v[k]


@kernel(
    "void(float32[:, ::1], float32[:, :, ::1], float32[:, ::1], int32[::1], int32[::1], int32[::1], int32[::1], "
    "float32[:, ::1], float32[:, ::1], int32[:, ::1])"
)
def send_max(vectors, weights, start, queries, source, relation, target, sums, largest, origin):
    # As `send`, and the largest number that arrives in each channel; `origin` is the message that it came with. To the
    # heads, the first places, comes `start` too, a message of number -1. Where nothing arrives, both are 0.
    largest[:] = -np.inf
    origin[:] = -2
    for p in range(len(start)):
        for k in range(start.shape[1]):
            sums[p, k] = largest[p, k] = start[p, k]
            origin[p, k] = -1
    for m in range(len(source)):
        s, t = source[m], target[m]
        w, v = weights[queries[s], relation[m]], vectors[s]
        out, top, of, number = sums[t], largest[t], origin[t], np.int32(m)
        for k in range(v.shape[0]):
            x = v[k] * w[k]
            out[k] += x
            of[k] = number if x > top[k] else of[k]
            top[k] = max(x, top[k])
    for p in range(len(largest)):
        if origin[p, 0] == -2:
            largest[p] = 0


@kernel(
    "void(float32[:, ::1], float32[:, :, ::1], int32[::1], int32[::1], int32[::1], int32[::1], float32[:, ::1], "
    "float32[:, ::1], int32[:, ::1], float32[:, ::1], float32[:, :, ::1])"
)
def send_max_back(
    vectors, weights, queries, source, relation, target, grads, to_largest, origin, to_vectors, to_weights
):
    # The gradients of `send_max`, but for that of the start.
    for m in range(len(source)):
        s, t = source[m], target[m]
        w, gw = weights[queries[s], relation[m]], to_weights[queries[s], relation[m]]
        v, gv, g, top, of, number = vectors[s], to_vectors[s], grads[t], to_largest[t], origin[t], np.int32(m)
        for k in range(v.shape[0]):
            x = g[k] + (top[k] if of[k] == number else np.float32(0))
            gv[k] += x * w[k]
            gw[k] += x * v[k]


@kernel(
    "void(float32[:, :, ::1], float32[:, :, ::1], float32[:, ::1], float32[:, ::1], uint8[:, :, ::1], int64, "
    "float32[:, ::1], float32[:, :, ::1])",
    reorder=True,
)
def settle(changed, before, gain, shift, drawn, cut, spread, after):
    # after = before + kept · max(0, norm(changed) · gain + shift), member by member and place by place; rows beyond
    # those of `before` knew nothing. `changed` becomes what it is after the norm, `spread[member, place]` what that
    # multiplied it by. A number is left out where `drawn` is below `cut`, and raised by 256 / (256 - cut) elsewhere.
    members, places, width = changed.shape
    one, raised = np.float32(1 / width), np.float32(256 / (256 - cut))
    for k in range(members):
        g, b = gain[k], shift[k]
        for p in range(places):
            row, out = changed[k, p], after[k, p]
            mean, square = np.float32(0), np.float32(0)
            for d in range(width):
                mean += row[d]
            mean *= one
            for d in range(width):
                square += (row[d] - mean) * (row[d] - mean)
            factor = np.float32(1) / np.sqrt(square * one + np.float32(1e-5))
            spread[k, p] = factor
            for d in range(width):
                row[d] = (row[d] - mean) * factor
                out[d] = max(np.float32(0), row[d] * g[d] + b[d])
            if cut > 0:
                chance = drawn[k, p]
                for d in range(width):
                    out[d] *= raised if chance[d] >= cut else np.float32(0)
            if p < before.shape[1]:
                known = before[k, p]
                for d in range(width):
                    out[d] += known[d]


@kernel(
    "void(float32[:, :, ::1], float32[:, :, ::1], float32[:, ::1], float32[:, ::1], uint8[:, :, ::1], int64, "
    "float32[:, ::1], float32[:, :, ::1], float64[:, ::1], float64[:, ::1])",
    reorder=True,
)
def settle_back(grads, normed, gain, shift, drawn, cut, spread, to_changed, to_gain, to_shift):
    # The gradients of `settle`, of what was changed, of the gain and of the shift; that of `before` is `grads` itself.
    members, places, width = normed.shape
    one, raised = np.float32(1 / width), np.float32(256 / (256 - cut))
    for k in range(members):
        g, b, by_gain, by_shift = gain[k], shift[k], to_gain[k], to_shift[k]
        for p in range(places):
            row, grad, out = normed[k, p], grads[k, p], to_changed[k, p]
            for d in range(width):
                out[d] = grad[d] if row[d] * g[d] + b[d] > np.float32(0) else np.float32(0)
            if cut > 0:
                chance = drawn[k, p]
                for d in range(width):
                    out[d] *= raised if chance[d] >= cut else np.float32(0)
            mean, along = np.float32(0), np.float32(0)
            for d in range(width):
                by_gain[d] += out[d] * row[d]
                by_shift[d] += out[d]
                out[d] *= g[d]
                mean += out[d]
                along += out[d] * row[d]
            mean, along, factor = mean * one, along * one, spread[k, p]
            for d in range(width):
                out[d] = (out[d] - mean - row[d] * along) * factor
