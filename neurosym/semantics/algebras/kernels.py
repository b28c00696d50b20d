"""The inner loops of evaluation under the library's own algebras, compiled by numba once per installation.

Each takes one sample: tags of all facts in the order of a `Plan`, base facts first, then heads such that bodies come
before them. A body literal is the number of its fact, or its bitwise complement where it is negated. All arithmetic is
in float64, whatever the tensors are, so that products of ten thousand factors keep their digits.

Gradients of sums and products are made from products of the others, never by division, so that they are right at 0
and 1. Of equally great alternatives one gets the whole gradient: the first.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel

MUL, MIN, BOUNDED = 0, 1, 2  # times
MAX, NOISY, ADD, CAPPED = 0, 1, 2, 3  # plus
TOLERANCE = 1e-6  # by which a probability may miss [0, 1]: a softmax in float32 does
SETTLED = 1e-12  # relative change at which a fixpoint counts as reached
_NONE, _DONE = -1, -2


@kernel("int64(int64[::1], int64[::1], int32[::1], int32[::1], int64[::1])")
def components(first, starts, body, order, ends):
    """Strongly connected components of the facts below heads, dependencies first (Tarjan 1972, without recursion).

    The edges of fact f are body[starts[first[f]]:starts[first[f + 1]]]. Facts are written to `order`, ascending within
    a component; `ends` gets the end of each component; gives their number. Facts without edges are left out.
    """
    n = len(first) - 1
    index, low = np.zeros(n, np.int32), np.zeros(n, np.int32)
    at = np.zeros(n, np.int64)
    waiting, path = np.empty(n, np.int32), np.empty(n, np.int32)
    counter, depth, open_, size, count = 0, 0, 0, 0, 0
    for root in range(n):
        if index[root] != 0 or first[root] == first[root + 1]:
            continue
        path[0] = root
        depth = 1
        while depth > 0:
            f = path[depth - 1]
            if index[f] == 0:
                counter += 1
                index[f] = low[f] = counter
                at[f] = starts[first[f]]
                waiting[open_] = f
                open_ += 1
            end = starts[first[f + 1]]
            deeper = False
            while at[f] < end:
                y = body[at[f]]
                if first[y] == first[y + 1]:
                    at[f] += 1
                elif index[y] == 0:
                    path[depth] = y
                    depth += 1
                    deeper = True
                    break
                else:
                    low[f] = min(low[f], low[y])  # of a finished component it is the greatest number
                    at[f] += 1
            if deeper:
                continue
            depth -= 1
            if low[f] == index[f]:
                begin = size
                while True:
                    open_ -= 1
                    y = waiting[open_]
                    low[y] = n + 1
                    order[size] = y
                    size += 1
                    if y == f:
                        break
                if size - begin > 1:
                    order[begin:size].sort()
                ends[count] = size
                count += 1
    return count


@kernel(
    "void(int32[::1], int64[::1], int64[::1], int32[::1], boolean[::1], int32[::1], int64[::1], int64[::1], int32[::1],"
    " int64[::1])"
)
def arrange(order, first, starts, body, sign, number, new_first, new_starts, new_body, groundings):
    """Copy the groundings of heads in a new order, with facts renumbered."""
    g, e = 0, 0
    for k in range(len(order)):
        h = order[k]
        for old in range(first[h], first[h + 1]):
            for i in range(starts[old], starts[old + 1]):
                y = number[body[i]]
                new_body[e] = y if sign[i] else ~y
                e += 1
            groundings[g] = old
            g += 1
            new_starts[g] = e
        new_first[k + 1] = g


@njit(forceinline=True)
def _literal(tags, y):
    return tags[np.uint32(y)] if y >= 0 else 1.0 - tags[np.uint32(~y)]  # unsigned: no check for indices from the end


@njit(forceinline=True)
def _value(tags, body, begin, end, times):
    """The tag of a body."""
    if times == MUL:
        value = 1.0
        for i in range(begin, end):
            value *= _literal(tags, body[i])
        return value
    if times == MIN:
        value = 1.0
        for i in range(begin, end):
            value = min(value, _literal(tags, body[i]))
        return value
    value = 1.0
    for i in range(begin, end):
        value += _literal(tags, body[i]) - 1.0
    return max(value, 0.0)


@njit(forceinline=True)
def _fire(tags, h, given, first, starts, body, times, plus):
    """The tag of head h, and the grounding that gives it where plus is the maximum."""
    total, win = given[h], np.int64(_NONE)
    for g in range(first[h], first[h + 1]):
        value = _value(tags, body, starts[g], starts[g + 1], times)
        if plus == MAX:
            if win == _NONE or value > total:
                total, win = value, g
        elif plus == NOISY:
            total += value * (1.0 - total)
        else:
            total += value
    return (min(total, 1.0) if plus == CAPPED else total), win


@njit
def _up(heap, place, tags, at):
    """Move the entry at a position up until its parent is as great."""
    h = heap[at]
    while at > 0 and tags[heap[(at - 1) >> 1]] < tags[h]:
        heap[at] = heap[(at - 1) >> 1]
        place[heap[at]] = at
        at = (at - 1) >> 1
    heap[at] = h
    place[h] = at


@njit
def _pop(heap, place, tags, size):
    """Take the greatest entry out of a heap of some size."""
    top, h = heap[0], heap[size - 1]
    size -= 1
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and tags[heap[child + 1]] > tags[heap[child]]:
            child += 1
        if tags[heap[child]] <= tags[h]:
            break
        heap[at] = heap[child]
        place[heap[at]] = at
        at = child
    heap[at] = h
    if size:
        place[h] = at
    return top


@njit
def _greatest(
    tags, begin, end, base, first, starts, body, head, inner, users_start, users, times, wins, order, heap, place, wait
):  # fmt: skip
    """The least fixpoint of a component where plus is the maximum, the greatest fact first (Knuth 1977).

    A body's tag is never greater than a literal's, so that the greatest tag that is not settled is final, and what
    wins rests on facts that were settled before: winning proofs have no cycle.
    """
    size, done = 0, 0
    for h in range(begin, end):
        place[h] = _NONE
    for g in range(first[begin], first[end]):
        wait[g] = inner[g]
    ready = first[begin]  # groundings whose bodies lie outside come first, then those that a settled fact completes
    popped = np.int64(_NONE)
    while True:
        low, high = (ready, first[end]) if popped < 0 else (users_start[popped], users_start[popped + 1])
        for k in range(low, high):
            if popped < 0:
                g = k
                if inner[g] > 0:
                    continue
            else:
                g = users[k]
                wait[g] -= 1
                if wait[g] > 0:
                    continue
            h = head[g]
            if place[h] == _DONE:
                continue
            value = _value(tags, body, starts[g], starts[g + 1], times)
            if place[h] == _NONE:
                tags[base + h] = value
                wins[h] = g
                heap[size] = h
                size += 1
                _up(heap, place, tags[base:], size - 1)
            elif value > tags[base + h]:
                tags[base + h] = value
                wins[h] = g
                _up(heap, place, tags[base:], place[h])
            elif value == tags[base + h] and g < wins[h]:
                wins[h] = g
        if size == 0:
            break
        popped = np.int64(_pop(heap, place, tags[base:], size))
        size -= 1
        place[popped] = _DONE
        order[done] = popped
        done += 1
    for k in range(done, end - begin):
        order[k] = _NONE


@kernel(
    "int64(float64[::1], int64, float64[::1], int64[::1], int64[::1], int32[::1], int32[::1], int32[::1], int64[::1],"
    " int32[::1], int64[::1], boolean[::1], int64[::1], int64, int64, int64, int64, int32[::1], int32[::1], int32[::1])"
)
def forward(
    tags, base, given, first, starts, body, head, inner, users_start, users, blocks, cyclic, places, widest, times,
    plus, max_rounds, wins, order, rounds,
):  # fmt: skip
    """Fill the tags of all heads; gives −1, or the head at which it stopped as its tag is no number or does not settle.

    Args:
        tags: (n,) those of the base facts are given; base: how many there are; heads are numbered from there.
        blocks: offsets of runs of heads: a cyclic one is one component, others have no cycle.
        places: offset of a cyclic block in `order`; widest: heads in the largest.
        wins: (heads,) the winning groundings; order: heads of cyclic blocks as they were settled; rounds: (blocks,)
            until a cyclic block settled. Of length 0 where no gradient is needed.
    """
    keep = len(wins) > 0
    settle = plus == MAX and widest > 0
    heads = len(given)
    spare = np.empty(heads if settle and not keep else 0, np.int32)
    spare_order = np.empty(widest if settle and not keep else 0, np.int32)
    heap = np.empty(widest if settle else 0, np.int32)
    place = np.empty(heads if settle else 0, np.int32)
    wait = np.empty(len(head) if settle else 0, np.int32)
    for b in range(len(cyclic)):
        begin, end = blocks[b], blocks[b + 1]
        if cyclic[b] and plus == MAX:
            _greatest(
                tags, begin, end, base, first, starts, body, head, inner, users_start, users, times,
                wins if keep else spare, order[places[b]:] if keep else spare_order, heap, place, wait,
            )  # fmt: skip
            continue
        tags[base + begin : base + end] = 0.0
        changed, done = True, 0
        while changed:
            if done == max_rounds:
                return begin
            changed = False
            for h in range(begin, end):
                total, win = _fire(tags, h, given, first, starts, body, times, plus)
                if not np.isfinite(total):
                    return h
                old = tags[base + h]
                tags[base + h] = total
                if keep and plus == MAX:
                    wins[h] = win
                elif cyclic[b] and total != old and not abs(total - old) <= SETTLED * abs(total):
                    changed = True
            done += 1
        if keep and plus != MAX:
            rounds[b] = done
    return -1


@njit(forceinline=True)
def _add(gradient, y, amount):
    if y >= 0:
        gradient[np.uint32(y)] += amount
    else:
        gradient[np.uint32(~y)] -= amount


@njit(forceinline=True)
def _to_literals(tags, gradient, body, begin, end, times, up, before):
    """Add what the gradient `up` of a body's tag is for its literals."""
    if end - begin == 1:
        _add(gradient, body[begin], up)
    elif times == MUL and end - begin == 2:
        left, right = body[begin], body[begin + 1]
        _add(gradient, left, up * _literal(tags, right))
        _add(gradient, right, up * _literal(tags, left))
    elif times == MUL:
        product = 1.0
        for i in range(begin, end):
            before[i - begin] = product
            product *= _literal(tags, body[i])
        product = 1.0
        for back in range(end - begin):
            i = end - 1 - back
            _add(gradient, body[i], up * before[i - begin] * product)
            product *= _literal(tags, body[i])
    elif times == MIN:
        least = begin
        for i in range(begin + 1, end):
            if _literal(tags, body[i]) < _literal(tags, body[least]):
                least = i
        if least < end:
            _add(gradient, body[least], up)
    else:
        value = 1.0
        for i in range(begin, end):
            value += _literal(tags, body[i]) - 1.0
        if value >= 0.0:
            for i in range(begin, end):
                _add(gradient, body[i], up)


