"""The unknown atoms of a graph: which they are, what settles them, and what they are linked with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids
from neurosym.grounding import DerivationGraph
from neurosym.semantics.algebras.semirings import (
    Boolean,
    Count,
    Goedel,
    Lukasiewicz,
    Product,
    Semiring,
    SumProduct,
    Viterbi,
)
from neurosym.semantics.part import Part

Evidence = Sequence[tuple[int, bool]]
MONOTONE = (Boolean, Count, Viterbi, Goedel, Product, Lukasiewicz)


def unknown_leaves(graph: DerivationGraph) -> Ids:
    """(U,) the leaves of the unknown atoms."""
    groups = [g.facts.reshape(-1) for g in graph.choices if g.kind == "open"]
    return np.sort(np.concatenate(groups)) if groups else np.zeros(0, np.int32)


def unknown_atom(graph: DerivationGraph, leaf: int) -> str:
    """The unknown atom of a leaf, as the rule language spells it."""
    group, _ = graph.choice_of(leaf)
    assert group.key is not None
    return graph.spell(group.key, graph.args(leaf))


def settled_by(graph: DerivationGraph, evidence: Evidence) -> tuple[dict[int, bool], list[tuple[int, bool]]]:
    """Unknown atoms that evidence speaks of directly, as leaf → truth value; and the other evidence."""
    fixed: dict[int, bool] = {}
    rest: list[tuple[int, bool]] = []
    for fact, observed in evidence:
        own = np.nonzero(graph.head == fact)[0]
        if len(own) == 1 and graph.rules[graph.rule[own[0]]].part == "open":
            fixed[int(graph.body[graph.body_start[own[0]]])] = observed
        else:
            rest.append((fact, observed))
    return fixed, rest


def is_monotone(semiring: Semiring | None, part: Part) -> bool:
    """Whether a tag never falls as the tag of a leaf below no negation rises, and never rises below one.

    Sums of products leave [0, 1], so that under negation they change their sign; of a user's algebra nothing is known.
    """
    return semiring is None or type(semiring) in MONOTONE or (type(semiring) is SumProduct and bool(part.sign.all()))


def linked(graph: DerivationGraph, part: Part) -> NDArray[np.int32]:
    """(n,) the connected component of each fact; outcomes of one choice are connected."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(part.facts)
    heads = np.repeat(part.head, np.diff(part.body_start))
    leaf = np.nonzero(part.leaf)[0]
    leaf = leaf[np.argsort(graph.choice[part.facts[leaf]], kind="stable")]
    choice = graph.choice[part.facts[leaf]]
    same = choice[1:] == choice[:-1]
    source = np.concatenate([heads, leaf[:-1][same]])
    target = np.concatenate([part.body, leaf[1:][same]])
    matrix = csr_matrix((np.ones(len(source), np.int8), (source, target)), shape=(n, n))
    return connected_components(matrix, directed=False)[1]
