"""Compiled loops of message passing from one entity for each query: only what was reached carries a vector.

A *place* is a pair (query, entity) that some path of the query reaches. Places are numbered as they are reached, so
that those of a round come after those of the rounds before. A *message* goes from a place along an edge to a place.
"""

from __future__ import annotations

from neurosym.grounding.compiled import kernel

# ruff: noqa: D103 - what each loop does stands in a comment at its beginning


@kernel("int64(int32[::1], int64[::1], int64)")
def count_messages(entities, starts, used):
    # Messages that leave the first `used` places, edges that will be left out included.
    total = 0
    for place in range(used):
        entity = entities[place]
        total += starts[entity + 1] - starts[entity]
    return total


@kernel(
    "UniTuple(int64, 2)(int32[::1], int32[::1], int64, int64[::1], int32[::1], int32[::1], int32[:, ::1], "
    "int64[:, ::1], boolean, int64, boolean[:, ::1], int32[::1], int32[::1], int32[::1])"
)
def spread(
    entities, queries, used, starts, relations, tails, numbers, own, pairs, inverse, wanted, source, relation, target
):  # fmt: skip
    # One round: messages from the first `used` places; entities reached for the first time get the next numbers.
    # `own[q]` is (head, relation, tail) of the query's own triple, which it must not see, head -1 for none: with
    # `pairs` no edge between the two is seen at all. Messages to entities that are not `wanted[query]` are left out,
    # unless `wanted` is empty. Entries of `entities` and `queries` beyond `used` are room for new places.
    places, messages = used, 0
    for place in range(used):
        query, entity = queries[place], entities[place]
        head, asked, tail = own[query, 0], own[query, 1], own[query, 2]
        back = asked + inverse if asked < inverse else asked - inverse
        watched = head >= 0 and (entity in (head, tail))
        for edge in range(starts[entity], starts[entity + 1]):
            to = tails[edge]
            if len(wanted) and not wanted[query, to]:
                continue
            if watched and (
                (entity == head and to == tail and (pairs or relations[edge] == asked))
                or (entity == tail and to == head and (pairs or relations[edge] == back))
            ):
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
