"""The part of a derivation graph that some facts depend on, with numbers of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids
from neurosym.grounding import CERTAIN, DerivationGraph
from neurosym.grounding.columns import expand
from neurosym.grounding.compiled import load

Long = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """n facts of a graph and the m groundings that derive them.

    Attributes:
        facts: (n,) fact ids in the graph, ascending; all other columns number facts by their position here.
        leaf: (n,) whether the fact is a choice's outcome; `given`: (n,) whether it holds without a derivation.
        grounding: (m,) grounding numbers in the graph, sorted by head.
        head: (m,); body_start: (m + 1,); body, sign: (e,).
        roots: positions of the facts that were asked for.
    """

    facts: Ids
    leaf: NDArray[np.bool_]
    given: NDArray[np.bool_]
    grounding: Long
    head: Long
    body_start: Long
    body: Long
    sign: NDArray[np.bool_]
    roots: Long


def relevant_part(graph: DerivationGraph, roots: Ids, drop_certain: bool) -> Part:
    """Facts and groundings that the roots depend on.

    Args:
        roots: (r,) fact ids.
        drop_certain: leave out certain literals, and the derivations of certain facts, which cannot matter where a
            certain fact's tag is one whatever derives it.
    """
    starts, order = graph.groundings_of()
    certain = graph.status == CERTAIN
    seen = np.zeros(graph.num_facts, bool)
    body_start = graph.body_start.astype(np.int64)
    body, sign = np.ascontiguousarray(graph.body), graph.sign.copy()  # it may be one value, repeated
    walks = load("neurosym.semantics.walks")
    asked = np.ascontiguousarray(roots, np.int32)
    walks.reach(starts, order, body_start, body, certain, drop_certain, asked, seen)
    facts, number, grounding, head, *bodies = walks.collected(
        starts, order, body_start, body, sign, certain, drop_certain, seen
    )
    has_grounding = starts[facts + 1] > starts[facts]
    given = certain[facts] & (drop_certain | (graph.place[facts] >= 0) | ~has_grounding)
    return Part(facts, graph.choice[facts] >= 0, given, grounding, head, *bodies, roots=number[roots])


def components(part: Part) -> tuple[Long, NDArray[np.bool_]]:
    """For each fact its strongly connected component, and for each component whether it is a cycle."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(part.facts)
    heads = np.repeat(part.head, np.diff(part.body_start))
    matrix = csr_matrix((np.ones(len(heads), np.int8), (part.body, heads)), shape=(n, n))
    count, component = connected_components(matrix, directed=True, connection="strong")
    cyclic = np.bincount(component, minlength=count) > 1
    cyclic[component[part.body[part.body == heads]]] = True
    return component, cyclic


def levels(part: Part) -> tuple[Long, NDArray[np.bool_]]:
    """For each fact the layer in which it can be computed, and whether it is part of a cycle.

    Facts of a cycle share a layer with the rest of their strongly connected component.
    """
    component, cyclic = components(part)
    count = len(cyclic)
    heads = np.repeat(part.head, np.diff(part.body_start))
    source, target = component[part.body], component[heads]
    inner = source == target
    source, target = source[~inner], target[~inner]
    order = np.argsort(source, kind="stable")
    source, target = source[order], target[order]
    starts = np.searchsorted(source, np.arange(count + 1))
    waiting = np.bincount(target, minlength=count)
    level = np.zeros(count, np.int64)
    frontier = np.nonzero(waiting == 0)[0]
    depth = 0
    while len(frontier):
        level[frontier] = depth
        _, at = expand(starts[frontier], starts[frontier + 1] - starts[frontier])
        reached = target[at]
        np.subtract.at(waiting, reached, 1)
        frontier = np.unique(reached[waiting[reached] == 0])
        depth += 1
    return level[component], cyclic[component]
