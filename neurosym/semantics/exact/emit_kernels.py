"""Nodes of sums and products for all facts at once, compiled by numba: see `emit`."""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel
from neurosym.semantics.exact.row_kernels import longer, ranked

OUTCOMES, LITERAL, TRUE, FALSE = 1, 2, 3, 4
PRODUCT, SUM = 2, 3
NOTHING, ADD, NOISY_OR, COMPILE = 0, 1, 2, 3


@njit(inline="always")
def _fact(literal):
    return ~literal if literal < 0 else literal


@kernel(
    "Tuple((uint8[::1], int64[::1], int64[::1], int64[::1]))("
    "int64, int64, int64[::1], int64[::1], boolean[::1], uint8[::1], int64[::1], uint64[:,::1], "
    "int64[::1], int64[::1], int64[::1], uint64[:,::1], int64[::1], int64[::1], "
    "uint8[::1], int64[::1], boolean[::1], boolean[::1], boolean[::1], int64[::1], int64[::1])"
)
def emit(
    leaves, first, leaf_start, sizes, other, state, alias, alias_mask,
    starts, choice_start, choices, masks, literal_start, literals,
    how, cluster, dead, crossed, dropped, reference, held,
):  # fmt: skip
    """Write down the nodes of all facts, bottom up.

    Args:
        leaves: L; node L is the constant one. first: number of the first new node.
        reference: (n,) filled with a reference for each fact; held: (b,) filled with the node of a body that is left
            open, as is a fact's that has to be compiled: a sum of one child, still to be filled in.

    Returns:
        Kinds and numbers of children of the new nodes, their children, and the nodes of open facts (n,), else -1.
    """
    n, words = len(state), masks.shape[1]
    one = leaves
    kinds, sizes_of, children = np.empty(64, np.uint8), np.empty(64, np.int64), np.empty(64, np.int64)
    nodes, edges = 0, 0
    known_mask, known = np.zeros((len(leaf_start) - 1, words), np.uint64), np.zeros(len(leaf_start) - 1, np.int64)
    open_facts = np.full(n, -1, np.int64)
    terms = np.empty(64, np.int64)
    for i in range(n):
        if state[i] == TRUE or state[i] == FALSE:
            reference[i] = one if state[i] == TRUE else ~one
            continue
        if state[i] == LITERAL:
            inner = reference[_fact(alias[i])]
            reference[i] = ~inner if alias[i] < 0 else inner
            continue
        need = edges + 2
        if state[i] == OUTCOMES:
            need += sizes[alias[i]]
        for b in range(starts[i], starts[i + 1]):
            need += 2 + choice_start[b + 1] - choice_start[b] + literal_start[b + 1] - literal_start[b]
            for at in range(choice_start[b], choice_start[b + 1]):
                need += sizes[choices[at]]
        if need > len(children):
            children = longer(children, need)
        need += nodes - edges
        if need > len(kinds):
            kinds, sizes_of = longer(kinds, need), longer(sizes_of, need)
        live = starts[i + 1] - starts[i]
        if live + 1 > len(terms):
            terms = longer(terms, live + 1)
        if state[i] != OUTCOMES and how[i] == COMPILE:
            kinds[nodes], sizes_of[nodes], children[edges] = SUM, 1, one
            open_facts[i] = reference[i] = first + nodes
            nodes, edges = nodes + 1, edges + 1
            continue
        # bodies, or for a fact that is a set of outcomes that set alone
        live = 0
        for b in range(starts[i], starts[i + 1] if state[i] != OUTCOMES else starts[i] + 1):
            alone = state[i] == OUTCOMES
            if not alone and dead[b]:
                continue
            if not alone and crossed[b]:
                kinds[nodes], sizes_of[nodes], children[edges] = SUM, 1, one
                held[b] = terms[live] = first + nodes
                nodes, edges, live = nodes + 1, edges + 1, live + 1
                continue
            # the references of the literals are gathered behind the edges of their own sums
            begin = 0 if alone else choice_start[b]
            end = 1 if alone else choice_start[b + 1]
            for at in range(begin, end):
                c = alias[i] if alone else choices[at]
                same = True
                for w in range(words):
                    word = alias_mask[i, w] if alone else masks[at, w]
                    same &= known_mask[c, w] == word
                if same and known[c] != 0:
                    continue
                rest = False  # whether 'other' is among the allowed
                inside, last_in, last_out = 0, 0, 0
                for k in range(sizes[c] + other[c]):
                    word = alias_mask[i, k >> 6] if alone else masks[at, k >> 6]
                    allowed = (word >> np.uint64(k & 63)) & np.uint64(1) == 1
                    if k == sizes[c]:
                        rest = allowed
                    elif allowed:
                        inside, last_in = inside + 1, k
                    else:
                        last_out = k
                outside = sizes[c] - inside
                if not rest and inside == 1:
                    made = leaf_start[c] + last_in
                elif outside == 1 and (rest or not other[c]):
                    made = ~(leaf_start[c] + last_out)
                else:
                    count = 0
                    for k in range(sizes[c]):
                        word = alias_mask[i, k >> 6] if alone else masks[at, k >> 6]
                        if ((word >> np.uint64(k & 63)) & np.uint64(1) == 1) != rest:
                            children[edges + count] = leaf_start[c] + k
                            count += 1
                    kinds[nodes], sizes_of[nodes] = SUM, count
                    made = ~(first + nodes) if rest else first + nodes
                    nodes, edges = nodes + 1, edges + count
                for w in range(words):
                    known_mask[c, w] = alias_mask[i, w] if alone else masks[at, w]
                known[c] = made + 1 if made >= 0 else made  # never 0
            count = 0
            for at in range(begin, end):
                c = alias[i] if alone else choices[at]
                children[edges + count] = known[c] - 1 if known[c] > 0 else known[c]
                count += 1
            if not alone:
                for at in range(literal_start[b], literal_start[b + 1]):
                    if not dropped[at]:
                        inner = reference[_fact(literals[at])]
                        children[edges + count] = ~inner if literals[at] < 0 else inner
                        count += 1
            if count == 1:
                terms[live] = children[edges]
            else:
                kinds[nodes], sizes_of[nodes] = PRODUCT, count
                terms[live] = first + nodes
                nodes, edges = nodes + 1, edges + count
            live += 1
        if live == 0:
            reference[i] = ~one
        elif live == 1:
            reference[i] = terms[0]
        elif how[i] == ADD:
            kinds[nodes], sizes_of[nodes] = SUM, live
            for k in range(live):
                children[edges + k] = terms[k]
            reference[i] = first + nodes
            nodes, edges = nodes + 1, edges + live
        else:  # a sum for each cluster, then one minus the product of what is left
            numbers = np.empty(live, np.int64)
            at = 0
            for b in range(starts[i], starts[i + 1]):
                if not dead[b]:
                    numbers[at] = cluster[b]
                    at += 1
            ranks = ranked(numbers, 0, live)
            start, clusters = 0, 0
            sums = np.empty(live, np.int64)
            for k in range(live):
                if k + 1 < live and numbers[ranks[k + 1]] == numbers[ranks[k]]:
                    continue
                if k == start:
                    sums[clusters] = terms[ranks[k]]
                else:
                    if nodes + 2 > len(kinds):
                        kinds, sizes_of = longer(kinds, nodes + 2), longer(sizes_of, nodes + 2)
                    if edges + 2 * live > len(children):
                        children = longer(children, edges + 2 * live)
                    kinds[nodes], sizes_of[nodes] = SUM, k + 1 - start
                    for j in range(start, k + 1):
                        children[edges + j - start] = terms[ranks[j]]
                    sums[clusters] = first + nodes
                    nodes, edges = nodes + 1, edges + k + 1 - start
                clusters += 1
                start = k + 1
            if nodes + 2 > len(kinds):
                kinds, sizes_of = longer(kinds, nodes + 2), longer(sizes_of, nodes + 2)
            if edges + clusters + 1 > len(children):
                children = longer(children, edges + clusters + 1)
            kinds[nodes], sizes_of[nodes] = PRODUCT, clusters
            for k in range(clusters):
                children[edges + k] = ~sums[k]
            reference[i] = ~(first + nodes)
            nodes, edges = nodes + 1, edges + clusters
    return kinds[:nodes].copy(), sizes_of[:nodes].copy(), children[:edges].copy(), open_facts
