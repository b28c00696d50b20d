"""The facts of a query in bottom-up order, with choices numbered along it: what normalising and proving start from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids
from neurosym.grounding import DerivationGraph
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
    kernels = load("neurosym.semantics.exact.structure_kernels")
    same = np.arange(n)
    bodies = part.head, part.body_start, np.where(part.sign, part.body, ~part.body)
    starts, body_start, literals = kernels.regrouped(*bodies, same, n)
    order, component, cyclic = kernels.ordered(starts, body_start, literals, part.roots)
    if cyclic.any():
        same = kernels.units(starts, body_start, literals, component, cyclic)
        if (same != np.arange(n)).any():
            starts, body_start, literals = kernels.regrouped(*bodies, same, n)
            order, component, cyclic = kernels.ordered(starts, body_start, literals, same[part.roots])
    return _renumbered(graph, part.facts, order, component, cyclic, starts, body_start, literals, same)


def with_bodies(graph: DerivationGraph, structure: Structure, kept: Long, roots: Long) -> Structure:
    """A structure with some of its bodies, which may have fewer cycles.

    Args:
        kept: (m,) bodies; roots: facts to which all others belong.
    """
    n = len(structure.facts)
    kernels = load("neurosym.semantics.exact.structure_kernels")
    heads = np.full(len(structure.body_start) - 1, -1)
    heads[kept] = np.repeat(np.arange(n), np.diff(structure.starts))[kept]
    same = np.arange(n)
    starts, body_start, literals = kernels.regrouped(heads, structure.body_start, structure.literals, same, n)
    order, component, cyclic = kernels.ordered(starts, body_start, literals, roots)
    made = _renumbered(graph, structure.facts, order, component, cyclic, starts, body_start, literals, same)
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
    heads = np.repeat(np.arange(n), np.diff(starts))
    kernels = load("neurosym.semantics.exact.structure_kernels")
    starts, body_start, literals = kernels.regrouped(heads, body_start, literals, number, len(order))
    facts = all_facts[order]
    in_graph = [np.full(len(g.facts), g.facts.shape[1]) for g in graph.choices]
    choice, outcome, sizes, other, full, leaf_start, leaves = kernels.choices(
        graph.choice[facts], graph.outcome[facts], np.concatenate([*in_graph, np.zeros(0, np.int64)]), graph.choice_rest
    )
    return Structure(
        facts, component[order], cyclic[order], choice, outcome, sizes, other, full, leaf_start, facts[leaves],
        starts, body_start, literals, number[same],
    )  # fmt: skip
