"""The facts of a query in bottom-up order, with choices numbered along it: what normalising and proving start from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids
from neurosym.grounding import DerivationGraph
from neurosym.grounding.columns import expand
from neurosym.grounding.compiled import load
from neurosym.semantics.part import Long, Part

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Structure:
    """n facts, such that a fact comes after those it depends on; the facts of a cycle are neighbours.

    Attributes:
        facts: (n,) ids in the graph; component: (n,) strongly connected ones share a number; cyclic: (n,).
        choice: (n,) of a leaf the number of its choice, counted in the order of the facts, else -1; outcome: (n,).
        sizes: (C,) outcomes that occur; other: (C,) whether something else can happen. A set of outcomes is a row of W
            words with a bit for each outcome and one for 'other'; full: (C, W).
        leaf_start: (C + 1,) offsets into leaf_facts: (L,) graph ids, choice by choice.
        starts: (n + 1,) offsets into the bodies of each fact, body_start: into literals: (e,) a fact, or `~fact`.
        number: for each position of the part its fact here, -1 where nothing asked depends on it.
    """

    facts: Ids
    component: Long
    cyclic: NDArray[np.bool_]
    choice: Long
    outcome: Long
    sizes: Long
    other: NDArray[np.bool_]
    full: Words
    leaf_start: Long
    leaf_facts: Ids
    starts: Long
    body_start: Long
    literals: Long
    number: Long


def structure_of(graph: DerivationGraph, part: Part) -> Structure:
    """Put a part into bottom-up order, with facts that stand for one another (`p :- q. q :- p.`) made one."""
    n = len(part.facts)
    starts, body_start, literals = _by_head(part.head, part.body_start, np.where(part.sign, part.body, ~part.body), n)
    starts, body_start, literals = _without_loops(starts, body_start, literals, n)
    order, component, cyclic = _bottom_up(starts, body_start, literals, part.roots)
    same = np.arange(n)
    if cyclic.any():
        same = _units(starts, body_start, literals, component, cyclic)
        if (same != np.arange(n)).any():
            heads = same[np.repeat(np.arange(n), np.diff(starts))]
            merged = np.where(literals >= 0, same[literals], ~same[~literals])
            starts, body_start, literals = _by_head(heads, body_start, merged, n)
            starts, body_start, literals = _without_loops(starts, body_start, literals, n)
            order, component, cyclic = _bottom_up(starts, body_start, literals, same[part.roots])
    return _renumbered(graph, part.facts, order, component, cyclic, starts, body_start, literals, same)


def with_bodies(graph: DerivationGraph, structure: Structure, kept: Long, roots: Long) -> Structure:
    """A structure with some of its bodies, which may have fewer cycles.

    Args:
        kept: (m,) bodies; roots: facts to which all others belong.
    """
    n = len(structure.facts)
    heads = np.repeat(np.arange(n), np.diff(structure.starts))[kept]
    sizes = np.diff(structure.body_start)[kept]
    _, edges = expand(structure.body_start[:-1][kept], sizes)
    flat = np.concatenate([[0], np.cumsum(sizes)])
    starts, body_start, literals = _by_head(heads, flat, structure.literals[edges], n)
    order, component, cyclic = _bottom_up(starts, body_start, literals, roots)
    made = _renumbered(
        graph, structure.facts, order, component, cyclic, starts, body_start, literals, np.arange(n)
    )  # fmt: skip
    known = structure.number >= 0
    number = np.full(len(known), -1)
    number[known] = made.number[structure.number[known]]
    return replace(made, number=number)


def _renumbered(
    graph: DerivationGraph, all_facts: Ids, order: Long, component: Long, cyclic: NDArray[np.bool_], starts: Long,
    body_start: Long, literals: Long, same: Long,
) -> Structure:  # fmt: skip
    """Facts numbered along an order; those that are not in it, and their bodies, are left out."""
    n = len(same)
    number = np.full(n, -1)
    number[order] = np.arange(len(order))
    heads = number[np.repeat(np.arange(n), np.diff(starts))]
    found = heads >= 0
    which, edges = expand(body_start[:-1][found], np.diff(body_start)[found])
    kept = literals[edges]
    renamed = np.where(kept >= 0, number[kept], ~number[~kept])
    sizes = np.bincount(which, minlength=int(found.sum()))
    starts, body_start, literals = _by_head(
        heads[found], np.concatenate([[0], np.cumsum(sizes)]), renamed, len(order)
    )  # fmt: skip
    facts = all_facts[order]
    return Structure(
        facts, component[order], cyclic[order], *_choices(graph, facts), starts, body_start, literals, number[same]
    )


def _by_head(head: Long, body_start: Long, literals: Long, n: int) -> tuple[Long, Long, Long]:
    """Bodies sorted by head."""
    order = np.argsort(head, kind="stable")
    starts = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(head, minlength=n), out=starts[1:])
    sizes = np.diff(body_start)[order]
    _, edges = expand(body_start[:-1][order], sizes)
    return starts, np.concatenate([[0], np.cumsum(sizes)]), literals[edges].astype(np.int64)


def _bottom_up(
    starts: Long, body_start: Long, literals: Long, roots: Long
) -> tuple[Long, Long, NDArray[np.bool_]]:  # fmt: skip
    """The facts that roots reach, bottom up; for each fact its component, and whether it lies on a cycle."""
    n = len(starts) - 1
    children = np.where(literals >= 0, literals, ~literals)
    offsets = body_start[starts]
    order, component = np.empty(n, np.int64), np.full(n, -1)
    count = load("neurosym.semantics.walks").bottom_up(offsets, children, roots.astype(np.int64), order, component)
    order = order[:count]
    sizes = np.bincount(component[order], minlength=1)
    cyclic = np.zeros(n, bool)
    cyclic[order] = sizes[component[order]] > 1
    heads = np.repeat(np.arange(n), np.diff(offsets))
    cyclic[heads[children == heads]] = True
    return order, component, cyclic


def _units(
    starts: Long, body_start: Long, literals: Long, component: Long, cyclic: NDArray[np.bool_]
) -> Long:  # fmt: skip
    """For each fact the one that stands for it: facts that imply one another through bodies of one literal."""
    n = len(starts) - 1
    heads = np.repeat(np.arange(n), np.diff(starts))
    single = np.diff(body_start) == 1
    child = np.zeros(len(heads), np.int64)
    child[single] = literals[body_start[:-1][single]]
    single &= child >= 0
    single[single] &= component[child[single]] == component[heads[single]]
    single &= cyclic[heads]
    offsets = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(heads[single], minlength=n), out=offsets[1:])
    order, equal = np.empty(n, np.int64), np.full(n, -1)
    load("neurosym.semantics.walks").bottom_up(offsets, child[single], np.arange(n), order, equal)
    first = np.full(n, n)
    np.minimum.at(first, equal, np.arange(n))
    return first[equal]


def _without_loops(starts: Long, body_start: Long, literals: Long, n: int) -> tuple[Long, Long, Long]:
    """Without bodies that need their own head: they derive nothing new."""
    heads = np.repeat(np.arange(n), np.diff(starts))
    of = np.repeat(np.arange(len(heads)), np.diff(body_start))
    keep = np.ones(len(heads), bool)
    keep[of[literals == heads[of]]] = False
    sizes = np.diff(body_start)[keep]
    _, edges = expand(body_start[:-1][keep], sizes)
    return _by_head(heads[keep], np.concatenate([[0], np.cumsum(sizes)]), literals[edges], n)


def _choices(
    graph: DerivationGraph, facts: Ids
) -> tuple[Long, Long, Long, NDArray[np.bool_], Words, Long, Ids]:  # fmt: skip
    """Choices and outcomes of the facts, both numbered from 0: see `Structure`."""
    of, which = graph.choice[facts], graph.outcome[facts]
    leaves = np.nonzero(of >= 0)[0]
    known, first, inverse = np.unique(of[leaves], return_index=True, return_inverse=True)
    rank = np.empty(len(known), np.int64)
    rank[np.argsort(first)] = np.arange(len(known))  # numbered as they are met
    choice = np.full(len(facts), -1)
    choice[leaves] = rank[inverse]
    order = leaves[np.lexsort((which[leaves], choice[leaves]))]
    sizes = np.bincount(choice[leaves], minlength=len(known))
    leaf_start = np.concatenate([[0], np.cumsum(sizes)])
    outcome = np.full(len(facts), -1)
    outcome[order] = np.arange(len(order)) - leaf_start[choice[order]]
    in_graph = np.concatenate([np.full(len(g.facts), g.facts.shape[1]) for g in graph.choices] or [np.zeros(0, int)])
    original = np.empty(len(known), np.int64)
    original[rank] = known
    other = graph.choice_rest[original] | (sizes < in_graph[original])
    bits = sizes + other
    words = max(1, -(-int(bits.max(initial=1)) // 64))
    places = np.arange(words * 64).reshape(1, words, 64)
    weights = np.uint64(1) << np.arange(64, dtype=np.uint64)
    full = ((places < bits[:, None, None]) * weights).sum(axis=2, dtype=np.uint64)
    return choice, outcome, sizes, other, full, leaf_start, facts[order]
