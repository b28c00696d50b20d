"""Where sums and products are provably exact.

A body may be multiplied if its literals rest on different choices. A fact may be summed if its bodies exclude one
another; bodies on disjoint choices combine as a noisy-or. Exclusion is proved by signatures, what a body needs of each
choice, and a decision tree over them. Facts that differ in one argument only, such as `carry(3, 0)` and `carry(3, 1)`,
are tried as values of a choice of their own: all are assumed to be, and given up where their exclusion cannot be shown,
until nothing changes. See docs/explanation/exact.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.grounding import DerivationGraph
from neurosym.grounding.compiled import load
from neurosym.semantics.exact.normal import Normal
from neurosym.semantics.exact.structure import Structure
from neurosym.semantics.part import Long

NOTHING, ADD, NOISY_OR, COMPILE = range(4)  # what to do with a fact's bodies; nothing where there are none
MAX_ARGUMENTS = 4  # of facts with more, only the last argument is tried as a value
POOL = 4_000_000  # entries of signatures and supports in all, as a rule
SHOWN = 4  # choices by which a fact's bodies were told apart that are kept


@dataclass(frozen=True)
class Groups:
    """Facts that may exclude one another: G derived choices.

    Attributes:
        starts: (G + 1,) offsets into members, facts.
        of_start: (n + 1,) offsets into of_group, the groups of a fact, and of_value, its number in each.
    """

    starts: Long
    members: Long
    of_start: Long
    of_group: Long
    of_value: Long


@dataclass(frozen=True)
class Proof:
    """What was proved of n facts and b bodies.

    Attributes:
        how: (n,) `NOTHING`, `ADD`, `NOISY_OR` over the bodies' clusters, or `COMPILE`.
        cluster: (b,); dead: (b,) bodies that cannot hold; crossed: (b,) those whose literals share choices.
        dropped: (l,) literals that say nothing beside the others of their body.
        split: (n, SHOWN) what told the bodies apart: choices, or C + a group; -1 where nothing more.
        support_start, support_end: (n,) offsets into first and last, the intervals of choices that a fact rests on.
        groups: candidates; proved: (G,) which of them exclude one another.
    """

    how: NDArray[np.uint8]
    cluster: Long
    dead: NDArray[np.bool_]
    crossed: NDArray[np.bool_]
    dropped: NDArray[np.bool_]
    split: Long
    support_start: Long
    support_end: Long
    first: Long
    last: Long
    groups: Groups
    proved: NDArray[np.bool_]


def prove(graph: DerivationGraph, structure: Structure, normal: Normal) -> Proof:
    """Analyse every fact of a structure."""
    n, bodies = len(structure.facts), len(normal.origin)
    groups = candidates(graph, structure, normal)
    active = np.ones(len(groups.starts) - 1, bool)
    last = np.maximum.reduceat(groups.members, groups.starts[:-1]) if len(active) else np.zeros(0, np.int64)
    last_groups = np.argsort(last, kind="stable")
    last_start = np.searchsorted(last[last_groups], np.arange(n + 1))
    how, split = np.zeros(n, np.uint8), np.full((n, SHOWN), -1)
    cluster = np.zeros(bodies, np.int64)
    dead, crossed = np.zeros(bodies, bool), np.zeros(bodies, bool)
    dropped = np.zeros(len(normal.literals), bool)
    cap = min(max(POOL // max(1, bodies + n), 4), 64)
    cap_support = min(max(POOL // max(1, n), 8), 512)
    support: list[Long] = []
    again = True
    while again:
        again, *support = load("neurosym.semantics.exact.proof_kernels").prove(
            structure.component, structure.cyclic, normal.state, normal.alias, normal.alias_mask, structure.full,
            normal.starts, normal.choice_start, normal.choices, normal.masks, normal.literal_start, normal.literals,
            normal.origin, structure.body_start, structure.literals,
            groups.of_start, groups.of_group, groups.of_value, groups.starts, groups.members, last_start, last_groups,
            active, cap, cap_support, how, cluster, dead, crossed, dropped, split,
        )  # fmt: skip
    return Proof(
        how, cluster, dead, crossed, dropped, split, support[0], support[1], support[2], support[3], groups, active
    )


def candidates(graph: DerivationGraph, structure: Structure, normal: Normal) -> Groups:
    """Facts of one predicate that share all arguments but one; and each fact that is negated somewhere."""
    predicates = graph.predicate[structure.facts]
    rows = graph.row[structure.facts]
    sizes_of: list[Long] = []
    members: list[Long] = []
    by_predicate, amounts = np.argsort(predicates, kind="stable"), np.bincount(predicates)
    ends = np.cumsum(amounts)
    for predicate in np.nonzero(amounts > 1)[0].tolist():
        facts = by_predicate[ends[predicate] - amounts[predicate] : ends[predicate]]
        table = graph.rows[predicate][rows[facts]]
        arguments = table.shape[1]
        for place in range(arguments) if arguments <= MAX_ARGUMENTS else (arguments - 1,):
            others = [table[:, k] for k in reversed(range(arguments)) if k != place]
            order = np.lexsort(others) if others else np.arange(len(facts))
            together, sizes = load("neurosym.semantics.exact.proof_kernels").alike(table, place, order)
            members.append(facts[together])
            sizes_of.append(sizes)
    # a fact alone is a choice between itself and its failing, which tells apart bodies with `a` and with `not a`
    below = normal.literals < 0
    negated = np.unique(~normal.literals[below]) if below.any() else np.zeros(0, np.int64)
    members.append(negated)
    sizes_of.append(np.ones(len(negated), np.int64))
    flat, sizes = np.concatenate(members), np.concatenate(sizes_of)
    group_start = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=group_start[1:])
    of_group = np.repeat(np.arange(len(sizes)), sizes)
    of_value = np.arange(len(flat)) - group_start[of_group]
    order = np.argsort(flat, kind="stable")
    of_start = np.searchsorted(flat[order], np.arange(len(structure.facts) + 1))
    return Groups(group_start, flat, of_start, of_group[order], of_value[order])