@njit
def _to_bodies(tags, gradient, up, low, high, given, starts, body, times, plus, before, values, others):
    """Add what the gradient `up` of a head with several groundings is for their literals."""
    if plus == CAPPED:
        total = given
        for g in range(low, high):
            total += _value(tags, body, starts[g], starts[g + 1], times)
        if total > 1.0:
            return
    product = 1.0 - given
    if plus == NOISY:
        for g in range(low, high):
            values[g - low] = _value(tags, body, starts[g], starts[g + 1], times)
            others[g - low] = product
            product *= 1.0 - values[g - low]
    product = up
    for back in range(high - low):
        g = high - 1 - back
        part = product * others[g - low] if plus == NOISY else up
        _to_literals(tags, gradient, body, starts[g], starts[g + 1], times, part, before)
        if plus == NOISY:
            product *= 1.0 - values[g - low]


@njit
def _sweep(tags, gradient, begin, end, base, given, first, starts, body, times, plus, before, values, others):
    """Hand the gradients of a block's heads on, the last first."""
    for back in range(end - begin):
        h = end - 1 - back
        up = gradient[base + h]
        if up == 0.0:
            continue
        gradient[base + h] = 0.0
        low, high = first[h], first[h + 1]
        if high - low == 1 and given[h] == 0.0 and plus != CAPPED:
            # most heads: what is rare stays out of this loop, which is twice as fast without it
            _to_literals(tags, gradient, body, starts[low], starts[high], times, up, before)
        else:
            _to_bodies(tags, gradient, up, low, high, given[h], starts, body, times, plus, before, values, others)


