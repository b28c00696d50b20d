"""Facts for which sums and products cannot be proved right: decision diagrams, read off as nodes of a circuit.

The outcomes of a choice exclude one another, and what is below a branch speaks of other choices than the node itself,
so that the probability of a node is the sum of its branches' probabilities times what is below them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosym.grounding.columns import expand
from neurosym.semantics.diagrams import FALSE, TRUE, Diagram, Shape, compile_shape
from neurosym.semantics.exact.circuit import DECISION, SUM, Circuit, CircuitBuilder
from neurosym.semantics.part import Long


@dataclass(frozen=True)
class Solution:
    """A compiled shape: nodes over its choices' outcomes, numbered choice by choice, then the constant one.

    Attributes:
        kinds, sizes, children: new nodes, see `CircuitBuilder.extend`; roots: references.
        choices: how many the formulas may speak of; nodes: of the diagram.
    """

    kinds: np.ndarray
    sizes: Long
    children: Long
    roots: Long
    choices: int
    nodes: int


def compiled(shape: Shape, max_nodes: int) -> Solution:
    """The circuit of a shape.

    Raises:
        SemanticsError: NS520, its diagram grew past the limit.
    """
    return _read_off(shape, compile_shape(shape, max_nodes))


def circuit_of(shape: Shape, max_nodes: int) -> Circuit:
    """The circuit of a shape by itself: its leaves are the choices' outcomes, its outputs the roots.

    Raises:
        SemanticsError: NS520, its diagram grew past the limit.
    """
    solution = compiled(shape, max_nodes)
    builder = CircuitBuilder(sum(shape.sizes))
    builder.extend(solution.kinds, solution.sizes, solution.children)
    return builder.build(solution.roots)


def _read_off(shape: Shape, diagram: Diagram) -> Solution:
    """A sum for what is left of each choice where it has several outcomes, and a decision for each node."""
    leaf_start = np.cumsum([0, *shape.sizes])
    one = int(leaf_start[-1])
    sizes = np.array([shape.sizes[c] for c in diagram.order], np.int64)
    other = np.array([shape.other[c] for c in diagram.order], bool)
    start = leaf_start[np.array(diagram.order, np.int64)]
    rest = ~start  # of a choice with one outcome
    several = np.nonzero(other & (sizes > 1))[0]
    rest[several] = ~(one + 1 + np.arange(len(several)))
    _, sums = expand(start[several], sizes[several])
    first = one + 1 + len(several)
    count = len(diagram.level)
    of, at = expand(diagram.start[:-1], np.diff(diagram.start))
    branch, place = at - diagram.start[of], diagram.level[of]
    weight = np.where(branch < sizes[place], start[place] + branch, rest[place])
    possible = diagram.child != FALSE
    pairs = np.stack([weight, _reference(diagram.child, one, first)], axis=1)[possible]
    kinds = np.repeat(np.array([SUM, DECISION], np.uint8), [len(several), count])
    counts = np.concatenate([sizes[several], 2 * np.bincount(of[possible], minlength=count)])
    roots = _reference(diagram.roots, one, first)
    return Solution(kinds, counts, np.concatenate([sums, pairs.reshape(-1)]), roots, len(diagram.order), count)


def _reference(child: Long, one: int, first: int) -> Long:
    """Nodes of a diagram as references to those of a circuit."""
    return np.where(child > TRUE, child - 2 + first, np.where(child == TRUE, one, ~one))