@njit
def _around(
    tags, gradient, begin, end, base, given, first, starts, body, times, plus, before, values, others, literals, slopes,
    names, rounds,
):  # fmt: skip
    """Hand the gradients of a cycle's heads on, around the cycle until they settle, then out of it.

    The derivative of each head by each literal is computed once; a turn around the cycle then is one multiplication for
    each literal in it.
    """
    low, high = starts[first[begin]], starts[first[end]]
    node, slope = np.empty(high - low, np.int64), np.empty(high - low)  # of the literals in the cycle
    offsets, total = np.zeros(end - begin + 1, np.int64), np.zeros(end - begin)
    count = 0
    for i in range(low, high):
        literals[i], slopes[i] = _literal(tags, body[i]), 0.0
    for h in range(begin, end):
        # each literal stands for itself here, so that what would be added to facts' gradients is its own
        _to_bodies(
            literals, slopes, 1.0, first[h], first[h + 1], given[h], starts, names, times, plus, before, values, others
        )
        for i in range(starts[first[h]], starts[first[h + 1]]):
            y = body[i] if body[i] >= 0 else ~body[i]
            if body[i] < 0:
                slopes[i] = -slopes[i]
            if y >= base + begin and y < base + end:
                node[count], slope[count] = y, slopes[i]
                count += 1
        offsets[h - begin + 1] = count
    scale = 0.0
    for _ in range(2 * rounds + 8):
        size = 0.0
        for back in range(end - begin):
            h = end - 1 - back
            up = gradient[base + h]
            if up == 0.0:
                continue
            gradient[base + h] = 0.0
            size = max(size, abs(up))
            total[h - begin] += up
            for k in range(offsets[h - begin], offsets[h - begin + 1]):
                gradient[node[k]] += slope[k] * up
        scale = max(scale, size)
        if size <= SETTLED * scale:
            break
    for h in range(begin, end):
        for i in range(starts[first[h]], starts[first[h + 1]]):
            y = body[i] if body[i] >= 0 else ~body[i]
            if y < base + begin or y >= base + end:
                gradient[y] += slopes[i] * total[h - begin]
        gradient[base + h] = 0.0


@kernel(
    "void(float64[::1], float64[::1], int64, float64[::1], int64[::1], int64[::1], int32[::1], int64[::1],"
    " boolean[::1], int64[::1], int64, int64, int64, int64, int32[::1], int32[::1], int32[::1])"
)
def backward(
    tags, gradient, base, given, first, starts, body, blocks, cyclic, places, longest, most, times, plus, wins, order,
    rounds,
):  # fmt: skip
    """Turn the gradient of all facts into that of the base facts.

    Through a cycle it is the sum over the ways around it, taken until it settles as the tags did (the implicit
    gradient of the fixpoint), and no longer than a few times the rounds that these took: where the fixpoint has no
    derivative, the sum does not end.

    Args:
        longest: literals in the longest body; most: groundings of one head.
    """
    before = np.empty(longest)
    values, others = np.empty(most), np.empty(most)
    turning = plus != MAX and cyclic.any()
    edges = len(body) if turning else 0
    literals, slopes, names = np.empty(edges), np.empty(edges), np.arange(edges).astype(np.int32)
    for b in range(len(cyclic) - 1, -1, -1):
        begin, end = blocks[b], blocks[b + 1]
        if plus == MAX:
            for back in range(end - begin):
                k = end - begin - 1 - back
                h = order[places[b] + k] if cyclic[b] else begin + k
                if h < 0:
                    continue
                up, g = gradient[base + h], wins[h]
                if up != 0.0 and g >= 0:
                    _to_literals(tags, gradient, body, starts[g], starts[g + 1], times, up, before)
            continue
        if cyclic[b]:
            _around(
                tags, gradient, begin, end, base, given, first, starts, body, times, plus, before, values, others,
                literals, slopes, names, rounds[b],
            )  # fmt: skip
        else:
            _sweep(tags, gradient, begin, end, base, given, first, starts, body, times, plus, before, values, others)


@njit
def _read(inputs, sample, facts, leaf, tags):
    for k in range(len(facts)):
        if leaf[k]:
            p = np.float64(inputs[sample, facts[k]])
            if not (p >= -TOLERANCE and p <= 1.0 + TOLERANCE):
                return k
            tags[k] = p
    return -1


@kernel("int64(float64[:,:], int64, int64[::1], boolean[::1], float64[::1])")
def read64(inputs, sample, facts, leaf, tags):
    """Tags of the base facts of one sample; gives −1, or the first that is no probability."""
    return _read(inputs, sample, facts, leaf, tags)


@kernel("int64(float32[:,:], int64, int64[::1], boolean[::1], float64[::1])")
def read32(inputs, sample, facts, leaf, tags):
    """The same for float32."""
    return _read(inputs, sample, facts, leaf, tags)
